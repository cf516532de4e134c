"""Pictures and maps worked on in overlapping tiles, so that memory does not grow with their size.

`map_tiles` cuts a picture where memory does not suffice for the whole; neighbouring tiles are faded
into each other along the middle of their overlap, where both know enough of the surroundings to
agree. `add_in_tiles` cuts maps for functions of limited reach, convolutions, into tiles of a few
fixed sizes: oneDNN, by which TensorFlow convolves, prepares code and memory for each size of maps
and keeps them, without end in a folder of pictures of many sizes. Its results are those of the
whole maps, except near a border that a tile reaches over.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Tuple

import numpy as np

# Width of a fade in pixels: long enough to hide the rounding to grey levels.
_FADE = 16
# Sides of square tiles for small maps: many pictures of many sizes share them.
SIDES = (320, 448, 576, 768, 832, 896, 960)
# Tiles of larger maps have sides that are multiples of the step, and at most so many pixels.
STEP, LONGEST, MOST = 64, 1536, 1_200_000

Function = Callable[[np.ndarray], np.ndarray]


class Span(NamedTuple):
    """A part of an axis and how much its pixels count.

    Attributes
    ----------
    start, stop : int
    weights : ndarray, (stop - start,), float32
        0..1; the weights of all spans of an axis sum to 1 at every pixel.
    """

    start: int
    stop: int
    weights: np.ndarray

    @property
    def part(self) -> slice:
        """Where it lies."""
        return slice(self.start, self.stop)


def add_part(result: np.ndarray, part: np.ndarray, row: Span, column: Span) -> None:
    """Add a tile's values (..., h, w) to a result (..., H, W), weighted, in place."""
    result[..., row.part, column.part] += part * (row.weights[:, None] * column.weights)


