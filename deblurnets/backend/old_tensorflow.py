"""What `deblurnets.backend` needs from the TensorFlow of 2020: as from any, but faster transforms.

The Fourier transforms of TensorFlow 1.15 and 2.3 take over a hundred times as long as a current
TensorFlow's (`docs/paper-pair.md`). Eager tensors are therefore transformed by SciPy. Gradients do
not flow through that; training needs a current TensorFlow anyway.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

import numpy as np
import scipy.fft
import tensorflow as tf

from deblurnets.backend import tensorflow
from deblurnets.backend.tensorflow import (
    abs2,
    conj,
    matmul_tn,
    numpy_function,
    repeat,
    scale,
    select_device,
)

__all__ = [
    "abs2",
    "build_layer",
    "conj",
    "irfft2",
    "matmul_tn",
    "numpy_function",
    "repeat",
    "rfft2",
    "scale",
    "select_device",
]

Tensor = Any


def rfft2(x: Tensor) -> Tensor:
    """Real (..., height, width) to complex64 (..., height, width // 2 + 1)."""
    if not hasattr(x, "numpy"):
        return tensorflow.rfft2(x)
    return tf.constant(scipy.fft.rfft2(np.asarray(x.numpy(), np.float32)), tf.complex64)


def irfft2(spectrum: Tensor, size: Tuple[int, int]) -> Tensor:
    """Complex (..., height, width // 2 + 1) to float32 (..., height, width)."""
    if not hasattr(spectrum, "numpy"):
        return tensorflow.irfft2(spectrum, size)
    size = (int(size[0]), int(size[1]))
    return tf.constant(scipy.fft.irfft2(spectrum.numpy(), s=size), tf.float32)


def build_layer(layer: Any, shape: Optional[Sequence[Optional[int]]]) -> None:
    """Create a layer's variables, with its name in theirs as when it is called."""
    with tf.compat.v2.name_scope(layer.name):
        layer.build(shape)
    layer.built = True
