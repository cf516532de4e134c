"""Kernels as an analysis network estimates them: true ones with its typical faults."""

from __future__ import annotations

import numpy as np
import scipy.ndimage

from deblurnets.imaging.psf import fit_grid, prune


def perturb_kernel(kernel: np.ndarray, rng: np.random.RandomState, strength: float) -> np.ndarray:
    """Return a kernel with random faults of a blind estimate.

    Parameters
    ----------
    kernel : array (k, k), a true kernel.
    strength : 0 (no fault) to 1 (bent by 8 %, brightness along the path wrong by a third, softened
        by a pixel, weak branches lost).

    Returns
    -------
    array (k, k), float32, summing to 1.
    """
    if strength <= 0:
        return kernel
    size = kernel.shape[0]
    bend = np.eye(2) + strength * rng.normal(0, 0.04, (2, 2))
    centre = np.array([size // 2, size // 2])
    faulty = scipy.ndimage.affine_transform(kernel, bend, centre - bend @ centre, order=1)
    waves = scipy.ndimage.gaussian_filter(rng.normal(0, 1, kernel.shape), rng.uniform(1, 4))
    waves /= waves.std() + 1e-9
    faulty = faulty * np.exp(strength * 0.35 * waves)
    if rng.rand() < 0.7:
        faulty = scipy.ndimage.gaussian_filter(faulty, strength * rng.uniform(0.2, 1.0))
    if rng.rand() < 0.5:
        faulty = prune(faulty, strength * rng.uniform(0.02, 0.15))
    return fit_grid(faulty, size).astype(np.float32)
