"""The fixed list of cases: factors, strengths, pictures, seeds."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Callable, Dict, List, Tuple

import cv2
import numpy as np

from deblurnets.simulation.development import Development, scaled
from deblurnets.simulation.lights import Lights
from deblurnets.simulation.media import MEDIA
from deblurnets.simulation.motion import Motion, random_motion
from deblurnets.simulation.overlays import OVERLAYS
from deblurnets.simulation.sensor import Sensor
from deblurnets.simulation.shot import Photograph, Shot, take

PIXELS = 1_000_000
"""Of a case's picture, but where its size is the factor."""
STRENGTHS = 3
MIDDLE = 1
PICTURES = 4
"""Cases of a factor at a strength; the next ones take the next pictures of the folder."""

Shape = Tuple[int, int]
Factor = Callable[[int, Shape, np.random.RandomState], Shot]


def _shake(shape: Shape, rng: np.random.RandomState, low: float = 14, high: float = 30) -> Motion:
    """Draw the usual shake, in pixels of a picture of `PIXELS`."""
    return random_motion(rng, shape, rng.uniform(low, high))


def _uniform(level, shape, rng):
    return Shot(_shake(shape, rng, *((8, 16), (20, 32), (36, 55))[level]))


def _large(level, shape, rng):
    return Shot(_shake(shape, rng, *((60, 75), (80, 100), (120, 150))[level]))


def _roll(level, shape, rng):
    degrees = (0.3, 0.7, 1.5)[level]
    return Shot(random_motion(rng, shape, rng.uniform(12, 24), (0, 0, degrees)))


def _turned(level, shape, rng):
    """Pitch and yaw alone, and a little roll: a camera that turns in the hand."""
    degrees = (0.6, 1.2, 2.0)[level]
    return Shot(random_motion(rng, shape, 0, (degrees, degrees, degrees / 3)))


def _lights(level, shape, rng):
    lights = Lights(*((3, 4, 8), (8, 12, 20), (20, 30, 50))[level])
    return Shot(_shake(shape, rng), lights=lights)


def _night(level, shape, rng):
    lights = Lights(10, (10, 20, 30)[level], 30, (0.3, 0.15, 0.07)[level])
    return Shot(_shake(shape, rng), lights=lights, sensor=_sensor(level))


def _noise(level, shape, rng):
    return Shot(_shake(shape, rng), sensor=_sensor(level))


def _sensor(level: int, mosaic: bool = False) -> Sensor:
    return Sensor((5e-4, 2e-3, 6e-3)[level], (1e-3, 3e-3, 6e-3)[level], mosaic)


def _mosaic(level, shape, rng):
    return Shot(_shake(shape, rng), sensor=_sensor(level, mosaic=True))


def _denoise(level, shape, rng):
    strength = (0.015, 0.03, 0.06)[level]
    return Shot(_shake(shape, rng), sensor=_sensor(level), development=Development(strength))


def _tone(level, shape, rng):
    development = Development(0, (0.3, 0.6, 1.0)[level], (1.1, 1.3, 1.5)[level])
    return Shot(_shake(shape, rng), development=development)


def _sharpening(level, shape, rng):
    development = Development(sharpening=(0.4, 0.9, 1.8)[level], radius=(0.8, 1.2, 2.0)[level])
    return Shot(_shake(shape, rng), development=development)


def _jpeg(level, shape, rng):
    return Shot(_shake(shape, rng), quality=(90, 75, 60)[level])


def _pipeline(level, shape, rng):
    """All of a camera's own processing."""
    development = Development(
        (0.01, 0.02, 0.04)[level], (0.2, 0.4, 0.7)[level], 1.15, (0.3, 0.6, 1.2)[level], 1.0
    )
    quality = (95, 88, 75)[level]
    sensor = _sensor(level, mosaic=True)
    return Shot(_shake(shape, rng), sensor=sensor, development=development, quality=quality)


