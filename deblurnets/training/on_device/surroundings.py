"""Estimate of a blurry picture's surroundings, by the batch."""

from __future__ import annotations

import torch

from deblurnets.borders import gradient_power


def fill_hidden(
    observed: torch.Tensor,
    weight: torch.Tensor,
    transfer: torch.Tensor,
    penalty: float,
    iterations: int,
) -> torch.Tensor:
    """Do what :func:`deblurnets.surroundings.fill_hidden` does.

    Parameters
    ----------
    observed : (batch, C, H, W), blurry pictures on their periodic grid.
    weight : (batch, 1 or C, H, W), of the squared error of each pixel; 0 where nothing is known.
    transfer : complex (batch, 1, H, W // 2 + 1)
    penalty : weight of the squared gradient.
    iterations : int
    """
    if iterations < 1:
        return observed
    size = tuple(observed.shape[2:])
    slopes = torch.tensor(gradient_power(size), device=observed.device) * penalty
    wiener = 1 / (transfer.abs() ** 2 + slopes)
    adjoint = transfer.conj()

    def solved(planes: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft2(wiener * torch.fft.rfft2(planes), s=size)

    # On planes, where inner products are plain sums: a few transforms more than on spectra.
    def normal(planes: torch.Tensor) -> torch.Tensor:
        spectrum = torch.fft.rfft2(planes)
        blurred = weight * torch.fft.irfft2(transfer * spectrum, s=size)
        return torch.fft.irfft2(adjoint * torch.fft.rfft2(blurred) + slopes * spectrum, s=size)

    sharp = torch.fft.irfft2(wiener * adjoint * torch.fft.rfft2(observed), s=size)
    right = torch.fft.irfft2(adjoint * torch.fft.rfft2(weight * observed), s=size)
    residual = right - normal(sharp)
    direction = solved(residual)
    length = _inner(residual, direction)
    for _ in range(iterations):
        image = normal(direction)
        step = length / _inner(direction, image).clamp(min=1e-20)
        sharp = sharp + step * direction
        residual = residual - step * image
        image = solved(residual)
        following = _inner(residual, image)
        direction = image + following / length.clamp(min=1e-20) * direction
        length = following
    blurred = torch.fft.irfft2(transfer * torch.fft.rfft2(sharp), s=size)
    return torch.where(weight > 0, observed, blurred)


def _inner(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return (first * second).sum((1, 2, 3), keepdim=True)