def faded_spans(length: int, side: int, halo: int, step: int = 1) -> List[Span]:
    """Cut an axis into equal spans, at most `side` long, that overlap by twice the halo.

    Parameters
    ----------
    length, side : int
        Pixels.
    halo : int
        Pixels that a span knows beyond its own part; at least 1.
    step : int
        Spans begin at multiples of this, for networks that reduce a picture in whole steps.

    Raises
    ------
    ValueError
        If the side is not longer than four halos and two steps: there would be no end of spans.
    """
    if side < least_side(halo, step):
        raise ValueError(
            f"a tile must have at least {least_side(halo, step)} pixels a side, received {side}"
        )
    halo = -(-halo // step) * step
    if length <= side:
        return [Span(0, length, np.ones(length, np.float32))]
    count = -(-(length - 2 * halo) // (side - 2 * halo - step))
    borders = [
        halo + round(i * (length - 2 * halo) / count) // step * step for i in range(1, count)
    ]
    starts = [0, *(b - halo for b in borders)]
    stops = [*(b + halo for b in borders), length]
    # Two fades never meet: then the weights of three spans would not sum to 1.
    apart = min((b - a for a, b in zip(borders, borders[1:])), default=length)
    fade = min(_FADE, halo, apart / 2)
    spans = []
    for number, (start, stop) in enumerate(zip(starts, stops)):
        position = np.arange(start, stop) + 0.5
        weights = np.ones(stop - start)
        if number > 0:
            weights *= np.clip((position - borders[number - 1]) / (2 * fade) + 0.5, 0, 1)
        if number < count - 1:
            weights *= np.clip((borders[number] - position) / (2 * fade) + 0.5, 0, 1)
        spans.append(Span(start, stop, weights.astype(np.float32)))
    return spans


def least_side(halo: int, step: int = 1) -> int:
    """Return the shortest side that `faded_spans` takes."""
    return 4 * halo + 2 * step + 1


def map_tiles(
    function: Function, image: np.ndarray, tile: int, halo: int, step: int = 1
) -> np.ndarray:
    """Apply a function to a picture tile by tile.

    A tile for which memory does not suffice is cut into smaller ones.

    Parameters
    ----------
    function : callable
        Takes a part of the picture, returns its result: (h, w, C) to (h, w, C) float32.
    image : array (H, W, C)
    tile : int
        Largest side of a part, halo included; `least_side` or more is taken.
    halo : int
        Distance in pixels beyond which the surroundings change nothing that matters.
    step : int
        See `faded_spans`.

    Returns
    -------
    array (H, W, C), float32
    """
    tile = max(tile, least_side(halo, step))

    def work(part: np.ndarray) -> np.ndarray:
        side = max(part.shape[:2])
        smaller = max(side // 2 + 2 * halo, least_side(halo, step))
        result = attempt(function, part, hopeless=smaller > 0.8 * side)
        return map_tiles(function, part, smaller, halo, step) if result is None else result

    if max(image.shape[:2]) <= tile:
        return work(image)
    rows, columns = (faded_spans(n, tile, halo, step) for n in image.shape[:2])
    result = np.zeros(image.shape, np.float32)
    for row in rows:
        for column in columns:
            part = work(image[row.part, column.part])
            add_part(np.moveaxis(result, -1, 0), np.moveaxis(part, -1, 0), row, column)
    return result


def add_in_tiles(
    function: Function,
    maps: np.ndarray,
    result: np.ndarray,
    halo: int,
    divisor: int,
    largest: Optional[int] = None,
) -> None:
    """Add to planes what a function makes of maps of the same size, in tiles of one size.

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
    shape = tile_shape(*maps.shape[1:], halo, largest)
    if shape == maps.shape[1:]:
        result += function(maps)
        return

    def work(part: np.ndarray) -> np.ndarray:
        missing = [(0, n - m) for n, m in zip(shape, part.shape[1:])]
        tile = np.pad(part, [(0, 0), *missing], mode="constant") if np.any(missing) else part
        smaller = max(shape) // 2
        found = attempt(function, tile, max(tile_shape(*shape, halo, smaller)) >= max(shape))
        if found is None:
            found = np.zeros((len(result), *shape), np.float32)
            add_in_tiles(function, tile, found, halo, divisor, smaller)
        return found[:, : part.shape[1], : part.shape[2]]

    rows, columns = (fixed_spans(*n, halo, divisor) for n in zip(maps.shape[1:], shape))
    for row in rows:
        for column in columns:
            add_part(result, work(maps[:, row.part, column.part]), row, column)


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


def fixed_spans(length: int, side: int, halo: int, divisor: int) -> List[Span]:
    """Cut an axis into spans of one length, or its own where it is shorter.

    They begin at multiples of the divisor and overlap by twice the halo or more, in whose middle
    the next one's values take over.
    """
    count = _count(length, side, halo)
    room = max(length - side, 0) // divisor
    starts = [divisor * (i * room // max(count - 1, 1)) for i in range(count)]
    borders = [0, *[(a + side + b) // 2 for a, b in zip(starts, starts[1:])], length]
    spans = []
    for start, low, high in zip(starts, borders, borders[1:]):
        position = np.arange(start, min(start + side, length))
        weights = (position >= low) & (position < high)
        spans.append(Span(start, min(start + side, length), weights.astype(np.float32)))
    return spans


def _count(length: int, side: int, halo: int) -> int:
    """Return the number of tiles along an axis."""
    return 1 if length <= side else -(-(length - 2 * halo) // (side - 2 * halo))


def attempt(function: Function, part: np.ndarray, hopeless: bool) -> Optional[np.ndarray]:
    """Apply a function to a part of a picture; None where memory does not suffice.

    Where it is hopeless to cut the part further the error is raised. The function is not to be
    tried again in a handler of the error, whose traceback holds the arrays that filled the memory.
    """
    try:
        return function(part)
    except Exception as error:
        if hopeless or not is_out_of_memory(error):
            raise
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out: Python's, TensorFlow's or PyTorch's."""
    names = {"ResourceExhaustedError", "OutOfMemoryError"}
    return isinstance(error, MemoryError) or type(error).__name__ in names
