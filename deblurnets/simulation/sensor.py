"""A camera's sensor: clipping, noise of light and of electronics, a mosaic of colours."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np


@dataclasses.dataclass(frozen=True)
class Sensor:
    """What a sensor does to linear light; white is 1.

    Attributes
    ----------
    shot : float
        Variance of the noise at white that light itself has; it goes with the light.
    read : float
        Standard deviation of the noise in the dark.
    mosaic : bool
        Whether each pixel sees one colour (Bayer), the others interpolated.
    """

    shot: float = 0.0
    read: float = 0.0
    mosaic: bool = False


def record(light: np.ndarray, sensor: Sensor, rng: np.random.RandomState) -> np.ndarray:
    """Return what a sensor records of light (H, W, 3), float32, 0..1.

    Photon noise is drawn as normal noise of the same variance (Foi, Trimeche, Katkovnik and
    Egiazarian, "Practical Poissonian-Gaussian noise modeling and fitting for single-image
    raw-data", IEEE TIP 17(10), 2008).
    """
    light = np.clip(light, 0, 1)
    if sensor.mosaic:
        return _interpolate(_noisy(_sample(light), sensor, rng))
    return _noisy(light, sensor, rng)


def _noisy(light: np.ndarray, sensor: Sensor, rng: np.random.RandomState) -> np.ndarray:
    if sensor.shot == 0 and sensor.read == 0:
        return light
    draws = np.random.Generator(np.random.PCG64(rng.randint(2**31)))
    noise = draws.standard_normal(light.shape, dtype=np.float32)
    noise *= np.sqrt(np.float32(sensor.shot) * light + np.float32(sensor.read**2))
    return np.clip(light + noise, 0, 1)


def _sample(light: np.ndarray) -> np.ndarray:
    """Keep one colour of each pixel, in rows of red and green, and of green and blue: (H, W)."""
    seen = light[..., 1].copy()
    seen[0::2, 0::2] = light[0::2, 0::2, 0]
    seen[1::2, 1::2] = light[1::2, 1::2, 2]
    return seen


def _interpolate(seen: np.ndarray) -> np.ndarray:
    """Fill in the colours that a mosaic (H, W) lacks, along edges: (H, W, 3)."""
    raw = np.rint(seen * 65535).astype(np.uint16)
    # OpenCV names a mosaic by the pixels 1, 1 and 1, 2: red first is its "BG".
    colours = cv2.cvtColor(raw, cv2.COLOR_BayerBG2RGB_EA)
    return colours.astype(np.float32) / np.float32(65535)
