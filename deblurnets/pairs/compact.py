"""The compact pair's halves: NumPy in, NumPy out."""

from __future__ import annotations

import dataclasses
from typing import Any, List, Optional, Tuple

import numpy as np

from deblurnets.alternation import shrink
from deblurnets.alternation_kernel import resize
from deblurnets.backend import ops
from deblurnets.deconvolution import HyperLaplacian, hyper_laplacian
from deblurnets.estimate import Estimate
from deblurnets.judgement import Judge
from deblurnets.kernels import fit_grid, prune
from deblurnets.light import GREY
from deblurnets.search import Finding, SearchConfig, search_kernel


def pad_to(image: np.ndarray, height: int, width: int) -> Tuple[np.ndarray, Tuple[slice, slice]]:
    """Mirror a picture (H, W, ...) to at least (height, width); returns it and where it lies."""
    rows, columns = max(height - image.shape[0], 0), max(width - image.shape[1], 0)
    padding = [(rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)]
    inside = tuple(slice(p[0], p[0] + n) for p, n in zip(padding, image.shape[:2]))
    padding += [(0, 0)] * (image.ndim - 2)
    return np.pad(image, padding, mode="symmetric"), inside


@dataclasses.dataclass(frozen=True)
class EstimateConfig:
    """How a picture's kernel is estimated around the network.

    Attributes
    ----------
    window : largest side of the part of the picture that the network looks at, in pixels.
    prune : values below this share of the maximum are softmax tails, not kernel.
    grid : side of the kernels returned, odd; refinement can grow them past the network's grid.
    second_look : the network also looks at the picture reduced by this factor, where large
        shakes are easier to see, if it has `second_side` pixels.
    sharp_mass, likely_sharp_mass : share of the kernel within 3x3 pixels from which a picture
        counts as sharp, for certain, or if deblurring it promises less than `worthwhile` dB or no
        more than no deblurring.
    no_blur_margin : any other picture counts as sharp if no deblurring is valued so much higher.
    unsure_gain, unsure_slope : the predicted gain in dB at which confidence is 1/2, and the dB
        that take it to 0.73 (a logistic curve, fitted on 1,800 results kept from training).
    search : SearchConfig
    """

    window: int = 512
    prune: float = 0.04
    grid: int = 85
    second_look: float = 0.5
    second_side: int = 380
    sharp_mass: float = 0.75
    likely_sharp_mass: float = 0.55
    worthwhile: float = 0.5
    no_blur_margin: float = 3.0
    unsure_gain: float = 0.3
    unsure_slope: float = 1.25
    search: SearchConfig = dataclasses.field(default_factory=SearchConfig)


