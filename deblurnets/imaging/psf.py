"""Point spread functions: the small operations that blur kernels need.

A blur kernel here is a float32 array (k, k) with k odd, non-negative, summing to 1, its origin at
``(k // 2, k // 2)``; a blurry picture is the convolution of the sharp one with it.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np


def normalise(kernel: np.ndarray) -> np.ndarray:
    """Clip negative values and scale to a sum of 1.

    An array without any positive value becomes a single peak at the origin (no blur).
    """
    kernel = np.maximum(np.asarray(kernel, np.float32), 0)
    total = float(kernel.sum())
    if not np.isfinite(total) or total <= 0:
        kernel = np.zeros_like(kernel)
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
        return kernel
    return kernel / np.float32(total)


def centroid(kernel: np.ndarray) -> Tuple[float, float]:
    """Return the centre of mass (row, column) of a kernel, in pixels from its first element."""
    total = kernel.sum()
    rows = float((kernel.sum(1) * np.arange(kernel.shape[0])).sum() / total)
    columns = float((kernel.sum(0) * np.arange(kernel.shape[1])).sum() / total)
    return rows, columns


def fit_grid(kernel: np.ndarray, size: int) -> np.ndarray:
    """Put a kernel on a square grid of `size`, its centroid within half a pixel of the origin.

    Parameters
    ----------
    kernel : array (h, w)
        Any non-negative array; its mass outside the new grid is lost.
    size : int
        Side of the new grid, odd.

    Returns
    -------
    array (size, size), float32, summing to 1.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"fit_grid: the grid's size must be odd and positive, not {size}")
    kernel = normalise(kernel)
    rows, columns = (round(c) for c in centroid(kernel))
    half = size // 2
    padded = np.pad(kernel, half)  # index i of the kernel is i + half here
    return normalise(padded[rows : rows + size, columns : columns + size])


def prune(kernel: np.ndarray, threshold: float = 0.04) -> np.ndarray:
    """Set values below `threshold` times the maximum to zero and scale to a sum of 1."""
    kernel = np.asarray(kernel, np.float32)
    return normalise(np.where(kernel >= threshold * kernel.max(), kernel, 0))


def support_size(kernel: np.ndarray, mass: float = 0.99) -> int:
    """Return the side (odd) of the smallest square around the centroid that holds `mass`."""
    kernel = normalise(kernel)
    rows, columns = centroid(kernel)
    distance = np.maximum(
        np.abs(np.arange(kernel.shape[0]) - rows)[:, None],
        np.abs(np.arange(kernel.shape[1]) - columns)[None, :],
    )
    order = np.argsort(distance, axis=None)
    held = np.cumsum(kernel.ravel()[order])
    reach = distance.ravel()[order][min(int(np.searchsorted(held, mass)), held.size - 1)]
    return 2 * int(np.ceil(reach - 1e-3)) + 1  # a centroid is never exact


def middle_square_size(kernel: np.ndarray, mass: float = 0.998) -> int:
    """Return the side (odd) of the smallest square around the grid's middle that holds `mass`.

    Parameters
    ----------
    kernel : array (h, w)
        Its middle is at ``(h // 2, w // 2)``.
    mass : float
        Share of the kernel's sum, 0..1.
    """
    rows, columns = (np.abs(np.arange(n) - n // 2) for n in kernel.shape)
    distance = np.maximum(rows[:, None], columns[None, :])
    held = np.cumsum(np.bincount(distance.ravel(), weights=normalise(kernel).ravel()))
    # Sums of float32 numbers end a little under 1.
    return 2 * min(int(np.searchsorted(held, mass * held[-1])), held.size - 1) + 1


def on_square(kernel: np.ndarray) -> np.ndarray:
    """Pad a kernel to an odd square around its origin and scale it to a sum of 1."""
    kernel = np.asarray(kernel, np.float32)
    if kernel.ndim != 2 or not np.isfinite(kernel).all() or kernel.min() < 0 or kernel.sum() <= 0:
        raise ValueError(
            "expected a blur kernel of shape (h, w), finite, non-negative and not all zero, got "
            f"shape {kernel.shape}"
        )
    half = max(n // 2 for n in kernel.shape)
    padding = [(half - n // 2, half - (n - 1 - n // 2)) for n in kernel.shape]
    kernel = np.pad(kernel, padding, mode="constant")
    return kernel / kernel.sum()


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of the angle between two kernels of one shape, where they are."""
    return float((first * second).sum() / np.sqrt((first * first).sum() * (second * second).sum()))


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of two kernels (odd squares), both centred on their centroids."""
    size = max(first.shape[0], second.shape[0])
    return cosine(fit_grid(first, size), fit_grid(second, size))
