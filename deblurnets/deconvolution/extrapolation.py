"""Boundary extrapolation: what a blurry picture has where it was not observed.

A pixel within the kernel's radius of the border is a mean of pixels on both sides of it. A
deconvolution that takes anything smooth for the outside puts the fault into the picture, twice as
deep as the kernel is wide.
"""

from __future__ import annotations

from typing import List, Tuple

import numpy as np
from scipy import fft, ndimage

from deblurnets.imaging.boundaries import gradient_power
from deblurnets.runtime.threads import map_threads

# Weight of the squared gradient. More makes the outside too smooth to explain the picture
# near its border, less lets them run away.
PENALTY = 0.016
# Weight of the squared distance from the start: without it the outside of one border reaches
# for those of the opposite one.
HOLD = 0.2 * PENALTY
# Parts of a picture that are solved for more slowly than this are left to the smoothness.
SLOWEST = 0.01
# Pixels of the planes that are extrapolated side by side.
TOGETHER = 2**21


def extrapolate(
    observed: np.ndarray,
    mask: np.ndarray,
    otf: np.ndarray,
    iterations: int,
    half_resolution: bool = False,
) -> np.ndarray:
    """Replace masked pixels by what a smooth sharp picture, blurred, has there.

    That picture minimises ``sum m (k * x - y)^2 + PENALTY |grad x|^2 + HOLD (x - y)^2``
    over the grid. Chebyshev iteration on the half spectrum, preconditioned by the Wiener filter of
    a picture that is observed everywhere: two transforms an iteration. Planes are worked on side by
    side on the cores of `scipy.fft.set_workers`, but for those of a large tile, whose spectra take
    much memory.

    Parameters
    ----------
    observed : ndarray of float32, (C, H, W)
        Blurry picture on its periodic grid; masked pixels are a start (`boundaries.extend`).
    mask : ndarray of bool, (1 or C, H, W)
        False for pixels that were not observed.
    otf : ndarray of complex64, (H, W // 2 + 1)
        Of the kernel.
    iterations : int
        0 leaves the picture as it is.
    half_resolution : bool
        Solve for every other row and column, where both sides are even, and interpolate. Takes a
        quarter of the time; a blurry picture holds little more.

    Returns
    -------
    ndarray of float32, (C, H, W)

    References
    ----------
    Saad, "Iterative methods for sparse linear systems", 2nd edition, 2003, algorithm 12.1.
    """
    if iterations < 1:
        return observed
    shape = observed.shape[1:]
    penalty = gradient_power(shape) * np.float32(PENALTY) + np.float32(HOLD)
    half = half_resolution and not (shape[0] % 2 or shape[1] % 2)
    if half:
        otf, penalty = low_half(otf, shape), low_half(penalty, shape)
    wiener = 1 / (np.abs(otf) ** 2 + penalty)
    # Every other pixel as it is: smoothed, the observed ones would take in the others' start.
    step = 2 if half else 1

    def work(plane: np.ndarray, inner: np.ndarray) -> np.ndarray:
        seen = np.ascontiguousarray(plane[::step, ::step]), inner[::step, ::step]
        found = _extrapolate_plane(*seen, otf, penalty, wiener, iterations)
        return np.where(inner, plane, doubled(found)) if half else found

    planes = zip(observed, np.broadcast_to(mask, observed.shape))
    found = map_threads(
        lambda plane: work(*plane),
        planes,
        most=max(1, min(fft.get_workers(), TOGETHER // observed[0].size)),
    )
    return np.stack(list(found))


def low_half(spectrum: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Cut a half spectrum of planes of an even `shape` to what every other pixel can hold."""
    rows, columns = shape[0] // 2, shape[1] // 2
    low = spectrum[: rows - rows // 2, : columns // 2 + 1]
    return np.concatenate([low, spectrum[shape[0] - rows // 2 :, : columns // 2 + 1]])


def doubled(plane: np.ndarray) -> np.ndarray:
    """Interpolate a plane (h, w) at every other pixel of one (2 h, 2 w): `low_half` is undone."""
    spectrum = fft.rfft2(plane) * np.float32(4)
    (rows, width), columns = plane.shape, spectrum.shape[1]
    result = np.zeros((2 * rows, width + 1), spectrum.dtype)
    result[: rows - rows // 2, :columns] = spectrum[: rows - rows // 2]
    result[2 * rows - rows // 2 :, :columns] = spectrum[rows - rows // 2 :]
    return fft.irfft2(result, (2 * rows, 2 * width))


def _extrapolate_plane(
    observed: np.ndarray,
    mask: np.ndarray,
    otf: np.ndarray,
    penalty: np.ndarray,
    wiener: np.ndarray,
    iterations: int,
) -> np.ndarray:
    """Extrapolate one plane (H, W); `penalty` and `wiener` are by frequency, (H, W // 2 + 1)."""
    shape = observed.shape
    adjoint, hold = np.conj(otf), np.float32(HOLD)
    start = fft.rfft2(observed)
    spectrum = wiener * (adjoint + hold) * start
    start *= hold
    change = np.zeros_like(spectrum)
    for momentum, rate in step_sizes(iterations):
        # What the observed pixels and the penalty ask for.
        error = observed - fft.irfft2(otf * spectrum, shape)
        error *= mask
        ask = adjoint * fft.rfft2(error)
        ask -= penalty * spectrum
        ask += start
        ask *= wiener
        ask *= np.float32(rate)
        change *= np.float32(momentum)
        change += ask
        spectrum += change
    return np.where(mask, observed, fft.irfft2(otf * spectrum, shape))


def step_sizes(iterations: int) -> List[Tuple[float, float]]:
    """Return (momentum, rate) of each iteration: Chebyshev's, for eigenvalues `SLOWEST` to 1.

    They are the same for every picture: a part of one is extrapolated as it is within the whole.
    """
    middle, half = (1 + SLOWEST) / 2, (1 - SLOWEST) / 2
    steps, ratio = [(0.0, 1 / middle)], half / middle
    for _ in range(iterations - 1):
        following = 1 / (2 * middle / half - ratio)
        steps.append((following * ratio, 2 * following / half))
        ratio = following
    return steps


def from_nearest(planes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give left-out pixels of planes (C, H, W) the value of the nearest valid one (H, W)."""
    if not mask.any():
        return planes
    rows, columns = ndimage.distance_transform_edt(
        ~mask, return_distances=False, return_indices=True
    )
    return planes[:, rows, columns]
