"""The synthesis network of Kaufman and Fattal (CVPR 2020, arXiv 2004.02956).

From a blurry picture and its blur kernel to the sharp picture: a U-Net whose convolutions are
scaled and shifted by vectors computed from the kernel. Layers, their sizes and their order of
creation are those of the official release, whose weights this network takes.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from deblurnets.backend import keras
from deblurnets.networks.paper_layers import Bias, LayerNames

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
        self.kernel = keras.layers.Flatten(name="flatten")(kernel)

    def convolution(self, size: int, x: Tensor, filters: int = 0, **options: Any) -> Tensor:
        filters = filters or self.config.filters
        name = self.name("conv2d")
        return keras.layers.Conv2D(filters, size, padding="same", name=name, **options)(x)

    def dense(self, x: Tensor, **options: Any) -> Tensor:
        return keras.layers.Dense(self.config.filters, name=self.name("dense"), **options)(x)

    def channel_factors(self, guide: Tensor) -> Tensor:
        """One number for each channel, (batch, 1, 1, filters)."""
        shape = (1, 1, self.config.filters)
        return keras.layers.Reshape(shape, name=self.name("reshape"))(self.dense(guide))

    def guided_block(self, x: Tensor) -> Tensor:
        """Convolutions whose channels are scaled and shifted as the kernel demands."""
        guide = self.dense(self.kernel, activation="relu")
        guide = self.dense(guide, activation="relu")
        for _ in range(self.config.convolutions):
            multiplier = Bias(name=self.name("bias_layer"))(self.channel_factors(guide))
            x = self.convolution(3, x)
            x = keras.layers.Multiply(name=self.name("multiply"))([multiplier, x])
            x = keras.layers.Add(name=self.name("add"))([x, self.channel_factors(guide)])
            x = keras.layers.Activation("relu", name=self.name("activation"))(x)
        return x

    def up(self, x: Tensor, skip: Tensor) -> Tensor:
        """Double the size and join what the way down had at that size."""
        x = keras.layers.Conv2DTranspose(
            self.config.filters,
            5,
            strides=2,
            padding="same",
            activation="relu",
            name=self.name("conv2d_transpose"),
        )(x)
        skip = self.convolution(3, skip)
        x = keras.layers.Concatenate(name=self.name("concatenate"))([x, skip])
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
    build = _Builder(config, kernel)
    x = image
    skips = []
    for _ in range(config.levels):
        x = build.guided_block(x)
        skips.append(x)
        x = build.convolution(3, x, strides=2)
    x = build.guided_block(x)
    while skips:
        x = build.guided_block(build.up(x, skips.pop()))
    x = build.convolution(3, x, filters=3)
    return keras.Model([image, kernel], x, name="paper_synthesis")
