"""Large pictures in overlapping tiles, so that memory does not grow with the picture.

Neighbouring tiles share twice a halo and are faded into each other along its middle, where both
know enough of the surroundings to agree.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional

import numpy as np

# Width of the fade in pixels: long enough to hide the rounding to grey levels.
_FADE = 16


class Piece(NamedTuple):
    """A part of a picture's side and how much it counts there.

    Attributes
    ----------
    start, stop : int
        The part.
    weights : ndarray, (stop - start,), float32
        0..1; the weights of all pieces sum to 1 at every pixel.
    """

    start: int
    stop: int
    weights: np.ndarray


def cut(length: int, tile: int, halo: int, step: int = 1) -> List[Piece]:
    """Cut a side into pieces of equal size, at most `tile`, that overlap by twice the halo.

    Parameters
    ----------
    length, tile : int
        Pixels.
    halo : int
        Pixels that a piece knows beyond its own part; at least 1.
    step : int
        Pieces begin at multiples of this, for networks that reduce a picture in whole steps.

    Raises
    ------
    ValueError
        If the tile is not larger than four halos and two steps: there would be no end of pieces.
    """
    if tile <= 4 * halo + 2 * step:
        least = 4 * halo + 2 * step + 1
        raise ValueError(f"a tile must have at least {least} pixels a side, received {tile}")
    halo = -(-halo // step) * step
    if length <= tile:
        return [Piece(0, length, np.ones(length, np.float32))]
    count = -(-(length - 2 * halo) // (tile - 2 * halo - step))
    borders = [
        halo + round(i * (length - 2 * halo) / count) // step * step for i in range(1, count)
    ]
    starts = [0, *(b - halo for b in borders)]
    stops = [*(b + halo for b in borders), length]
    # Two fades never meet: then the weights of three pieces would not sum to 1.
    apart = min((b - a for a, b in zip(borders, borders[1:])), default=length)
    fade = min(_FADE, halo, apart / 2)
    pieces = []
    for number, (start, stop) in enumerate(zip(starts, stops)):
        position = np.arange(start, stop) + 0.5
        weights = np.ones(stop - start)
        if number > 0:
            weights *= np.clip((position - borders[number - 1]) / (2 * fade) + 0.5, 0, 1)
        if number < count - 1:
            weights *= np.clip((borders[number] - position) / (2 * fade) + 0.5, 0, 1)
        pieces.append(Piece(start, stop, weights.astype(np.float32)))
    return pieces


def map_tiles(
    function: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    tile: int,
    halo: int,
    step: int = 1,
) -> np.ndarray:
    """Apply a function to a picture tile by tile.

    A tile for which memory does not suffice is cut into smaller ones.

    Parameters
    ----------
    function : callable
        Takes a part of the picture, returns its result: (h, w, C) to (h, w, C) float32.
    image : array (H, W, C)
    tile : int
        Largest side of a part, halo included; a smaller one than `cut` takes is raised to that.
    halo : int
        Distance in pixels beyond which the surroundings change nothing that matters.
    step : int
        See `cut`.

    Returns
    -------
    array (H, W, C), float32
    """
    tile = max(tile, 4 * halo + 2 * step + 1)
    if max(image.shape[:2]) <= tile:
        return _with_what_memory_allows(function, image, halo, step)
    rows, columns = (cut(n, tile, halo, step) for n in image.shape[:2])
    result = np.zeros(image.shape, np.float32)
    for row in rows:
        for column in columns:
            part = image[row.start : row.stop, column.start : column.stop]
            part = _with_what_memory_allows(function, part, halo, step)
            weights = row.weights[:, None, None] * column.weights[None, :, None]
            result[row.start : row.stop, column.start : column.stop] += part * weights
    return result


def _with_what_memory_allows(
    function: Callable[[np.ndarray], np.ndarray], part: np.ndarray, halo: int, step: int
) -> np.ndarray:
    """Apply the function, to halves of the part if need be."""
    side = max(part.shape[:2])
    smaller = max(side // 2 + 2 * halo, 4 * halo + 2 * step + 1)
    result = attempt(function, part, hopeless=smaller > 0.8 * side)
    return map_tiles(function, part, smaller, halo, step) if result is None else result


def attempt(
    function: Callable[[np.ndarray], np.ndarray], part: np.ndarray, hopeless: bool
) -> Optional[np.ndarray]:
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
