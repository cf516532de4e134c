"""Blur kernels of camera shakes: random generation, and the small operations kernels need.

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


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of two kernels (odd squares), both centred on their centroids."""
    size = max(first.shape[0], second.shape[0])
    a, b = fit_grid(first, size), fit_grid(second, size)
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def shake_path(rng: np.random.RandomState, steps: int = 2000) -> np.ndarray:
    """Draw the path of a shaking camera: a slow drift that curves, and the hand's tremor.

    Velocity is a smooth random process (Gaussian noise low-passed at a random time scale) around a
    mean drift, so that paths range from nearly straight lines to loops; a tremor of small
    amplitude and the uneven speed come on top.

    Returns
    -------
    array (steps, 2): positions in arbitrary units, equally spaced in time.
    """
    time = np.linspace(0, 1, steps)
    velocity = np.zeros((steps, 2))
    waves = rng.randint(1, 6)
    for wave in range(1, waves + 1):
        amplitude = rng.normal(0, 1, 2) / wave ** rng.uniform(0.3, 1.3)
        phase = rng.uniform(0, 2 * np.pi, 2)
        velocity += amplitude * np.sin(2 * np.pi * 0.5 * wave * time[:, None] + phase)
    velocity += rng.normal(0, 1, 2) * rng.choice([0.0, 0.5, 1.5])
    speed = np.exp(
        rng.uniform(0, 0.8) * np.sin(2 * np.pi * (rng.uniform(0.3, 3) * time + rng.rand()))
    )
    path = np.cumsum(velocity * speed[:, None], axis=0) / steps
    extent = np.ptp(path, axis=0).max() + 1e-9
    tremor = rng.uniform(0, 0.06) * extent * (rng.rand() < 0.4)
    if tremor:
        phase = rng.uniform(0, 2 * np.pi, 2)
        path += tremor * np.sin(2 * np.pi * rng.uniform(4, 12) * time[:, None] + phase)
    return path


def rasterise(path: np.ndarray, extent: float, size: int, width: float = 0.5) -> np.ndarray:
    """Draw a path as a kernel: bilinear splatting, then a Gaussian of `width` px (the optics).

    Parameters
    ----------
    path : array (n, 2)
        Positions, equally spaced in time.
    extent : float
        Larger side of the path's bounding box after scaling, in pixels; less where the grid
        would cut the path.
    size : int
        Side of the grid, odd; the path's centroid comes to its centre.
    width : float
        Standard deviation of the Gaussian in pixels; 0 for none.
    """
    path = path - path.mean(0)
    scale = extent / (np.ptp(path, axis=0).max() + 1e-9)
    # A lopsided path reaches further from its centroid than half its extent.
    scale = min(scale, (size // 2 - 1.5) / (np.abs(path).max() + 1e-9))
    path = path * scale + size // 2
    kernel = np.zeros((size, size))
    corner = np.floor(path).astype(int)
    fraction = path - corner
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - down - fraction[:, 0]) * np.abs(1 - right - fraction[:, 1])
            np.add.at(kernel, (corner[:, 0] + down, corner[:, 1] + right), weight)
    return fit_grid(_gaussian_blur(kernel, width) if width > 0 else kernel, size)


def _gaussian_blur(kernel: np.ndarray, width: float) -> np.ndarray:
    """Blur with a separable Gaussian by two small matrix products."""
    position = np.arange(kernel.shape[0])
    matrix = np.exp(-0.5 * ((position[:, None] - position[None, :]) / width) ** 2)
    matrix /= matrix.sum(0, keepdims=True)
    return matrix @ kernel @ matrix.T


def random_shake(
    rng: np.random.RandomState,
    size: int = 65,
    extent: Tuple[float, float] = (3, 60),
    power: float = 2.0,
) -> np.ndarray:
    """Draw a random camera-shake kernel.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of all randomness.
    size : int
        Side of the grid, odd.
    extent : pair of float
        Bounds of the path's larger side in pixels. Cut where the grid ends.
    power : float
        The extent's ``1 / power``-th power is drawn uniformly: 1 makes all sizes equally
        frequent, 2 small ones neither rare nor the rule.

    Returns
    -------
    array (size, size), float32, non-negative, summing to 1, centroid at the centre.
    """
    low, high = extent
    length = rng.uniform(low ** (1 / power), high ** (1 / power)) ** power
    path = shake_path(rng)
    if rng.rand() < 0.1:  # the camera rests at one place: a double exposure's bright dot
        rest = path[rng.randint(len(path))]
        path = np.concatenate([path, np.repeat(rest[None], rng.randint(100, 700), axis=0)])
    return rasterise(path, length, size, width=rng.uniform(0.35, 0.8))
