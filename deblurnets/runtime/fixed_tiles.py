"""Functions of maps applied in tiles of few sizes.

oneDNN, which TensorFlow computes convolutions with, prepares code and memory for each size of maps
and keeps them, without end in a folder of pictures of many sizes (decision 008). In tiles of a few
fixed sizes that overlap by the reach of the convolutions, results are those of the whole maps,
except near a border that a tile reaches over. (The parts of large pictures in
:mod:`deblurnets.runtime.tiles` are of any size, and faded into each other.)
"""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

import numpy as np

from deblurnets.runtime.tiles import attempt

# Sides of square tiles for small maps: many pictures of many sizes share them.
SIDES = (320, 448, 576, 768, 832, 896, 960)
# Tiles of larger maps have sides that are multiples of the step, and at most so many pixels.
STEP, LONGEST, MOST = 64, 1536, 1_200_000

Function = Callable[[np.ndarray], np.ndarray]


def add_in_tiles(
    function: Function,
    maps: np.ndarray,
    result: np.ndarray,
    halo: int,
    divisor: int,
    largest: Optional[int] = None,
) -> None:
    """Add to planes what a function makes of maps of the same size, tile by tile.

    A tile for which memory does not suffice is worked on in smaller ones.

    Parameters
    ----------
    function : callable
        Takes maps (C, h, w), returns planes (c, h, w).
    maps : ndarray, (C, H, W)
    result : ndarray, (c, H, W)
        Changed in place.
    halo : int
        Pixels beyond which the surroundings change nothing, a multiple of `divisor`. Where it is
        too large for `SIDES` to be of use, the function is given the whole maps.
    divisor : int
        H and W are multiples of this, and so are all of `SIDES`, and the step.
    largest : int, optional
        Largest side of a tile; no smaller than the smallest of `SIDES` that is of use.
    """
    height, width = maps.shape[1:]
    rows, columns = tile_shape(height, width, halo, largest)
    if (rows, columns) == (height, width):
        result += function(maps)
        return
    short = [(0, max(m - n, 0)) for n, m in ((height, rows), (width, columns))]
    if short != [(0, 0), (0, 0)]:
        maps = np.pad(maps, [(0, 0), *short], mode="constant")
    for top, down in tile_spans(height, rows, halo, divisor):
        for left, across in tile_spans(width, columns, halo, divisor):
            tile = maps[:, top : top + rows, left : left + columns]
            found = _with_what_memory_allows(function, tile, len(result), halo, divisor)
            place = result[:, top : top + rows, left : left + columns]
            place[:, down, across] += found[:, down, across]


def tile_shape(
    height: int, width: int, halo: int, largest: Optional[int] = None
) -> Tuple[int, int]:
    """Return the height and width of tiles with the fewest pixels in all.

    The maps' own where no tile is worth its overlap; else multiples of 64.
    """
    least = 4 * halo
    if least > max(SIDES):
        return height, width
    if max(height, width) <= max(SIDES):
        shapes = [(side, side) for side in SIDES if side >= least]
    else:
        sides = [n for n in range(min(SIDES), LONGEST + 1, STEP) if n >= least]
        shapes = [(m, n) for m in sides for n in sides if m * n <= MOST]
    allowed = max(largest or LONGEST, min(max(shape) for shape in shapes))

    def pixels(shape: Tuple[int, int]) -> int:
        return _count(height, shape[0], halo) * _count(width, shape[1], halo) * shape[0] * shape[1]

    return min((shape for shape in shapes if max(shape) <= allowed), key=pixels)


def tile_spans(length: int, side: int, halo: int, divisor: int) -> List[Tuple[int, slice]]:
    """Return where the tiles along an axis start, and which part of each one's result is kept."""
    count = _count(length, side, halo)
    room = max(length - side, 0) // divisor
    starts = [divisor * (i * room // max(count - 1, 1)) for i in range(count)]
    # The result changes over in the middle of an overlap.
    cuts = [0, *[(a + side + b) // 2 for a, b in zip(starts, starts[1:])], length]
    return [(s, slice(low - s, high - s)) for s, low, high in zip(starts, cuts, cuts[1:])]


def _count(length: int, side: int, halo: int) -> int:
    """Return the number of tiles along an axis."""
    return 1 if length <= side else -(-(length - 2 * halo) // (side - 2 * halo))


def _with_what_memory_allows(
    function: Function, tile: np.ndarray, planes: int, halo: int, divisor: int
) -> np.ndarray:
    """Apply the function, in smaller tiles if need be."""
    size = tile.shape[1:]
    smaller = max(size) // 2
    hopeless = max(tile_shape(*size, halo, smaller)) >= max(size)
    result = attempt(function, tile, hopeless)
    if result is None:
        result = np.zeros((planes, *size), np.float32)
        add_in_tiles(function, tile, result, halo, divisor, smaller)
    return result
