"""One photograph of a sharp scene, taken with a shaking camera: every factor a number of its own.

Light passes lens and shutter: the motion adds up linear light, lights brighter than white among it.
It is clipped and recorded by the sensor, developed, scaled, printed perhaps, overlaid, stored. What
a result is compared with goes the same way without motion, noise, smoothing and sharpening.
"""

from __future__ import annotations

import dataclasses
from typing import Optional, Tuple

import numpy as np

from deblurnets.imaging.srgb import to_gamma, to_linear
from deblurnets.simulation.development import Development, develop, scaled, stored, toned
from deblurnets.simulation.lights import Lights, light
from deblurnets.simulation.media import through
from deblurnets.simulation.motion import Motion, blur
from deblurnets.simulation.overlays import draw_overlay, lay
from deblurnets.simulation.sensor import Sensor, record
from deblurnets.simulation.trajectory import rasterise


@dataclasses.dataclass(frozen=True)
class Shot:
    """How one photograph is taken; the defaults are a camera at rest that changes nothing.

    Attributes
    ----------
    motion : Motion, optional
        In pixels of the sharp picture.
    optics : float
        Standard deviation of the lens's own blur in pixels of the sharp picture.
    exposure : float
        Factor on the light; over 1 clips.
    lights, sensor, development : see there.
    gamma : bool
        Whether the blur adds up pixel values in place of light, as in made-up benchmarks.
    scale : float
        By which the picture is scaled after it was developed.
    medium : (kind, strength 0..1), optional
        One of `deblurnets.simulation.media.MEDIA`.
    overlay : (kind, strength 0..1), optional
        One of `deblurnets.simulation.overlays.OVERLAYS`.
    quality : int, optional
        Of JPEG with colour at half the resolution, 1..100; without losses if not given.
    """

    motion: Optional[Motion] = None
    optics: float = 0.0
    exposure: float = 1.0
    lights: Lights = dataclasses.field(default_factory=Lights)
    sensor: Sensor = dataclasses.field(default_factory=Sensor)
    development: Development = dataclasses.field(default_factory=Development)
    gamma: bool = False
    scale: float = 1.0
    medium: Optional[Tuple[str, float]] = None
    overlay: Optional[Tuple[str, float]] = None
    quality: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A simulated photograph.

    Attributes
    ----------
    blurry : array (H, W, 3), uint8, sRGB.
    sharp : array (H, W, 3), float32, 0..1, sRGB: what it should have been.
    motion : Motion, optional
        In pixels of the photograph.
    optics : float
        Standard deviation of the lens's blur, likewise.
    observed : array (H, W), float32, 0..1
        How far the scene shows: 0 where an overlay hides it.
    gamma : bool
        Whether the blur added up pixel values.
    """

    blurry: np.ndarray
    sharp: np.ndarray
    motion: Optional[Motion]
    optics: float
    observed: np.ndarray
    gamma: bool

    @property
    def domain(self) -> str:
        """Where the blur is a convolution, "gamma" or "linear"."""
        return "gamma" if self.gamma else "linear"

    def middle(self, side: int) -> Photograph:
        """Return the middle of the photograph, (side, side)."""
        top, left = ((n - side) // 2 for n in self.blurry.shape[:2])
        part = (slice(top, top + side), slice(left, left + side))
        return dataclasses.replace(
            self,
            blurry=self.blurry[part],
            sharp=self.sharp[part],
            observed=self.observed[part],
            motion=None if self.motion is None else self.motion.moved(top, left),
        )

    def kernel(self, size: int) -> np.ndarray:
        """Return the blur kernel (size, size) of the picture's middle, size odd."""
        if self.motion is None:
            path = np.zeros((1, 2))
            return rasterise(path, 0, size, self.optics)
        middle = tuple((n - 1) / 2 for n in self.blurry.shape[:2])
        return self.motion.kernel(middle, size, self.optics)


def take(sharp: np.ndarray, shot: Shot, rng: np.random.RandomState) -> Photograph:
    """Take a photograph.

    Parameters
    ----------
    sharp : array (H, W, 3), float32, 0..1, sRGB.
    shot : Shot
    rng : numpy.random.RandomState
        Of noise, lamps and letters: the same numbers give the same photograph.
    """
    scene = light(to_linear(sharp), shot.lights, rng) * np.float32(shot.exposure)
    if shot.gamma:
        moved = to_linear(blur(np.clip(to_gamma(scene), 0, 1), shot.motion, shot.optics))
    else:
        moved = blur(scene, shot.motion, shot.optics)
    blurry = develop(record(moved, shot.sensor, rng), shot.development)
    sharp = toned(to_gamma(np.clip(scene, 0, 1)), shot.development)
    blurry, sharp = (np.clip(scaled(p, shot.scale), 0, 1) for p in (blurry, sharp))
    if shot.medium is not None:
        blurry, sharp = (through(p, *shot.medium) for p in (blurry, sharp))
    observed = np.ones(sharp.shape[:2], np.float32)
    if shot.overlay is not None:
        value, cover = draw_overlay(sharp.shape[:2], *shot.overlay, rng=rng)
        blurry, sharp = (lay(p, value, cover) for p in (blurry, sharp))
        observed -= cover
    return Photograph(
        stored(blurry, shot.quality),
        np.float32(sharp),
        None if shot.motion is None else shot.motion.scaled(shot.scale),
        # Reducing averages over a pixel, whose deviation is 0.3 pixels.
        float(np.hypot(shot.optics * shot.scale, 0.3 * max(0.0, 1 - shot.scale))),
        observed,
        shot.gamma,
    )
