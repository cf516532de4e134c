"""Products by frequency and inverse transforms that take little memory beside their result."""

from __future__ import annotations

from typing import Callable, Tuple

import numpy as np
from scipy import fft

from deblurnets.runtime.threads import in_strips


def filtered(
    spectrum: np.ndarray,
    shape: Tuple[int, int],
    response: Callable[..., np.ndarray],
    *factors: np.ndarray,
) -> np.ndarray:
    """Planes whose spectrum is another one times a response.

    Parameters
    ----------
    spectrum : ndarray of complex64, (C, H, W // 2 + 1)
        Half spectra, as `scipy.fft.rfft2` gives them.
    shape : tuple of int
        (H, W).
    response : callable
        Takes strips of the factors, returns what to multiply the same strip of the spectrum by.
    factors : ndarray, (H, W // 2 + 1)

    Returns
    -------
    ndarray of float32, (C, H, W)
    """
    product = np.empty_like(spectrum)

    def fill(strip: np.ndarray, part: np.ndarray, *values: np.ndarray) -> None:
        np.multiply(part, response(*values), out=strip)

    in_strips(fill, product, spectrum, *factors)
    return planes_of(product, shape)


def planes_of(spectrum: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """As `scipy.fft.irfft2`, in the place of the spectrum, which is used up."""
    columns = fft.ifft(spectrum, axis=-2, overwrite_x=True)
    return fft.irfft(columns, shape[1], axis=-1)
