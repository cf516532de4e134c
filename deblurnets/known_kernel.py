"""Deblurring with a kernel that the user gives, called like blind deblurring."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from deblurnets.deblurrer import Result


class KnownKernel:
    """Deblurs every picture with one kernel.

    Parameters
    ----------
    deblurrer : object with ``deblur(image, kernel) -> image``, see `deblurnets.deblurrer.Deblurrer`
    kernel : ndarray
        (h, w), non-negative, summing to 1, its origin at ``(h // 2, w // 2)``.
    """

    def __init__(self, deblurrer: Any, kernel: np.ndarray):
        self._deblurrer = deblurrer
        self._kernel = kernel

    def __call__(self, image: np.ndarray) -> Result:
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
        sharp = self._deblurrer.deblur(image, self._kernel)
        seconds = {"analysis": 0.0, "synthesis": time.perf_counter() - start}
        return Result(sharp, self._kernel, seconds)
