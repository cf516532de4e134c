"""The compact pair's synthesis half: NumPy in, NumPy out."""

from __future__ import annotations

import dataclasses
import functools
import threading
from typing import Any, Callable, Optional

import numpy as np
from scipy import fft

from deblurnets.backend import compile_layers, ops
from deblurnets.borders import pad_to
from deblurnets.deconvolution import HyperLaplacian, blur_light, hyper_laplacian, typical_slope
from deblurnets.fixed_tiles import use_fixed_tiles
from deblurnets.memory import LARGEST_TILE
from deblurnets.noise import estimate_noise
from deblurnets.threads import available_cores
from deblurnets.tiles import map_tiles

# Tiles of a large picture worked on at once: the deconvolution of one takes one core. More would
# have to be smaller, and overlap more.
TOGETHER = 2


@dataclasses.dataclass(frozen=True)
class RestoreConfig:
    """How the hand-made deconvolution and the network share the work.

    Attributes
    ----------
    halo : pixels beyond the kernel's radius that tiles of a large picture overlap on each side.
    known, estimated : settings of the deconvolution with a known and with an estimated kernel;
        an estimated one leaves more unexplained.
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
    bytes_per_pixel : memory that a tile takes at its peak (`tools/measure_tiles.py`).
    """

    bytes_per_pixel = 620

    def __init__(self, network: Any, config: Optional[RestoreConfig] = None) -> None:
        self.network = network
        self.config = config or RestoreConfig()
        self._turn = threading.Lock()
        for unet, channels in zip((network.first, network.second), network.config.channels):
            compile_layers([unet], [(None, None, None, channels)])
            use_fixed_tiles(unet, network.config.reach, network.config.divisor)

    def deblur(
        self,
        image: np.ndarray,
        kernel: np.ndarray,
        light: str = "auto",
        estimated: bool = False,
        tile: int = LARGEST_TILE,
    ) -> np.ndarray:
        """Deblur a picture.

        Parameters
        ----------
        image : array (H, W, 3), 0..1.
        kernel : array (k, k), summing to 1.
        light : where the blur is a convolution, see `hyper_laplacian`.
        estimated : whether the kernel is an estimate, which has faults.
        tile : largest side of the parts that are worked on one by one, in pixels.

        Returns
        -------
        array (H, W, 3), float32, 0..1
        """
        # A tight grid keeps the surroundings that are made up, and the transforms, small.
        kernel = tight_grid(kernel)
        settings = self.config.estimated if estimated else self.config.known
        noise = estimate_noise(image)
        if light == "auto":
            light = blur_light(image, kernel, noise, settings)
        deconvolve = functools.partial(
            hyper_laplacian,
            kernel=kernel,
            noise=noise,
            light=light,
            settings=settings,
            unit=typical_slope(image, settings) if light == "linear" else None,
        )
        halo = kernel.shape[0] // 2 + self.config.halo
        return map_tiles(
            lambda part: self._restore(part, kernel, deconvolve),
            image,
            tile,
            halo,
            together=TOGETHER,
        )

    def _restore(
        self, image: np.ndarray, kernel: np.ndarray, deconvolve: Callable[..., np.ndarray]
    ) -> np.ndarray:
        """Deblur a picture, or a part of one."""
        least = 2 * kernel.shape[0] + 2 * self.network.config.divisor
        padded, inside = pad_to(image, least, least)
        with fft.set_workers(available_cores()):
            start = deconvolve(padded)
        # One at a time: it takes all cores, and most of the memory.
        with self._turn:
            sharp = self.network(padded[None], kernel[None], start[None])["sharp"]
        return np.clip(ops.convert_to_numpy(sharp)[0][inside], 0, 1)


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
