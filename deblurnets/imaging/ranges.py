"""The range of pixel values: 0..255 or 0..65535 of unsigned integers, 0..1 of floating numbers."""

from __future__ import annotations

import numpy as np


def white_of(dtype: np.dtype) -> float:
    """Return the value of white in pixels of a type: 255, 65535, or 1 of floating ones."""
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 1.0


def unit_range(picture: np.ndarray) -> np.ndarray:
    """Return a picture of any range as float32 in 0..1."""
    picture = np.asarray(picture)
    unit = picture.astype(np.float32, copy=False)
    return unit / np.float32(white_of(picture.dtype)) if picture.dtype.kind == "u" else unit


def eight_bits(unit: np.ndarray) -> np.ndarray:
    """Return a picture in 0..1 as uint8; what lies outside is clipped."""
    return np.rint(255 * np.clip(unit, 0, 1)).astype(np.uint8)
