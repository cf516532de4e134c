"""The extrapolation of `deblurnets.deconvolution.extrapolation` as a part of a training step."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from deblurnets.backend import abs2, conj, irfft2, ops, rfft2, scale
from deblurnets.deconvolution.extrapolation import HOLD, PENALTY, low_half, step_sizes
from deblurnets.imaging.boundaries import gradient_power

Tensor = Any


def extrapolate(observed: Tensor, mask: Tensor, otf: Tensor, iterations: int) -> Tensor:
    """Do what :func:`deblurnets.deconvolution.extrapolation.extrapolate` does with `half`.

    The grid has even sides.

    Parameters
    ----------
    observed : (batch, C, H, W), blurry pictures on their periodic grid.
    mask : (batch, 1 or C, H, W), boolean, False for unobserved pixels.
    otf : complex (batch, 1, H, W // 2 + 1)
    iterations : int

    Returns
    -------
    (batch, C, H, W)
    """
    if iterations < 1:
        return observed
    size = tuple(observed.shape[2:4])
    penalty = low_half(gradient_power(size), size) * np.float32(PENALTY) + np.float32(HOLD)
    every_other = observed[:, :, ::2, ::2], mask[:, :, ::2, ::2]
    otf, penalty = _low_half(otf, size), ops.convert_to_tensor(penalty)
    found = _solved(*every_other, otf, penalty, iterations)
    return ops.where(mask, observed, _doubled(found))


def _solved(
    observed: Tensor, mask: Tensor, otf: Tensor, penalty: Tensor, iterations: int
) -> Tensor:
    """Extrapolate planes on their own grid; `penalty` is by frequency."""
    size = tuple(observed.shape[2:4])
    wiener = 1 / (abs2(otf) + penalty)
    start = rfft2(observed)
    spectrum = scale(conj(otf) * start, wiener) + scale(start, HOLD * wiener)
    change = scale(spectrum, 0.0)
    for momentum, rate in step_sizes(iterations):
        error = ops.where(mask, observed - irfft2(otf * spectrum, size), 0.0)
        ask = conj(otf) * rfft2(error) - scale(spectrum, penalty)
        ask = ask + scale(start, HOLD)
        change = scale(change, momentum) + scale(ask, rate * wiener)
        spectrum = spectrum + change
    return ops.where(mask, observed, irfft2(otf * spectrum, size))


def _low_half(spectrum: Tensor, shape: Tuple[int, int]) -> Tensor:
    """Do what :func:`deblurnets.deconvolution.extrapolation.low_half` does."""
    rows, columns = shape[0] // 2, shape[1] // 2
    low = spectrum[:, :, : rows - rows // 2, : columns // 2 + 1]
    return ops.concatenate([low, spectrum[:, :, shape[0] - rows // 2 :, : columns // 2 + 1]], 2)


def _doubled(planes: Tensor) -> Tensor:
    """Do what :func:`deblurnets.deconvolution.extrapolation.doubled` does."""
    rows, width = planes.shape[2:4]
    spectrum, upper = rfft2(planes), rows - rows // 2
    beside = (0, width + 1 - spectrum.shape[3])
    above = ops.pad(spectrum[:, :, :upper], [(0, 0), (0, 0), (0, 2 * rows - upper), beside])
    below = ops.pad(spectrum[:, :, upper:], [(0, 0), (0, 0), (rows + upper, 0), beside])
    return 4 * irfft2(above + below, (2 * rows, 2 * width))
