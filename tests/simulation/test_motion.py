"""Blur of cameras that shift and turn: its geometry, against cases that can be told by hand."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from deblurnets.imaging.psf import centroid, cosine
from deblurnets.simulation.motion import Motion, blur, joined, random_motion


def dots(*places):
    picture = np.zeros((61, 81, 3), np.float32)
    for row, column in places:
        picture[row, column] = 1
    return picture


def texture(shape=(61, 81, 3)):
    return ndimage.gaussian_filter(np.random.RandomState(0).rand(*shape), (1, 1, 0)).astype(
        np.float32
    )


def roll(*degrees, centre=(30, 40)):
    angles = np.zeros((len(degrees), 3))
    angles[:, 2] = np.deg2rad(degrees)
    return Motion(np.zeros((len(degrees), 2)), angles, 100.0, centre)


def test_shifts_alone_are_a_convolution():
    path = np.array([[0.0, -2.0], [0.0, 0.0], [0.0, 2.0]])
    sharp = texture()
    blurry = blur(sharp, Motion(path, np.zeros((3, 3)), 100.0, (30, 40)))
    kernel = np.array([[[1.0], [0], [1], [0], [1]]]) / 3
    expected = ndimage.convolve(sharp, kernel, mode="mirror")
    assert np.abs(blurry - expected)[5:-5, 5:-5].max() < 1e-5


def test_a_lopsided_shift_goes_where_it_says():
    path = np.array([[-1.0, -2.0], [-1.0, -2.0], [2.0, 4.0]])
    blurry = blur(dots((30, 40)), Motion(path, np.zeros((3, 3)), 100.0, (30, 40)))[..., 0]
    assert blurry[29, 38] == pytest.approx(2 / 3, abs=1e-5)
    assert blurry[32, 44] == pytest.approx(1 / 3, abs=1e-5)


def test_shifts_by_convolution_and_by_poses_agree():
    motion = random_motion(np.random.RandomState(3), (61, 81), 14)
    nearly = dataclasses.replace(motion, angles=np.full_like(motion.angles, 1e-9))
    assert motion.uniform and not nearly.uniform
    difference = blur(texture(), motion) - blur(texture(), nearly, step=0.5)
    assert np.abs(difference)[12:-12, 12:-12].max() < 0.01


def test_a_turn_leaves_its_centre_and_moves_the_rest_along_a_circle():
    blurry = blur(dots((30, 40), (30, 60)), roll(-10, 10))[..., 0]
    assert blurry[30, 40] > 0.95
    far = blurry[:, 50:]
    for sign in (-1, 1):  # 20 pixels from the centre, by 10 degrees
        row, column = 30 + round(sign * 20 * np.sin(np.deg2rad(10))), 20 * np.cos(np.deg2rad(10))
        assert far[row - 1 : row + 2, round(column) - 11 : round(column) - 8].max() > 0.15
    assert far[30, 10] < 0.01


@pytest.mark.parametrize("axis, direction", [(0, (-1, 0)), (1, (0, 1))])
def test_pitch_and_yaw_move_the_middle_by_the_focal_length(axis, direction):
    angles = np.zeros((1, 3))
    angles[0, axis] = np.deg2rad(3)
    motion = Motion(np.zeros((1, 2)), angles, 500.0, (30, 40))
    expected = 500 * np.tan(np.deg2rad(3)) * np.array(direction)
    np.testing.assert_allclose(motion.at((30, 40))[0], expected, atol=1e-6)
    # Away from the axis by as much as the focal length it is twice that, as on any lens.
    place = np.array((30, 40)) + 500 * np.abs(direction)
    along = np.abs(motion.at(tuple(place))[0]).max()
    assert along == pytest.approx(2 * np.abs(expected).max(), rel=0.06)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.tuples(*[st.floats(0, 3)] * 3), st.floats(0, 20))
def test_a_point_goes_where_its_homography_says(seed, degrees, extent):
    motion = random_motion(np.random.RandomState(seed), (61, 81), extent, degrees)
    point = (7.0, 66.0)
    moved = motion.homographies() @ (point[1], point[0], 1)
    moved = moved[:, 1::-1] / moved[:, 2:]
    np.testing.assert_allclose(moved - point, motion.at(point), atol=1e-6)


@pytest.mark.parametrize("point", [(30, 40), (8, 8), (52, 10)])
def test_the_kernel_at_a_place_is_what_a_dot_there_becomes(point):
    motion = random_motion(np.random.RandomState(1), (61, 81), 8, (1.0, 1.0, 6.0))
    picture = np.pad(dots(point), ((20, 20), (20, 20), (0, 0)))
    blurry = blur(picture, motion.moved(-20, -20), optics=0.5)[..., 0]
    row, column = point[0] + 20, point[1] + 20
    part = blurry[row - 15 : row + 16, column - 15 : column + 16]
    kernel = ndimage.shift(motion.kernel(point, 31), np.subtract(centroid(part), 15))
    assert cosine(part, kernel) > 0.95


def test_a_scaled_motion_draws_the_scaled_path():
    motion = random_motion(np.random.RandomState(2), (61, 81), 12, (0.5, 0.5, 2.0))
    half = motion.scaled(0.5)
    place = (10.0, 60.0)
    there = tuple((n + 0.5) * 0.5 - 0.5 for n in place)
    np.testing.assert_allclose(half.at(there), 0.5 * motion.at(place), atol=1e-9)


def test_motions_have_the_size_that_was_asked_for_and_mean_zero():
    motion = random_motion(np.random.RandomState(2), (61, 81), 12, (0.5, 1.0, 3.0))
    assert np.allclose(motion.shifts.mean(0), 0) and np.allclose(motion.angles.mean(0), 0)
    assert motion.extent == pytest.approx(12)
    assert np.rad2deg(np.ptp(motion.angles, axis=0)) == pytest.approx([0.5, 1.0, 3.0])
    assert motion.focal == 81


def test_poses_close_together_are_joined_and_count_as_long_as_they_last():
    motion = random_motion(np.random.RandomState(4), (61, 81), 10, (0, 0, 2.0))
    fewer, weights = joined(motion, (61, 81), 1.0)
    assert len(weights) < 0.3 * len(motion.shifts)
    assert weights.sum() == pytest.approx(1) and weights.min() > 0
    np.testing.assert_allclose(weights @ fewer.shifts, 0, atol=1e-9)
    exact = blur(texture(), motion, step=0.2)
    assert np.abs(blur(texture(), motion) - exact).max() < 0.02


def test_a_lens_blurs_where_nothing_moves():
    blurry = blur(dots((30, 40)), None, optics=1.0)[..., 0]
    assert blurry.sum() == pytest.approx(1, abs=1e-4)
    assert blurry[30, 40] == pytest.approx(1 / (2 * np.pi), rel=0.1)
    assert np.array_equal(blur(texture(), None), texture())
