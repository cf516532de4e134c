"""What lies over a shaken picture and did not shake with it: bars, dates, text, frames, corners."""

from __future__ import annotations

from typing import Callable, Dict, Sequence, Tuple

import cv2
import numpy as np

Shape = Tuple[int, int]
Layer = Tuple[np.ndarray, np.ndarray]
# (shape (H, W), strength 0..1, random numbers) -> value (3,) or (H, W, 3), and cover (H, W), 0..1
Overlay = Callable[[Shape, float, np.random.RandomState], Layer]


def _bars(shape: Shape, strength: float, rng: np.random.RandomState) -> Layer:
    """Draw black bars above and below, or at both sides, as of a film frame."""
    cover = np.zeros(shape, np.float32)
    n = round((0.06 + 0.16 * strength) * min(shape))
    inner = cover.T if rng.rand() < 0.3 else cover
    inner[:n], inner[-n:] = 1, 1
    return np.zeros(3), cover


def _date(shape: Shape, strength: float, rng: np.random.RandomState) -> Layer:
    """Draw a date in the corner, orange as of film cameras."""
    date = f"{rng.randint(1, 29)} {rng.randint(1, 13)} {rng.randint(1980, 2000)}"
    return np.array((1.0, 0.55, 0.1)), _letters(shape, strength, [date], (0.95, 0.68))


def _subtitles(shape: Shape, strength: float, rng: np.random.RandomState) -> Layer:
    """Draw two lines of white text at the bottom, with a black outline."""
    words = ["".join(rng.choice(list("etaoin shrdlu "), 26)) for _ in range(2)]
    letters = _letters(shape, strength, words, (0.88, 0.22))
    outline = cv2.dilate(letters, np.ones((3, 3), np.uint8), iterations=1 + round(strength))
    return np.repeat((letters / np.maximum(outline, 1e-3))[..., None], 3, axis=2), outline


def _watermark(shape: Shape, strength: float, rng: np.random.RandomState) -> Layer:
    """Draw a large half-transparent word across the picture."""
    place = (rng.uniform(0.3, 0.8), 0.15)
    letters = _letters(shape, 0.0, ["SAMPLE"], place, size=0.12 * shape[1])
    return np.ones(3), (0.2 + 0.5 * strength) * letters


def _frame(shape: Shape, strength: float, rng: np.random.RandomState) -> Layer:
    """Draw a white or black margin all around."""
    n = max(1, round((0.03 + 0.09 * strength) * min(shape)))
    cover = np.ones(shape, np.float32)
    cover[n:-n, n:-n] = 0
    return np.full(3, float(rng.randint(2))), cover


def _corners(shape: Shape, strength: float, rng: np.random.RandomState) -> Layer:
    """Draw the black corners of a scan that was straightened."""
    height, width = shape
    angle = (1 + 6 * strength) * rng.choice([-1, 1])
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    inside = cv2.warpAffine(np.ones(shape, np.float32), turn, (width, height))
    return np.zeros(3), 1 - inside


def _screenshot(shape: Shape, strength: float, rng: np.random.RandomState) -> Layer:
    """Draw a program's menu above the picture and a bar below, with sharp letters."""
    n = max(min(24, shape[0] // 6), round((0.05 + 0.08 * strength) * shape[0]))
    cover = np.zeros(shape, np.float32)
    cover[:n], cover[-n // 2 :] = 1, 1
    menu = ["File  Edit  View  Help"]
    letters = _letters(shape, 0.0, menu, (0.65 * n / shape[0], 0.02), size=0.4 * n)
    return 0.93 - 0.8 * np.repeat(letters[..., None], 3, axis=2), cover


def _letters(
    shape: Shape, strength: float, lines: Sequence[str], place: Tuple[float, float], size: float = 0
) -> np.ndarray:
    """Draw lines of text; `place` is where they begin, (row, column) as shares of the sides."""
    size = size or (0.018 + 0.03 * strength) * shape[0]
    cover = np.zeros(shape, np.uint8)
    thickness = max(1, round(size / 9))
    for number, line in enumerate(lines):
        start = (round(place[1] * shape[1]), round(place[0] * shape[0] + number * 1.6 * size))
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(cover, line, start, font, size / 22, 255, thickness, cv2.LINE_AA)
    return cover.astype(np.float32) / 255


OVERLAYS: Dict[str, Overlay] = {
    "bars": _bars,
    "date": _date,
    "subtitles": _subtitles,
    "watermark": _watermark,
    "frame": _frame,
    "corners": _corners,
    "screenshot": _screenshot,
}
"""What can be drawn over a picture, by name."""


def draw_overlay(
    shape: Shape, kind: str, strength: float, rng: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """Draw an overlay for a picture (H, W).

    Parameters
    ----------
    shape : (H, W)
    kind : one of `OVERLAYS`.
    strength : 0..1, small to large.
    rng : numpy.random.RandomState

    Returns
    -------
    (value (H, W, 3), cover (H, W)), float32, 0..1: what it shows, and how far it hides the picture.
    """
    value, cover = OVERLAYS[kind](shape, strength, rng)
    value = np.broadcast_to(np.asarray(value, np.float32), (*shape, 3))
    return value, np.asarray(cover, np.float32)


def lay(picture: np.ndarray, value: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Lay an overlay over a picture (H, W, 3)."""
    return picture + cover[..., None] * (value - picture)
