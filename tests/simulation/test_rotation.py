"""Pictures blurred by a turning camera: their geometry, against cases that can be told by hand."""

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.imaging.psf import centroid, cosine
from deblurnets.imaging.srgb import to_gamma, to_linear
from deblurnets.simulation.rotation import Shake, blur_by_shake, moved_average, random_shake


def dots(*places):
    picture = np.zeros((61, 81, 3), np.float32)
    for row, column in places:
        picture[row, column] = 1
    return picture


def test_without_turns_the_blur_is_a_convolution():
    sharp = ndimage.gaussian_filter(np.random.RandomState(0).rand(61, 81, 3), (1, 1, 0))
    path = np.array([[0.0, -2.0], [0.0, 0.0], [0.0, 2.0]])
    blurry = blur_by_shake(sharp.astype(np.float32), Shake(path, np.zeros(3), (30, 40)), noise=0)
    kernel = np.array([[[1.0], [0], [1], [0], [1]]]) / 3
    expected = to_gamma(ndimage.convolve(to_linear(sharp), kernel, mode="mirror"))
    assert np.abs(blurry / 255 - expected)[5:-5, 5:-5].max() < 0.004


def test_a_turn_leaves_its_centre_and_moves_the_rest_along_a_circle():
    shake = Shake(np.zeros((2, 2)), np.deg2rad([-10.0, 10.0]), (30, 40))
    blurry = blur_by_shake(dots((30, 40), (30, 60)), shake, noise=0)[..., 0]
    assert blurry[30, 40] > 250
    far = blurry[:, 50:]
    for sign in (-1, 1):  # 20 pixels from the centre, by 10 degrees
        row, column = 30 + round(sign * 20 * np.sin(np.deg2rad(10))), 20 * np.cos(np.deg2rad(10))
        assert far[row - 1 : row + 2, round(column) - 11 : round(column) - 8].max() > 100
    assert far[30, 10] < 30


@pytest.mark.parametrize("point", [(30, 40), (0, 0), (60, 10)])
def test_the_kernel_at_a_place_is_what_a_dot_there_becomes(point):
    shake = random_shake(np.random.RandomState(1), 8, 6.0, (30, 40))
    picture = np.pad(dots(point), ((20, 20), (20, 20), (0, 0)))
    moved = Shake(shake.path, shake.angles, (50, 60))
    blurry = to_linear(blur_by_shake(picture, moved, noise=0)[..., 0] / np.float32(255))
    row, column = point[0] + 20, point[1] + 20
    part = blurry[row - 15 : row + 16, column - 15 : column + 16]
    kernel = ndimage.shift(shake.kernel(point, 31), np.subtract(centroid(part), 15))
    assert cosine(part, kernel) > 0.9


def test_shakes_have_the_size_that_was_asked_for_and_mean_zero():
    shake = random_shake(np.random.RandomState(2), 12, 3.0, (0, 0))
    assert np.allclose(shake.path.mean(0), 0)
    assert np.isclose(shake.angles.mean(), 0)
    assert np.isclose(np.ptp(shake.path, axis=0).max(), 12)
    assert np.isclose(np.rad2deg(np.ptp(shake.angles)), 3)


def test_a_picture_is_moved_by_fractions_of_a_pixel_as_by_splines():
    picture = ndimage.gaussian_filter(np.random.RandomState(4).rand(61, 81, 1), (1.5, 1.5, 0))
    picture = (picture - picture.min()) / np.ptp(picture)
    shift, angle = np.array([0.37, -1.61]), np.deg2rad(2)
    moved = moved_average(picture.astype(np.float32), Shake(shift[None], np.array([angle]), (9, 9)))
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    offset = np.array([9, 9]) - back @ (np.array([9, 9]) + shift)
    expected = ndimage.affine_transform(picture[..., 0], back, offset, order=3, mode="mirror")
    assert moved.shape == picture.shape
    assert np.abs(moved[..., 0] - expected).max() < 0.02
