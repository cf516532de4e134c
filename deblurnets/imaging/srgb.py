"""The sRGB transfer curve: from pixel values to light and back, and its slope."""

from __future__ import annotations

import numpy as np

GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in a grey picture (ITU-R BT.601)."""

DOMAINS = ("gamma", "linear")
"""Domains in which a blur can be a convolution: pixel values, or linear light."""

# IEC 61966-2-1.
TOE_GAMMA, TOE_LINEAR = 0.04045, 0.0031308


def to_linear(encoded: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values; 0..1 to 0..1, values under 0 go along the straight toe."""
    encoded = np.asarray(encoded, np.float32)
    curve = ((np.maximum(encoded, 0) + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(encoded <= TOE_GAMMA, encoded / np.float32(12.92), curve)


def to_gamma(linear: np.ndarray) -> np.ndarray:
    """SRGB values of linear light; the inverse of `to_linear`."""
    linear = np.asarray(linear, np.float32)
    curve = np.float32(1.055) * np.maximum(linear, 0) ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(linear <= TOE_LINEAR, linear * np.float32(12.92), curve)


def slope(encoded: np.ndarray, floor: float) -> np.ndarray:
    """Give the derivative of `to_linear`, taken at no less than ``floor`` (an sRGB value)."""
    level = (np.maximum(encoded, floor) + np.float32(0.055)) / np.float32(1.055)
    return np.float32(2.4 / 1.055) * level ** np.float32(1.4)
