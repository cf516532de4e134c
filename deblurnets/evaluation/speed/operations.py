"""Multiply-adds of the convolutions, counted from the layers' shapes.

A convolution multiplies every value of its kernel (rows, columns, inputs, outputs) once at every
position: that is of its output, or of its input where it is transposed. Borders count in full.
Activations, sums and what surrounds the convolutions are left out.
"""

from __future__ import annotations

from typing import Any


def unet_operations(unet: Any, height: int, width: int) -> int:
    """Count a residual U-Net's multiply-adds for one picture.

    Parameters
    ----------
    unet : deblurnets.networks.layers.ResidualUNet
        Its variables created.
    height, width : int
        Size of its input, multiples of what it takes.
    """
    positions = height * width // unet.entry.strides[0] ** 2
    count = (_size(unet.entry) + _size(unet.exit)) * positions
    for level, (encoder, decoder) in enumerate(zip(unet.encoders, unet.decoders)):
        for block in (encoder, decoder):
            count += (_size(block.first) + _size(block.second)) * positions
        positions //= 4
        count += (_size(unet.downs[level]) + _size(unet.ups[level])) * positions
    return count + (_size(unet.bottom.first) + _size(unet.bottom.second)) * positions


def paper_synthesis_operations(config: Any, height: int, width: int) -> int:
    """Count the multiply-adds of the paper's synthesis network for one picture.

    Parameters
    ----------
    config : deblurnets.paper.synthesis.PaperSynthesisConfig
    height, width : int
        Multiples of ``config.divisor``.
    """
    filters = config.filters
    square = filters * filters
    block = 9 * square * config.convolutions
    positions = height * width
    # The first convolution has 3 inputs instead of `filters`, the last one 3 outputs.
    count = positions * 9 * (3 * filters + 3 * filters - square)
    for _ in range(config.levels):
        skip_and_join = 9 * square + 2 * square
        count += positions * (2 * block + skip_and_join)
        positions //= 4
        halving, doubling = 9 * square, 25 * square
        count += positions * (halving + doubling)
    return count + positions * block


def _size(layer: Any) -> int:
    """Return the number of values of a layer's kernel."""
    size = 1
    for n in layer.kernel.shape:
        size *= int(n)
    return size
