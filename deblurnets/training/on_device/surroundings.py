"""Estimate of a blurry picture's surroundings, by the batch."""

from __future__ import annotations

from typing import Tuple

import torch

from deblurnets.deconvolution.extrapolation import HOLD, PENALTY, low_half, step_sizes
from deblurnets.imaging.boundaries import gradient_power


def extrapolate(
    observed: torch.Tensor, known: torch.Tensor, otf: torch.Tensor, iterations: int
) -> torch.Tensor:
    """Do what :func:`deblurnets.deconvolution.extrapolation.extrapolate` does with `half`.

    The grid has even sides.

    Parameters
    ----------
    observed : (batch, C, H, W), blurry pictures on their periodic grid.
    known : (batch, 1 or C, H, W), bool, False for hidden pixels.
    otf : complex (batch, 1, H, W // 2 + 1)
    iterations : int
    """
    if iterations < 1:
        return observed
    size = tuple(observed.shape[2:])
    penalty = low_half(gradient_power(size), size)
    penalty = torch.tensor(penalty, device=observed.device) * PENALTY + HOLD
    seen = observed[:, :, ::2, ::2], known[:, :, ::2, ::2]
    found = _filled(*seen, _low_half(otf, size), penalty, iterations)
    return torch.where(known, observed, _doubled(found))


def _filled(
    observed: torch.Tensor,
    known: torch.Tensor,
    otf: torch.Tensor,
    penalty: torch.Tensor,
    iterations: int,
) -> torch.Tensor:
    """Fill planes on their own grid; `penalty` is by frequency."""
    size = tuple(observed.shape[2:])
    wiener = 1 / (otf.abs() ** 2 + penalty)
    adjoint = otf.conj()
    start = torch.fft.rfft2(observed)
    spectrum = wiener * (adjoint + HOLD) * start
    change = torch.zeros_like(spectrum)
    for momentum, rate in step_sizes(iterations):
        error = known * (observed - torch.fft.irfft2(otf * spectrum, s=size))
        ask = adjoint * torch.fft.rfft2(error) - penalty * spectrum + HOLD * start
        change = momentum * change + rate * wiener * ask
        spectrum = spectrum + change
    return torch.where(known, observed, torch.fft.irfft2(otf * spectrum, s=size))


def _low_half(spectrum: torch.Tensor, shape: Tuple[int, int]) -> torch.Tensor:
    """Do what :func:`deblurnets.deconvolution.extrapolation.low_half` does."""
    rows, columns = shape[0] // 2, shape[1] // 2
    low = spectrum[:, :, : rows - rows // 2, : columns // 2 + 1]
    return torch.cat([low, spectrum[:, :, shape[0] - rows // 2 :, : columns // 2 + 1]], 2)


def _doubled(planes: torch.Tensor) -> torch.Tensor:
    """Do what :func:`deblurnets.deconvolution.extrapolation.doubled` does."""
    rows, width = planes.shape[2:]
    low = torch.fft.rfft2(planes)
    upper, columns = rows - rows // 2, low.shape[3]
    spectrum = low.new_zeros((*low.shape[:2], 2 * rows, width + 1))
    spectrum[:, :, :upper, :columns] = low[:, :, :upper]
    spectrum[:, :, rows + upper :, :columns] = low[:, :, upper:]
    return 4 * torch.fft.irfft2(spectrum, s=(2 * rows, 2 * width))
