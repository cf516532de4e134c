"""Shrinkage for a power of the absolute value: the proximal map of ``t |u|^p``, ``0 < p <= 1``."""

from __future__ import annotations

from functools import lru_cache
from typing import Union

import numpy as np

ENTRIES = 16384
"""Of the table of factors."""
TOP = 128.0
"""Largest size over the threshold in the table; beyond it the factor counts as 1."""


def shrink_factor(
    size: np.ndarray, threshold: Union[float, np.ndarray], exponent: float
) -> np.ndarray:
    """Factor that takes ``v`` to ``argmin_u (u - v)^2 / 2 + t |u|^p``, by a table.

    The map scales: with ``s = t^(1 / (2 - p))`` the factor depends on ``|v| / s`` alone.

    Parameters
    ----------
    size : ndarray of float32
        ``|v|``; for a vector's components, the vector's length.
    threshold : float or ndarray
        ``s``, positive, broadcast against ``size``.
    exponent : float
        ``p``.

    Returns
    -------
    ndarray of float32
        0..1, of the shape of ``size``: 0 for small ``|v|``, rising to 1.
    """
    ratio = size / np.asarray(threshold, np.float32)
    ratio *= np.float32((ENTRIES - 1) / TOP)
    index = np.minimum(ratio, np.float32(ENTRIES - 1), out=ratio).astype(np.int32)
    return _table(exponent)[index]


@lru_cache(maxsize=8)
def _table(exponent: float) -> np.ndarray:
    """Factors for ``t = 1`` and ``|v|`` from 0 to ``TOP``."""
    size = np.linspace(0, TOP, ENTRIES)
    shrunken = size.copy()
    for _ in range(60):  # fixed point of u = v - p u^(p - 1); from above it keeps the larger root
        step = exponent * np.maximum(shrunken, 1e-9) ** (exponent - 1)
        shrunken = np.maximum(np.where(shrunken > 1e-9, size - step, 0), 0)
    better = (shrunken - size) ** 2 / 2 + shrunken**exponent < size**2 / 2
    factors = (np.where(better, shrunken, 0) / np.maximum(size, 1e-9)).astype(np.float32)
    factors[-1] = 1
    return factors
