"""The compact synthesis network on pictures of any size.

`deblurnets.networks.synthesis` states the same steps on tensors, which training needs. Here the
Fourier steps are NumPy's and SciPy's, on the whole picture and, where it is large, plane by plane;
the U-Nets, which see no further than their reach, get their maps in tiles. So the result does not
depend on where anything is cut.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Optional

import numpy as np
from scipy import fft

from deblurnets.backend import ops
from deblurnets.imaging.boundaries import fill_mirrored, gradient_power, psf_to_otf
from deblurnets.imaging.spectra import filtered, planes_of
from deblurnets.networks.layers import channels_first, channels_last
from deblurnets.networks.synthesis import SynthesisConfig, extended_size, seen_size
from deblurnets.runtime.threads import in_strips, plane_groups
from deblurnets.runtime.tiles import add_in_tiles

Response = Callable[[np.ndarray, np.ndarray], np.ndarray]
# Maps (n, C, h, w) to planes (n, c, h, w).
UNet = Callable[[np.ndarray], np.ndarray]


def run_two_stages(
    network: Any,
    image: np.ndarray,
    kernel: np.ndarray,
    start: np.ndarray,
    tile: Optional[int] = None,
) -> np.ndarray:
    """Deblur a picture with a known kernel.

    Parameters
    ----------
    network : deblurnets.networks.synthesis.SynthesisNetwork
        Its call, on one picture, gives the same.
    image : ndarray, (H, W, 3)
        Blurry picture, 0..1; H and W >= the kernel's grid and the padding to a fast size.
    kernel : ndarray, (k, k)
        k odd, origin at k // 2, summing to 1.
    start : ndarray, (H, W, 3)
        A hand-made deconvolution of the picture with the kernel.
    tile : int, optional
        Largest side of the tiles that the U-Nets work on.

    Returns
    -------
    ndarray of float32, (H, W, 3)
        In 0..1.
    """
    work = _TwoStages(image, kernel, start, network.config)
    work.solve()
    work.correct(functools.partial(apply_unet, network.first), tile)
    work.ask_again()
    work.correct(functools.partial(apply_unet, network.second), tile)
    return work.result()


class _TwoStages:
    """State of one `run_two_stages`: the estimate so far, and the maps for the next U-Net.

    Maps are (number, 3, h, w), in the precision that the U-Nets work in: 36 bytes a pixel of
    bfloat16 are the largest part of the memory that a large picture takes here.
    """

    def __init__(
        self, image: np.ndarray, kernel: np.ndarray, start: np.ndarray, config: SynthesisConfig
    ) -> None:
        self.image, self.start, self.config = image, start, config
        self.inner, divisor = image.shape[:2], config.divisor
        self.size = tuple(extended_size(n, kernel.shape[0], divisor) for n in self.inner)
        self.seen = tuple(seen_size(n, kernel.shape[0], divisor) for n in self.inner)
        self.otf = psf_to_otf(kernel, self.size)
        self.power = np.square(self.otf.real) + np.square(self.otf.imag)
        self.weight = gradient_power(self.size) + np.float32(config.flat)
        self.parts = plane_groups((3, *self.size))
        self.estimate, self.maps = None, None

    def solve(self) -> None:
        """Draw the first U-Net's maps: picture, Tikhonov solutions, start."""
        self._clear(self.config.channels[0])
        for part in self.parts:
            known = self._extended(self.image, part)
            self._put(0, part, known)
            spectrum = self._surrounded(known)
            in_strips(_multiply_conjugate, spectrum, self.otf)
            for number, strength in enumerate(self.config.strengths, 1):
                solution = self._filtered(
                    spectrum, lambda power, w, s=strength: 1 / (power + s * w)
                )
                self._put(number, part, solution)
            self._put(-1, part, self._extended(self.start, part))
        self.estimate = np.empty((3, *self.size), np.float32)
        for part in self.parts:
            self.estimate[part] = self._extended(self.start, part)

    def ask_again(self) -> None:
        """Draw the second U-Net's maps: picture, estimate, what the data ask of it."""
        self._clear(self.config.channels[1])
        for part in self.parts:
            self._put(0, part, self._extended(self.image, part))
            estimate = self.estimate[part]
            self._put(1, part, estimate)
            spectrum = self._residual(part, estimate)
            in_strips(_multiply_conjugate, spectrum, self.otf)
            for number, rho in enumerate(self.config.rhos, 2):
                step = self._filtered(spectrum, lambda power, _, rho=rho: 1 / (power + rho))
                self._put(number, part, step)

    def correct(self, unet: UNet, tile: Optional[int]) -> None:
        """Add a U-Net's correction to the estimate."""
        maps = self.maps.reshape(-1, *self.seen)
        add_in_tiles(
            lambda part: unet(part[None])[0],
            maps,
            _centre(self.estimate, self.seen),
            self.config.reach,
            self.config.divisor,
            tile,
        )

    def result(self) -> np.ndarray:
        """Keep what was learned where the blur lost something; (H, W, 3)."""
        self.maps = None  # a large picture's memory
        crossover = np.float32(self.config.crossover)
        sharp = np.empty(self.start.shape, np.float32)
        for part in self.parts:
            start = self._extended(self.start, part)
            learned = np.empty_like(start)
            in_strips(_subtract, learned, self.estimate[part], start)
            lost = self._filtered(
                fft.rfft2(learned), lambda power, _: crossover / (power + crossover)
            )
            in_strips(
                _add_within_range,
                np.moveaxis(sharp[..., part], -1, 0),
                _centre(start, self.inner),
                _centre(lost, self.inner),
            )
        return sharp

    def _extended(self, picture: np.ndarray, part: slice) -> np.ndarray:
        """Planes of a picture on the grid of the transforms, (c, *size)."""
        planes = np.moveaxis(picture[..., part], -1, 0)
        extended = np.empty((len(planes), *self.size), np.float32)
        in_strips(_copy, _centre(extended, self.inner), planes)
        before = tuple((n - m) // 2 for n, m in zip(self.size, self.inner))
        fill_mirrored(extended, self.inner, before)
        return extended

    def _surrounded(self, known: np.ndarray) -> np.ndarray:
        """Spectrum of the picture, its surroundings as its own solution predicts them."""
        middle = np.float32(self.config.strengths[len(self.config.strengths) // 2])
        spectrum = fft.rfft2(known)
        for _ in range(self.config.refills):
            # Solve, then blur again.
            predicted = self._filtered(spectrum, lambda power, w: power / (power + middle * w))
            in_strips(_copy, _centre(predicted, self.inner), _centre(known, self.inner))
            spectrum = fft.rfft2(predicted)
        return spectrum

    def _residual(self, part: slice, estimate: np.ndarray) -> np.ndarray:
        """Spectrum of the residual of an estimate within the picture."""
        spectrum = fft.rfft2(estimate)
        in_strips(_multiply, spectrum, self.otf)
        blurred = _centre(planes_of(spectrum, self.size), self.inner)
        residual = np.zeros_like(estimate)
        known = np.moveaxis(self.image[..., part], -1, 0)
        in_strips(_subtract, _centre(residual, self.inner), known, blurred)
        return fft.rfft2(residual)

    def _filtered(self, spectrum: np.ndarray, response: Response) -> np.ndarray:
        """Planes of a spectrum times a real response to the kernel's power and the roughness."""
        return filtered(spectrum, self.size, response, self.power, self.weight)

    def _clear(self, channels: int) -> None:
        """Make room for other maps."""
        self.maps = None  # a large picture's memory
        self.maps = np.empty((channels // 3, 3, *self.seen), _dtype(self.config.dtype))

    def _put(self, number: int, part: slice, planes: np.ndarray) -> None:
        """Keep the part of planes that the U-Nets see, in their precision."""
        in_strips(_copy, self.maps[number, part], _centre(planes, self.seen))


def apply_unet(unet: Any, maps: np.ndarray) -> np.ndarray:
    """Apply a U-Net, a Keras layer, to maps (n, C, h, w); returns planes (n, c, h, w), float32."""
    found = unet(channels_last(ops.convert_to_tensor(maps)))
    return ops.convert_to_numpy(channels_first(ops.cast(found, "float32")))


def _centre(planes: np.ndarray, size: Any) -> np.ndarray:
    """View of the part of planes that `deblurnets.networks.synthesis.crop_centre` takes."""
    top, left = ((n - m) // 2 for n, m in zip(planes.shape[1:], size))
    return planes[:, top : top + size[0], left : left + size[1]]


def _multiply(spectrum: np.ndarray, factor: np.ndarray) -> None:
    spectrum *= factor


def _multiply_conjugate(spectrum: np.ndarray, factor: np.ndarray) -> None:
    spectrum *= np.conj(factor)


def _copy(result: np.ndarray, planes: np.ndarray) -> None:
    result[...] = planes


def _subtract(result: np.ndarray, planes: np.ndarray, less: np.ndarray) -> None:
    np.subtract(planes, less, out=result)


def _add_within_range(result: np.ndarray, planes: np.ndarray, more: np.ndarray) -> None:
    np.clip(planes + more, 0, 1, out=result)


def _dtype(policy: str) -> Any:
    """NumPy's type of the maps under a Keras policy."""
    if policy != "mixed_bfloat16":
        return np.float32
    import ml_dtypes  # which Keras 3 brings; without it there is no such policy

    return ml_dtypes.bfloat16
