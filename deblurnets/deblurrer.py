"""The library's entry: an array in, a sharp array out; no files but weights, no global state."""

from __future__ import annotations

import dataclasses
import functools
import time
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

import numpy as np

from deblurnets.estimation.estimate import Estimate
from deblurnets.estimation.observation import Observation, cut_sharp, explains, observe
from deblurnets.imaging.pixels import checked, from_unit_rgb, stretched, to_unit_rgb, white_of
from deblurnets.imaging.psf import on_square
from deblurnets.imaging.srgb import DOMAINS
from deblurnets.runtime.collector import collector_paused
from deblurnets.weights.paths import model_path

PathLike = Union[str, Path]

PRETRAINED: Dict[str, Tuple[str, str]] = {
    "compact": ("compact_analysis.h5", "compact_synthesis.h5"),
    "paper": ("analysis_weights.h5", "synthesis_weights.h5"),
}
"""Weight files (analysis, synthesis) of each pair, in the folder of `deblurnets.weights.paths`."""


@dataclasses.dataclass(frozen=True)
class Result:
    """A deblurred picture and how it came about.

    Attributes
    ----------
    image : array, the input's shape and type.
    kernel : array (k, k), float32, the blur kernel used: non-negative, summing to 1, origin at
        ``k // 2``; blurry = convolve(sharp, kernel).
    confidence : estimated probability (0..1) that the image is better than the input. Under 1/2
        the image is kept close to the input. None from the paper's networks, which cannot tell.
    verdict : "blurred", or why the image is the input: "sharp", "unexplained" where no single blur
        explains the picture, "noise" and "no_edges" where nothing would show one, "small"
        (`deblurnets.estimation.estimate.VERDICTS`).
    alpha : the alpha channel that was given, deblurred if it is blurred as the colours are.
    kept : share (0..1) of a deblurred image, within bars and frames, that is the input because it
        lies over or beside what was shaken (`deblurnets.estimation.observation`).
    seconds : wall-clock seconds of the "analysis" and the "synthesis".
    """

    image: np.ndarray
    kernel: np.ndarray
    seconds: Dict[str, float]
    confidence: Optional[float] = None
    verdict: str = "blurred"
    alpha: Optional[np.ndarray] = None
    kept: float = 0.0

    @property
    def blurred(self) -> bool:
        """Whether a blur was found; if not, the image is the input."""
        return self.verdict == "blurred"


