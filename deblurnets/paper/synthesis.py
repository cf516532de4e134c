"""The synthesis network of Kaufman and Fattal (CVPR 2020, arXiv 2004.02956).

From a blurry picture and its blur kernel to the sharp picture: a U-Net whose convolutions are
scaled and shifted by vectors computed from the kernel. Layers, their sizes and their order of
creation are those of the official release, whose weights this network takes.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

from deblurnets.backend import keras, ops
from deblurnets.paper.layers import Bias, LayerNames

Tensor = Any


@dataclasses.dataclass(frozen=True)
class PaperSynthesisConfig:
    """Sizes of the paper's synthesis network; the defaults are the official ones.

    Attributes
    ----------
    kernel_size : edge of the kernel, odd.
    levels : halvings of the picture, whose size must be a multiple of 2**levels.
    filters : channels throughout, of maps as of the kernel's vectors.
    convolutions : guided convolutions of each block.
    """

    kernel_size: int = 85
    levels: int = 4
    filters: int = 128
    convolutions: int = 3

    @property
    def divisor(self) -> int:
        """What height and width of the picture must be multiples of."""
        return 2**self.levels


class _Builder:
    """Creates layers in the official order, with the official names."""

    def __init__(self, config: PaperSynthesisConfig, kernel: Tensor):
        self.config = config
        self.name = LayerNames()
        self.kernel = self.layer("flatten", keras.layers.Flatten)(kernel)

    def layer(self, kind: str, create: Callable[..., Any], *sizes: Any, **options: Any) -> Any:
        """Return the next layer of a kind."""
        return create(*sizes, name=self.name(kind), **options)

    def convolution_layer(self, size: int, filters: int = 0, **options: Any) -> Any:
        filters = filters or self.config.filters
        create = keras.layers.Conv2D
        return self.layer("conv2d", create, filters, size, padding="same", **options)

    def convolution(self, size: int, x: Tensor, filters: int = 0, **options: Any) -> Tensor:
        return self.convolution_layer(size, filters, **options)(x)

    def dense(self, x: Tensor, **options: Any) -> Tensor:
        return self.layer("dense", keras.layers.Dense, self.config.filters, **options)(x)

    def channel_factors(self, guide: Tensor) -> Tensor:
        """One number for each channel, (batch, 1, 1, filters)."""
        shape = (1, 1, self.config.filters)
        return self.layer("reshape", keras.layers.Reshape, shape)(self.dense(guide))

    def guided_block(self, x: Tensor) -> Tensor:
        """Convolutions whose channels are scaled and shifted as the kernel demands."""
        guide = self.dense(self.kernel, activation="relu")
        guide = self.dense(guide, activation="relu")
        for _ in range(self.config.convolutions):
            multiplier = self.layer("bias_layer", Bias)(self.channel_factors(guide))
            convolution = self.convolution_layer(3)
            x = self.guided(convolution, x, multiplier, self.channel_factors(guide))
        return x

    def guided(self, convolution: Any, x: Tensor, multiplier: Tensor, addend: Tensor) -> Tensor:
        """Relu of a convolution's result times `multiplier` plus `addend`."""
        x = self.layer("multiply", keras.layers.Multiply)([multiplier, convolution(x)])
        x = self.layer("add", keras.layers.Add)([x, addend])
        return self.layer("activation", keras.layers.Activation, "relu")(x)

    def up(self, x: Tensor, skip: Tensor) -> Tensor:
        """Double the size and join what the way down had at that size."""
        x = self.layer(
            "conv2d_transpose",
            keras.layers.Conv2DTranspose,
            self.config.filters,
            5,
            strides=2,
            padding="same",
            activation="relu",
        )(x)
        return self.join(x, self.convolution(3, skip))

    def join(self, x: Tensor, skip: Tensor) -> Tensor:
        """As many channels of both as each of them has."""
        x = self.layer("concatenate", keras.layers.Concatenate)([x, skip])
        return self.convolution(1, x, activation="relu")


def build_paper_synthesis(config: PaperSynthesisConfig = PaperSynthesisConfig()) -> Any:
    """Build the network.

    Parameters
    ----------
    config : PaperSynthesisConfig
        Sizes; the official weights fit the defaults.

    Returns
    -------
    keras.Model
        From [RGB pictures (batch, height, width, 3), range 0..255, height and width multiples of
        ``config.divisor``; kernels (batch, k, k) that sum to 1] to sharp pictures of the same
        shape, about 0..255, not clipped.
    """
    image = keras.Input((None, None, 3), name="image")
    kernel = keras.Input((config.kernel_size, config.kernel_size), name="kernel")
    x = _assemble(_Builder(config, kernel), image)
    return keras.Model([image, kernel], x, name="paper_synthesis")


def fold_paper_synthesis(
    network: Any, config: PaperSynthesisConfig = PaperSynthesisConfig()
) -> Callable[[Tensor, Tensor], Tensor]:
    """Make a function of a built network that does the same for one picture in less time.

    What the kernel says scales and shifts a convolution's result. For a single kernel its weights
    and biases are scaled and shifted instead, which spares three passes over the maps.

    Parameters
    ----------
    network : keras.Model
        From `build_paper_synthesis`.
    config : PaperSynthesisConfig
        What it was built with.

    Returns
    -------
    callable
        From a picture (1, height, width, 3) and its kernel (1, k, k) to what the network returns.
    """
    return lambda image, kernel: _assemble(_Folded(config, kernel, network), image)


class _Folded(_Builder):
    """Takes the layers of a built network instead of creating them, for one kernel."""

    def __init__(self, config: PaperSynthesisConfig, kernel: Tensor, network: Any):
        self.network = network
        super().__init__(config, kernel)

    def layer(self, kind: str, create: Callable[..., Any], *sizes: Any, **options: Any) -> Any:
        return self.network.get_layer(self.name(kind))

    def guided(self, convolution: Any, x: Tensor, multiplier: Tensor, addend: Tensor) -> Tensor:
        weights = convolution.kernel * multiplier[0]
        biases = convolution.bias * multiplier[0, 0, 0] + addend[0, 0, 0]
        return ops.relu(ops.conv(x, weights, padding="same") + biases)

    def join(self, x: Tensor, skip: Tensor) -> Tensor:
        self.name("concatenate")  # one after the other, the two need no memory together
        convolution, own = self.convolution_layer(1), int(x.shape[-1])
        x = ops.conv(x, convolution.kernel[:, :, :own])
        return ops.relu(x + ops.conv(skip, convolution.kernel[:, :, own:]) + convolution.bias)


def _assemble(build: _Builder, x: Tensor) -> Tensor:
    """Return the sharp pictures of blurry ones `x`."""
    config = build.config
    skips = []
    for _ in range(config.levels):
        x = build.guided_block(x)
        skips.append(x)
        x = build.convolution(3, x, strides=2)
    x = build.guided_block(x)
    while skips:
        x = build.guided_block(build.up(x, skips.pop()))
    return build.convolution(3, x, filters=3)
