"""The one module that knows which Keras and which TensorFlow run.

On a current machine `keras` is Keras 3 and `ops` is ``keras.ops``, on any of its backends
(TensorFlow by default, JAX, PyTorch). With the TensorFlow of 2020 (1.15, 2.3) there is no Keras 3:
`keras` is then ``tf.keras`` and `ops` a shim with the same names (`deblurnets._old_ops`).

Both lack 2-D real Fourier transforms under one name, so they are here, together with the few
operations on complex arrays that networks need. Complex arrays are native ones: ``+``, ``-`` and
``*`` work between two of them. Everything is differentiable.

Importing this module imports Keras: only networks, pairs, weights and training do that.
"""

from __future__ import annotations

from typing import Any, Tuple

Tensor = Any

__all__ = ["abs2", "conj", "irfft2", "keras", "ops", "rfft2", "scale"]


def _import_keras() -> Tuple[Any, Any, Any]:
    """Return (keras, ops, module with the Fourier transforms)."""
    try:
        import keras
    except ImportError:
        keras = None
    if keras is None or int(keras.__version__.split(".")[0]) < 3:
        from deblurnets import _old_ops

        return _old_ops.keras, _old_ops, _old_ops
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return keras, keras.ops, _tensorflow_fourier()
    if backend == "jax":
        return keras, keras.ops, _JaxFourier
    if backend == "torch":
        return keras, keras.ops, _TorchFourier
    raise ImportError(f"deblurnets runs on TensorFlow, JAX or PyTorch, not on Keras's {backend!r}.")


def _tensorflow_fourier() -> Any:
    from deblurnets import _tensorflow_fourier

    return _tensorflow_fourier


class _JaxFourier:
    """2-D real Fourier transforms on JAX."""

    @staticmethod
    def rfft2(x: Tensor) -> Tensor:
        import jax.numpy as jnp

        return jnp.fft.rfft2(x.astype("float32"))

    @staticmethod
    def irfft2(spectrum: Tensor, size: Tuple[int, int]) -> Tensor:
        import jax.numpy as jnp

        return jnp.fft.irfft2(spectrum, s=(int(size[0]), int(size[1])))

    @staticmethod
    def conj(spectrum: Tensor) -> Tensor:
        return spectrum.conj()

    @staticmethod
    def abs2(spectrum: Tensor) -> Tensor:
        return spectrum.real**2 + spectrum.imag**2

    @staticmethod
    def scale(spectrum: Tensor, factor: Tensor) -> Tensor:
        return spectrum * factor


class _TorchFourier:
    """2-D real Fourier transforms on PyTorch."""

    @staticmethod
    def rfft2(x: Tensor) -> Tensor:
        import torch

        return torch.fft.rfft2(x.float())

    @staticmethod
    def irfft2(spectrum: Tensor, size: Tuple[int, int]) -> Tensor:
        import torch

        return torch.fft.irfft2(spectrum, s=(int(size[0]), int(size[1])))

    @staticmethod
    def conj(spectrum: Tensor) -> Tensor:
        return spectrum.conj()

    @staticmethod
    def abs2(spectrum: Tensor) -> Tensor:
        return spectrum.real**2 + spectrum.imag**2

    @staticmethod
    def scale(spectrum: Tensor, factor: Tensor) -> Tensor:
        return spectrum * factor


keras, ops, _fourier = _import_keras()


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
    return _fourier.rfft2(ops.convert_to_tensor(x))


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
    return _fourier.irfft2(spectrum, size)


def conj(spectrum: Tensor) -> Tensor:
    """Complex conjugate, same shape."""
    return _fourier.conj(spectrum)


def abs2(spectrum: Tensor) -> Tensor:
    """Squared magnitude, real, same shape (smooth at 0, unlike the square of the magnitude)."""
    return _fourier.abs2(spectrum)


def scale(spectrum: Tensor, factor: Tensor) -> Tensor:
    """Complex `spectrum` times real `factor`, shapes broadcast."""
    return _fourier.scale(spectrum, factor)
