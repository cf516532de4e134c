"""Noise of a picture, estimated from the picture alone."""

from __future__ import annotations

import numpy as np

# Noise over a percentile of the root mean squares of its 16x16 blocks (simulated).
QUARTILE, OVER_QUARTILE = 25, 1.065
LOWEST, OVER_LOWEST = 5, 1.157
# Shorter side, pixels, of a picture of half the size that has enough blocks.
LEAST_HALF = 64


def estimate_noise(image: np.ndarray) -> float:
    """Estimate the standard deviation of a picture's noise from the picture alone.

    The second difference of second differences removes all that is smooth; its root mean square
    over blocks of 16x16 is the noise where the picture is flat or blurred, and more elsewhere. So
    the lower quartile over the blocks is taken, clipped blocks aside, and put right by the factor
    that it needs for pure noise.

    Parameters
    ----------
    image : ndarray, (H, W) or (H, W, C)
        0..1.

    Returns
    -------
    float
        In the unit of the pixel values; root mean square over the channels. A picture under
        18 pixels counts as one block.

    References
    ----------
    Immerkaer, "Fast noise variance estimation", CVIU 64(2), 1996.
    """
    return _noise(to_planes(image), QUARTILE, OVER_QUARTILE)


def estimate_grain(image: np.ndarray) -> float:
    """Estimate the noise that a deconvolution meets: that of white noise which reaches as low.

    Where a camera interpolated its colours, smoothed its noise or stored it as JPEG, neighbours
    share it: little is left from pixel to pixel, and much at the frequencies that a deconvolution
    amplifies. Averages of 2x2 pixels halve white noise, and this less. The picture itself has
    structure at that size nearly everywhere, so the smoothest blocks are taken.

    Parameters
    ----------
    image : ndarray, (H, W) or (H, W, C)
        0..1.

    Returns
    -------
    float
        As of `estimate_noise`, and never less.
    """
    planes = to_planes(image)
    noise = _noise(planes, QUARTILE, OVER_QUARTILE)
    rows, columns = (n // 2 for n in planes.shape[1:])
    if min(rows, columns) < LEAST_HALF:
        return noise
    pairs = planes[:, : 2 * rows, : 2 * columns].reshape(len(planes), rows, 2, columns, 2)
    return max(noise, 2 * _noise(pairs.mean(axis=(2, 4)), LOWEST, OVER_LOWEST))


def _noise(planes: np.ndarray, percentile: float, over: float) -> float:
    """Estimate noise from a percentile of its blocks."""
    levels = []
    for plane in planes:
        # A sixth of it has the noise's standard deviation.
        response = _second_difference(_second_difference(plane).T).T / np.float32(6)
        if min(plane.shape) < 18:
            levels.append(float(np.sqrt(np.mean(response**2))))
            continue
        squares, values = _blocks(response[1:-1, 1:-1] ** 2), _blocks(plane[1:-1, 1:-1])
        unclipped = (values.max(axis=1) < 0.99) & (values.min(axis=1) > 0.005)
        squares = squares[unclipped] if unclipped.any() else squares
        levels.append(over * float(np.percentile(np.sqrt(squares.mean(1)), percentile)))
    return float(np.sqrt(np.mean(np.square(levels))))


def to_planes(image: np.ndarray) -> np.ndarray:
    """Picture (H, W) or (H, W, C) of floats as contiguous float32 planes (C, H, W)."""
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.dtype.kind != "f" or image.size == 0:
        raise ValueError(
            "the picture must be a float array (H, W) or (H, W, C) in 0..1, received "
            f"{image.dtype} {image.shape}"
        )
    planes = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    return np.ascontiguousarray(planes, np.float32)


def _second_difference(plane: np.ndarray) -> np.ndarray:
    """Of each row's neighbours, the border mirrored."""
    plane = np.pad(plane, ((1, 1), (0, 0)), mode="reflect")
    difference = plane[:-2] + plane[2:]
    difference -= 2 * plane[1:-1]
    return difference


def _blocks(plane: np.ndarray, size: int = 16) -> np.ndarray:
    """Whole blocks of a plane as rows, (count, size * size)."""
    rows, columns = plane.shape[0] // size, plane.shape[1] // size
    cut = plane[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return cut.swapaxes(1, 2).reshape(rows * columns, size * size)
