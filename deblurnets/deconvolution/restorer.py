"""The compact pair's synthesis half: NumPy in, NumPy out."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Callable, Optional

import numpy as np
from scipy import fft

from deblurnets.backend import compile_layers
from deblurnets.deconvolution.half_quadratic import HyperLaplacian, typical_slope
from deblurnets.deconvolution.hyper_laplacian import blur_domain, hyper_laplacian
from deblurnets.deconvolution.two_stages import run_two_stages
from deblurnets.imaging.boundaries import pad_to
from deblurnets.imaging.noise import estimate_grain
from deblurnets.runtime.memory import affordable_side
from deblurnets.runtime.threads import available_cores
from deblurnets.runtime.tiles import map_tiles


@dataclasses.dataclass(frozen=True)
class RestoreConfig:
    """How the hand-made deconvolution and the network share the work.

    Attributes
    ----------
    halo : pixels beyond the kernel's radius that parts overlap on each side, where memory does not
        suffice for the whole picture.
    known, estimated : settings of the deconvolution with a known and with an estimated kernel;
        an estimated one leaves a larger residual.
    """

    halo: int = 64
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

    Attributes
    ----------
    bytes_per_pixel : memory that a large picture takes at its peak, besides what networks take
        (docs/performance.md).
    """

    bytes_per_pixel = 120

    def __init__(self, network: Any, config: Optional[RestoreConfig] = None) -> None:
        self.network = network
        self.config = config or RestoreConfig()
        for unet, channels in zip((network.first, network.second), network.config.channels):
            compile_layers([unet], [(None, None, None, channels)])

    def deblur(
        self,
        image: np.ndarray,
        kernel: np.ndarray,
        domain: str = "auto",
        estimated: bool = False,
        tile: Optional[int] = None,
    ) -> np.ndarray:
        """Deblur a picture.

        Parameters
        ----------
        image : array (H, W, 3), 0..1.
        kernel : array (k, k), summing to 1.
        domain : where the blur is a convolution, see `hyper_laplacian`.
        estimated : whether the kernel is an estimate, which has faults.
        tile : largest side of the parts that the convolutions work on one by one, in pixels; the
            result does not depend on it, beyond rounding.

        Returns
        -------
        array (H, W, 3), float32, 0..1
            Where half of the available memory does not suffice for the whole picture it is
            deblurred in parts, which changes the result a little.
        """
        # A tight grid keeps the surroundings that are made up, and the transforms, small.
        kernel = tight_grid(kernel)
        settings = self.config.estimated if estimated else self.config.known
        noise = estimate_grain(image)
        if domain == "auto":
            domain = blur_domain(image, kernel, noise, settings)
        deconvolve = functools.partial(
            hyper_laplacian,
            kernel=kernel,
            noise=noise,
            domain=domain,
            settings=settings,
            unit=typical_slope(image, settings) if domain == "linear" else None,
        )
        return map_tiles(
            lambda part: self._restore(part, kernel, deconvolve, tile),
            image,
            affordable_side(image.shape[:2], self.bytes_per_pixel),
            kernel.shape[0] // 2 + self.config.halo,
        )

    def _restore(
        self,
        image: np.ndarray,
        kernel: np.ndarray,
        deconvolve: Callable[..., np.ndarray],
        tile: Optional[int],
    ) -> np.ndarray:
        """Deblur a picture, or a part of one."""
        least = 2 * kernel.shape[0] + 2 * self.network.config.divisor
        padded, inside = pad_to(image, least, least)
        with fft.set_workers(available_cores()):
            start = deconvolve(padded)
            sharp = run_two_stages(self.network, padded, kernel, start, tile)
        return np.ascontiguousarray(sharp[inside])


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
