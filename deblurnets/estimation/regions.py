"""Overlapping regions of a picture, and results of single regions faded into each other.

A region's weight is 1 at its middle and falls linearly to 0 at the middles of its neighbours, so
that at every pixel the weights sum to 1 and a result changes as gradually as the blur does.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Sequence, Tuple

import numpy as np


class Regions(NamedTuple):
    """A picture's regions: each of `rows` with each of `columns`, row by row.

    Attributes
    ----------
    shape : the picture's height and width.
    rows, columns : parts of the picture's sides, equally long on each side.
    """

    shape: Tuple[int, int]
    rows: Tuple[slice, ...]
    columns: Tuple[slice, ...]

    def places(self) -> List[Tuple[slice, slice]]:
        """Return the rows and columns of each region."""
        return [(row, column) for row in self.rows for column in self.columns]

    def neighbours(self, number: int) -> List[int]:
        """Return the numbers of the regions above, below, left and right of a region."""
        across = len(self.columns)
        row, column = divmod(number, across)
        steps = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
        return [r * across + c for r, c in steps if 0 <= r < len(self.rows) and 0 <= c < across]

    def weights(self) -> List[Tuple[np.ndarray, np.ndarray]]:
        """Return the weights (H,) and (W,) of each region; its weight is their product."""
        down, right = (
            hats(length, parts) for length, parts in zip(self.shape, (self.rows, self.columns))
        )
        return [(a, b) for a in down for b in right]


def cut_regions(shape: Tuple[int, int], side: int, step: float, most: int) -> Regions:
    """Cut a picture into regions that overlap.

    Parameters
    ----------
    shape : height and width of the picture.
    side : least side of a region in pixels; a smaller picture is one region.
    step : distance of neighbours in sides, about.
    most : largest number of regions along a side; they are larger in a large picture.
    """
    side = max(side, round(max(shape) / (1 + step * (most - 1))))
    return Regions(shape, *(_along(length, side, step) for length in shape))


def _along(length: int, side: int, step: float) -> Tuple[slice, ...]:
    side = min(side, length)
    count = round((length - side) / (step * side)) + 1
    starts = np.linspace(0, length - side, count).astype(int)
    return tuple(slice(int(start), int(start) + side) for start in starts)


def hats(length: int, parts: Sequence[slice]) -> np.ndarray:
    """Return weights (parts, length), 0..1, that sum to 1 at every pixel."""
    middles = [(part.start + part.stop) / 2 for part in parts]
    pixels = np.arange(length) + 0.5
    rows = [np.interp(pixels, middles, row) for row in np.eye(len(parts))]
    return np.stack(rows).astype(np.float32)


def fade(
    regions: Regions,
    base: np.ndarray,
    local: Sequence[Tuple[int, int, Callable[[Tuple[slice, slice]], np.ndarray]]],
) -> np.ndarray:
    """Fade the results of some regions into a result of the whole picture.

    Parameters
    ----------
    regions : Regions
    base : array (H, W, 3)
        The result where no region has its own.
    local : sequence of (int, int, callable)
        Number of a region, how many pixels around its weight's support must be known, and what
        returns the result of a part of the picture, given the part's rows and columns.

    Returns
    -------
    array (H, W, 3), float32
    """
    weights = regions.weights()
    result = base.astype(np.float32)
    for number, halo, restore in local:
        down, right = weights[number]
        inner = tuple(_support(side) for side in (down, right))
        outer = tuple(
            slice(max(part.start - halo, 0), min(part.stop + halo, length))
            for part, length in zip(inner, regions.shape)
        )
        within = tuple(
            slice(part.start - around.start, part.stop - around.start)
            for part, around in zip(inner, outer)
        )
        weight = down[inner[0], None, None] * right[None, inner[1], None]
        result[inner] += weight * (restore(outer)[within] - base[inner])
    return result


def _support(weights: np.ndarray) -> slice:
    inside = np.nonzero(weights)[0]
    return slice(int(inside[0]), int(inside[-1]) + 1)
