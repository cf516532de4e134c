"""Pictures made periodic, so that the Fourier transform's cyclic convolution does no harm.

Two fillers of the room around a picture. `extend` fades from the pixels of one border to those of
the opposite one: a start that invents nothing, for methods that extrapolate the boundaries
themselves. `fill_mirrored` fades between mirrored pictures, for networks and edges, which would
take a constant for structure.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np
from scipy import fft

# Share of the gap between opposite borders, at either end, that only the nearer one fills.
ALONE = 0.2


def extended_shape(shape: Tuple[int, int], margin: Tuple[int, int]) -> Tuple[int, int]:
    """Grid for a picture with a margin on every side, rounded up to a fast transform size.

    Parameters
    ----------
    shape, margin : tuple of int
        (H, W) of the picture and the pixels to add on each side of it.

    Returns
    -------
    tuple of int, even
    """
    return fast_even_size(shape[0] + 2 * margin[0]), fast_even_size(shape[1] + 2 * margin[1])


def fast_even_size(length: int) -> int:
    """Round a length up to an even one that is fast to transform."""
    # SciPy 1.4 takes the second argument, real=True, by position only.
    return 2 * fft.next_fast_len(-(-length // 2), True)


def extend(planes: np.ndarray, margin: Tuple[int, int], shape: Tuple[int, int]) -> np.ndarray:
    """Put a picture on a larger periodic grid, the new part blending its opposite borders.

    The filler goes from the last row (column) to the first one along `blend`, so the periodic
    picture has no jump anywhere. It invents nothing: it is a start for methods that work the
    unknown surroundings out for themselves.

    Parameters
    ----------
    planes : ndarray, (C, H, W)
    margin : tuple of int
        Where the picture's first pixel comes to lie.
    shape : tuple of int
        Size of the grid, at least (H, W).

    Returns
    -------
    ndarray, (C,) + shape
    """
    return _extend_last(
        _extend_last(planes.swapaxes(1, 2), margin[0], shape[0]).swapaxes(1, 2), margin[1], shape[1]
    )


def inside(planes: np.ndarray, margin: Tuple[int, int], shape: Tuple[int, ...]) -> np.ndarray:
    """View of the picture proper, of shape (C, H, W), on its extended grid."""
    return planes[:, margin[0] : margin[0] + shape[1], margin[1] : margin[1] + shape[2]]


def _extend_last(planes: np.ndarray, margin: int, size: int) -> np.ndarray:
    t = blend(size - planes.shape[-1]).astype(planes.dtype)
    filler = planes[..., -1:] * (1 - t) + planes[..., :1] * t
    return np.roll(np.concatenate([planes, filler], axis=-1), margin, axis=-1)


def blend(gap: int) -> np.ndarray:
    """Return the opposite border's share over a gap of pixels, from 0 to 1 along a smooth step.

    Near a border it is 0: a tile's opposite border is not that of the picture, and must not count.
    """
    t = (np.arange(gap) + 1) / (gap + 1)
    t = np.clip((t - ALONE) / (1 - 2 * ALONE), 0, 1)
    return t * t * (3 - 2 * t)


def psf_to_otf(kernel: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Transfer function of a kernel whose origin is its centre pixel, complex (H, W // 2 + 1)."""
    grid = np.zeros(shape, kernel.dtype)
    grid[: kernel.shape[0], : kernel.shape[1]] = kernel
    origin = (-(kernel.shape[0] // 2), -(kernel.shape[1] // 2))
    return fft.rfft2(np.roll(grid, origin, axis=(0, 1)))


def gradient_power(shape: Tuple[int, int]) -> np.ndarray:
    """Squared transfer function of the two forward differences together, float32, half grid."""
    rows = 2 - 2 * np.cos(2 * np.pi * np.arange(shape[0]) / shape[0])
    columns = 2 - 2 * np.cos(2 * np.pi * np.arange(shape[1] // 2 + 1) / shape[1])
    return (rows[:, None] + columns[None, :]).astype(np.float32)


def fill_mirrored(planes: np.ndarray, size: Tuple[int, int], before: Tuple[int, int]) -> None:
    """Fill what lies around a picture on its periodic grid, in place.

    The mirrored end of the picture is blended into its mirrored beginning by a raised cosine.

    Parameters
    ----------
    planes : ndarray of float32, (..., P, Q)
        The grid, which holds the picture.
    size : (H, W) of the picture.
    before : where its first pixel lies, (rows, columns).
    """
    left = before[1]
    _fill_mirrored_ends(planes[..., left : left + size[1]].swapaxes(-1, -2), size[0], before[0])
    _fill_mirrored_ends(planes, size[1], left)


def _fill_mirrored_ends(planes: np.ndarray, length: int, before: int) -> None:
    """Fill the last axis around a picture of some length that begins at `before`."""
    ring = planes.shape[-1] - length
    picture = planes[..., before : before + length]
    share = (0.5 + 0.5 * np.cos(np.pi * (np.arange(ring) + 0.5) / max(ring, 1))).astype(np.float32)
    after, ahead = (picture[..., _mirrored(start, ring, length)] for start in (length, -ring))
    filler = share * after + (1 - share) * ahead
    planes[..., before + length :] = filler[..., : ring - before]
    planes[..., :before] = filler[..., ring - before :]


def _mirrored(start: int, count: int, length: int) -> np.ndarray:
    """Return which pixels of an axis its mirrored continuation has from `start` on."""
    position = np.arange(start, start + count) % (2 * length)
    return np.minimum(position, 2 * length - 1 - position)


def pad_to(image: np.ndarray, height: int, width: int) -> Tuple[np.ndarray, Tuple[slice, slice]]:
    """Mirror a picture (H, W, ...) to at least (height, width); returns it and where it lies.

    One that is as large already is returned itself, not a copy.
    """
    rows, columns = max(height - image.shape[0], 0), max(width - image.shape[1], 0)
    padding = [(rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)]
    inside = tuple(slice(p[0], p[0] + n) for p, n in zip(padding, image.shape[:2]))
    if not rows and not columns:
        return image, inside
    padding += [(0, 0)] * (image.ndim - 2)
    return np.pad(image, padding, mode="symmetric"), inside
