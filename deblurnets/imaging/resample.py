"""Pictures and kernels at other scales."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from deblurnets.imaging.psf import centroid, normalise


def shrink(image: np.ndarray, factor: float) -> np.ndarray:
    """Scale a picture down, smoothed against aliasing."""
    if factor >= 1:
        return image
    smooth = ndimage.gaussian_filter(image, 0.5 * np.sqrt(1 / factor**2 - 1), mode="mirror")
    shape = tuple(max(8, int(n * factor)) for n in image.shape)
    offset = 0.5 / factor - 0.5
    return ndimage.affine_transform(
        smooth, np.diag([1 / factor] * 2), offset, shape, order=1, mode="mirror"
    )


def resize_kernel(kernel: np.ndarray, factor: float, size: int) -> np.ndarray:
    """Scale a kernel about its centroid and put it on a grid of `size` (odd)."""
    if factor < 1:
        kernel = ndimage.gaussian_filter(kernel, 0.5 * np.sqrt(1 / factor**2 - 1), mode="constant")
    rows, columns = centroid(kernel)
    offset = [c - (size // 2) / factor for c in (rows, columns)]
    return normalise(
        ndimage.affine_transform(
            kernel.astype(np.float32), np.diag([1 / factor] * 2), offset, (size, size), order=1
        )
    )
