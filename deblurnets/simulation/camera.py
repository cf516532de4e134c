"""What a camera makes of a sharp picture: exposure, shake, clipping, noise, 8 bits, JPEG.

`capture` runs the stages in the order of a camera; each is a function of its own. All randomness
comes from the generator that is handed in.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Tuple

import cv2
import numpy as np
import scipy.fft

from deblurnets.imaging.srgb import to_gamma, to_linear
from deblurnets.simulation import rotation
from deblurnets.simulation.kernel_errors import perturb_kernel

# Strongest faults, as of `perturb_kernel`, by which an uneven kernel changes over a picture.
UNEVEN = 2.0
# Values in gamma and in linear domain of the 256 numbers of an 8-bit picture.
GAMMA_OF_BYTE = np.arange(256, dtype=np.float32) / np.float32(255)
LINEAR_OF_BYTE = to_linear(GAMMA_OF_BYTE)


@dataclasses.dataclass(frozen=True)
class CameraConfig:
    """How cameras shake, and what they do to the light.

    Attributes
    ----------
    grid : side of the kernel grid, odd.
    extent, power : bounds of the shake's larger side in pixels, and how it is spread between
        them (see :func:`deblurnets.simulation.trajectory.random_shake`).
    turned : share of cameras that turn while they shake, so that no one kernel is right
        everywhere; the kernel told is that of the middle.
    degrees : bounds of the angle by which those turn.
    uneven : share of the other cameras whose kernel changes a little over the picture, as that of
        real lenses and hands does; the kernel told is the mean one.
    linear : share that blur in linear light rather than the gamma-encoded values.
    saturation : share with the exposure raised before the blur so that lights clip.
    noise : bounds of the noise's standard deviation, of 1, small values more often; a fifth has
        none but the rounding to 8 bits.
    jpeg : share that store JPEG (quality 70 to 98) after the noise.
    """

    grid: int = 65
    extent: Tuple[float, float] = (3, 61)
    power: float = 2.0
    turned: float = 0.0
    degrees: Tuple[float, float] = (0.3, 3.0)
    uneven: float = 0.0
    linear: float = 0.5
    saturation: float = 0.1
    noise: Tuple[float, float] = (0.0, 0.02)
    jpeg: float = 0.2


class Capture(NamedTuple):
    """A picture that a camera took.

    Attributes
    ----------
    blurry, sharp : arrays (H, W, 3), uint8, gamma-encoded; the sharp one as exposed.
    kernel : array (grid, grid), float32, summing to 1.
    linear : whether the blur is a convolution in linear light.
    """

    blurry: np.ndarray
    sharp: np.ndarray
    kernel: np.ndarray
    linear: bool


def capture(
    sharp: np.ndarray, kernel: np.ndarray, config: CameraConfig, rng: np.random.RandomState
) -> Capture:
    """Take a picture of a sharp one.

    Parameters
    ----------
    sharp : array (H + grid - 1, W + grid - 1, 3), uint8, gamma-encoded.
    kernel : array (grid, grid)
        Of the shake, where the camera does not turn.
    config : CameraConfig
    rng : numpy.random.RandomState

    Returns
    -------
    Capture, of (H, W, 3); it lies where the middle of the sharp picture does.
    """
    linear = bool(rng.rand() < config.linear)
    gain = rng.uniform(1.2, 2.0) if rng.rand() < config.saturation else 1.0
    exposed = (LINEAR_OF_BYTE if linear else GAMMA_OF_BYTE)[sharp] * np.float32(gain)
    blurry, kernel = _shaken(exposed, kernel, config, rng)
    blurry = _noisy(_encoded(blurry, linear), config, rng)
    if rng.rand() < config.jpeg:
        blurry = through_jpeg(blurry, int(rng.randint(70, 99)))
    inner = (slice(config.grid // 2, -(config.grid // 2) or None),) * 2
    sharp = sharp[inner] if gain == 1 else to_bytes(_encoded(exposed[inner], linear))
    return Capture(blurry, sharp, kernel, linear)


def _shaken(
    exposed: np.ndarray, kernel: np.ndarray, config: CameraConfig, rng: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """Blur what came through the lens; return it, and the kernel that tells most of it."""
    if config.turned and rng.rand() < config.turned:
        return _turned_blur(exposed, config, rng)
    if config.uneven and rng.rand() < config.uneven:
        return _uneven_blur(exposed, kernel, rng)
    return convolve_valid(exposed, kernel), kernel


def _turned_blur(
    exposed: np.ndarray, config: CameraConfig, rng: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """Return a picture as blurred by a turning camera, and the kernel of its middle."""
    half = config.grid // 2
    sides = np.subtract(exposed.shape[:2], 2 * half)
    low, high = config.extent
    # Far from its centre a turn makes the path longer than the shake; the grid has to hold both.
    extent = rng.uniform(low, max(low, high / 2))
    centre = rng.uniform(-sides, 2 * sides)
    shake = rotation.random_shake(rng, extent, rng.uniform(*config.degrees), tuple(centre))
    blurry = rotation.moved_average(exposed, shake)[half : half + sides[0], half : half + sides[1]]
    return blurry, shake.kernel(tuple(half + sides / 2), config.grid)


def _uneven_blur(
    exposed: np.ndarray, kernel: np.ndarray, rng: np.random.RandomState
) -> Tuple[np.ndarray, np.ndarray]:
    """Return a picture whose kernel goes from one to a slightly other one, and their mean."""
    strength = rng.uniform(0, UNEVEN)
    ends = [perturb_kernel(kernel, rng, strength) for _ in range(2)]
    first, last = (convolve_valid(exposed, end) for end in ends)
    rows, columns = np.ogrid[: first.shape[0], : first.shape[1]]
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * rows + np.sin(angle) * columns
    ramp = ((ramp - ramp.min()) / np.ptp(ramp)).astype(np.float32)[..., None]
    return (1 - ramp) * first + ramp * last, (ends[0] + ends[1]) / 2


def convolve_valid(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve (H, W, C) with (k, k); the part that needs no outside: (H - k + 1, W - k + 1, C)."""
    height, width = image.shape[:2]
    size = [scipy.fft.next_fast_len(n, True) for n in (height, width)]
    k = kernel.shape[0]
    otf = scipy.fft.rfft2(kernel, size)[None]
    spectrum = scipy.fft.rfft2(np.moveaxis(image, 2, 0), size, axes=(1, 2))
    blurry = scipy.fft.irfft2(spectrum * otf, size, axes=(1, 2))
    return np.moveaxis(blurry[:, k - 1 : height, k - 1 : width], 0, 2)


def _encoded(exposed: np.ndarray, linear: bool) -> np.ndarray:
    """Clip at what a pixel can hold and gamma-encode."""
    exposed = np.clip(exposed, 0, 1)
    return to_gamma(exposed) if linear else exposed


def _noisy(picture: np.ndarray, config: CameraConfig, rng: np.random.RandomState) -> np.ndarray:
    """Add noise to the gamma-encoded values; return 8 bits."""
    low, high = config.noise
    deviation = low + (high - low) * rng.rand() ** 2 if rng.rand() < 0.8 else 0.0
    if deviation:
        # NumPy's newer generator draws float32 in a quarter of the time.
        grain = np.random.default_rng(rng.randint(2**31)).standard_normal(picture.shape, np.float32)
        picture = picture + np.float32(deviation) * grain
    return to_bytes(picture)


def through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """Return an 8-bit RGB picture as it comes back from JPEG (4:2:0, quality 1 to 100)."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """Round 0..1 to 8 bits; what lies outside is clipped."""
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
