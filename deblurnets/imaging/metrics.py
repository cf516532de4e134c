"""Scores of a deblurred picture and of an estimated kernel, both up to a shift.

A blind kernel is known up to a shift only: moving the kernel one way and the picture the other
way explains the blurry picture equally well. A picture is therefore scored at the shift where it
agrees best with its reference, and a kernel by the maximum of its cross-correlation with the true
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy as np
from scipy import fft, ndimage

from deblurnets.imaging.noise import to_planes
from deblurnets.imaging.pixels import unit_range

MAX_SHIFT = 12
_HALF_WINDOW = 5


@dataclass(frozen=True)
class Score:
    """Agreement of a picture with its reference at the best shift.

    Attributes
    ----------
    psnr : float
        Peak signal-to-noise ratio in dB, peak 1, over all channels; infinite for equal pictures.
    ssim : float
        Structural similarity, mean over the picture and its channels, at the same shift.
    shift : tuple of float
        (down, right) in pixels: ``estimate[y + down, x + right]`` matches ``reference[y, x]``.
    """

    psnr: float
    ssim: float
    shift: Tuple[float, float]


def compare(
    estimate: np.ndarray, reference: np.ndarray, border: int = 0, max_shift: int = MAX_SHIFT
) -> Score:
    """Score a picture at the shift where its squared error is smallest.

    The reference loses ``border`` pixels on each side and stays in place; the estimate is moved
    behind it. So every shift is judged on the same reference pixels, and a shift never reaches
    outside the estimate: it is at most ``border``. Whole pixels are searched exhaustively, then
    half and quarter pixels around the best one with cubic splines.

    Parameters
    ----------
    estimate, reference : ndarray, (H, W) or (H, W, C)
        Pictures of equal shape; floats in 0..1, or unsigned integers over their full range.
    border : int
        Pixels to leave out on each side.
    max_shift : int
        Largest shift tried, in pixels; limited by ``border``.

    Returns
    -------
    Score

    Raises
    ------
    ValueError
        When the shapes differ or the border leaves nothing of the picture.
    """
    estimate, reference = unit_range(estimate), unit_range(reference)
    if estimate.shape != reference.shape:
        raise ValueError(
            "the pictures to compare must have one shape, received "
            f"{estimate.shape} and {reference.shape}"
        )
    height, width = reference.shape[:2]
    if border < 0 or min(height, width) <= 2 * border:
        raise ValueError(
            f"a border of {border} pixels must be at least 0 and leave some of a picture of "
            f"{height}x{width} pixels"
        )
    # Channels first, so that rows are contiguous in the filters and transforms.
    estimate, reference = to_planes(estimate), to_planes(reference)
    inner = np.ascontiguousarray(reference[:, border : height - border, border : width - border])
    reach = min(int(max_shift), border)
    whole = _best_whole_shift(estimate, inner, border, reach)
    shift, aligned, error = _best_fraction(estimate, inner, border, reach, whole)
    return Score(decibels(error), ssim(_pixels(aligned), _pixels(inner)), shift)


def psnr(estimate: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two pictures in 0..1, in place, over all channels.

    ``-10 log10(mean((estimate - reference)^2))``; infinite for equal pictures.
    """
    return decibels(_mean_square(unit_range(estimate) - unit_range(reference)))


def decibels(mean_square: float) -> float:
    """Return the PSNR of a mean squared error of pictures in 0..1, infinite for none."""
    return float("inf") if mean_square == 0 else float(-10 * np.log10(mean_square))


def ssim(estimate: np.ndarray, reference: np.ndarray) -> float:
    """Structural similarity of two pictures in place, mean over pixels and channels.

    Gaussian window of 1.5 px cut at 11x11, constants 0.01^2 and 0.03^2 for a range of 1, only
    windows that lie inside the picture; a picture under 11 px is taken with mirrored borders.

    Parameters
    ----------
    estimate, reference : ndarray, (H, W) or (H, W, C)
        Pictures of equal shape, 0..1.

    Returns
    -------
    float
        1 for equal pictures, down to -1.

    References
    ----------
    Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE TIP 13(4), 2004.
    """
    x, y = to_planes(unit_range(estimate)), to_planes(unit_range(reference))
    mean_x, mean_y = local_mean(x), local_mean(y)
    product, energy = mean_x * mean_y, mean_x**2 + mean_y**2
    # Only the sum of the two variances is needed, so one filter serves both.
    variances = local_mean(x * x + y * y) - energy
    covariance = local_mean(x * y) - product
    c1, c2 = 0.01**2, 0.03**2
    quality = (2 * product + c1) * (2 * covariance + c2)
    quality /= (energy + c1) * (variances + c2)
    return float(quality.mean(dtype=np.float64))


def local_mean(planes: np.ndarray) -> np.ndarray:
    """Weighted means of (..., H, W) under the window of `ssim`, (..., H - 10, W - 10).

    Planes of less than 11 pixels a side keep their size, their borders mirrored.
    """
    offsets = np.arange(-_HALF_WINDOW, _HALF_WINDOW + 1)
    window = np.exp(-0.5 * (offsets / 1.5) ** 2)
    window /= window.sum()
    for axis in (-1, -2):
        planes = ndimage.correlate1d(planes, window, axis=axis, mode="mirror")
    inner = slice(_HALF_WINDOW, -_HALF_WINDOW)
    return planes[..., inner, inner] if min(planes.shape[-2:]) > 2 * _HALF_WINDOW else planes


