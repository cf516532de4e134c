"""Layers of convolutions applied in tiles of few sizes.

oneDNN, which TensorFlow computes convolutions with, prepares code and memory for each size of maps
and keeps them: 10 MiB and more for a U-Net and picture size, without end in a folder of pictures of
many sizes. In tiles of a few fixed sizes that overlap by the reach of the convolutions, results are
those of the whole maps, except near a border that a tile reaches over (decision 008). (The parts of
large pictures in :mod:`deblurnets.tiles` are of any size, and faded into each other.)
"""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

from deblurnets.backend import ops

Tensor = Any

SIDES = (320, 448, 576, 768, 832, 896, 960, 1280)


def use_fixed_tiles(layer: Any, halo: int, divisor: int) -> None:
    """Let a layer work in fixed tiles, for inference.

    Parameters
    ----------
    layer : keras.layers.Layer
        Takes and returns maps (1, H, W, C) of equal height and width; changed in place.
    halo : int
        Reach of its convolutions in pixels, a multiple of `divisor`. Where it is too large for
        `SIDES` to be of use, the layer works on whole maps.
    divisor : int
        H and W are multiples of this, and so are all of `SIDES`.
    """
    if 4 * halo > max(SIDES):
        return
    whole = layer.call
    layer.call = lambda maps: in_fixed_tiles(whole, maps, halo, divisor)


def in_fixed_tiles(
    function: Callable[[Tensor], Tensor], maps: Tensor, halo: int, divisor: int
) -> Tensor:
    """Apply a function of maps (1, H, W, C) tile by tile; arguments as for `use_fixed_tiles`."""
    height, width = int(maps.shape[1]), int(maps.shape[2])
    side = best_side(height, width, halo)
    maps = ops.pad(maps, [[0, 0], [0, max(side - height, 0)], [0, max(side - width, 0)], [0, 0]])
    bands = []
    for top, rows in tile_spans(height, side, halo, divisor):
        band = []
        for left, columns in tile_spans(width, side, halo, divisor):
            result = function(maps[:, top : top + side, left : left + side])
            band.append(result[:, rows, columns])
        bands.append(band[0] if len(band) == 1 else ops.concatenate(band, axis=2))
    return bands[0] if len(bands) == 1 else ops.concatenate(bands, axis=1)


def best_side(height: int, width: int, halo: int) -> int:
    """Return the side of `SIDES` whose tiles have the fewest pixels in all."""
    return min(
        (side for side in SIDES if side >= 4 * halo),
        key=lambda side: _count(height, side, halo) * _count(width, side, halo) * side**2,
    )


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
