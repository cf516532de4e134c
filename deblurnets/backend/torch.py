"""What `deblurnets.backend` needs from PyTorch itself."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, Tuple

import numpy as np
import torch

Tensor = Any


def rfft2(x: Tensor) -> Tensor:
    """Real (..., height, width) to complex64 (..., height, width // 2 + 1)."""
    return torch.fft.rfft2(x.float())


def irfft2(spectrum: Tensor, size: Tuple[int, int]) -> Tensor:
    """Complex (..., height, width // 2 + 1) to float32 (..., height, width)."""
    return torch.fft.irfft2(spectrum, s=(int(size[0]), int(size[1])))


def conj(spectrum: Tensor) -> Tensor:
    """Complex conjugate."""
    # Not the lazy conj(), whose tensors refuse to become NumPy arrays.
    return torch.conj_physical(spectrum)


def abs2(spectrum: Tensor) -> Tensor:
    """Squared magnitude, real."""
    return spectrum.real**2 + spectrum.imag**2


def scale(spectrum: Tensor, factor: Tensor) -> Tensor:
    """Complex times real."""
    return spectrum * factor


def matmul_tn(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product of the transposed `a` with `b`, over the last two axes."""
    return torch.matmul(a.transpose(-1, -2), b)


def repeat(count: int, body: Callable[[int, Tensor], Tensor], state: Tensor) -> Tensor:
    """Apply ``state = body(index, state)`` for each index below `count`."""
    for index in range(count):
        state = body(index, state)
    return state


def numpy_function(
    function: Callable[..., Tensor], shapes: Sequence[Sequence[Optional[int]]]
) -> Callable[..., np.ndarray]:
    """Wrap `function` without gradients."""
    from keras import ops

    def call(*arrays: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            tensors = [ops.convert_to_tensor(np.asarray(a, np.float32)) for a in arrays]
            return function(*tensors).cpu().numpy()

    return call
