"""Estimate of a blurry picture's surroundings as a part of a training step, by the batch."""

from __future__ import annotations

from typing import Any

from deblurnets.backend import abs2, conj, irfft2, ops, rfft2, scale
from deblurnets.borders import gradient_power

Tensor = Any


def fill_hidden(
    observed: Tensor, weight: Tensor, transfer: Tensor, penalty: float, iterations: int
) -> Tensor:
    """Do what :func:`deblurnets.surroundings.fill_hidden` does.

    Parameters
    ----------
    observed : (batch, C, H, W), blurry pictures on their periodic grid.
    weight : (batch, 1 or C, H, W), of the squared error of each pixel; 0 where nothing is known.
    transfer : complex (batch, 1, H, W // 2 + 1)
    penalty : weight of the squared gradient.
    iterations : int

    Returns
    -------
    (batch, C, H, W)
    """
    if iterations < 1:
        return observed
    size = tuple(observed.shape[2:4])
    slopes = ops.convert_to_tensor(gradient_power(size)) * penalty
    wiener = 1 / (abs2(transfer) + slopes)

    def solved(planes: Tensor) -> Tensor:
        return irfft2(scale(rfft2(planes), wiener), size)

    # On planes, where inner products are plain sums: a few transforms more than on spectra.
    def normal(planes: Tensor) -> Tensor:
        spectrum = rfft2(planes)
        blurred = weight * irfft2(transfer * spectrum, size)
        return irfft2(conj(transfer) * rfft2(blurred) + scale(spectrum, slopes), size)

    sharp = irfft2(scale(conj(transfer) * rfft2(observed), wiener), size)
    right = irfft2(conj(transfer) * rfft2(weight * observed), size)
    residual = right - normal(sharp)
    direction = solved(residual)
    length = _inner(residual, direction)
    for _ in range(iterations):
        image = normal(direction)
        step = length / ops.maximum(_inner(direction, image), 1e-20)
        sharp = sharp + step * direction
        residual = residual - step * image
        image = solved(residual)
        following = _inner(residual, image)
        direction = image + following / ops.maximum(length, 1e-20) * direction
        length = following
    return ops.where(weight > 0, observed, irfft2(transfer * rfft2(sharp), size))


def _inner(first: Tensor, second: Tensor) -> Tensor:
    return ops.sum(first * second, axis=(1, 2, 3), keepdims=True)
