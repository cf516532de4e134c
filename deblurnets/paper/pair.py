"""The paper's pair of halves: NumPy in, NumPy out."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from deblurnets import backend
from deblurnets.estimation.estimate import Estimate
from deblurnets.imaging.boundaries import pad_to
from deblurnets.imaging.psf import fit_grid
from deblurnets.paper.analysis import MIN_SIZE
from deblurnets.paper.synthesis import fold_paper_synthesis
from deblurnets.runtime.memory import affordable_side
from deblurnets.runtime.tiles import map_tiles

# The U-Net reduces a picture four times by 2; no pixel of its result sees further than the halo.
_STEP, _HALO = 16, 192
# Larger parts are no faster.
_LARGEST = 2048


class PaperAnalysis:
    """Estimates blur kernels with the paper's analysis network.

    Parameters
    ----------
    network : keras.Model
        From `deblurnets.paper.analysis.build_paper_analysis`, with weights.
    """

    def __init__(self, network: Any):
        self.network = network
        self._run = backend.numpy_function(
            lambda image: network(image, training=False), [(None, None, None, 3)]
        )

    def estimate(self, image: np.ndarray) -> Estimate:
        """Estimate the blur kernel of a picture; the network cannot say what it is worth."""
        return Estimate(self.estimate_kernel(image))

    def estimate_kernel(self, image: np.ndarray) -> np.ndarray:
        """Estimate the blur kernel of a picture.

        Parameters
        ----------
        image : array, (height, width, 3)
            sRGB, range 0..1, any size; below 248 pixels a side it is mirrored at its borders.

        Returns
        -------
        array, float32, (85, 85)
            Not negative, sum 1. Where the network finds nothing, the kernel of no blur.
        """
        padded, _ = pad_to(image.astype(np.float32), MIN_SIZE, MIN_SIZE)
        kernel = self._run(255 * padded[None])[0]
        total = kernel.sum()
        if total > 0:
            return kernel / total
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
        return kernel


class PaperSynthesis:
    """Deblurs with the paper's synthesis network.

    Parameters
    ----------
    network : keras.Model
        From `deblurnets.paper.synthesis.build_paper_synthesis`, with weights.

    Attributes
    ----------
    bytes_per_pixel : memory that a tile takes at its peak.
    """

    bytes_per_pixel = 2700

    def __init__(self, network: Any):
        self.network = network
        kernel_shape = tuple(network.inputs[1].shape)
        self._kernel_size = int(kernel_shape[1])
        self._run = backend.numpy_function(
            fold_paper_synthesis(network), [(1, None, None, 3), (1, *kernel_shape[1:])]
        )

    def deblur(
        self,
        image: np.ndarray,
        kernel: np.ndarray,
        domain: str = "auto",
        estimated: bool = False,
        tile: Optional[int] = None,
    ) -> np.ndarray:
        """Deblur a picture with a known kernel.

        Parameters
        ----------
        image : array, (height, width, 3)
            sRGB, range 0..1, any size.
        kernel : array, (k, k)
            Not negative, sum 1, k odd; put on the network's 85x85 grid if it is another.
        domain, estimated
            Of no effect: the network takes all kernels alike, in pixel values.
        tile : int, optional
            Largest side of the parts that are worked on one by one, in pixels; as large as half of
            the available memory allows when not given.

        Returns
        -------
        array, float32, (height, width, 3)
            Range 0..1.
        """
        if kernel.shape != (self._kernel_size, self._kernel_size):
            kernel = fit_grid(kernel, self._kernel_size)
        sides = (-(-n // _STEP) * _STEP for n in image.shape[:2])
        padded, inside = pad_to(image.astype(np.float32), *sides)
        tile = tile or affordable_side(padded.shape[:2], self.bytes_per_pixel, largest=_LARGEST)
        sharp = map_tiles(
            lambda part: self._run(255 * part[None], kernel[None])[0],
            padded,
            tile // _STEP * _STEP,
            _HALO,
            _STEP,
        )
        return np.clip(sharp[inside] / 255, 0, 1)
