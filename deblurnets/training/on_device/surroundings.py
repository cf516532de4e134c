"""Estimate of a blurry picture's surroundings, by the batch."""

from __future__ import annotations

import torch

from deblurnets.borders import gradient_power
from deblurnets.surroundings import HOLD, PENALTY, low_half, step_sizes


def fill_hidden(
    observed: torch.Tensor, known: torch.Tensor, transfer: torch.Tensor, iterations: int
) -> torch.Tensor:
    """Do what :func:`deblurnets.surroundings.fill_hidden` does with `half`.

    The grid has even sides.

    Parameters
    ----------
    observed : (batch, C, H, W), blurry pictures on their periodic grid.
    known : (batch, 1 or C, H, W), bool, False for hidden pixels.
    transfer : complex (batch, 1, H, W // 2 + 1)
    iterations : int
    """
    if iterations < 1:
        return observed
    whole = tuple(observed.shape[2:])
    size = (whole[0] // 2, whole[1] // 2)
    everywhere, observed_everywhere = known, observed
    known, observed = known[:, :, ::2, ::2], observed[:, :, ::2, ::2]
    rows, columns = size[0], size[1] // 2 + 1
    transfer = torch.cat(
        [transfer[:, :, : rows - rows // 2, :columns], transfer[:, :, -(rows // 2) :, :columns]], 2
    )
    penalty = low_half(gradient_power(whole), whole)
    penalty = torch.tensor(penalty, device=observed.device) * PENALTY + HOLD
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
    filled = torch.where(known, observed, torch.fft.irfft2(transfer * spectrum, s=size))
    low = torch.fft.rfft2(filled)
    spectrum = low.new_zeros((*low.shape[:2], whole[0], whole[1] // 2 + 1))
    spectrum[:, :, : rows - rows // 2, :columns] = low[:, :, : rows - rows // 2]
    spectrum[:, :, -(rows // 2) :, :columns] = low[:, :, rows - rows // 2 :]
    filled = 4 * torch.fft.irfft2(spectrum, s=whole)
    return torch.where(everywhere, observed_everywhere, filled)