def _resized(level, shape, rng):
    return Shot(_shake(shape, rng), scale=(0.75, 0.5, 1.4)[level])


def _sharp(level, shape, rng):
    """No motion: the picture is to stay as it is."""
    return dataclasses.replace(_pipeline(level, shape, rng), motion=None)


def _everything(level, shape, rng):
    shot = _pipeline(level, shape, rng)
    degrees = (0.1, 0.3, 0.6)[level]
    motion = random_motion(rng, shape, rng.uniform(16, 50), (degrees, degrees, degrees))
    lights = Lights((2, 5, 10)[level], (2, 6, 12)[level], 20, (1, 0.6, 0.3)[level])
    overlay = (str(rng.choice(sorted(OVERLAYS))), float(rng.rand())) if rng.rand() < 0.3 else None
    return dataclasses.replace(shot, motion=motion, lights=lights, overlay=overlay)


def _overlay(kind: str) -> Factor:
    return lambda level, shape, rng: Shot(_shake(shape, rng), overlay=(kind, level / 2))


def _medium(kind: str) -> Factor:
    return lambda level, shape, rng: Shot(_shake(shape, rng), medium=(kind, level / 2))


def _small(level, shape, rng):
    return Shot(_shake(shape, rng, 0.05 * min(shape), 0.2 * min(shape)))


FACTORS: Dict[str, Factor] = {
    "uniform": _uniform,
    "large": _large,
    "roll": _roll,
    "turned": _turned,
    "lights": _lights,
    "night": _night,
    "noise": _noise,
    "mosaic": _mosaic,
    "denoise": _denoise,
    "tone": _tone,
    "sharpening": _sharpening,
    "jpeg": _jpeg,
    "pipeline": _pipeline,
    "resized": _resized,
    "small": _small,
    "edgeless": _uniform,
    "sharp": _sharp,
    "everything": _everything,
    **{kind: _overlay(kind) for kind in OVERLAYS},
    **{kind: _medium(kind) for kind in MEDIA},
}
"""What is changed: makes the shot of a strength (0, 1, 2), a picture's shape and random numbers."""

# Shorter side of the pictures of the factor "small".
_SMALL = (128, 64, 36)


@dataclasses.dataclass(frozen=True)
class Case:
    """One picture to make: a factor at a strength, and the number of the sharp picture."""

    factor: str
    level: int
    number: int

    @property
    def name(self) -> str:
        """The case in a word."""
        return f"{self.factor}_{self.level + 1}_{self.number + 1}"

    def photograph(self, sharp: np.ndarray) -> Photograph:
        """Take the photograph of a sharp picture (H, W, 3) in 0..1; always the same."""
        rng = np.random.RandomState(zlib.crc32(self.name.encode()))
        sharp = self._scene(sharp)
        return take(sharp, FACTORS[self.factor](self.level, sharp.shape[:2], rng), rng)

    def _scene(self, sharp: np.ndarray) -> np.ndarray:
        pixels = sharp.shape[0] * sharp.shape[1]
        factor = min(1.0, (PIXELS / pixels) ** 0.5)
        if self.factor == "small":
            factor = _SMALL[self.level] / min(sharp.shape[:2])
        sharp = np.clip(scaled(sharp, factor), 0, 1)
        if self.factor == "edgeless":
            sharp = cv2.GaussianBlur(sharp, (0, 0), (12, 25, 50)[self.level])
        return sharp


def all_cases(pictures: int) -> List[Case]:
    """Return the fixed list for a folder of so many pictures, each factor through all strengths.

    Neighbours in the list differ in picture and strength, so that every Nth case is a fair part.
    """
    cases = []
    for place, factor in enumerate(FACTORS):
        for turn in range(PICTURES):
            for level in range(STRENGTHS):
                number = (place * 5 + turn * STRENGTHS + level) % pictures
                cases.append(Case(factor, level, number))
    return cases
