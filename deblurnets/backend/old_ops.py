"""The part of ``keras.ops`` that the networks use, for the TensorFlow of 2020 (1.15 to 2.15).

Same names, same arguments, same results as in Keras 3; `deblurnets.backend` picks this module where
there is no Keras 3. TensorFlow 1.15 starts in graph mode, in which nothing here would give a
number: its 2.x behaviour is switched on by this import. A program that has already built
TensorFlow 1 graphs cannot use deblurnets in the same process.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

Tensor = Any

if not tf.executing_eagerly():
    tf.compat.v1.enable_v2_behavior()

keras = tf.keras

abs = tf.abs
add = tf.add
cast = tf.cast
exp = tf.exp
floor = tf.floor
log = tf.math.log
logical_and = tf.logical_and
logical_not = tf.logical_not
logical_or = tf.logical_or
matmul = tf.matmul
maximum = tf.maximum
minimum = tf.minimum
multiply = tf.multiply
ones_like = tf.ones_like
relu = tf.nn.relu
reshape = tf.reshape
sigmoid = tf.sigmoid
sign = tf.sign
sqrt = tf.sqrt
square = tf.square
stop_gradient = tf.stop_gradient
subtract = tf.subtract
tanh = tf.tanh
where = tf.where if tf.__version__.startswith("2.") else tf.compat.v2.where
zeros_like = tf.zeros_like


def shape(x: Tensor) -> Tuple[Any, ...]:
    """Sizes of `x`, a tensor or an array: ints where they are known, scalar tensors where not."""
    known = tf.TensorShape(x.shape).as_list()
    if None not in known:
        return tuple(known)
    dynamic = tf.shape(x)
    return tuple(dynamic[i] if size is None else size for i, size in enumerate(known))


def convert_to_tensor(x: Any, dtype: Optional[str] = None) -> Tensor:
    """Tensor of `x`; Python floats and float64 arrays without a dtype become float32."""
    if dtype is None and not tf.is_tensor(x):
        x = np.asarray(x)
        dtype = "float32" if x.dtype == np.float64 else None
    return tf.cast(x, dtype) if dtype is not None else tf.convert_to_tensor(x)


def convert_to_numpy(x: Any) -> np.ndarray:
    """NumPy array of an eager tensor."""
    return x.numpy() if tf.is_tensor(x) else np.asarray(x)


def zeros(shape: Sequence[Any], dtype: str = "float32") -> Tensor:
    """Zeros."""
    return tf.zeros(shape, dtype)


def ones(shape: Sequence[Any], dtype: str = "float32") -> Tensor:
    """Ones."""
    return tf.ones(shape, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Optional[str] = None) -> Tensor:
    """Evenly spaced numbers; like `numpy.arange`."""
    if stop is None:
        start, stop = 0, start
    return tf.range(start, stop, step, dtype=dtype)


def take(x: Tensor, indices: Any, axis: Optional[int] = None) -> Tensor:
    """Elements of `x` at non-negative `indices` along an axis."""
    if axis is None:
        x, axis = tf.reshape(x, [-1]), 0
    return tf.gather(x, indices, axis=axis)


def conv(inputs: Tensor, kernel: Tensor, strides: int = 1, padding: str = "valid") -> Tensor:
    """Convolve maps (batch, H, W, inputs) with weights (rows, columns, inputs, outputs)."""
    return tf.nn.conv2d(inputs, kernel, strides, padding.upper())


def concatenate(xs: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Join along an existing axis."""
    return tf.concat(xs, axis)


def stack(xs: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Join along a new axis."""
    return tf.stack(xs, axis)


def split(x: Tensor, indices_or_sections: int, axis: int = 0) -> Sequence[Tensor]:
    """Split into equal parts along an axis."""
    return tf.split(x, indices_or_sections, axis)


def flip(x: Tensor, axis: Any = None) -> Tensor:
    """Reverse the order along axes."""
    if axis is None:
        axis = list(range(len(x.shape)))
    return tf.reverse(x, [axis] if isinstance(axis, int) else list(axis))


def expand_dims(x: Tensor, axis: int) -> Tensor:
    """Insert an axis of size 1."""
    return tf.expand_dims(x, axis)


def squeeze(x: Tensor, axis: Any = None) -> Tensor:
    """Remove axes of size 1."""
    return tf.squeeze(x, axis)


def transpose(x: Tensor, axes: Optional[Sequence[int]] = None) -> Tensor:
    """Permute axes."""
    return tf.transpose(x, axes)


def broadcast_to(x: Tensor, shape: Sequence[Any]) -> Tensor:
    """Repeat axes of size 1 to a shape."""
    return tf.broadcast_to(x, shape)


def repeat(x: Tensor, repeats: int, axis: Optional[int] = None) -> Tensor:
    """Repeat each element along an axis."""
    return tf.repeat(x, repeats, axis)


def tile(x: Tensor, repeats: Sequence[int]) -> Tensor:
    """Repeat the whole array along each axis."""
    return tf.tile(x, repeats)


def roll(x: Tensor, shift: Any, axis: Any = None) -> Tensor:
    """Shift elements circularly along axes."""
    return tf.roll(x, shift, axis)


def pad(
    x: Tensor, pad_width: Any, mode: str = "constant", constant_values: Optional[float] = None
) -> Tensor:
    """Pad with a constant, by reflection (without the border) or symmetrically (with it)."""
    return tf.pad(x, pad_width, mode.upper(), constant_values or 0)


def clip(x: Tensor, x_min: Any, x_max: Any) -> Tensor:
    """Limit to a range."""
    return tf.clip_by_value(x, x_min, x_max)


def sum(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Sum over axes."""
    return tf.reduce_sum(x, axis, keepdims)


def mean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Mean over axes."""
    return tf.reduce_mean(x, axis, keepdims)


def var(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Variance over axes."""
    return tf.math.reduce_variance(x, axis, keepdims)


def std(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Deviation (root of the variance) over axes."""
    return tf.math.reduce_std(x, axis, keepdims)


def max(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Maximum over axes."""
    return tf.reduce_max(x, axis, keepdims)


def min(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Minimum over axes."""
    return tf.reduce_min(x, axis, keepdims)


def any(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether any element along axes is true."""
    return tf.reduce_any(x, axis, keepdims)


def all(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements along axes are true."""
    return tf.reduce_all(x, axis, keepdims)


def argmax(x: Tensor, axis: Optional[int] = None) -> Tensor:
    """Index of the maximum along an axis."""
    return tf.argmax(x, axis, output_type=tf.int32)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Exponentials that sum to 1 along an axis."""
    return tf.nn.softmax(x, axis)
