"""What a blurry picture's unknown surroundings must hold for a sharp picture to explain it all.

A pixel within the kernel's radius of the border is a mean of pixels on both sides of it. A
deconvolution that fills the outside with anything smooth puts the fault into the picture, twice as
deep as the kernel is wide.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np
from scipy import fft

from .borders import gradient_power


def fill_hidden(
    observed: np.ndarray,
    weight: np.ndarray,
    transfer: np.ndarray,
    penalty: float,
    iterations: int,
) -> np.ndarray:
    """Replace pixels of weight 0 by what a smooth sharp picture, blurred, has there.

    That picture minimises ``sum weight (k * x - y)^2 + penalty sum |grad x|^2`` over the grid.
    Conjugate gradients on the half spectrum, preconditioned by the Wiener filter of a picture that
    is known everywhere: two transforms an iteration.

    Parameters
    ----------
    observed : ndarray of float32, (C, H, W)
        Blurry picture on its periodic grid.
    weight : ndarray of float32, (1 or C, H, W)
        Of the squared error of each pixel; 0 where nothing is known.
    transfer : ndarray of complex64, (H, W // 2 + 1)
        Of the kernel.
    penalty : float
        Weight of the squared gradient, positive.
    iterations : int
        0 leaves the picture as it is.

    Returns
    -------
    ndarray of float32, (C, H, W)

    References
    ----------
    Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems", 1952.
    """
    if iterations < 1:
        return observed
    shape = observed.shape[1:]
    adjoint = np.conj(transfer)
    slopes = gradient_power(shape) * np.float32(penalty)
    wiener = 1 / (np.abs(transfer) ** 2 + slopes)

    def normal(spectrum: np.ndarray) -> np.ndarray:
        blurred = fft.irfft2(transfer * spectrum, shape)
        blurred *= weight
        product = adjoint * fft.rfft2(blurred)
        product += slopes * spectrum
        return product

    spectrum = wiener * adjoint * fft.rfft2(observed)
    residual = adjoint * fft.rfft2(weight * observed) - normal(spectrum)
    direction = wiener * residual
    length = _inner(residual, direction, shape)
    for _ in range(iterations):
        image = normal(direction)
        curvature = _inner(direction, image, shape)
        if not curvature > 0:  # nothing is left to correct
            break
        step = np.float32(length / curvature)
        spectrum += step * direction
        residual -= step * image
        image = wiener * residual
        following = _inner(residual, image, shape)
        direction *= np.float32(following / length)
        direction += image
        length = following
    return np.where(weight > 0, observed, fft.irfft2(transfer * spectrum, shape))


def _inner(first: np.ndarray, second: np.ndarray, shape: Tuple[int, int]) -> float:
    """Inner product of real planes, but for a factor, by their half spectra (C, H, W // 2 + 1)."""
    both = np.einsum("chw,chw->w", first.real, second.real)
    both = both + np.einsum("chw,chw->w", first.imag, second.imag)
    # The other half of the spectrum mirrors this one, but for its first and its middle column.
    once = both[0] + (both[-1] if shape[1] % 2 == 0 else 0)
    return float(2 * both.sum(dtype=np.float64) - once)
