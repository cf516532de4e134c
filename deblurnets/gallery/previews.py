"""Pictures and kernels as the small files that a gallery shows."""

from __future__ import annotations

from typing import Optional, Tuple

import cv2
import numpy as np

from deblurnets.imaging.pixels import eight_bits, white_of
from deblurnets.pictures.inset import middle_square
from deblurnets.pictures.picture import Picture

LARGEST_SIDE = 1600
"""Pixels; a larger picture is made smaller for its preview."""

QUALITY = 85
_KERNEL_MARGIN = 3  # pixels of empty grid left around a kernel
_SMALLEST_KERNEL = 21  # pixels; a smaller one would look like a large shake


def preview_size(height: int, width: int) -> Tuple[int, int]:
    """Return the height and width that a picture has in the gallery, in pixels."""
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def picture_jpeg(pixels: np.ndarray) -> bytes:
    """Encode the preview of a picture.

    Parameters
    ----------
    pixels : ndarray
        (H, W) or (H, W, 3), uint8 or uint16 over its whole range, or float32 in 0..1.

    Returns
    -------
    bytes
        A JPEG file of `preview_size`, without metadata.

    Raises
    ------
    ValueError
        If the array is none of these.
    """
    Picture(pixels)  # refuses what is no picture
    height, width = preview_size(*pixels.shape[:2])
    if (height, width) != pixels.shape[:2]:
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    shown = cv2.convertScaleAbs(pixels, alpha=255 / white_of(pixels.dtype))
    bgr = shown if shown.ndim == 2 else cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    return cv2.imencode(".jpg", bgr, options)[1].tobytes()


def kernel_png(kernel: np.ndarray, size: Optional[int] = None) -> bytes:
    """Encode a kernel, white on black, cut to the part of the grid that it fills.

    Parameters
    ----------
    kernel : ndarray
        (h, w), its middle at ``(h // 2, w // 2)``.
    size : int, optional
        Side in pixels of the square around the middle that holds it; the whole grid by default.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    ValueError
        If the array has other dimensions.
    """
    values = np.asarray(kernel, np.float64)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"expected a kernel (h, w), received shape {values.shape}")
    if size is not None:
        half = max(size // 2 + _KERNEL_MARGIN, _SMALLEST_KERNEL // 2)
        values = middle_square(values, half)
    values = np.clip(np.nan_to_num(values), 0, None)
    # The root lets the faint, fast parts of a shake be seen beside the bright, slow ones.
    shown = np.sqrt(values / (values.max() or 1.0))
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9]
    return cv2.imencode(".png", eight_bits(shown), options)[1].tobytes()
