"""Media that a shaken picture went through: printed screens, dithers, palettes, negatives."""

from __future__ import annotations

from typing import Callable, Dict

import cv2
import numpy as np


def _halftone(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Dots of a printed screen, of 3 to 8 pixels, at the usual angles of the four inks."""
    period = 3 + 5 * strength
    rows, columns = np.indices(pixels.shape[:2], dtype=np.float32)
    result = np.empty_like(pixels)
    for channel, degrees in enumerate((15, 75, 45)):
        angle = np.deg2rad(degrees)
        u = np.cos(angle) * columns + np.sin(angle) * rows
        v = np.cos(angle) * rows - np.sin(angle) * columns
        screen = 0.5 + 0.25 * (np.cos(2 * np.pi * u / period) + np.cos(2 * np.pi * v / period))
        result[..., channel] = np.clip(4 * (pixels[..., channel] - screen) + 0.5, 0, 1)
    return cv2.GaussianBlur(result, (0, 0), 0.6)


def _dither(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Ordered dither to few levels: 8 down to 2 a channel."""
    levels = round(8 - 6 * strength)
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 0.47
    tiles = [-(-n // 4) for n in pixels.shape[:2]]
    screen = np.tile(bayer, tiles)[: pixels.shape[0], : pixels.shape[1], None]
    return (np.rint(np.clip(pixels * (levels - 1) + screen, 0, levels - 1)) / (levels - 1)).astype(
        np.float32
    )


def _palette(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Few colours, 6 to 3 levels a channel, without a dither."""
    levels = round(6 - 3 * strength)
    return np.rint(pixels * (levels - 1)) / np.float32(levels - 1)


def _negative(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Turn into a negative."""
    return 1 - pixels


def _narrow(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Values that fill a part of the range: a half, down to a twentieth."""
    part = np.float32(0.5 * 0.1**strength)
    return np.float32(0.05) + part * pixels


MEDIA: Dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "halftone": _halftone,
    "dither": _dither,
    "palette": _palette,
    "negative": _negative,
    "narrow": _narrow,
}


def through(pixels: np.ndarray, kind: str, strength: float) -> np.ndarray:
    """Return pixel values (H, W, 3), 0..1, after a medium: one of `MEDIA`, strength 0..1."""
    return MEDIA[kind](pixels, strength)
