"""The range of pixel values, 0..255 or 0..65535 of unsigned integers, 0..1 of floating numbers.

Users' arrays, grey or colour, become float32 (H, W, 3) in 0..1 and are turned back.
"""

from __future__ import annotations

import dataclasses
from typing import Tuple

import numpy as np

MINIMUM_SIDE = 32
# Pictures that use less of the range than this are stretched to all of it.
NARROW = 0.25


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


def to_unit_rgb(image: np.ndarray) -> np.ndarray:
    """Convert a picture to float32 (H, W, 3) in 0..1; errors as of `checked`."""
    image = checked(image)
    unit = image.astype(np.float32)
    unit /= np.float32(white_of(image.dtype))
    return np.repeat(unit[:, :, None], 3, axis=2) if image.ndim == 2 else unit


@dataclasses.dataclass(frozen=True)
class Levels:
    """What a picture's values were before they were stretched to 0..1."""

    low: float = 0.0
    span: float = 1.0

    def undone(self, picture: np.ndarray) -> np.ndarray:
        """Return a stretched picture in its own range."""
        if self.span == 1:
            return picture
        return picture * np.float32(self.span) + np.float32(self.low)


def stretched(picture: np.ndarray) -> Tuple[np.ndarray, Levels]:
    """Stretch a picture in 0..1 that uses a small part of the range, others stay as they are.

    Ten bits in sixteen, scans without contrast: what noise, edges and white are is told by the
    values in use. Where the lowest is near 0 it stays, so that light remains in proportion.
    """
    low, high = float(picture.min()), float(picture.max())
    if high - low >= NARROW or high == low:
        return picture, Levels()
    low = low if low > (high - low) / 4 else 0.0
    levels = Levels(low, high - low)
    return (picture - np.float32(low)) * np.float32(1 / levels.span), levels


def checked(image: np.ndarray) -> np.ndarray:
    """Return a picture as an array, or say what is wrong with it.

    Raises
    ------
    ValueError
        Not an array of shape (H, W) or (H, W, 3), of 32 pixels a side or more, of type uint8,
        uint16 or floating, with finite values in 0..1 if floating.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"expected a picture of shape (H, W) or (H, W, 3), got {image.shape}")
    if min(image.shape[:2]) < MINIMUM_SIDE:
        raise ValueError(
            f"expected a picture of {MINIMUM_SIDE}x{MINIMUM_SIDE} pixels or more, got "
            f"{image.shape[1]}x{image.shape[0]} (width x height)"
        )
    if np.issubdtype(image.dtype, np.floating):
        low, high = float(image.min()), float(image.max())
        if not (low >= 0 and high <= 1):  # also false for NaN
            raise ValueError(
                f"expected floating values in 0..1, got {low:g}..{high:g}: scale the picture first"
            )
    elif image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected uint8, uint16 or floating values, got {image.dtype}")
    return image


def from_unit_rgb(unit: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Convert float32 (H, W, 3) in 0..1 back to the kind of picture that `like` is."""
    if like.ndim == 2:
        unit = unit.mean(axis=2)
    if np.issubdtype(like.dtype, np.floating):
        return unit.astype(like.dtype)
    picture = np.empty(unit.shape, like.dtype)
    for row, values in zip(picture, unit):  # no second and third picture of floats in memory
        row[...] = np.rint(values * np.iinfo(like.dtype).max)
    return picture
