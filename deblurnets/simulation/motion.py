"""The motion of a camera while its shutter is open, and the blur that it gives.

A pose is a rotation about the three axes of the camera and a shift of the picture. A rotation R
moves a point p of the picture, in pixels from the optical axis, to the projection of ``R (p, f)``
with the focal length f in pixels. So the blur differs from place to place: the kernel at a point is
the path that it takes over the sensor (Whyte, Sivic, Zisserman and Ponce, "Non-uniform deblurring
for shaken images", IJCV 98, 2012). Poses are taken from their means: the blurry picture lies where
the sharp one does.
"""

from __future__ import annotations

import dataclasses
from typing import Optional, Tuple

import cv2
import numpy as np

from deblurnets.simulation.trajectory import rasterise, shake_path

# Positions of a pose path; enough for paths of some hundred pixels at a position a pixel.
POSES = 400


@dataclasses.dataclass(frozen=True)
class Motion:
    """Poses of a camera, equally spaced in time.

    Attributes
    ----------
    shifts : array (n, 2)
        Displacement (row, column) of the picture in pixels, mean 0.
    angles : array (n, 3)
        Rotation about the horizontal axis (pitch), the vertical axis (yaw) and the optical axis
        (roll), radians, mean 0.
    focal : float
        Focal length in pixels.
    centre : pair of float
        Where the optical axis meets the picture, (row, column) in pixels.
    """

    shifts: np.ndarray
    angles: np.ndarray
    focal: float
    centre: Tuple[float, float]

    @property
    def extent(self) -> float:
        """Larger side of the path of shifts in pixels."""
        return float(np.ptp(self.shifts, axis=0).max())

    @property
    def uniform(self) -> bool:
        """Whether the blur is the same everywhere."""
        return not self.angles.any()

    def at(self, point: Tuple[float, float]) -> np.ndarray:
        """Return the displacements (n, 2) in pixels, (row, column), of a point of the picture."""
        row, column = np.subtract(point, self.centre)
        x, y, z = np.einsum("nij,j->in", _rotations(self.angles), (column, row, self.focal))
        places = np.stack([y, x], axis=1) * (self.focal / z)[:, None]
        return self.shifts + places - (row, column)

    def kernel(self, point: Tuple[float, float], size: int, width: float = 0.5) -> np.ndarray:
        """Return the blur kernel (size, size) at a point, size odd, its centroid in the middle."""
        path = self.at(point)
        return rasterise(path, float(np.ptp(path, axis=0).max()), size, width)

    def length(self, shape: Tuple[int, int]) -> float:
        """Return the larger side, in pixels, of the longest path in a picture of a shape."""
        corners = [(r, c) for r in (0, shape[0] - 1) for c in (0, shape[1] - 1)]
        return max(float(np.ptp(self.at(point), axis=0).max()) for point in (*corners, self.centre))

    def slowed(self, factor: float) -> Motion:
        """Return the same motion, of which the exposure saw less: all ways times a factor."""
        return dataclasses.replace(self, shifts=self.shifts * factor, angles=self.angles * factor)

    def scaled(self, factor: float) -> Motion:
        """Return the motion as it is in the picture scaled by a factor."""
        # Pixel centres: place p becomes (p + 1/2) factor - 1/2.
        row, column = ((n + 0.5) * factor - 0.5 for n in self.centre)
        return Motion(self.shifts * factor, self.angles, self.focal * factor, (row, column))

    def moved(self, row: float, column: float) -> Motion:
        """Return the motion as it is in a part of the picture that begins at (row, column)."""
        centre = (self.centre[0] - row, self.centre[1] - column)
        return dataclasses.replace(self, centre=centre)

    def homographies(self) -> np.ndarray:
        """Return (n, 3, 3): where (column, row, 1) of the sharp picture comes to lie."""
        row, column = self.centre
        inside = np.array([[self.focal, 0, column], [0, self.focal, row], [0, 0, 1]])
        maps = inside @ _rotations(self.angles) @ np.linalg.inv(inside)
        shift = np.tile(np.eye(3), (len(maps), 1, 1))
        shift[:, 0, 2], shift[:, 1, 2] = self.shifts[:, 1], self.shifts[:, 0]
        return shift @ maps


