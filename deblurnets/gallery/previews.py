"""Pictures and kernels as the small files that a gallery shows."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np
import pyvips

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
    image = _image(_eight_bits(pixels))
    height, width = preview_size(image.height, image.width)
    if (height, width) != (image.height, image.width):
        image = image.resize(width / image.width, vscale=height / image.height)
    return image.write_to_buffer(".jpg", Q=QUALITY, optimize_coding=True)


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
        rows, columns = (slice(max(0, n // 2 - half), n // 2 + half + 1) for n in values.shape)
        values = values[rows, columns]
    values = np.clip(np.nan_to_num(values), 0, None)
    # The root lets the faint, fast parts of a shake be seen beside the bright, slow ones.
    shown = np.sqrt(values / (values.max() or 1.0))
    return _image(np.rint(255 * shown).astype(np.uint8)).write_to_buffer(".png", compression=9)


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype not in (np.uint8, np.uint16, np.float32) or pixels.size == 0:
        raise ValueError(
            f"expected uint8, uint16 or float32 pixels, received {pixels.dtype} {pixels.shape}"
        )
    if pixels.ndim != 2 and pixels.shape[2:] != (3,):
        raise ValueError(f"expected pixels (H, W) or (H, W, 3), received {pixels.shape}")
    if pixels.dtype == np.float32:
        return np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8)
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _image(pixels: np.ndarray) -> pyvips.Image:
    height, width = pixels.shape[:2]
    bands = 1 if pixels.ndim == 2 else 3
    data = np.ascontiguousarray(pixels).tobytes()
    image = pyvips.Image.new_from_memory(data, width, height, bands, "uchar")
    return image.copy(interpretation="b-w" if bands == 1 else "srgb")