def kernel_similarity(estimate: np.ndarray, reference: np.ndarray) -> float:
    """Largest normalised cross-correlation of two kernels over all shifts.

    ``max_s sum_t a(t) b(t + s) / (|a| |b|)``, kernels being zero outside their grids.

    Parameters
    ----------
    estimate, reference : ndarray, (h, w)
        Non-negative kernels; the grids may differ.

    Returns
    -------
    float
        0..1, 1 for kernels that are equal up to a shift and a factor.

    References
    ----------
    Hu and Yang, "Good regions to deblur", ECCV 2012.
    """
    a, b = np.asarray(estimate, np.float64), np.asarray(reference, np.float64)
    norm = np.sqrt(np.sum(a * a) * np.sum(b * b))
    if norm == 0:
        return 0.0
    shape = [fft.next_fast_len(m + n - 1, True) for m, n in zip(a.shape, b.shape)]
    correlation = fft.irfft2(fft.rfft2(a, shape) * np.conj(fft.rfft2(b, shape)), shape)
    return float(np.clip(correlation.max() / norm, 0.0, 1.0))


def _pixels(planes: np.ndarray) -> np.ndarray:
    return np.moveaxis(planes, 0, -1)


def _mean_square(difference: np.ndarray) -> float:
    flat = difference.reshape(-1)
    return float(np.dot(flat, flat)) / flat.size


def _window(planes: np.ndarray, inner: np.ndarray, top: int, left: int) -> np.ndarray:
    return planes[:, top : top + inner.shape[1], left : left + inner.shape[2]]


def _best_whole_shift(
    estimate: np.ndarray, inner: np.ndarray, border: int, reach: int
) -> Tuple[int, int]:
    """Shift of smallest squared error among all whole ones up to ``reach``.

    ``sum (e_s - r)^2 = sum e_s^2 - 2 sum e_s r + sum r^2``: the first term comes from an integral
    image, the second from one cyclic correlation, whose wrapped part lies outside the window.
    """
    if reach == 0:
        return 0, 0
    count, low = 2 * reach + 1, border - reach
    height, width = inner.shape[1:]
    area = estimate[:, low : low + height + 2 * reach, low : low + width + 2 * reach]
    centre = inner.mean(dtype=np.float64).astype(np.float32)  # keeps the sums' rounding small
    area, target = area - centre, inner - centre

    integral = np.zeros((area.shape[1] + 1, area.shape[2] + 1))
    integral[1:, 1:] = np.sum(area * area, axis=0).cumsum(0, dtype=np.float64).cumsum(1)
    corners = [integral[y : y + count, x : x + count] for y in (0, height) for x in (0, width)]
    energy = corners[3] - corners[2] - corners[1] + corners[0]

    shape = [fft.next_fast_len(n, True) for n in area.shape[1:]]
    spectrum = np.sum(fft.rfft2(area, shape) * np.conj(fft.rfft2(target, shape)), axis=0)
    correlation = fft.irfft2(spectrum, shape)[:count, :count]
    best = np.argmin(energy - 2 * correlation)
    return int(best // count) - reach, int(best % count) - reach


def _best_fraction(
    estimate: np.ndarray, inner: np.ndarray, border: int, reach: int, whole: Tuple[int, int]
) -> Tuple[Tuple[float, float], np.ndarray, float]:
    """Refine a whole shift by half, then quarter pixels; the shift, the window and its error."""
    aligned = _window(estimate, inner, border + whole[0], border + whole[1])
    best = (float(whole[0]), float(whole[1]))
    error = _mean_square(np.ascontiguousarray(aligned) - inner)
    if reach == 0 or error == 0:
        return best, aligned, error
    top, left = border + whole[0] - 3, border + whole[1] - 3  # 1 px of shift, 2 px of spline
    patch, top, left = _padded_window(estimate, inner, top, left)
    coefficients = np.stack([ndimage.spline_filter(p, 3, output=np.float32) for p in patch])
    for step in (0.5, 0.25):
        centre = best
        for dy in (-step, 0.0, step):
            down = centre[0] + dy
            if abs(down) > reach:
                continue
            rows = _spline_shift(coefficients, border + down - top, inner.shape[1], axis=1)
            for dx in (-step, 0.0, step):
                right = centre[1] + dx
                if abs(right) > reach or (dy == 0 and dx == 0):
                    continue
                moved = _spline_shift(rows, border + right - left, inner.shape[2], axis=2)
                trial = _mean_square(moved - inner)
                if trial < error:
                    best, aligned, error = (down, right), moved, trial
    return best, aligned, error


def _padded_window(
    estimate: np.ndarray, inner: np.ndarray, top: int, left: int
) -> Tuple[np.ndarray, int, int]:
    """Window 3 px larger on each side than ``inner``, mirrored where the picture ends."""
    height, width = inner.shape[1] + 6, inner.shape[2] + 6
    before = (max(0, -top), max(0, -left))
    after = (
        max(0, top + height - estimate.shape[1]),
        max(0, left + width - estimate.shape[2]),
    )
    patch = estimate[:, max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)]
    pads = ((0, 0), (before[0], after[0]), (before[1], after[1]))
    return (np.pad(patch, pads, mode="symmetric") if np.any(pads) else patch), top, left


def _spline_shift(coefficients: np.ndarray, start: float, length: int, axis: int) -> np.ndarray:
    """Values of a cubic spline at ``start, start + 1, ...`` along one axis, ``length`` of them."""
    first = int(np.floor(start))
    t = start - first
    weights = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    total = None
    for tap, weight in enumerate(weights):
        if weight < 1e-12:
            continue
        index = [slice(None)] * 3
        index[axis] = slice(first - 1 + tap, first - 1 + tap + length)
        part = coefficients[tuple(index)] * np.float32(weight)
        total = part if total is None else np.add(total, part, out=total)
    return total
