"""2-D real Fourier transforms on TensorFlow, any version (see `deblurnets.backend`)."""

from __future__ import annotations

from typing import Any, Tuple

import tensorflow as tf

Tensor = Any


def rfft2(x: Tensor) -> Tensor:
    """Real (..., height, width) to complex64 (..., height, width // 2 + 1)."""
    return tf.signal.rfft2d(tf.cast(x, tf.float32))


def irfft2(spectrum: Tensor, size: Tuple[int, int]) -> Tensor:
    """Complex (..., height, width // 2 + 1) to float32 (..., height, width)."""
    return tf.signal.irfft2d(spectrum, fft_length=[size[0], size[1]])


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
