"""Random paths of a shaking camera, and the blur kernels that they draw."""

from __future__ import annotations

from typing import Tuple

import numpy as np

from deblurnets.imaging.psf import fit_grid


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
