"""Layers of the paper's two networks that Keras does not have."""

from __future__ import annotations

from typing import Any, Sequence, Tuple

from deblurnets.backend import keras, ops
from deblurnets.paper.correlation import cross_correlation

Tensor = Any
Shape = Sequence[Any]

# ITU-R BT.601 luma as tf.image.rgb_to_grayscale rounds it.
_GREY = (0.2989, 0.5870, 0.1140)


class GreyStandardize(keras.layers.Layer):
    """Grey pictures with zero mean and unit deviation out of RGB ones, per picture."""

    def call(self, image: Tensor) -> Tensor:
        """Map (batch, height, width, 3) to (batch, height, width, 1)."""
        grey = sum(image[..., i : i + 1] * weight for i, weight in enumerate(_GREY))
        grey = grey - ops.mean(grey, axis=(1, 2), keepdims=True)
        variance = ops.mean(ops.square(grey), axis=(1, 2), keepdims=True)
        return grey / ops.sqrt(variance + 1e-7)

    def compute_output_shape(self, input_shape: Shape) -> Tuple[Any, ...]:
        """Return the same size, one channel."""
        return (*tuple(input_shape)[:-1], 1)


class CrossCorrelation(keras.layers.Layer):
    """Normalised cross-correlation of all pairs of maps, and the same mirrored.

    Each map is centred and divided by its norm; a constant map gives 0. The mirrored copies are
    the pairs in the other order, so that the layer after this one sees both.

    Parameters
    ----------
    max_shift : int
        Largest shift in pixels.
    """

    def __init__(self, max_shift: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_shift = max_shift

    def call(self, maps: Tensor) -> Tensor:
        """Map (batch, h, w, c) to (batch, 2 max_shift + 1, 2 max_shift + 1, c (c + 1))."""
        centred = maps - ops.mean(maps, axis=(1, 2), keepdims=True)
        energy = ops.sum(ops.square(centred), axis=(1, 2), keepdims=True)
        # Rounding leaves a constant map with a tiny energy, which must not become a unit one.
        highest = ops.max(maps, axis=(1, 2), keepdims=True)
        varies = highest > ops.min(maps, axis=(1, 2), keepdims=True)
        varies = ops.logical_and(varies, energy > 0)
        norm = ops.sqrt(ops.where(varies, energy, ops.ones_like(energy)))
        normalised = ops.where(varies, centred / norm, ops.zeros_like(centred))
        planes = cross_correlation(normalised, self.max_shift)
        return ops.concatenate([planes, ops.flip(planes, axis=(1, 2))], axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Tuple[Any, ...]:
        """Return the window's size and the number of ordered pairs."""
        batch, _, _, channels = tuple(input_shape)
        window = 2 * self.max_shift + 1
        return (batch, window, window, channels * (channels + 1))


class CentreCrop(keras.layers.Layer):
    """The middle `size` rows and columns of maps."""

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, maps: Tensor) -> Tensor:
        """Map (batch, h, w, c) to (batch, size, size, c)."""
        top = maps.shape[1] // 2 - self.size // 2
        left = maps.shape[2] // 2 - self.size // 2
        return maps[:, top : top + self.size, left : left + self.size]

    def compute_output_shape(self, input_shape: Shape) -> Tuple[Any, ...]:
        """Return the cropped size."""
        return (input_shape[0], self.size, self.size, input_shape[3])


class UnitSum(keras.layers.Layer):
    """One map, divided by its sum: (batch, k, k, 1) to (batch, k, k)."""

    def call(self, maps: Tensor) -> Tensor:
        """Return kernels that sum to 1, or zeros where the map is zero."""
        kernel = maps[..., 0]
        return kernel / (ops.sum(kernel, axis=(1, 2), keepdims=True) + 1e-7)

    def compute_output_shape(self, input_shape: Shape) -> Tuple[Any, ...]:
        """Return the map's size without channels."""
        return tuple(input_shape)[:-1]


class Bias(keras.layers.Layer):
    """A learned vector, added; it starts at 1."""

    def build(self, input_shape: Shape) -> None:
        """Create the vector."""
        self.bias = self.add_weight(
            name="Variable", shape=(input_shape[-1],), initializer="ones", trainable=True
        )
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Add the vector to (..., channels)."""
        return x + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Tuple[Any, ...]:
        """Return the same shape."""
        return tuple(input_shape)


class LayerNames:
    """Numbers layers of each type in the order of creation, as Keras 2 did.

    The official weight files carry such names, and weights are matched by type and order.
    """

    def __init__(self) -> None:
        self._counts: dict = {}

    def __call__(self, kind: str) -> str:
        """Return ``kind``, ``kind_1``, ``kind_2``, ..."""
        number = self._counts.get(kind, 0)
        self._counts[kind] = number + 1
        return f"{kind}_{number}" if number else kind
