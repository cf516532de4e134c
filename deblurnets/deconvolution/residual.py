"""What a deconvolved picture, blurred again, leaves of the blurry one."""

from __future__ import annotations

import numpy as np
from scipy import fft

from deblurnets.imaging import srgb as curves
from deblurnets.imaging.boundaries import extend, extended_shape, inside, psf_to_otf


def residual(plane: np.ndarray, sharp: np.ndarray, kernel: np.ndarray, domain: str) -> np.ndarray:
    """Return what a deconvolution, blurred again, leaves of the blurry picture.

    Parameters
    ----------
    plane, sharp : ndarray, (H, W)
        Blurry picture and its deconvolution in that domain, both sRGB values in 0..1.
    kernel : ndarray, (h, w), odd sides
    domain : "gamma" or "linear"

    Returns
    -------
    ndarray, (H, W), sRGB values; within half a kernel of the border not reliable.
    """
    linear = domain == "linear"
    margin = tuple(n // 2 for n in kernel.shape)
    shape = extended_shape(plane.shape, margin)
    signal = curves.to_linear(sharp) if linear else sharp
    spectrum = fft.rfft2(extend(signal[None], margin, shape)) * psf_to_otf(kernel, shape)
    blurred = inside(fft.irfft2(spectrum, shape), margin, (1, *plane.shape))[0]
    return plane - (curves.to_gamma(blurred) if linear else blurred)


def inner_residual(
    blurry: np.ndarray, sharp: np.ndarray, kernel: np.ndarray, domain: str
) -> np.ndarray:
    """Return the residual of a result (H, W), 0 where the picture's border tells on it."""
    error = np.zeros_like(blurry)
    reliable = tuple(slice(n // 2, max(m - n // 2, 0)) for n, m in zip(kernel.shape, blurry.shape))
    error[reliable] = residual(blurry, sharp, kernel, domain)[reliable]
    return error
