"""Random photographs: which shakes, lights, cameras and files a network is trained on."""

from __future__ import annotations

import dataclasses
from typing import Optional, Tuple

import numpy as np

from deblurnets.simulation.development import Development
from deblurnets.simulation.lights import Lights
from deblurnets.simulation.media import MEDIA
from deblurnets.simulation.motion import Motion, random_motion
from deblurnets.simulation.overlays import OVERLAYS
from deblurnets.simulation.sensor import Sensor
from deblurnets.simulation.shot import Shot

Range = Tuple[float, float]


@dataclasses.dataclass(frozen=True)
class CameraConfig:
    """Distribution of shots. Shares are of all shots, ranges are drawn from evenly.

    Attributes
    ----------
    grid : side of the kernel grid, odd: shakes that would not fit it are made smaller.
    still : share without any motion.
    plain : share of clean ones: a shake, and noise of the sensor in three of four, nothing else.
    gamma : share whose blur adds up pixel values in place of light.
    extent, power : bounds of the shake's larger side in pixels of the photograph; its
        ``1 / power``-th power is drawn evenly.
    optics, soft : standard deviation of the lens's blur in pixels of the photograph, and the share
        of lenses with three times as much.
    turning : share with rotations beside the shift.
    degrees : largest roll, and pitch and yaw a third of it, differences over the exposure.
    lights, night : shares with lights brighter than white by day, and in the dark.
    shot, read : largest variance at white, and deviation in the dark, of the sensor's noise; small
        ones more often.
    mosaic, denoise, tone, sharpen : shares with each part of a camera's processing.
    scale : shares of scaled photographs, and the bounds of the factor.
    jpeg, quality : share stored as JPEG, and its bounds.
    overlay, medium : shares with something over the picture, and of printed or changed ones.
    """

    grid: int = 65
    still: float = 0.0
    plain: float = 0.3
    gamma: float = 0.3
    extent: Range = (3, 61)
    power: float = 1.0
    optics: Range = (0.35, 0.8)
    soft: float = 0.1
    turning: float = 0.15
    degrees: float = 0.8
    lights: float = 0.2
    night: float = 0.12
    shot: float = 4e-3
    read: float = 8e-3
    mosaic: float = 0.4
    denoise: float = 0.4
    tone: float = 0.5
    sharpen: float = 0.4
    resized: float = 0.3
    scale: Range = (0.5, 1.0)
    jpeg: float = 0.5
    quality: Range = (60, 98)
    overlay: float = 0.0
    medium: float = 0.0


def random_shot(
    rng: np.random.RandomState, shape: Tuple[int, int], config: CameraConfig, scale: float = 1.0
) -> Shot:
    """Draw a shot.

    Parameters
    ----------
    rng : numpy.random.RandomState
    shape : (H, W) of the sharp picture.
    config : CameraConfig
    scale : the photograph's scale, see `random_scale`; shakes are drawn in its pixels.
    """
    motion = None if rng.rand() < config.still else _motion(rng, shape, config, scale)
    plain, gamma = rng.rand() < config.plain, rng.rand() < config.gamma
    optics = rng.uniform(*config.optics) * (3 if rng.rand() < config.soft else 1) / scale
    sensor = _sensor(rng, config, clean=0.25 if plain else 0.1)
    shot = Shot(motion, optics=optics, gamma=gamma, scale=scale, sensor=sensor)
    if plain:
        return shot
    return dataclasses.replace(
        shot,
        exposure=float(np.exp(rng.uniform(-0.3, 0.4))),
        lights=_lights(rng, config),
        development=_development(rng, config),
        medium=_one_of(rng, config.medium, sorted(MEDIA)),
        overlay=_one_of(rng, config.overlay, sorted(OVERLAYS)),
        quality=int(rng.uniform(*config.quality)) if rng.rand() < config.jpeg else None,
    )


def random_scale(rng: np.random.RandomState, config: CameraConfig) -> float:
    """Draw the factor by which a photograph is scaled after it was developed."""
    return float(rng.uniform(*config.scale)) if rng.rand() < config.resized else 1.0


def _motion(
    rng: np.random.RandomState, shape: Tuple[int, int], config: CameraConfig, scale: float
) -> Motion:
    low, high = (bound ** (1 / config.power) for bound in config.extent)
    motion = random_motion(rng, shape, rng.uniform(low, high) ** config.power / scale)
    if rng.rand() < config.turning:
        roll = config.degrees * rng.rand()
        motion = random_motion(rng, shape, 0.8 * motion.extent, (roll / 3, roll / 3, roll))
        # The part of a picture that training sees lies anywhere in it.
        row, column = (rng.uniform(-1, 2) * n for n in shape)
        focal = float(rng.uniform(2, 6) * max(shape))
        motion = dataclasses.replace(motion, centre=(row, column), focal=focal)
    reach = np.abs(motion.at(((shape[0] - 1) / 2, (shape[1] - 1) / 2))).max() * scale
    return motion.slowed(min(1.0, (config.grid // 2 - 2) / reach))


def _sensor(rng: np.random.RandomState, config: CameraConfig, clean: float) -> Sensor:
    if rng.rand() < clean:
        return Sensor()
    strength = rng.rand() ** 2
    return Sensor(
        config.shot * strength, config.read * strength * rng.rand(), rng.rand() < config.mosaic
    )


def _lights(rng: np.random.RandomState, config: CameraConfig) -> Lights:
    kind = rng.rand()
    if kind < config.night:
        dim = float(np.exp(rng.uniform(np.log(0.06), np.log(0.4))))
        return Lights(rng.uniform(2, 12), rng.randint(2, 12), rng.uniform(5, 50), dim)
    if kind < config.night + config.lights:
        return Lights(rng.uniform(1.5, 12), rng.randint(6), rng.uniform(3, 40))
    return Lights()


def _development(rng: np.random.RandomState, config: CameraConfig) -> Development:
    return Development(
        denoise=0.05 * rng.rand() if rng.rand() < config.denoise else 0.0,
        contrast=0.7 * rng.rand() if rng.rand() < config.tone else 0.0,
        saturation=rng.uniform(0.9, 1.4) if rng.rand() < config.tone else 1.0,
        sharpening=1.4 * rng.rand() ** 1.5 if rng.rand() < config.sharpen else 0.0,
        radius=rng.uniform(0.6, 2.0),
    )


def _one_of(
    rng: np.random.RandomState, share: float, kinds: Tuple[str, ...]
) -> Optional[Tuple[str, float]]:
    chosen = rng.rand() < share
    kind, strength = kinds[rng.randint(len(kinds))], float(rng.rand())
    return (kind, strength) if chosen else None