def random_motion(
    rng: np.random.RandomState,
    shape: Tuple[int, int],
    extent: float,
    degrees: Tuple[float, float, float] = (0, 0, 0),
) -> Motion:
    """Draw a motion.

    Parameters
    ----------
    rng : numpy.random.RandomState
    shape : (H, W) of the picture; the focal length is its longer side.
    extent : larger side of the path of shifts in pixels.
    degrees : differences of the largest and the smallest pitch, yaw and roll.
    """
    path, turns = shake_path(rng, POSES), shake_path(rng, POSES)
    roll = shake_path(rng, POSES)[:, :1]
    shifts = _spread(path, extent / (np.ptp(path, axis=0).max() + 1e-9))
    angles = np.concatenate([turns, roll], axis=1)
    angles = _spread(angles, np.deg2rad(degrees) / (np.ptp(angles, axis=0) + 1e-9))
    centre = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    return Motion(shifts, angles, float(max(shape)), centre)


def blur(
    picture: np.ndarray, motion: Optional[Motion], optics: float = 0.0, step: float = 1.0
) -> np.ndarray:
    """Return the mean of a picture (H, W, C) over all poses of a motion, float32.

    `optics` is the standard deviation in pixels of the lens's own blur, a Gaussian. What lies
    outside is taken as mirrored. Poses that follow each other within `step` pixels everywhere in
    the picture are taken as one, which counts as long as they last.
    """
    if optics:
        picture = cv2.GaussianBlur(picture, (0, 0), optics, borderType=cv2.BORDER_REFLECT)
        picture = picture.reshape((*picture.shape[:2], -1))
    if motion is None:
        return picture
    if motion.uniform:
        side = 2 * int(np.ceil(np.abs(motion.shifts).max())) + 5
        kernel = motion.kernel(motion.centre, side, width=0)
        # filter2D correlates.
        moved = cv2.filter2D(picture, -1, kernel[::-1, ::-1], borderType=cv2.BORDER_REFLECT)
        return moved.reshape(picture.shape)
    motion, weights = joined(motion, picture.shape[:2], step)
    mean = np.zeros(picture.shape, np.float32)
    size = picture.shape[1::-1]
    for homography, weight in zip(motion.homographies(), weights):
        moved = cv2.warpPerspective(
            picture, homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        mean += np.float32(weight) * moved.reshape(picture.shape)
    return mean


def joined(motion: Motion, shape: Tuple[int, int], step: float) -> Tuple[Motion, np.ndarray]:
    """Join poses that follow each other within `step` pixels in a picture (H, W).

    Returns
    -------
    (Motion of fewer poses, their shares of the time (n,), which sum to 1)
    """
    corners = [(row, column) for row in (0, shape[0] - 1) for column in (0, shape[1] - 1)]
    ways = np.stack([motion.at(point) for point in corners])
    strides = np.hypot(*np.moveaxis(np.diff(ways, axis=1), -1, 0)).max(axis=0)
    stage = np.floor(np.concatenate([[0], np.cumsum(strides)]) / step).astype(int)
    _, group, counts = np.unique(stage, return_inverse=True, return_counts=True)
    mean = np.zeros((len(counts), len(group)))
    mean[group, np.arange(len(group))] = 1 / counts[group]
    fewer = dataclasses.replace(motion, shifts=mean @ motion.shifts, angles=mean @ motion.angles)
    return fewer, counts / counts.sum()


def _spread(values: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Scale values (n, k) around their mean."""
    return (values - values.mean(axis=0)) * factor


def _rotations(angles: np.ndarray) -> np.ndarray:
    """Return matrices (n, 3, 3) of rotations by pitch, yaw and roll, (n, 3)."""
    cosines, sines = np.cos(angles), np.sin(angles)
    x, y, z = (np.tile(np.eye(3), (len(angles), 1, 1)) for _ in range(3))
    for matrix, axis, (i, j) in ((x, 0, (1, 2)), (y, 1, (2, 0)), (z, 2, (0, 1))):
        matrix[:, i, i], matrix[:, j, j] = cosines[:, axis], cosines[:, axis]
        matrix[:, i, j], matrix[:, j, i] = -sines[:, axis], sines[:, axis]
    return z @ y @ x
