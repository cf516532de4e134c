"""The one module that knows which Keras and which TensorFlow run.

On a current machine `keras` is Keras 3 and `ops` is ``keras.ops``, on any of its backends
(TensorFlow by default, JAX, PyTorch). With the TensorFlow of 2020 (1.15, 2.3) there is no Keras 3:
`keras` is then ``tf.keras`` and `ops` a shim with the same names (`deblurnets.backend.old_ops`).

What Keras has under no common name is here: 2-D real Fourier transforms with the few operations on
complex arrays that networks need, a loop, and compiled functions from NumPy to NumPy. Complex
arrays are native ones: ``+``, ``-`` and ``*`` work between two of them. Everything is
differentiable.

Importing this module imports Keras: only networks, pairs, weights and training do that.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, Optional, Sequence, Tuple

import numpy as np

from deblurnets.runtime.processor import has_bfloat16

Tensor = Any

__all__ = [
    "abs2",
    "build_layer",
    "compile_layers",
    "conj",
    "description",
    "inference_dtype",
    "irfft2",
    "keras",
    "matmul_tn",
    "numpy_function",
    "ops",
    "repeat",
    "rfft2",
    "scale",
    "select_device",
]


def _import_keras() -> Tuple[Any, Any, Any]:
    """Return (keras, ops, module of the framework below)."""
    try:
        keras = importlib.import_module("keras")
    except ImportError:
        keras = None
    if keras is None or int(keras.__version__.split(".")[0]) < 3:
        old_ops = importlib.import_module("deblurnets.backend.old_ops")
        return old_ops.keras, old_ops, importlib.import_module("deblurnets.backend.old_tensorflow")
    name = keras.backend.backend()
    if name not in ("tensorflow", "jax", "torch"):
        raise ImportError(
            f"deblurnets runs on TensorFlow, JAX or PyTorch, not on Keras's {name!r}."
        )
    return keras, keras.ops, importlib.import_module(f"deblurnets.backend.{name}")


keras, ops, _native = _import_keras()


def description() -> str:
    """Return the framework below Keras and its version, for instance "tensorflow 2.21.0"."""
    name = _native.__name__.rsplit(".", 1)[1].replace("old_", "")
    return f"{name} {importlib.import_module(name).__version__}"


def select_device(name: str) -> None:
    """Choose where the networks of this process compute, before the first of them is made.

    Parameters
    ----------
    name : "auto", "cpu" or "gpu"
        With "auto" and "gpu" TensorFlow takes a GPU's memory as it needs it, not all at once; with
        "auto" it works on the processor where it sees no GPU; with "cpu" GPUs are hidden from it.

    Raises
    ------
    ValueError
        "gpu" without a GPU; "cpu" or "gpu" on another framework than TensorFlow, which has its own
        way to choose.
    """
    if hasattr(_native, "select_device"):
        _native.select_device(name)
    elif name != "auto":
        raise ValueError(
            f"the device '{name}' can be chosen for TensorFlow only, this is {description()}: use "
            "its own settings"
        )


def rfft2(x: Tensor) -> Tensor:
    """Two-dimensional Fourier transform of real arrays over the last two axes.

    Parameters
    ----------
    x : tensor, real, (..., height, width)
        Lower precisions are computed in float32.

    Returns
    -------
    tensor, complex64, (..., height, width // 2 + 1)
        Not normalised, as `numpy.fft.rfft2`.
    """
    return _native.rfft2(ops.convert_to_tensor(x))


def irfft2(spectrum: Tensor, size: Tuple[int, int]) -> Tensor:
    """Inverse of `rfft2`.

    Parameters
    ----------
    spectrum : tensor, complex64, (..., height, width // 2 + 1)
        Half spectra.
    size : (height, width)
        Size of the real arrays; the spectrum alone does not tell an odd from an even width.

    Returns
    -------
    tensor, float32, (..., height, width)
        Divided by height * width, as `numpy.fft.irfft2`.
    """
    return _native.irfft2(spectrum, size)


def conj(spectrum: Tensor) -> Tensor:
    """Complex conjugate, same shape."""
    return _native.conj(spectrum)


def abs2(spectrum: Tensor) -> Tensor:
    """Squared magnitude, real, same shape (smooth at 0, unlike the square of the magnitude)."""
    return _native.abs2(spectrum)


def scale(spectrum: Tensor, factor: Tensor) -> Tensor:
    """Complex `spectrum` times real `factor`, shapes broadcast."""
    return _native.scale(spectrum, ops.convert_to_tensor(factor))


def matmul_tn(a: Tensor, b: Tensor) -> Tensor:
    """Batched matrix product of a transposed with b, without a transposed copy.

    Parameters
    ----------
    a : tensor, (..., k, m)
    b : tensor, (..., k, n)

    Returns
    -------
    tensor, (..., m, n)
    """
    return _native.matmul_tn(a, b)


def repeat(count: Any, body: Callable[[Any, Tensor], Tensor], state: Tensor) -> Tensor:
    """Apply ``state = body(index, state)`` for index 0, 1, ... count - 1, strictly in turn.

    Parameters
    ----------
    count : int or scalar tensor
        Number of rounds; may be unknown until run time.
    body : callable (index, state) -> state
        `index` is an int or a scalar tensor; the state keeps its shape.
    state : tensor
        First state.

    Returns
    -------
    tensor
        Last state.
    """
    return _native.repeat(count, body, state)


def build_layer(layer: Any, shape: Optional[Sequence[Optional[int]]] = None) -> None:
    """Create a layer's variables without running it.

    A network that creates its variables by a first run is traced for each layer that holds layers,
    which took most of the time of loading it.

    Parameters
    ----------
    layer : keras.layers.Layer
        One of Keras's, or one with a method `build` of its own that takes what is given here.
    shape : sequence, optional
        Shape of its input, None where the size is open.
    """
    if hasattr(_native, "build_layer"):
        _native.build_layer(layer, shape)
    else:
        layer.build(shape)


def numpy_function(
    function: Callable[..., Tensor], shapes: Sequence[Sequence[Optional[int]]]
) -> Callable[..., np.ndarray]:
    """Make a function from NumPy arrays to a NumPy array out of one on tensors, for inference.

    On TensorFlow it is compiled once, for all sizes, which also frees every intermediate result as
    soon as it is used (a Keras model called directly keeps them all to the end).

    Parameters
    ----------
    function : callable
        Takes float32 tensors, returns one tensor; a Keras model, for instance.
    shapes : sequence of shapes
        One for each argument, None where the size changes from call to call.

    Returns
    -------
    callable
        Takes arrays of these shapes, returns an array.
    """
    return _native.numpy_function(function, shapes)


def compile_layers(layers: Sequence[Any], shapes: Sequence[Sequence[Optional[int]]]) -> None:
    """Make the computation of layers of equal architecture one compiled function, for inference.

    Called layer by layer, small convolutions cost less than the calls. On TensorFlow 2 with Keras 3
    the function is compiled once for all layers and sizes; elsewhere the layers stay as they are.

    Parameters
    ----------
    layers : keras.layers.Layer, one or more
        Changed in place; no longer to be trained or saved as a Keras file. They differ in the
        values of their variables only.
    shapes : sequence of shapes
        One for each argument of their call, None where the size changes from call to call.
    """
    if hasattr(_native, "compile_layers"):
        _native.compile_layers(layers, shapes)


def inference_dtype() -> str:
    """Return the Keras dtype policy in which convolutions are fastest here without loss.

    "mixed_bfloat16" on a processor with instructions for it, under TensorFlow and Keras 3: with one
    kernel, results of the examples differ from float32 by 0.0004 of the range at most
    (`tools/measure_bfloat16.py`). Else "float32".
    """
    if hasattr(_native, "compile_layers") and has_bfloat16():
        return "mixed_bfloat16"
    return "float32"
