"""Overlapping regions of a picture, and results of single regions faded into each other.

A region's weight is 1 at its middle and falls linearly to 0 at the middles of its neighbours, so
that at every pixel the weights sum to 1 and a result changes as gradually as the blur does.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Sequence, Tuple

import numpy as np

from deblurnets.runtime.tiles import Span, add_part


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

    def spans(self) -> List[Tuple[Span, Span]]:
        """Return the rows and columns over which each region counts, and how much."""
        down, right = (
            hats(length, parts) for length, parts in zip(self.shape, (self.rows, self.columns))
        )
        return [(row, column) for row in down for column in right]


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


def hats(length: int, parts: Sequence[slice]) -> List[Span]:
    """Spread weights from 1 at each part's middle to 0 at its neighbours' middles."""
    middles = [(part.start + part.stop) / 2 for part in parts]
    pixels = np.arange(length) + 0.5
    spans = []
    for row in np.eye(len(parts)):
        weights = np.interp(pixels, middles, row).astype(np.float32)
        inside = np.nonzero(weights)[0]
        start, stop = int(inside[0]), int(inside[-1]) + 1
        spans.append(Span(start, stop, weights[start:stop]))
    return spans


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
    spans = regions.spans()
    result = base.astype(np.float32)
    for number, halo, restore in local:
        row, column = spans[number]
        outer = tuple(
            slice(max(span.start - halo, 0), min(span.stop + halo, length))
            for span, length in zip((row, column), regions.shape)
        )
        inner = tuple(
            slice(span.start - around.start, span.stop - around.start)
            for span, around in zip((row, column), outer)
        )
        change = restore(outer)[inner] - base[row.part, column.part]
        add_part(np.moveaxis(result, -1, 0), np.moveaxis(change, -1, 0), row, column)
    return result
