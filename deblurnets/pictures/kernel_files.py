"""Blur kernels in files: saved beside the results, or given by the user."""

from __future__ import annotations

import io
import os

import numpy as np

from deblurnets.imaging.pixels import unit_range
from deblurnets.imaging.psf import normalise
from deblurnets.pictures.files import ImageError, Picture, read_image, replace_file, write_image

LARGEST_SIDE = 1023
"""Largest side of a kernel file in pixels; far more than any shake, far less than a photograph."""


def save_kernel(base: str, kernel: np.ndarray) -> None:
    """Write a kernel as `BASE.npy` and `BASE.png`.

    Parameters
    ----------
    base : str
        Path without extension.
    kernel : ndarray
        (h, w), non-negative. The numbers are written as float32 with a sum of 1; the picture is
        grey, of 16 bits, its white the kernel's maximum.

    Raises
    ------
    ImageError
        If a file cannot be written.
    """
    kernel = normalise(kernel)
    stream = io.BytesIO()
    np.save(stream, kernel, allow_pickle=False)
    try:
        replace_file(base + ".npy", stream.getvalue())
    except OSError as error:
        raise ImageError(base + ".npy", f"cannot be written ({error.strerror})") from error
    largest = float(kernel.max())
    write_image(base + ".png", Picture(np.rint(kernel / largest * 65535).astype(np.uint16)))


def read_kernel(path: str) -> np.ndarray:
    """Read a kernel that the user gives.

    Parameters
    ----------
    path : str
        A `.npy` file of an array (h, w), or a grey PNG or TIFF picture, black for 0.

    Returns
    -------
    ndarray
        (h, w), float32, non-negative, summing to 1; its origin is at ``(h // 2, w // 2)``.

    Raises
    ------
    ImageError
        If the file cannot be read or holds no kernel.
    """
    is_array = os.path.splitext(path)[1].lower() == ".npy"
    kernel = _read_array(path) if is_array else _read_grey(path)
    if kernel.ndim != 2 or not 1 <= min(kernel.shape) <= max(kernel.shape) <= LARGEST_SIDE:
        raise ImageError(
            path,
            f"a kernel has two axes of 1 to {LARGEST_SIDE} numbers, received shape {kernel.shape}",
        )
    kernel = kernel.astype(np.float32)
    if not np.isfinite(kernel).all():
        raise ImageError(path, "the kernel holds NaN or infinite values")
    if kernel.min() < 0:
        raise ImageError(path, f"a kernel has no negative values, received {kernel.min():g}")
    if kernel.max() == 0:
        raise ImageError(path, "the kernel is zero everywhere")
    return normalise(kernel / kernel.max())


def _read_array(path: str) -> np.ndarray:
    try:
        with open(path, "rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, EOFError, OverflowError, MemoryError) as error:
        raise ImageError(path, "the content is not an array in NumPy's format") from error
    if array.dtype.kind not in "buif":
        raise ImageError(path, "the content is not an array of real numbers")
    return array


def _read_grey(path: str) -> np.ndarray:
    picture = read_image(path, LARGEST_SIDE**2)
    if picture.pixels.ndim != 2 or picture.alpha is not None:
        raise ImageError(path, "a kernel is a grey picture without alpha, this one is not")
    return unit_range(picture.pixels)
