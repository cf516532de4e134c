"""The blur kernel drawn into a corner of a picture, as papers show it."""

from __future__ import annotations

from typing import Optional

import numpy as np

from deblurnets.kernels import middle_square_size
from deblurnets.picture import white_of

_SHARE = 0.25  # of the picture's smaller side
_MARGIN = 2  # kernel pixels around its support
_GREY = 0.6  # of white: the border's
_BORDER = 1  # pixels


def draw_inset(pixels: np.ndarray, kernel: np.ndarray) -> Optional[np.ndarray]:
    """Return a picture with a kernel in its upper right corner.

    The kernel is bright on black, its maximum white, each of its values a square of whole pixels;
    a thin grey line goes around it. Of its grid the part is shown that it fills.

    Parameters
    ----------
    pixels : ndarray
        (H, W) or (H, W, 3), uint8, uint16 or float32 in 0..1.
    kernel : ndarray
        (k, k), non-negative.

    Returns
    -------
    ndarray or None
        Shape and type of `pixels`; None where the kernel fills more than the picture's half.
    """
    kernel = _filled_part(kernel)
    side = kernel.shape[0]
    smaller = min(pixels.shape[:2])
    factor = max(1, int(_SHARE * smaller) // side)
    size = factor * side
    if 2 * (size + 2 * _BORDER) > smaller:
        return None
    white = white_of(pixels.dtype)
    shown = np.repeat(np.repeat(kernel / kernel.max(), factor, axis=0), factor, axis=1)
    square = np.pad(shown, _BORDER, mode="constant", constant_values=_GREY) * white
    if np.issubdtype(pixels.dtype, np.integer):
        square = np.rint(square)
    square = square.astype(pixels.dtype)
    drawn = pixels.copy()
    height, width = square.shape
    corner = drawn[:height, drawn.shape[1] - width :]
    corner[...] = square if pixels.ndim == 2 else square[:, :, None]
    return drawn


def _filled_part(kernel: np.ndarray) -> np.ndarray:
    """Cut a kernel to the square around the grid's middle that it fills, and a margin."""
    half = middle_square_size(kernel) // 2 + _MARGIN
    rows, columns = (slice(max(0, n // 2 - half), n // 2 + half + 1) for n in kernel.shape)
    # A grid that ends before the margin does is continued with zeros.
    before = [max(0, half - n // 2) for n in kernel.shape]
    part = kernel[rows, columns]
    padding = [(low, 2 * half + 1 - low - n) for low, n in zip(before, part.shape)]
    return np.pad(part, padding, mode="constant")
