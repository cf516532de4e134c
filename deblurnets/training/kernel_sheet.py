"""A contact sheet of the random kernels that a training run draws."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np

from deblurnets.pictures.files import Picture, write_image
from deblurnets.simulation.camera import random_scale, random_shot
from deblurnets.training.samples import SampleConfig, generator

_GAP = 2  # pixels between kernels
_LINES = 96  # grey of the gaps


def draw_kernel_sheet(config: SampleConfig, seed: int, count: int) -> np.ndarray:
    """Draw kernels row by row, each with its maximum white.

    Parameters
    ----------
    config : SampleConfig
        Its shakes, lenses and scales count.
    seed : int
        Of the kernels.
    count : int
        Kernels.

    Returns
    -------
    array (H, W), uint8
    """
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    cell = config.grid + _GAP
    sheet = np.full((rows * cell + _GAP, columns * cell + _GAP), _LINES, np.uint8)
    for number in range(count):
        rng = generator(seed, number)
        kernel = _kernel(rng, config)
        top, left = (_GAP + cell * i for i in divmod(number, columns))
        # The square root shows the faint parts of a path, which matter.
        grey = np.rint(255 * np.sqrt(kernel / kernel.max())).astype(np.uint8)
        sheet[top : top + config.grid, left : left + config.grid] = grey
    return sheet


def _kernel(rng: np.random.RandomState, config: SampleConfig) -> np.ndarray:
    """Draw a kernel as the middle of a sample has it."""
    scale = random_scale(rng, config)
    shape = (round(config.crop / scale),) * 2
    shot = random_shot(rng, shape, dataclasses.replace(config, still=0), scale)
    middle = ((config.crop - 1) / 2,) * 2
    return shot.motion.scaled(scale).kernel(middle, config.grid, shot.optics * scale)


def write_kernel_sheet(path: Path, config: SampleConfig, seed: int, count: int) -> None:
    """Write a contact sheet as a picture file, see `draw_kernel_sheet`."""
    write_image(str(path), Picture(draw_kernel_sheet(config, seed, count)))
