"""Differences of neighbouring pixels on a periodic grid, and their transpose."""

from __future__ import annotations

from typing import Tuple

import numpy as np


def gradients(image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return circular forward differences along columns (x) and rows (y) of (..., H, W)."""
    along_x = np.empty_like(image)
    np.subtract(image[..., 1:], image[..., :-1], out=along_x[..., :-1])
    np.subtract(image[..., 0], image[..., -1], out=along_x[..., -1])
    along_y = np.empty_like(image)
    np.subtract(image[..., 1:, :], image[..., :-1, :], out=along_y[..., :-1, :])
    np.subtract(image[..., 0, :], image[..., -1, :], out=along_y[..., -1, :])
    return along_x, along_y


def divergence(along_x: np.ndarray, along_y: np.ndarray) -> np.ndarray:
    """Apply the transpose of :func:`gradients`."""
    result = along_x + along_y
    np.negative(result, out=result)
    result[..., 1:] += along_x[..., :-1]
    result[..., 0] += along_x[..., -1]
    result[..., 1:, :] += along_y[..., :-1, :]
    result[..., 0, :] += along_y[..., -1, :]
    return result