class Deblurrer:
    """Blind deblurring by an analysis and a synthesis half.

    Parameters
    ----------
    analysis : object with ``estimate(image) -> deblurnets.estimation.estimate.Estimate``, or None
        None: pictures are deblurred with known kernels only, see `deblur`.
    synthesis : object with ``deblur(image, kernel, domain, estimated, tile) -> image``
        Images are float32 (H, W, 3), sRGB in 0..1; `deblurnets.pairs` has both of each pair.
    analysis_max_size : (height, width), optional
        A larger picture is cropped around its centre for the kernel estimate only.
    tile_size : int, optional
        Largest side, in pixels, of the parts that the networks' convolutions work on, one after
        the other; what is fastest and fits the memory when not given. The result is the same.

    Examples
    --------
    >>> deblurrer = Deblurrer.from_pretrained("compact")  # doctest: +SKIP
    >>> sharp = deblurrer(blurry).image  # doctest: +SKIP
    """

    def __init__(
        self,
        analysis: Any,
        synthesis: Any,
        analysis_max_size: Optional[Tuple[int, int]] = None,
        tile_size: Optional[int] = None,
    ) -> None:
        self._analysis = analysis
        self._synthesis = synthesis
        self._analysis_max_size = analysis_max_size
        self._tile_size = tile_size

    @classmethod
    def from_pretrained(
        cls,
        name: str = "compact",
        analysis_path: Optional[PathLike] = None,
        synthesis_path: Optional[PathLike] = None,
        analysis_max_size: Optional[Tuple[int, int]] = None,
        tile_size: Optional[int] = None,
        blind: bool = True,
    ) -> Deblurrer:
        """Load a pair of networks.

        Parameters
        ----------
        name : "compact" (weights come with the package) or "paper" (downloaded on first use).
        analysis_path, synthesis_path : weight files that replace one or both of the pair's; the
            file itself tells which network it belongs to. One that does not exist is downloaded
            there from the official release.
        analysis_max_size, tile_size : see `Deblurrer`.
        blind : False for known kernels only: the analysis network is neither loaded nor
            downloaded.

        Raises
        ------
        ValueError
            There is no pair of that name.
        deblurnets.weights.files.WeightsError, deblurnets.weights.download.DownloadError
            A file cannot be used, or cannot be had.
        """
        if name not in PRETRAINED:
            raise ValueError(f"there is no pair {name!r}; expected one of {sorted(PRETRAINED)}")
        given = {"analysis": analysis_path, "synthesis": synthesis_path}
        paths = {}
        for which, default in zip(("analysis", "synthesis"), PRETRAINED[name]):
            if which == "analysis" and not blind:
                continue
            paths[which] = Path(given[which] or model_path(default))
            if (given[which] or name == "paper") and not paths[which].exists():
                from deblurnets.weights.download import ensure_weights

                ensure_weights(paths[which], which)
        with collector_paused():
            from deblurnets.weights import files as weights

            analysis = weights.load_analysis(paths["analysis"]) if blind else None
            synthesis = weights.load_synthesis(paths["synthesis"])
        return cls(analysis, synthesis, analysis_max_size, tile_size)

    def __call__(self, image: np.ndarray, alpha: Optional[np.ndarray] = None) -> Result:
        """Deblur a picture.

        Parameters
        ----------
        image : array (H, W) or (H, W, 3)
            uint8, uint16, or floating with values in 0..1; gamma-encoded as files are; both sides
            of 32 pixels or more.
        alpha : array (H, W), optional
            Of the picture's type. Where it is not opaque the colours tell nothing of the blur.

        Raises
        ------
        ValueError
            The array is none of these, or there is no analysis half.
        """
        unit, levels = stretched(to_unit_rgb(image))
        begin = time.perf_counter()
        seen, part, estimate = self._observe(unit, alpha)
        middle = time.perf_counter()
        sharp, clear = unit, alpha
        if estimate.strength > 0:
            sharp = seen.joined(unit, self._restore(part, estimate))
            if alpha is not None and not cut_sharp(alpha):
                clear = self._clear(alpha, estimate)
        # Never the caller's own array, and no rounding where nothing was done.
        sharp = np.array(image) if sharp is unit else from_unit_rgb(levels.undone(sharp), image)
        end = time.perf_counter()
        return Result(
            sharp,
            estimate.kernel,
            {"analysis": middle - begin, "synthesis": end - middle},
            estimate.confidence,
            estimate.verdict,
            clear,
            seen.kept if estimate.strength > 0 else 0.0,
        )

    def _observe(
        self, unit: np.ndarray, alpha: Optional[np.ndarray] = None
    ) -> Tuple[Observation, np.ndarray, Estimate]:
        """Tell what of a picture (H, W, 3) in 0..1 is blurred, and by which kernel.

        What seems to lie over the picture is left out only if its blur does not explain it. The
        array is the part that is blurred, `Observation.part`.
        """
        seen = observe(unit, alpha)
        whole = dataclasses.replace(seen, overlay=None)
        part = whole.part(unit)
        estimate, overlay = self._estimate(part), seen.overlay
        if overlay is not None and not _explained(part, overlay, estimate):
            less = seen.part(unit)
            again = self._estimate(less)
            if again.blurred and not _explained(part, overlay, again):
                return seen, less, again
        return whole, part, estimate

    def _clear(self, alpha: np.ndarray, estimate: Estimate) -> np.ndarray:
        """Deblur an alpha channel: shares of what covers a pixel, of which none or all stay so."""
        share = dataclasses.replace(estimate, domain="gamma")
        clear = from_unit_rgb(self._restore(to_unit_rgb(alpha), share), alpha)
        partly = (alpha > 0) & (alpha < white_of(alpha.dtype))
        return np.where(partly, clear, alpha)

    def _restore(self, unit: np.ndarray, estimate: Estimate) -> np.ndarray:
        """Deblur a picture (H, W, 3) in 0..1 with an estimated kernel."""
        sharp = self._synthesis.deblur(
            unit, estimate.kernel, estimate.domain, estimated=True, tile=self._tile_size
        )
        if estimate.strength < 1:
            # Never worse than the input: a doubtful kernel's result is mixed with it.
            sharp = sharp - unit
            sharp *= np.float32(estimate.strength)
            sharp += unit
        return sharp

    def estimate_kernel(self, image: np.ndarray) -> np.ndarray:
        """Return the blur kernel (k, k) of a picture; arguments and errors as for a call."""
        return self._observe(stretched(to_unit_rgb(image))[0])[2].kernel

    def deblur(
        self, image: np.ndarray, kernel: np.ndarray, alpha: Optional[np.ndarray] = None
    ) -> np.ndarray:
        """Deblur a picture with a known kernel (non-blind); returns its shape and type.

        Parameters
        ----------
        image, alpha : as for a call.
        kernel : array (h, w), non-negative, origin at ``(h // 2, w // 2)``, of any sum.
        """
        kernel = on_square(kernel)
        unit, levels = stretched(to_unit_rgb(image))
        seen = observe(unit, alpha)
        if seen.overlay is not None:
            whole = dataclasses.replace(seen, overlay=None)
            part = whole.part(unit)
            if any(explains(part, seen.overlay, kernel, domain) for domain in DOMAINS):
                seen = whole
        sharp = self._synthesis.deblur(seen.part(unit), kernel, tile=self._tile_size)
        return from_unit_rgb(levels.undone(seen.joined(unit, sharp)), image)

    def _estimate(self, unit: np.ndarray) -> Estimate:
        if self._analysis is None:
            raise ValueError("this deblurrer was made for known kernels only, it estimates none")
        return self._analysis.estimate(self._analysed_part(unit))

    def _analysed_part(self, image: np.ndarray) -> np.ndarray:
        if self._analysis_max_size is None:
            return image
        height, width = (min(n, m) for n, m in zip(image.shape, self._analysis_max_size))
        top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
        return image[top : top + height, left : left + width]


