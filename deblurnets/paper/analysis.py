"""The analysis network of Kaufman and Fattal (CVPR 2020, arXiv 2004.02956), the vanilla one.

From a picture to its blur kernel: learned features of the picture at four scales are correlated
with each other at all shifts within the kernel's extent, and a small decoder turns these maps,
coarse to fine, into the kernel. Layers, their sizes and their order of creation are those of the
official release, whose weights this network takes.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Tuple

from deblurnets.backend import keras
from deblurnets.paper.layers import (
    CentreCrop,
    CrossCorrelation,
    GreyStandardize,
    LayerNames,
    UnitSum,
)

Tensor = Any

MIN_SIZE = 248
"""Least height and width of the input: smaller ones leave the coarsest level less than a window."""


@dataclasses.dataclass(frozen=True)
class PaperAnalysisConfig:
    """Sizes of the paper's analysis network; the defaults are the official ones.

    Attributes
    ----------
    max_shift : largest shift in pixels at the finest level; the kernel has twice that plus 1.
    levels : scales, each half of the one before.
    filters : channels of the three wide convolutions of each level.
    features : channels that are correlated with each other, and channels of the decoder.
    head : channels of the last convolutions before the kernel itself.
    """

    max_shift: int = 42
    levels: int = 4
    filters: int = 64
    features: int = 32
    head: Tuple[int, ...] = (24, 16, 8)


class _Builder:
    """Creates layers in the official order, with the official names."""

    def __init__(self, config: PaperAnalysisConfig):
        self.config = config
        self.name = LayerNames()

    def convolution(self, filters: int, size: int, x: Tensor, **options: Any) -> Tensor:
        options = {"padding": "same", "activation": "relu", **options}
        return keras.layers.Conv2D(filters, size, name=self.name("conv2d"), **options)(x)

    def correlation_maps(self, x: Tensor, max_shift: int) -> Tensor:
        """Features of one level, correlated."""
        for _ in range(3):
            x = self.convolution(self.config.filters, 7, x, padding="valid")
        x = self.convolution(self.config.features, 1, x)
        x = CrossCorrelation(max_shift, name=self.name("cross_correlation_fft"))(x)
        return self.convolution(self.config.features, 1, x)

    def merge(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """One step of the decoder: `coarse` enlarged to the size of `fine` and joined to it."""
        enlarge = keras.layers.Conv2DTranspose(
            self.config.features,
            5,
            strides=2,
            activation="relu",
            name=self.name("conv2d_transpose"),
        )
        crop = CentreCrop(fine.shape[1], name=self.name("crop_center"))
        join = keras.layers.Concatenate(name=self.name("concatenate"))
        return self.convolution(self.config.features, 3, join([fine, crop(enlarge(coarse))]))


def build_paper_analysis(config: PaperAnalysisConfig = PaperAnalysisConfig()) -> Any:
    """Build the network.

    Parameters
    ----------
    config : PaperAnalysisConfig
        Sizes; the official weights fit the defaults.

    Returns
    -------
    keras.Model
        From RGB pictures (batch, height, width, 3), range 0..255, at least `MIN_SIZE` high and
        wide, to kernels (batch, k, k), not negative, summing to 1.
    """
    build = _Builder(config)
    image = keras.Input((None, None, 3), name="image")
    x = GreyStandardize(name="standardize")(image)
    maps = []
    max_shift = config.max_shift
    for level in range(config.levels):
        maps.append(build.correlation_maps(x, max_shift))
        if level < config.levels - 1:
            x = build.convolution(1, 5, x, strides=2, activation=None)
        max_shift = (max_shift + 1) // 2
    # The official release creates a last halving that nothing uses; it has a number, no weights.
    build.name("conv2d")
    x = maps.pop()
    while maps:
        x = build.merge(maps.pop(), x)
    for filters in config.head:
        x = build.convolution(filters, 3, x)
    x = build.convolution(1, 5, x)
    return keras.Model(image, UnitSum(name="normalization")(x), name="paper_analysis")
