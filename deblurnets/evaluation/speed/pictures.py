"""Blurry pictures of any size with the content of photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple

import numpy as np
from scipy.signal import oaconvolve

import deblurnets
from deblurnets.imaging.pixels import eight_bits, unit_range
from deblurnets.pictures.files import Picture, read_image, write_image
from deblurnets.simulation.trajectory import random_shake

PHOTOGRAPHS = Path(deblurnets.__file__).resolve().parent.parent / "tests/data/examples_sharp"
"""The sharp examples; in a clone only."""

_SHAKE = (18.0, 20.0)  # pixels
_GRID = 41
_NOISE = 0.005  # standard deviation, of 0..1


def write_blurry(path: Path, size: Tuple[int, int], photographs: Path = PHOTOGRAPHS) -> None:
    """Write photographs side by side, mirrored on to a size, blurred by a fixed shake.

    Parameters
    ----------
    path : Path
        File to write; its extension tells the format.
    size : (width, height)
        Pixels.
    photographs : Path
        Folder of sharp pictures.

    Raises
    ------
    OSError
        There is no such folder, or it holds no pictures.
    """
    width, height = size
    rng = np.random.RandomState(0)
    margin = _GRID // 2
    sharp = sharp_picture((width + 2 * margin, height + 2 * margin), photographs)
    kernel = random_shake(rng, _GRID, _SHAKE)
    pixels = np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        plane = oaconvolve(sharp[:, :, channel], kernel, mode="valid")
        plane += _NOISE * rng.standard_normal(plane.shape)
        pixels[:, :, channel] = eight_bits(plane)
    write_image(str(path), Picture(pixels))


def sharp_picture(size: Tuple[int, int], photographs: Path = PHOTOGRAPHS) -> np.ndarray:
    """Return photographs side by side, mirrored on to a size (width, height).

    Returns
    -------
    array (height, width, 3), float32, 0..1

    Raises
    ------
    OSError
        There is no such folder, or it holds no pictures.
    """
    picture = _strip(photographs)
    missing = [max(wanted - have, 0) for wanted, have in zip(size[::-1], picture.shape)]
    padding = [(0, missing[0]), (0, missing[1]), (0, 0)]
    return np.pad(picture, padding, mode="symmetric")[: size[1], : size[0]]


def _strip(folder: Path) -> np.ndarray:
    """Return the folder's pictures side by side, as high as the lowest, (H, W, 3) in 0..1."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    if not files:
        raise OSError(f"{folder}: expected sharp pictures (.jpg, .png), found none")
    pictures = [read_image(str(path)).pixels for path in files]
    height = min(picture.shape[0] for picture in pictures)
    strip = np.concatenate([picture[:height] for picture in pictures], axis=1)
    return unit_range(strip)
