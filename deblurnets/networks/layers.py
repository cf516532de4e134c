"""Layers that the compact networks share."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

from deblurnets.backend import build_layer, conj, irfft2, keras, ops, rfft2, scale

Tensor = Any
Shape = Sequence[Optional[int]]


def fast_size(size: int, divisor: int = 2) -> int:
    """Return the smallest multiple of `divisor` >= size with no prime factor but 2, 3 and 5."""
    candidate = -(-size // divisor) * divisor
    while True:
        rest = candidate
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return candidate
        candidate += divisor


def pad_planes(planes: Tensor, size: Tuple[int, int]) -> Tensor:
    """Pad planes (batch, channels, H, W) with zeros, below and to the right, to `size`."""
    height, width = ops.shape(planes)[2:4]
    return ops.pad(planes, [[0, 0], [0, 0], [0, size[0] - height], [0, size[1] - width]])


def otf_of(kernel: Tensor, size: Tuple[int, int]) -> Tensor:
    """Fourier transform (batch, 1, P, Q // 2 + 1) of kernels (batch, k, k), origin at k // 2."""
    half = ops.shape(kernel)[1] // 2
    planes = pad_planes(ops.expand_dims(kernel, 1), size)
    return rfft2(ops.roll(planes, (-half, -half), (2, 3)))


def wiener(spectrum: Tensor, otf: Tensor, power: Tensor, size: Tuple[int, int]) -> Tensor:
    """Solve blurry = kernel * sharp in the Fourier domain: conj(K) B / power, back in the plane.

    `power` is |K|^2 plus the regularisation, real, broadcastable to `spectrum`.
    """
    return irfft2(scale(conj(otf) * spectrum, 1 / power), size)


def gradients(planes: Tensor) -> Tensor:
    """Forward differences of planes (batch, C, H, W) -> (batch, 2 C, H, W).

    Channels: across columns for all C, then across rows for all C; the last column or row is 0.
    """
    across = planes[:, :, :, 1:] - planes[:, :, :, :-1]
    down = planes[:, :, 1:, :] - planes[:, :, :-1, :]
    across = ops.pad(across, [[0, 0], [0, 0], [0, 0], [0, 1]])
    down = ops.pad(down, [[0, 0], [0, 0], [0, 1], [0, 0]])
    return ops.concatenate([across, down], axis=1)


def maps_shape(channels: int) -> Tuple[Optional[int], ...]:
    """Shape of maps of any size, (batch, H, W, channels)."""
    return (None, None, None, channels)


def channels_last(planes: Tensor) -> Tensor:
    """(batch, C, H, W) -> (batch, H, W, C), what convolutions take."""
    return ops.transpose(planes, (0, 2, 3, 1))


def channels_first(image: Tensor) -> Tensor:
    """(batch, H, W, C) -> (batch, C, H, W), what Fourier transforms take."""
    return ops.transpose(image, (0, 3, 1, 2))


class ResidualBlock(keras.layers.Layer):
    """x + conv(relu(conv(x))), both 3x3, the number of channels kept."""

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        dtype = kwargs.get("dtype", "float32")
        self.width = width
        self.first = keras.layers.Conv2D(
            width, 3, padding="same", activation="relu", dtype=dtype, name="first"
        )
        self.second = keras.layers.Conv2D(width, 3, padding="same", dtype=dtype, name="second")

    def build(self, input_shape: Shape) -> None:
        """Create the variables."""
        build_layer(self.first, input_shape)
        build_layer(self.second, maps_shape(self.width))
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Return x plus the learned residual."""
        return x + self.second(self.first(x))


# By kernel size, a doubling's taps of the even and then of the odd result along an axis, for the
# inputs before, at and after them; one past the last tap is a zero.
_TAPS = {2: [0, 1], 4: [3, 1, 4, 4, 2, 0]}


class Doubling(keras.layers.Conv2DTranspose):
    """Transposed convolution of stride 2 as a convolution whose channels become pixels.

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network", CVPR 2016. Computed as what it is, the gradient of a convolution,
    TensorFlow takes longer and keeps work space for each size of maps.

    Parameters
    ----------
    filters : int
        Channels of the result.
    kernel_size : 2 or 4
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any) -> None:
        kwargs.update(strides=2, padding="same")
        super().__init__(filters, kernel_size, **kwargs)

    def call(self, x: Tensor) -> Tensor:
        """Double the resolution: (batch, H, W, any) -> (batch, 2 H, 2 W, filters)."""
        taps = ops.convert_to_tensor(_TAPS[self.kernel_size[0]], dtype="int32")
        reach, channels = len(_TAPS[self.kernel_size[0]]) // 2, self.filters
        kernel = ops.pad(self.kernel, [[0, 1], [0, 1], [0, 0], [0, 0]])
        kernel = ops.take(ops.take(kernel, taps, axis=0), taps, axis=1)
        kernel = ops.reshape(kernel, (2, reach, 2, reach, channels, -1))
        kernel = ops.transpose(kernel, (1, 3, 5, 0, 2, 4))
        kernel = ops.reshape(kernel, (reach, reach, -1, 4 * channels))
        maps = ops.conv(x, kernel, strides=1, padding="same") + ops.tile(self.bias, [4])
        maps = self.activation(maps)
        batch, height, width = ops.shape(maps)[:3]
        maps = ops.reshape(maps, (batch, height, width, 2, 2, channels))
        maps = ops.transpose(maps, (0, 1, 3, 2, 4, 5))
        return ops.reshape(maps, (batch, 2 * height, 2 * width, channels))


