"""Multi-scale structural similarity, in the form that the benchmark of Koehler et al. uses."""

from __future__ import annotations

from typing import Tuple

import cv2
import numpy as np

from deblurnets.imaging.metrics import local_mean

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the five scales, finest first
_C1, _C2 = 0.01**2, 0.03**2
_WINDOW = 11
# The low-pass half of the biorthogonal 9/7 wavelet, with which that benchmark halves pictures.
_HALF = (0.852698679008890, 0.377402855612830, -0.110624404418440, -0.023849465019560)
_LOW_PASS = np.array([0.037828455507260, *_HALF[:0:-1], *_HALF, 0.037828455507260])
_LOW_PASS = _LOW_PASS / _LOW_PASS.sum()


def multiscale_ssim(estimate: np.ndarray, reference: np.ndarray) -> float:
    """Multi-scale structural similarity of two planes in place.

    At five scales, each half as large as the one before, the terms of contrast and structure are
    averaged over the plane, each for itself; the term of luminance at the coarsest. The result is
    the product of all, to the power of the scales' weights.

    Parameters
    ----------
    estimate, reference : ndarray
        (H, W) in 0..1, both sides of 176 pixels or more, so that the window fits the last scale.

    Returns
    -------
    float
        1 for equal planes, down to 0.

    Raises
    ------
    ValueError
        When the shapes differ or are too small.

    References
    ----------
    Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment",
    Asilomar Conference on Signals, Systems and Computers, 2003.
    """
    smallest = _WINDOW * 2 ** (len(_WEIGHTS) - 1)
    if estimate.shape != reference.shape or estimate.ndim != 2 or min(estimate.shape) < smallest:
        raise ValueError(
            f"expected two planes of one shape of {smallest}x{smallest} pixels or more, received "
            f"{estimate.shape} and {reference.shape}"
        )
    x, y = np.asarray(estimate, np.float64), np.asarray(reference, np.float64)
    quality = luminance = 1.0
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            x, y = _halve(x), _halve(y)
        luminance, contrast, structure = _terms(x, y)
        quality *= (contrast * max(structure, 0.0)) ** weight
    return float(quality * luminance ** _WEIGHTS[-1])


def _terms(x: np.ndarray, y: np.ndarray) -> Tuple[float, float, float]:
    """Return the mean luminance, contrast and structure of two planes at one scale."""
    mean_x, mean_y = local_mean(x), local_mean(y)
    variance_x = np.maximum(local_mean(x * x) - mean_x**2, 0)
    variance_y = np.maximum(local_mean(y * y) - mean_y**2, 0)
    covariance = local_mean(x * y) - mean_x * mean_y
    deviations = np.sqrt(variance_x * variance_y)
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    contrast = (2 * deviations + _C2) / (variance_x + variance_y + _C2)
    structure = (covariance + _C2 / 2) / (deviations + _C2 / 2)
    return float(luminance.mean()), float(contrast.mean()), float(structure.mean())


def _halve(plane: np.ndarray) -> np.ndarray:
    return cv2.sepFilter2D(plane, -1, _LOW_PASS, _LOW_PASS, borderType=cv2.BORDER_REFLECT)[::2, ::2]
