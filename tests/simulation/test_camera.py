"""What a camera makes of a sharp picture, one fault at a time."""

import dataclasses

import numpy as np
import pytest
import scipy.signal
from scipy import ndimage

from deblurnets.imaging.srgb import to_linear
from deblurnets.simulation.camera import CameraConfig, capture, convolve_valid, through_jpeg
from deblurnets.simulation.trajectory import random_shake

GRID = 17
CLEAN = CameraConfig(grid=GRID, extent=(3, 12), linear=0, saturation=0, noise=(0, 0), jpeg=0)
ROUNDING = 0.51 / 255
INSIDE = slice(GRID // 2, -(GRID // 2))


def scene(side=64, seed=0):
    """A sharp picture of squares, uint8."""
    rng = np.random.RandomState(seed)
    count = (side + GRID - 1) // 5 + 1
    squares = np.kron(rng.randint(0, 256, (count, count, 3)), np.ones((5, 5, 1)))
    return squares[: side + GRID - 1, : side + GRID - 1].astype(np.uint8)


def taken(seed=0, sharp=None, **settings):
    """A capture with a random kernel; pictures as floats 0..1."""
    rng = np.random.RandomState(seed)
    kernel = random_shake(rng, GRID, (3, 12))
    config = dataclasses.replace(CLEAN, **settings)
    result = capture(scene() if sharp is None else sharp, kernel, config, rng)
    assert result.blurry.dtype == result.sharp.dtype == np.uint8
    assert result.kernel.sum() == pytest.approx(1, abs=1e-5)
    unit = (picture.astype(np.float32) / 255 for picture in (result.blurry, result.sharp))
    return (*unit, result.kernel, result.linear)


def test_convolve_valid_is_the_convolution():
    rng = np.random.RandomState(1)
    picture = rng.rand(30, 41, 2).astype(np.float32)
    kernel = rng.rand(7, 7).astype(np.float32)
    expected = np.stack(
        [scipy.signal.convolve2d(picture[..., c], kernel, "valid") for c in range(2)], -1
    )
    assert np.allclose(convolve_valid(picture, kernel), expected, atol=1e-4)


def test_a_clean_capture_is_the_convolution_up_to_rounding():
    blurry, sharp, kernel, linear = taken()
    assert not linear
    assert np.array_equal(np.rint(sharp * 255), scene()[INSIDE, INSIDE])
    assert np.abs(convolve_valid(sharp, kernel) - blurry[INSIDE, INSIDE]).max() < ROUNDING


def test_light_adds_up_in_linear_light():
    blurry, sharp, kernel, linear = taken(linear=1)
    assert linear
    expected = convolve_valid(to_linear(sharp), kernel)
    # The curve's slope is 2.3 at most.
    assert np.abs(expected - to_linear(blurry[INSIDE, INSIDE])).max() < 2.3 * ROUNDING
    assert np.abs(convolve_valid(sharp, kernel) - blurry[INSIDE, INSIDE]).max() > 10 * ROUNDING


@pytest.mark.parametrize("linear", [0, 1])
def test_a_raised_exposure_clips_lights_after_the_blur(linear):
    blurry, sharp, kernel, _ = taken(saturation=1, linear=linear)
    _, usual, _, _ = taken(linear=linear)
    assert (sharp == 1).mean() > (usual == 1).mean() + 0.05
    assert sharp.mean() > usual.mean()
    blurred = convolve_valid(to_linear(sharp) if linear else sharp, kernel)
    received = to_linear(blurry) if linear else blurry
    lost = (received[INSIDE, INSIDE] - blurred)[blurred < 0.99]
    assert lost.min() > -2 * 2.3 * ROUNDING  # light beyond what a pixel holds was there
    assert lost.max() > 0.05


def test_noise_has_the_deviation_asked_for_in_four_of_five():
    grey = np.full((64 + GRID - 1,) * 2 + (3,), 128, np.uint8)
    measured = [np.std(taken(seed, grey, noise=(0.02, 0.02))[0]) for seed in range(20)]
    noisy = [deviation for deviation in measured if deviation > 0.01]
    assert 12 <= len(noisy) < 20
    assert noisy == pytest.approx([0.02] * len(noisy), rel=0.05)


def test_jpeg_loses_more_at_lower_quality_and_keeps_the_colours():
    picture = np.ascontiguousarray(scene()[:64, :64])
    lost = [np.abs(through_jpeg(picture, q).astype(float) - picture).mean() for q in (98, 85, 50)]
    assert 0 < lost[0] < lost[1] < lost[2]
    red = np.zeros((16, 16, 3), np.uint8) + np.array([200, 40, 10], np.uint8)
    assert np.abs(through_jpeg(red, 95).astype(int) - red).max() < 6
    blurry, sharp, kernel, _ = taken(jpeg=1)
    assert np.abs(convolve_valid(sharp, kernel) - blurry[INSIDE, INSIDE]).max() > ROUNDING


def test_a_turning_camera_blurs_by_another_kernel_away_from_the_middle():
    def error(degrees):
        blurry, sharp, kernel, _ = taken(3, turned=1.0, degrees=(degrees, degrees))
        # A kernel is drawn with the blur of an optics, which the camera here does not have.
        blurry = ndimage.gaussian_filter(blurry, (0.5, 0.5, 0))
        return np.abs(convolve_valid(sharp, kernel) - blurry[INSIDE, INSIDE]).mean()

    assert error(0) < 0.5 * error(8)


def test_an_uneven_blur_is_not_explained_by_its_kernel_alone():
    def residual(uneven):
        blurry, sharp, kernel, _ = taken(4, uneven=uneven)
        return np.std(convolve_valid(sharp, kernel) - blurry[INSIDE, INSIDE])

    rounding = 1 / 255 / np.sqrt(12)
    assert residual(0) == pytest.approx(rounding, rel=0.1)
    assert residual(1) > 1.5 * rounding


def test_a_capture_depends_on_the_generator_alone():
    everything = {"linear": 0.5, "saturation": 0.5, "noise": (0, 0.02), "jpeg": 0.5, "uneven": 0.5}
    first, again, other = (taken(seed, **everything) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first[0], other[0])
