"""The quality network: how much better than the blurry picture a deblurred one is.

It has no sharp picture to compare with: a small convolutional network sees the two and the residual
of the deblurred one, and predicts the gain in PSNR. The idea of a learned prior that knows sharp
from blurry pictures: Li, Pan, Lai, Gao, Sang and Yang, "Learning a
discriminative prior for blind image deblurring", CVPR 2018.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Optional, Tuple

from deblurnets.backend import build_layer, keras, ops
from deblurnets.networks.layers import ResidualBlock, Shape, maps_shape

Tensor = Any


@dataclasses.dataclass(frozen=True)
class QualityConfig:
    """What fixes a quality network.

    Attributes
    ----------
    widths : channels per level; each level halves the resolution, the first one included.
    unit : decibels per unit of the network's output.
    dtype : Keras policy of the convolutions.
    """

    widths: Tuple[int, ...] = (16, 32, 48, 64, 64)
    unit: float = 5.0
    dtype: str = "float32"

    @property
    def divisor(self) -> int:
        """Height and width of the input must be multiples of this."""
        return 2 ** len(self.widths)


class QualityNetwork(keras.Model):
    """Predicts a deblurred picture's gain over the blurry one.

    Parameters
    ----------
    config : QualityConfig
    """

    def __init__(self, config: QualityConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        layers, dtype = keras.layers, config.dtype
        self.downs = [
            layers.Conv2D(w, 4, strides=2, padding="same", dtype=dtype, name=f"down_{i}")
            for i, w in enumerate(config.widths)
        ]
        self.blocks = [
            ResidualBlock(w, dtype=dtype, name=f"block_{i}") for i, w in enumerate(config.widths)
        ]
        self.hidden = layers.Dense(64, activation="relu", name="hidden")
        self.gain = layers.Dense(1, kernel_initializer="zeros", name="gain")

    def build(self, *_: Optional[Shape]) -> None:
        """Create the variables, which do not depend on the arguments' shapes."""
        channels = 4
        for width, down, block in zip(self.config.widths, self.downs, self.blocks):
            build_layer(down, maps_shape(channels))
            build_layer(block, maps_shape(width))
            channels = width
        build_layer(self.hidden, (None, 2 + sum(self.config.widths)))
        build_layer(self.gain, (None, self.hidden.units))
        self.built = True

    def call(self, blurry: Tensor, restored: Tensor, error: Tensor) -> Tensor:
        """Predict gains.

        Parameters
        ----------
        blurry, restored : (batch, H, W, 1), 0..1; H and W multiples of ``config.divisor``.
        error : (batch, H, W, 1), the blurry picture minus the restored one blurred again; zeros
            where that is not known.

        Returns
        -------
        (batch,), decibels of PSNR.
        """
        mean = ops.mean(blurry, axis=(1, 2, 3), keepdims=True)
        variance = ops.mean((blurry - mean) ** 2, axis=(1, 2, 3), keepdims=True)
        deviation = ops.sqrt(variance) + 1e-3
        first, second = (blurry - mean) / deviation, (restored - mean) / deviation
        # Most are a tenth of the picture's contrast or less; those next to clipped lights are not.
        error = ops.clip(error, -0.1, 0.1)
        planes = [first, second, second - first, 10 * error / deviation]
        x = ops.concatenate(planes, axis=-1)
        size = ops.sqrt(ops.mean(error * error, axis=(1, 2)))
        pooled = [ops.log(deviation[:, 0, 0, :]), ops.log(size + 1e-3)]
        for down, block in zip(self.downs, self.blocks):
            x = ops.maximum(block(down(x)), 0)
            # Means of every level: sharpness shows in the fine ones, ringing in the coarse.
            pooled.append(ops.mean(ops.cast(x, "float32"), axis=(1, 2)))
        features = self.hidden(ops.concatenate(pooled, axis=-1))
        return self.config.unit * self.gain(features)[:, 0]


def build_quality(config: QualityConfig) -> QualityNetwork:
    """Return the network with its variables created, at their initial values."""
    network = QualityNetwork(config, name="compact_quality")
    build_layer(network)
    return network
