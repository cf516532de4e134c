"""Estimate of a blurry picture's surroundings, by the batch."""

from __future__ import annotations

import torch

from deblurnets.borders import gradient_power
from deblurnets.surroundings import HOLD, PENALTY, step_sizes


def fill_hidden(
    observed: torch.Tensor, known: torch.Tensor, transfer: torch.Tensor, iterations: int
) -> torch.Tensor:
    """Do what :func:`deblurnets.surroundings.fill_hidden` does, at every pixel.

    Parameters
    ----------
    observed : (batch, C, H, W), blurry pictures on their periodic grid.
    known : (batch, 1 or C, H, W), bool, False for hidden pixels.
    transfer : complex (batch, 1, H, W // 2 + 1)
    iterations : int
    """
    if iterations < 1:
        return observed
    size = tuple(observed.shape[2:])
    penalty = torch.tensor(gradient_power(size), device=observed.device) * PENALTY + HOLD
    wiener = 1 / (transfer.abs() ** 2 + penalty)
    adjoint = transfer.conj()
    start = torch.fft.rfft2(observed)
    spectrum = wiener * (adjoint + HOLD) * start
    change = torch.zeros_like(spectrum)
    for momentum, rate in step_sizes(iterations):
        error = known * (observed - torch.fft.irfft2(transfer * spectrum, s=size))
        ask = adjoint * torch.fft.rfft2(error) - penalty * spectrum + HOLD * start
        change = momentum * change + rate * wiener * ask
        spectrum = spectrum + change
    return torch.where(known, observed, torch.fft.irfft2(transfer * spectrum, s=size))