def _explained(image: np.ndarray, overlay: np.ndarray, estimate: Estimate) -> bool:
    """Tell whether a blur was found that explains what seems to lie over a picture, too."""
    return estimate.blurred and explains(image, overlay, estimate.kernel, estimate.domain)


class KnownKernel:
    """Deblurs every picture with one kernel, called like blind deblurring.

    Parameters
    ----------
    deblurrer : object with ``deblur(image, kernel) -> image``, a `Deblurrer`
    kernel : ndarray
        (h, w), non-negative, summing to 1, its origin at ``(h // 2, w // 2)``.
    """

    def __init__(self, deblurrer: Any, kernel: np.ndarray) -> None:
        self._deblurrer = deblurrer
        self._kernel = kernel

    def __call__(self, image: np.ndarray, alpha: Optional[np.ndarray] = None) -> Result:
        """Deblur a picture; shapes, types and errors as for a `Deblurrer`.

        Raises
        ------
        ValueError
            The kernel is larger than the picture.
        """
        height, width = self._kernel.shape
        if height > image.shape[0] or width > image.shape[1]:
            raise ValueError(
                f"the kernel of {width}x{height} is larger than the picture of "
                f"{image.shape[1]}x{image.shape[0]} (width x height)"
            )
        start = time.perf_counter()
        given = () if alpha is None else (alpha,)
        sharp = self._deblurrer.deblur(image, self._kernel, *given)
        seconds = {"analysis": 0.0, "synthesis": time.perf_counter() - start}
        return Result(sharp, self._kernel, seconds, alpha=alpha)


@functools.lru_cache(maxsize=None)
def default_deblurrer() -> Deblurrer:
    """Return the deblurrer of `deblur`: the compact pair, loaded at the first call and kept.

    It is the only state that the package keeps. Whoever wants other networks or settings, or the
    memory given back, makes a `Deblurrer` and calls that.
    ``default_deblurrer.cache_clear()`` lets go of it.
    """
    return Deblurrer.from_pretrained("compact")


def deblur(image: np.ndarray, kernel: Optional[np.ndarray] = None) -> Result:
    """Deblur a photograph taken with a shaking camera.

    Parameters
    ----------
    image : array (H, W) or (H, W, 3)
        uint8, uint16, or floating with values in 0..1; gamma-encoded as files are; both sides of
        32 pixels or more.
    kernel : array (h, w), optional
        The blur kernel if it is known, non-negative, origin at ``(h // 2, w // 2)``, of any sum;
        estimated from the picture by default.

    Returns
    -------
    Result
        The sharp picture of the same shape and type, the kernel, the confidence.

    Raises
    ------
    ValueError
        The picture or the kernel is none of these.

    Examples
    --------
    >>> import deblurnets
    >>> result = deblurnets.deblur(blurry)  # doctest: +SKIP
    >>> result.image, result.kernel, result.confidence  # doctest: +SKIP
    """
    image = checked(image)  # before the networks are loaded
    if kernel is None:
        return default_deblurrer()(image)
    known = on_square(kernel)
    return KnownKernel(default_deblurrer(), known)(image)
