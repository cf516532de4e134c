"""Regression of the kernel from predicted edges (the second half-step), and its clean-up.

Used by :mod:`deblurnets.alternation`.
"""

from __future__ import annotations

from typing import Optional, Tuple

import numpy as np
from scipy import fft, ndimage

from .alternation_latent import gradients
from .kernels import centroid, fit_grid, normalise


def select_edges(
    latent: np.ndarray, shape: Tuple[int, int], threshold: float
) -> Tuple[np.ndarray, np.ndarray]:
    """Return the latent picture's gradients, only those inside `shape` and above `threshold`."""
    along_x, along_y = gradients(latent)
    weak = along_x * along_x + along_y * along_y < threshold * threshold
    weak[shape[0] - 1 :] = True
    weak[:, shape[1] - 1 :] = True
    along_x[weak] = 0
    along_y[weak] = 0
    return along_x, along_y


def edge_threshold(latent: np.ndarray, shape: Tuple[int, int], count: int) -> float:
    """Return the gradient magnitude that about `count` pixels in each of 4 directions exceed.

    Directions count separately: a kernel is only determined across edges, so each direction needs
    its share (Cho and Lee, 2009).
    """
    along_x, along_y = gradients(latent)
    along_x = along_x[: shape[0] - 1, : shape[1] - 1].ravel()
    along_y = along_y[: shape[0] - 1, : shape[1] - 1].ravel()
    length = along_x * along_x + along_y * along_y
    sector = (np.arctan2(along_y, along_x) % np.pi) // (np.pi / 4)
    lowest = np.inf
    for direction in range(4):
        values = length[sector == direction]
        if values.size > count:
            lowest = min(lowest, float(np.partition(values, -count)[-count]))
        else:
            lowest = 0.0
    return float(np.sqrt(lowest))


def regress(
    edges: Tuple[np.ndarray, np.ndarray],
    blurry: Tuple[np.ndarray, np.ndarray],
    size: int,
    ridge: float,
    iterations: int = 30,
    start: Optional[np.ndarray] = None,
) -> np.ndarray:
    """Fit the non-negative kernel that blurs the predicted edges into the observed gradients.

    Minimises ``sum |k * g - b|^2 + ridge * E |k|^2`` over kernels of `size` without negative
    values, E being the edges' energy. The normal equations only need the edges' autocorrelation
    and their correlation with the observation up to the kernel's size, so the full picture is
    transformed once and the iterations (accelerated projected gradient) run on a small grid.

    Returns
    -------
    array (size, size), float32, summing to 1.
    """
    shape = edges[0].shape
    auto = 0
    cross = 0
    for edge, observed in zip(edges, blurry):
        spectrum = fft.rfft2(edge)
        auto = auto + spectrum.real**2 + spectrum.imag**2
        cross = cross + np.conj(spectrum) * fft.rfft2(observed)
    auto = fft.irfft2(auto, shape)
    energy = float(auto[0, 0])
    if energy <= 0:
        return None
    auto = _window(auto, size - 1) / energy
    cross = _window(fft.irfft2(cross, shape), size // 2) / energy
    return _non_negative_solution(auto, cross, ridge, iterations, start)


def _window(plane: np.ndarray, reach: int) -> np.ndarray:
    """Cut the lags -reach..reach out of a circular correlation."""
    rows = np.arange(-reach, reach + 1) % plane.shape[0]
    columns = np.arange(-reach, reach + 1) % plane.shape[1]
    return plane[np.ix_(rows, columns)]


def _non_negative_solution(auto, cross, ridge, iterations, start):
    """Solve the normal equations of :func:`regress` by FISTA with a projection."""
    size = cross.shape[0]
    # Wrap-around on the lags' own grid only reaches outputs that are not looked at.
    grid = fft.next_fast_len(2 * size - 1, True)
    operator = fft.rfft2(auto, (grid, grid))

    def normal(kernel):
        product = fft.irfft2(fft.rfft2(kernel, (grid, grid)) * operator, (grid, grid))
        return product[size - 1 : 2 * size - 1, size - 1 : 2 * size - 1] + ridge * kernel

    lipschitz = float(np.abs(operator).max()) + ridge
    kernel = np.maximum(cross, 0) if start is None else start
    kernel = kernel.astype(np.float32)
    point, momentum = kernel, 1.0
    for _ in range(iterations):
        following = np.maximum(point - (normal(point) - cross) / lipschitz, 0)
        next_momentum = 0.5 + np.sqrt(0.25 + momentum * momentum)
        point = following + (momentum - 1) / next_momentum * (following - kernel)
        kernel, momentum = following, next_momentum
    return normalise(kernel)


def clean(kernel: np.ndarray, threshold: float, speck: float) -> np.ndarray:
    """Remove small values and isolated specks, and re-centre the kernel on its centroid.

    Parameters
    ----------
    kernel : array (k, k)
    threshold : float
        Values below this share of the maximum become 0.
    speck : float
        Connected groups of pixels that hold less than this share of the mass are removed.
    """
    kernel = np.where(kernel >= threshold * kernel.max(), kernel, 0)
    groups, count = ndimage.label(kernel > 0, structure=np.ones((3, 3)))
    if count > 1:
        mass = ndimage.sum(kernel, groups, np.arange(count + 1))
        keep = mass >= min(speck * mass.sum(), mass[1:].max())
        keep[0] = False
        kernel = np.where(keep[groups], kernel, 0)
    return shift_to_centre(normalise(kernel))


def shift_to_centre(kernel: np.ndarray) -> np.ndarray:
    """Move a kernel by whole pixels so that its centroid lies within half a pixel of the origin."""
    return fit_grid(kernel, kernel.shape[0])


def resize(kernel: np.ndarray, factor: float, size: int) -> np.ndarray:
    """Scale a kernel about its centroid and put it on a grid of `size` (odd)."""
    if factor < 1:
        kernel = ndimage.gaussian_filter(kernel, 0.5 * np.sqrt(1 / factor**2 - 1), mode="constant")
    rows, columns = centroid(kernel)
    offset = [c - (size // 2) / factor for c in (rows, columns)]
    return normalise(
        ndimage.affine_transform(
            kernel.astype(np.float32), [1 / factor] * 2, offset, (size, size), order=1
        )
    )
