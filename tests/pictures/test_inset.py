"""The kernel in a picture's corner."""

import numpy as np
import pytest

from deblurnets.pictures.inset import draw_inset, opaque_inset


def kernel(size=85, reach=3):
    grid = np.zeros((size, size), np.float32)
    middle = size // 2
    grid[middle, middle - reach : middle + reach + 1] = 1
    grid[middle, middle + reach] = 2
    return grid / grid.sum()


@pytest.mark.parametrize("shape", [(120, 160), (120, 160, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_bright_on_dark_with_a_border_in_the_upper_right_corner(shape, dtype):
    pixels = np.full(shape, 0.5 if dtype == np.float32 else np.iinfo(dtype).max // 2, dtype)
    before = pixels.copy()
    drawn = draw_inset(pixels, kernel())
    assert np.array_equal(pixels, before)
    assert drawn.dtype == dtype
    assert drawn.shape == shape
    # 11 = 7 of the kernel and 2 of margin at each end, each 120 / 4 // 11 = 2 pixels; 1 of border.
    side = 11 * 2 + 2
    outside = np.ones(shape[:2], bool)
    outside[:side, -side:] = False
    assert np.array_equal(drawn[outside], before[outside])
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    inset = drawn[:side, -side:].reshape(side, side, -1)[:, :, 0] / white
    assert np.allclose(inset[0], 0.6, atol=0.01)
    assert np.allclose(inset[:, 0], 0.6, atol=0.01)
    assert inset[11, 1 + 2 * 8] == inset[12, 2 + 2 * 8] == 1  # the maximum, twice as wide and high
    assert np.allclose(inset[11, 1 + 2 * 2 : 1 + 2 * 8], 0.5, atol=0.01)
    assert inset[2, 2] == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_corner_of_a_transparent_picture_is_opaque(dtype):
    pixels = np.zeros((120, 160, 3), dtype)
    drawn = draw_inset(pixels, kernel()).any(axis=2)
    alpha = opaque_inset(pixels[:, :, 0], kernel())
    white = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    assert alpha.dtype == dtype
    assert (alpha[drawn] == white).all()
    rows, columns = np.nonzero(drawn)
    outside = np.ones(alpha.shape, bool)
    outside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = False
    assert not alpha[outside].any()
    small = np.zeros((48, 40), dtype)
    assert not opaque_inset(small, kernel(reach=10)).any()


def test_no_kernel_where_it_would_hide_the_picture():
    assert draw_inset(np.zeros((48, 40), np.uint8), kernel(reach=10)) is None
    assert draw_inset(np.zeros((54, 54), np.uint8), kernel(reach=10)) is not None


@pytest.mark.parametrize("shape", [(3, 3), (1, 1), (2, 5), (4, 4)])
def test_kernels_of_any_grid(shape):
    drawn = draw_inset(np.zeros((100, 100), np.uint8), np.ones(shape))
    assert drawn.max() == 255
