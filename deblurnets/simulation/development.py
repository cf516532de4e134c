"""What a camera's own processing makes of recorded light, and how it stores it."""

from __future__ import annotations

import dataclasses
from typing import Optional

import cv2
import numpy as np

from deblurnets.imaging.srgb import to_gamma


@dataclasses.dataclass(frozen=True)
class Development:
    """A camera's processing after the sensor.

    Attributes
    ----------
    denoise : float
        Strength of the smoothing of grain, as the deviation of pixel values that it takes for
        grain, 0..1; colour is smoothed more than brightness. 0 for none.
    contrast : float
        Of a tone curve around middle grey: 0 for none, 1 for a slope doubled there.
    saturation : float
        Factor on the distance of colours from grey.
    sharpening, radius : float
        Unsharp mask: how much of the difference from a blurred copy is added, and the standard
        deviation of that blur in pixels.
    """

    denoise: float = 0.0
    contrast: float = 0.0
    saturation: float = 1.0
    sharpening: float = 0.0
    radius: float = 1.0


def develop(recorded: np.ndarray, development: Development) -> np.ndarray:
    """Return pixel values (H, W, 3), sRGB in 0..1, of recorded linear light."""
    pixels = to_gamma(recorded)
    if development.denoise:
        pixels = _denoised(pixels, development.denoise)
    pixels = toned(pixels, development)
    if development.sharpening:
        soft = cv2.GaussianBlur(pixels, (0, 0), development.radius)
        pixels = pixels + np.float32(development.sharpening) * (pixels - soft)
    return np.clip(pixels, 0, 1)


def toned(pixels: np.ndarray, development: Development) -> np.ndarray:
    """Apply the tone curve and the saturation to pixel values (H, W, 3), 0..1.

    It is all that the development of a sharp picture, without noise, is compared with.
    """
    if development.contrast:
        share = np.float32(development.contrast)
        # The smooth step has slope 3/2 at the middle and 0 at both ends.
        pixels = (1 - share) * pixels + share * pixels * pixels * (3 - 2 * pixels)
    if development.saturation != 1:
        # The mean of the colours stays, the distance from it grows.
        share = development.saturation
        mix = np.full((3, 3), (1 - share) / 3) + share * np.eye(3)
        pixels = np.clip(pixels @ mix.astype(np.float32), 0, 1)
    return pixels


def _denoised(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Smooth grain: brightness where it differs little, colour over more pixels."""
    colours = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2YCrCb)
    colours[..., 0] = cv2.bilateralFilter(
        np.ascontiguousarray(colours[..., 0]), 5, 2.5 * strength, 1.5
    )
    colours[..., 1:] = cv2.GaussianBlur(colours[..., 1:], (0, 0), 1.5)
    return np.clip(cv2.cvtColor(colours, cv2.COLOR_YCrCb2RGB), 0, 1)


def scaled(picture: np.ndarray, factor: float) -> np.ndarray:
    """Scale a picture (H, W, C), float32."""
    if factor == 1:
        return picture
    size = tuple(max(1, round(n * factor)) for n in picture.shape[1::-1])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=way).reshape(size[1], size[0], -1)


def stored(pixels: np.ndarray, quality: Optional[int] = None) -> np.ndarray:
    """Round pixel values (H, W, 3), 0..1, to 8 bits, through JPEG (4:2:0) of a quality if given."""
    rounded = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    if quality is None:
        return rounded
    options = [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(rounded, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"a picture of {rounded.shape} cannot be stored as JPEG")
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
