"""Estimate of a blurry picture's surroundings as a part of a training step, by the batch."""

from __future__ import annotations

from typing import Any

from deblurnets.backend import abs2, conj, irfft2, ops, rfft2, scale
from deblurnets.borders import gradient_power
from deblurnets.surroundings import HOLD, PENALTY, step_sizes

Tensor = Any


def fill_hidden(observed: Tensor, known: Tensor, transfer: Tensor, iterations: int) -> Tensor:
    """Do what :func:`deblurnets.surroundings.fill_hidden` does, at every pixel.

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
    size = tuple(observed.shape[2:4])
    penalty = ops.convert_to_tensor(gradient_power(size)) * PENALTY + HOLD
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
    return ops.where(known, observed, irfft2(transfer * spectrum, size))
