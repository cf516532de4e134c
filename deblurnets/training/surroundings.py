"""Estimate of a blurry picture's surroundings as a part of a training step, by the batch."""

from __future__ import annotations

from typing import Any, Tuple

import numpy as np

from deblurnets.backend import abs2, conj, irfft2, ops, rfft2, scale
from deblurnets.borders import gradient_power
from deblurnets.surroundings import HOLD, PENALTY, low_half, step_sizes

Tensor = Any


def fill_hidden(observed: Tensor, known: Tensor, transfer: Tensor, iterations: int) -> Tensor:
    """Do what :func:`deblurnets.surroundings.fill_hidden` does with `half`.

    The grid has even sides.

    Parameters
    ----------
    observed : (batch, C, H, W), blurry pictures on their periodic grid.
    known : (batch, 1 or C, H, W), boolean, False for hidden pixels.
    transfer : complex (batch, 1, H, W // 2 + 1)
    iterations : int

    Returns
    -------
    (batch, C, H, W)
    """
    if iterations < 1:
        return observed
    whole = tuple(observed.shape[2:4])
    size = (whole[0] // 2, whole[1] // 2)
    everywhere, observed_everywhere = known, observed
    known, observed = known[:, :, ::2, ::2], observed[:, :, ::2, ::2]
    transfer = _low_half(transfer, whole)
    penalty = low_half(gradient_power(whole), whole) * np.float32(PENALTY) + np.float32(HOLD)
    penalty = ops.convert_to_tensor(penalty)
    wiener = 1 / (abs2(transfer) + penalty)
    start = rfft2(observed)
    spectrum = scale(conj(transfer) * start, wiener) + scale(start, HOLD * wiener)
    change = scale(spectrum, 0.0)
    for momentum, rate in step_sizes(iterations):
        error = ops.where(known, observed - irfft2(transfer * spectrum, size), 0.0)
        ask = conj(transfer) * rfft2(error) - scale(spectrum, penalty)
        ask = ask + scale(start, HOLD)
        change = scale(change, momentum) + scale(ask, rate * wiener)
        spectrum = spectrum + change
    filled = ops.where(known, observed, irfft2(transfer * spectrum, size))
    filled = 4 * irfft2(_with_high_half(rfft2(filled), whole), whole)
    return ops.where(everywhere, observed_everywhere, filled)


def _low_half(spectrum: Tensor, shape: Tuple[int, int]) -> Tensor:
    """Do what :func:`deblurnets.surroundings.low_half` does."""
    rows, columns = shape[0] // 2, shape[1] // 2
    low = spectrum[:, :, : rows - rows // 2, : columns // 2 + 1]
    return ops.concatenate([low, spectrum[:, :, shape[0] - rows // 2 :, : columns // 2 + 1]], 2)


def _with_high_half(spectrum: Tensor, shape: Tuple[int, int]) -> Tensor:
    """Do what :func:`deblurnets.surroundings.with_high_half` does."""
    rows, columns = shape[0] // 2, spectrum.shape[3]
    upper, lower = spectrum[:, :, : rows - rows // 2], spectrum[:, :, rows - rows // 2 :]
    between = ops.zeros_like(spectrum)[:, :, :1]
    gap = shape[0] - rows
    result = ops.concatenate([upper, ops.repeat(between, gap, axis=2), lower], 2)
    wide = ops.repeat(ops.zeros_like(result)[:, :, :, :1], shape[1] // 2 + 1 - columns, axis=3)
    return ops.concatenate([result, wide], 3)
