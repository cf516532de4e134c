"""The blur kernel drawn into a corner of a picture, as papers show it."""

from __future__ import annotations

from typing import Optional, Tuple

import cv2
import numpy as np

from deblurnets.imaging.pixels import white_of
from deblurnets.imaging.psf import middle_square_size

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
    square = _square(pixels.shape, kernel)
    if square is None:
        return None
    square = square * white_of(pixels.dtype)
    if np.issubdtype(pixels.dtype, np.integer):
        square = np.rint(square)
    square = square.astype(pixels.dtype)
    drawn = pixels.copy()
    _corner(drawn, square)[...] = square if pixels.ndim == 2 else square[:, :, None]
    return drawn


def opaque_inset(alpha: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return an alpha channel (H, W) with the corner opaque where `draw_inset` draws a kernel."""
    square = _square(alpha.shape, kernel)
    if square is None:
        return alpha
    opaque = alpha.copy()
    _corner(opaque, square)[...] = white_of(alpha.dtype)
    return opaque


def _corner(array: np.ndarray, square: np.ndarray) -> np.ndarray:
    """View of the upper right corner."""
    height, width = square.shape
    return array[:height, array.shape[1] - width :]


def _square(shape: Tuple[int, ...], kernel: np.ndarray) -> Optional[np.ndarray]:
    """Return the kernel as a picture shows it, 0..1; None where it would hide too much."""
    kernel = middle_square(kernel, middle_square_size(kernel) // 2 + _MARGIN)
    side = kernel.shape[0]
    smaller = min(shape[:2])
    factor = max(1, int(_SHARE * smaller) // side)
    if 2 * (factor * side + 2 * _BORDER) > smaller:
        return None
    shown = cv2.resize(kernel / kernel.max(), (factor * side,) * 2, interpolation=cv2.INTER_NEAREST)
    return np.pad(shown, _BORDER, mode="constant", constant_values=_GREY)


def middle_square(kernel: np.ndarray, half: int) -> np.ndarray:
    """Return the square of ``2 half + 1`` around a kernel's middle, zeros outside its grid."""
    top, left = (n // 2 for n in kernel.shape)
    padded = np.pad(kernel, half, mode="constant")
    return padded[top : top + 2 * half + 1, left : left + 2 * half + 1]
