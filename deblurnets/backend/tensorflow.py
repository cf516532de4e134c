"""What `deblurnets.backend` needs from TensorFlow itself, any version from 1.15."""

from __future__ import annotations

import functools
from typing import Any, Callable, Optional, Sequence, Tuple

import numpy as np
import tensorflow as tf

Tensor = Any


def select_device(name: str) -> None:
    """See `deblurnets.backend.select_device`."""
    devices = tf.config.experimental  # a part of its own in all versions from 1.15
    gpus = devices.list_physical_devices("GPU")
    if name == "cpu":
        devices.set_visible_devices([], "GPU")
        return
    if name == "gpu" and not gpus:
        raise ValueError(f"there is no GPU that TensorFlow {tf.__version__} sees, received 'gpu'")
    for gpu in gpus:
        devices.set_memory_growth(gpu, True)


def rfft2(x: Tensor) -> Tensor:
    """Real (..., height, width) to complex64 (..., height, width // 2 + 1)."""
    x = tf.cast(x, tf.float32)
    return _leading_axes_of(x, tf.signal.rfft2d(x))


def irfft2(spectrum: Tensor, size: Tuple[int, int]) -> Tensor:
    """Complex (..., height, width // 2 + 1) to float32 (..., height, width)."""
    return _leading_axes_of(spectrum, tf.signal.irfft2d(spectrum, fft_length=[size[0], size[1]]))


def _leading_axes_of(x: Tensor, transform: Tensor) -> Tensor:
    """Return a transform with what is known of its leading axes, those of `x`.

    TensorFlow forgets it where the size of the planes is open. Keras has convolutions of an unknown
    number of channels compiled by XLA, anew for each size.
    """
    transform.set_shape([*x.shape[:-2], *transform.shape[-2:]])
    return transform


def conj(spectrum: Tensor) -> Tensor:
    """Complex conjugate."""
    return tf.math.conj(spectrum)


def abs2(spectrum: Tensor) -> Tensor:
    """Squared magnitude, real."""
    return tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))


def scale(spectrum: Tensor, factor: Tensor) -> Tensor:
    """Complex times real."""
    factor = tf.cast(factor, tf.float32)
    # Not tf.cast to complex: its gradient warns about the imaginary part that it rightly drops.
    return spectrum * tf.complex(factor, tf.zeros_like(factor))


def matmul_tn(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product of the transposed `a` with `b`, over the last two axes."""
    return tf.matmul(a, b, transpose_a=True)


def repeat(count: Any, body: Callable[[Any, Tensor], Tensor], state: Tensor) -> Tensor:
    """Apply ``state = body(index, state)`` for each index below `count`."""
    _, state = tf.while_loop(
        lambda index, _: index < count,
        lambda index, value: (index + 1, body(index, value)),
        (tf.constant(0), state),
        # TensorFlow would prepare later rounds beforehand, all in memory at once.
        parallel_iterations=1,
    )
    return state


def numpy_function(
    function: Callable[..., Tensor], shapes: Sequence[Sequence[Optional[int]]]
) -> Callable[..., np.ndarray]:
    """Compile `function` once for float32 arguments of the given, partly open, shapes."""
    signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    # Without autograph, which would take longer to rewrite the code than the graph to run.
    compiled = tf.function(function, input_signature=signature, autograph=False)

    def call(*arrays: np.ndarray) -> np.ndarray:
        return compiled(*[tf.constant(array, tf.float32) for array in arrays]).numpy()

    return call


def compile_layers(layers: Sequence[Any], shapes: Sequence[Sequence[Optional[int]]]) -> None:
    """Replace the layers' `call`s by one, compiled for arguments of partly open shapes."""
    import keras

    first = layers[0]
    original, variables = first.call, list(first.variables)
    dtype = tf.as_dtype(first.compute_dtype)  # to which Keras casts the arguments before
    sizes = [int(np.prod(variable.shape)) for variable in variables]
    # All variables in one row: each argument of a call costs it time.
    signature = [
        tf.TensorSpec([sum(sizes)], tf.float32),
        *[tf.TensorSpec(shape, dtype) for shape in shapes],
    ]

    def run(row: Any, *arguments: Any) -> Any:
        values = [
            tf.reshape(part, variable.shape)
            for part, variable in zip(tf.split(row, sizes), variables)
        ]
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return original(*arguments)

    # A partial, for TensorFlow counts tracings by the code: the first calls of some networks, one
    # after the other, would be taken for one function traced again and again, with a warning.
    compiled = tf.function(functools.partial(run), input_signature=signature, autograph=False)

    def bind(layer: Any) -> None:
        # Here, where Keras casts nothing.
        row = tf.concat([tf.reshape(variable.value, [-1]) for variable in layer.variables], 0)
        layer.call = lambda *arguments: compiled(row, *arguments)

    for layer in layers:
        bind(layer)
