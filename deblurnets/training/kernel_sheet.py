"""A contact sheet of the random kernels that a training run draws."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from deblurnets.pictures.files import Picture, write_image
from deblurnets.simulation.trajectory import random_shake
from deblurnets.training.samples import SampleConfig, generator

_GAP = 2  # pixels between kernels
_LINES = 96  # grey of the gaps


def draw_kernel_sheet(config: SampleConfig, seed: int, count: int) -> np.ndarray:
    """Draw kernels row by row, each with its maximum white.

    Parameters
    ----------
    config : SampleConfig
        Grid, extent and power count.
    seed : int
        Stream; kernel i is that of sample i of a training run with this seed.
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
        kernel = random_shake(rng, config.grid, config.extent, config.power)
        top, left = (_GAP + cell * i for i in divmod(number, columns))
        # The square root shows the faint parts of a path, which matter.
        grey = np.rint(255 * np.sqrt(kernel / kernel.max())).astype(np.uint8)
        sheet[top : top + config.grid, left : left + config.grid] = grey
    return sheet


def write_kernel_sheet(path: Path, config: SampleConfig, seed: int, count: int) -> None:
    """Write a contact sheet as a picture file, see `draw_kernel_sheet`."""
    write_image(str(path), Picture(draw_kernel_sheet(config, seed, count)))
