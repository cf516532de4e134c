"""Lights brighter than white: a file clips them, and where the camera shakes they draw its path."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from deblurnets.imaging.srgb import GREY


@dataclasses.dataclass(frozen=True)
class Lights:
    """Lights of a scene.

    Attributes
    ----------
    highlights : float
        Factor by which what is white in the photograph was brighter than white; 1 for none.
    lamps : int
        Small lights that are added.
    brightness : float
        Their intensity, largest, relative to white.
    dim : float
        Factor on all the rest of the scene: 1 by day, about 0.1 at night.
    """

    highlights: float = 1.0
    lamps: int = 0
    brightness: float = 20.0
    dim: float = 1.0


def light(linear: np.ndarray, lights: Lights, rng: np.random.RandomState) -> np.ndarray:
    """Return a scene (H, W, 3) of linear light, white at 1, with its lights; float32, unbounded."""
    scene = linear * np.float32(lights.dim)
    if lights.highlights != 1:
        level = linear @ GREY
        # From 0.8 of white on, so that highlights have soft shoulders.
        share = np.clip((level - 0.8) / 0.2, 0, 1)[..., None] ** 2
        scene = scene + np.float32(lights.highlights - lights.dim) * share * linear
    for _ in range(lights.lamps):
        _add_lamp(scene, lights.brightness * np.exp(rng.uniform(-2, 0)), rng)
    return scene


def _add_lamp(scene: np.ndarray, brightness: float, rng: np.random.RandomState) -> None:
    """Add a lamp, a disc or a short bar with a soft edge, in place."""
    height, width = scene.shape[:2]
    radius = np.exp(rng.uniform(np.log(0.7), np.log(max(1.0, min(height, width) / 150))))
    reach = int(np.ceil(4 * radius)) + 2
    side = 2 * reach + 1
    row, column = rng.randint(height), rng.randint(width)
    stretch, turn = rng.choice([1, 1, 3]), rng.uniform(0, np.pi)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    distance = np.hypot(along / stretch, across)
    shape = cv2.GaussianBlur(np.float32(distance <= radius), (0, 0), 0.6).reshape(side, side)
    colour = np.float32(brightness) * (1 - rng.uniform(0, 0.6) * rng.rand(3)).astype(np.float32)
    top, left = max(reach - row, 0), max(reach - column, 0)
    bottom, right = min(side, height - row + reach), min(side, width - column + reach)
    place = scene[
        row - reach + top : row - reach + bottom, column - reach + left : column - reach + right
    ]
    np.maximum(place, shape[top:bottom, left:right, None] * colour, out=place)