class CompactAnalysis:
    """Estimates blur kernels: the unrolled network's starts, and a judged search from there.

    Parameters
    ----------
    network : deblurnets.networks.analysis.AnalysisNetwork
    judge : deblurnets.judgement.Judge
    config : EstimateConfig, optional
    """

    def __init__(self, network: Any, judge: Judge, config: Optional[EstimateConfig] = None) -> None:
        self.network = network
        self.judge = judge
        self.config = config or EstimateConfig()

    def estimate(self, image: np.ndarray) -> Estimate:
        """Estimate the kernel (k, k) of a picture (H, W, 3) in 0..1, and what it is worth."""
        config = self.config
        grey = np.ascontiguousarray(image @ GREY)
        finding = search_kernel(grey, self.starts(grey), self.judge, config.grid, config.search)
        gain = finding.verdict.gain
        sharp = self._is_sharp(finding)
        odds = (gain - config.unsure_gain) / config.unsure_slope
        return Estimate(
            finding.kernel,
            finding.verdict.light,
            confidence=float(1 / (1 + np.exp(-odds))),
            # Guesses under 1 dB are worth little, under 0 nothing (decision 003).
            strength=0.0 if sharp else float(np.clip(gain, 0, 1)),
            blurred=not sharp,
        )

    def _is_sharp(self, finding: Finding) -> bool:
        """Tell whether the kernel found is no blur worth undoing."""
        config, kernel = self.config, finding.kernel
        middle = config.grid // 2
        mass = float(kernel[middle - 1 : middle + 2, middle - 1 : middle + 2].sum())
        likely = mass >= config.likely_sharp_mass
        if mass >= config.sharp_mass or (likely and finding.verdict.gain < config.worthwhile):
            return True
        return finding.lead <= (0 if likely else -config.no_blur_margin)

    def starts(self, grey: np.ndarray) -> List[np.ndarray]:
        """Return the network's own estimates for a grey picture (H, W) in 0..1."""
        config = self.config
        starts = [self.start(grey)]
        if min(grey.shape) >= config.second_side:
            reduced = self.start(shrink(grey, config.second_look))
            enlarged = resize(reduced, 1 / config.second_look, config.grid)
            starts.append(fit_grid(enlarged, config.grid))
        return starts

    def start(self, grey: np.ndarray) -> np.ndarray:
        """Return the network's own estimate for a grey picture (H, W) in 0..1."""
        kernel = ops.convert_to_numpy(self.network(self._input(grey))[-1]["kernel"])[0]
        return fit_grid(prune(kernel, self.config.prune), self.config.grid)

    def _input(self, grey: np.ndarray) -> np.ndarray:
        """Cut the part to look at, its sides multiples of what the network needs."""
        divisor = self.network.config.divisor
        least = 2 * self.network.config.grid
        least = -(-least // divisor) * divisor
        grey, _ = pad_to(grey, least, least)
        height, width = (min(n, self.config.window) // divisor * divisor for n in grey.shape)
        top, left = (grey.shape[0] - height) // 2, (grey.shape[1] - width) // 2
        return np.ascontiguousarray(grey[top : top + height, left : left + width])[None, :, :, None]


@dataclasses.dataclass(frozen=True)
class RestoreConfig:
    """How the hand-made deconvolution and the network share the work.

    Attributes
    ----------
    share : weight of the network's picture in the result, the rest being its start. The network is
        better on pictures blurred by a program, the start on photographs of real shakes.
    known, estimated : settings of the deconvolution with a known and with an estimated kernel;
        an estimated one leaves more unexplained.
    """

    share: float = 0.25
    known: HyperLaplacian = dataclasses.field(default_factory=HyperLaplacian)
    estimated: HyperLaplacian = dataclasses.field(
        default_factory=lambda: HyperLaplacian(model_error=0.007)
    )


class CompactSynthesis:
    """Deblurs with a known kernel: hand-made deconvolution, corrected by the two-stage network.

    Parameters
    ----------
    network : deblurnets.networks.synthesis.SynthesisNetwork
    config : RestoreConfig, optional
    """

    def __init__(self, network: Any, config: Optional[RestoreConfig] = None) -> None:
        self.network = network
        self.config = config or RestoreConfig()

    def deblur(
        self, image: np.ndarray, kernel: np.ndarray, light: str = "auto", estimated: bool = False
    ) -> np.ndarray:
        """Deblur a picture.

        Parameters
        ----------
        image : array (H, W, 3), 0..1.
        kernel : array (k, k), summing to 1.
        light : where the blur is a convolution, see `hyper_laplacian`.
        estimated : whether the kernel is an estimate, which has faults.

        Returns
        -------
        array (H, W, 3), float32, 0..1
        """
        # A tight grid keeps the surroundings that are made up, and the transforms, small.
        kernel = tight_grid(kernel)
        least = 2 * kernel.shape[0] + 2 * self.network.config.divisor
        padded, inside = pad_to(image, least, least)
        settings = self.config.estimated if estimated else self.config.known
        start = hyper_laplacian(padded, kernel, light=light, settings=settings)
        sharp = self.network(padded[None], kernel[None], start[None])["sharp"]
        sharp, start = ops.convert_to_numpy(sharp)[0][inside], start[inside]
        return np.clip(start + np.float32(self.config.share) * (sharp - start), 0, 1)


def tight_grid(kernel: np.ndarray, step: int = 16) -> np.ndarray:
    """Cut a kernel's grid around its origin to the next ``n step + 1`` that loses nothing.

    A few sizes only, so that pictures of equal size mostly share a grid.
    """
    half = kernel.shape[0] // 2
    rows, columns = np.nonzero(kernel > 0)
    reach = int(max(np.abs(rows - half).max(), np.abs(columns - half).max()))
    size = -(-2 * reach // step) * step + 1
    new = max(size // 2, 1)
    if new > half:
        kernel = np.pad(kernel, new - half, mode="constant")
        half = new
    return kernel[half - new : half + new + 1, half - new : half + new + 1]
