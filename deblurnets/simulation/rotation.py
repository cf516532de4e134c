"""Pictures as a camera would take them that turns while it shakes, made from sharp ones.

The blur differs from place to place: at a point the kernel is the path that this point takes over
the sensor. Paths and angles are taken from their means, so the blurry picture lies where the sharp
one does.
"""

from __future__ import annotations

import dataclasses
from typing import Tuple

import cv2
import numpy as np

from deblurnets.imaging.srgb import to_gamma, to_linear
from deblurnets.simulation.trajectory import rasterise, shake_path


@dataclasses.dataclass(frozen=True)
class Shake:
    """A camera's motion while the shutter is open.

    Attributes
    ----------
    path : array (n, 2)
        Displacement (row, column) of the picture in pixels, equally spaced in time, mean 0.
    angles : array (n,)
        Rotation in radians at the same times, mean 0.
    centre : pair of float
        Point (row, column) that the camera turns around, in pixels.
    """

    path: np.ndarray
    angles: np.ndarray
    centre: Tuple[float, float]

    def at(self, point: Tuple[float, float]) -> np.ndarray:
        """Return the displacements (n, 2) of a point (row, column) of the sharp picture."""
        arm = np.subtract(point, self.centre)
        turned = np.stack([_rotation(angle) @ arm for angle in self.angles])
        return self.path + turned - arm

    def kernel(self, point: Tuple[float, float], size: int) -> np.ndarray:
        """Return the blur kernel (size, size) at a point, size odd, its centroid in the middle."""
        path = self.at(point)
        return rasterise(path, float(np.ptp(path, axis=0).max()), size, width=0.5)


def random_shake(
    rng: np.random.RandomState,
    extent: float,
    degrees: float,
    centre: Tuple[float, float],
    steps: int = 60,
) -> Shake:
    """Draw a shake with a rotation.

    Parameters
    ----------
    rng : numpy.random.RandomState
    extent : float
        Larger side of the path's bounding box in pixels.
    degrees : float
        Difference of the largest and the smallest angle.
    centre : pair of float
        See `Shake`.
    steps : int
        Number of positions; more than the longest way in pixels.
    """
    every = 2000 // steps
    path, turn = shake_path(rng)[::every], shake_path(rng)[::every, 0]
    path = (path - path.mean(0)) * extent / (np.ptp(path, axis=0).max() + 1e-9)
    angles = (turn - turn.mean()) * np.deg2rad(degrees) / (np.ptp(turn) + 1e-9)
    return Shake(path, angles, centre)


def blur_by_shake(
    sharp: np.ndarray, shake: Shake, noise: float = 0.005, seed: int = 0
) -> np.ndarray:
    """Blur a picture in linear light and add noise.

    Parameters
    ----------
    sharp : array (H, W, C), float32, gamma-encoded, 0..1.
    shake : Shake
    noise : float
        Standard deviation of the noise in pixel values of 0..1.
    seed : int
        Of the noise.

    Returns
    -------
    array (H, W, C), uint8
    """
    blurry = moved_average(to_linear(sharp), shake)
    blurry = to_gamma(np.clip(blurry, 0, 1))
    blurry = blurry + noise * np.random.RandomState(seed).randn(*sharp.shape)
    return np.rint(255 * np.clip(blurry, 0, 1)).astype(np.uint8)


def moved_average(picture: np.ndarray, shake: Shake) -> np.ndarray:
    """Return the mean of a picture (H, W, C), float32, over all positions of a shake.

    Resampled by OpenCV's cubic interpolation; what lies outside is taken as mirrored.
    """
    size = picture.shape[1::-1]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    mean = np.zeros(picture.shape, np.float32)
    centre = np.asarray(shake.centre)
    for shift, angle in zip(shake.path, shake.angles):
        back = _rotation(-angle)  # from a pixel of the blurry picture to its place in the sharp one
        offset = centre - back @ (centre + shift)
        # OpenCV counts (column, row).
        matrix = np.column_stack([back[::-1, ::-1], offset[::-1]])
        moved = cv2.warpAffine(picture, matrix, size, None, flags, cv2.BORDER_REFLECT_101)
        mean += moved.reshape(mean.shape)  # OpenCV drops an axis of one channel
    return mean / np.float32(len(shake.path))


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
