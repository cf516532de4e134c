"""The sRGB curve of :mod:`deblurnets.imaging.srgb` in Keras operations.

Each branch stays where its slope is finite: `where` hands gradients to the branch not taken too,
and 0 times infinity is not a number.
"""

from __future__ import annotations

from typing import Any

from deblurnets.backend import ops
from deblurnets.imaging.srgb import TOE_GAMMA, TOE_LINEAR

Tensor = Any


def to_linear(encoded: Tensor) -> Tensor:
    """Linear light of sRGB values."""
    curve = ((ops.maximum(encoded, TOE_GAMMA) + 0.055) / 1.055) ** 2.4
    return ops.where(encoded <= TOE_GAMMA, encoded / 12.92, curve)


def to_gamma(linear: Tensor) -> Tensor:
    """SRGB values of linear light."""
    curve = 1.055 * ops.maximum(linear, TOE_LINEAR) ** (1 / 2.4) - 0.055
    return ops.where(linear <= TOE_LINEAR, linear * 12.92, curve)


def slope(encoded: Tensor, floor: float) -> Tensor:
    """Give the derivative of `to_linear`, taken at no less than ``floor`` (an sRGB value)."""
    return 2.4 / 1.055 * ((ops.maximum(encoded, floor) + 0.055) / 1.055) ** 1.4