class ResidualUNet(keras.layers.Layer):
    """U-Net of residual blocks with summed skips: (batch, H, W, any) -> (batch, H, W, outputs).

    Parameters
    ----------
    widths : sequence of int
        Channels per level; each level halves the resolution. H and W must be divisible by
        ``stride * 2 ** (len(widths) - 1)``.
    outputs : int
        Channels of the result. The last convolution starts at zero: an untrained network adds
        nothing to what it corrects.
    stride : 1 or 2
        2 lets the first convolution halve the resolution and the last one double it: a quarter of
        the work for the same width (as FFDNet, Zhang et al. 2018, does by reshaping).
    """

    def __init__(self, widths: Sequence[int], outputs: int, stride: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        dtype = kwargs.get("dtype", "float32")
        layers = keras.layers
        self.widths = tuple(widths)
        self.entry = layers.Conv2D(
            widths[0], 2 + stride, strides=stride, padding="same", dtype=dtype, name="entry"
        )
        self.encoders = [ResidualBlock(w, dtype=dtype, name=f"encoder_{w}") for w in widths[:-1]]
        self.downs = [
            layers.Conv2D(w, 2, strides=2, dtype=dtype, name=f"down_{w}") for w in widths[1:]
        ]
        self.bottom = ResidualBlock(widths[-1], dtype=dtype, name="bottom")
        self.ups = [Doubling(w, 2, dtype=dtype, name=f"up_{w}") for w in widths[:-1]]
        self.decoders = [ResidualBlock(w, dtype=dtype, name=f"decoder_{w}") for w in widths[:-1]]
        last = {"kernel_initializer": "zeros", "dtype": dtype, "name": "exit"}
        self.exit = (
            layers.Conv2D(outputs, 3, padding="same", **last)
            if stride == 1
            else Doubling(outputs, 4, **last)
        )

    def build(self, input_shape: Shape) -> None:
        """Create the variables."""
        build_layer(self.entry, input_shape)
        for level, (width, wider) in enumerate(zip(self.widths, self.widths[1:])):
            for layer in (self.encoders[level], self.downs[level], self.decoders[level]):
                build_layer(layer, maps_shape(width))
            build_layer(self.ups[level], maps_shape(wider))
        build_layer(self.bottom, maps_shape(self.widths[-1]))
        build_layer(self.exit, maps_shape(self.widths[0]))
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Return the map of corrections."""
        x = self.entry(x)
        skips = []
        for encoder, down in zip(self.encoders, self.downs):
            x = encoder(x)
            skips.append(x)
            x = down(x)
        x = self.bottom(x)
        for level in reversed(range(len(skips))):
            x = self.decoders[level](self.ups[level](x) + skips[level])
        return self.exit(x)
