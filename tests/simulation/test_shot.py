"""What each part of a camera does to a picture, one at a time."""

import dataclasses

import numpy as np
import pytest
import scipy.signal

from deblurnets.imaging.srgb import to_linear
from deblurnets.simulation.development import Development, stored
from deblurnets.simulation.lights import Lights
from deblurnets.simulation.media import MEDIA
from deblurnets.simulation.motion import random_motion
from deblurnets.simulation.overlays import OVERLAYS, draw_overlay
from deblurnets.simulation.sensor import Sensor
from deblurnets.simulation.shot import Shot, take

SIDE, GRID = 96, 17
INSIDE = slice(GRID // 2, -(GRID // 2))
ROUNDING = 0.51 / 255
MOTION = random_motion(np.random.RandomState(7), (SIDE, SIDE), 9)


def scene(low=0.0, high=1.0):
    """A sharp picture of squares, 0..1."""
    squares = np.random.RandomState(0).rand(SIDE // 6 + 1, SIDE // 6 + 1, 3)
    squares = np.kron(low + (high - low) * squares, np.ones((6, 6, 1)))
    return squares[:SIDE, :SIDE].astype(np.float32)


def taken(seed=0, sharp=None, **settings):
    shot = dataclasses.replace(Shot(MOTION), **settings)
    photograph = take(scene() if sharp is None else sharp, shot, np.random.RandomState(seed))
    assert photograph.blurry.dtype == np.uint8
    assert photograph.sharp.dtype == np.float32
    assert photograph.blurry.shape == photograph.sharp.shape
    assert photograph.sharp.min() >= 0 and photograph.sharp.max() <= 1
    return photograph


def convolved(picture, kernel):
    planes = [scipy.signal.convolve2d(picture[..., c], kernel, "valid") for c in range(3)]
    return np.stack(planes, axis=-1)


def unexplained(photograph):
    """What is left of a photograph when the sharp one is convolved in the right domain."""
    sharp, blurry = photograph.sharp, photograph.blurry / np.float32(255)
    if photograph.domain == "linear":
        sharp, blurry = to_linear(sharp), to_linear(blurry)
    return blurry[INSIDE, INSIDE] - convolved(sharp, photograph.kernel(GRID))


@pytest.mark.parametrize("gamma, slope", [(True, 1.0), (False, 2.3)])
def test_a_clean_shot_is_the_convolution_up_to_rounding(gamma, slope):
    photograph = taken(gamma=gamma)
    assert photograph.domain == ("gamma" if gamma else "linear")
    np.testing.assert_allclose(photograph.sharp, scene(), atol=1e-5)
    assert np.abs(unexplained(photograph)).max() < slope * ROUNDING
    other = dataclasses.replace(photograph, gamma=not gamma)
    assert np.abs(unexplained(other)).max() > 5 * ROUNDING


def test_the_kernel_has_the_lens_in_it():
    photograph = taken(optics=0.7)
    assert np.abs(unexplained(photograph)).max() < 2.5 * ROUNDING
    assert np.abs(unexplained(dataclasses.replace(photograph, optics=0.3))).max() > 4 * ROUNDING


def test_a_still_camera_changes_nothing():
    photograph = taken(motion=None)
    assert np.abs(photograph.blurry / 255 - scene()).max() < ROUNDING
    assert photograph.kernel(5)[2, 2] > 0.99


def test_lights_are_brighter_than_a_file_can_say():
    photograph = taken(lights=Lights(highlights=8))
    lost = unexplained(photograph)
    assert lost.max() > 0.2  # light beyond white was there, and was smeared
    assert lost.min() > -2.3 * ROUNDING
    lamps = taken(lights=Lights(lamps=5, dim=0.1))
    assert np.mean(lamps.sharp) < 0.5 * np.mean(scene())
    assert lamps.sharp.max() > 0.999


def test_exposure_clips_after_the_blur():
    photograph = taken(exposure=2.0)
    assert (photograph.sharp > 0.999).mean() > 0.2
    assert unexplained(photograph).max() > 0.05


@pytest.mark.parametrize("level", [0.2, 0.7])
def test_noise_goes_with_the_light(level):
    grey = np.full((SIDE, SIDE, 3), level, np.float32)
    photograph = taken(sharp=grey, sensor=Sensor(shot=4e-3, read=0.01))
    light = to_linear(photograph.blurry / np.float32(255))
    expected = np.sqrt(4e-3 * to_linear(level) + 0.01**2)
    assert np.std(light) == pytest.approx(expected, rel=0.05)


def test_a_mosaic_loses_colours_at_edges_only():
    photograph = taken(motion=None, sensor=Sensor(mosaic=True))
    error = np.abs(photograph.blurry / 255 - photograph.sharp).max(axis=2)
    assert error.max() > 0.1
    flat = np.ones((6, 6), bool)
    flat[[0, 1, -2, -1]], flat[:, [0, 1, -2, -1]] = False, False
    flat = np.tile(flat, (SIDE // 6, SIDE // 6))
    assert error[flat].mean() < 0.02


def test_denoising_takes_grain_away_and_leaves_edges():
    grey = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    sensor = Sensor(read=0.02)
    noisy = taken(sharp=grey, sensor=sensor).blurry
    smooth = taken(sharp=grey, sensor=sensor, development=Development(denoise=0.05)).blurry
    assert np.std(smooth) < 0.5 * np.std(noisy)
    step = np.repeat(np.repeat(np.float32([[0.2, 0.8]]), SIDE, 0), SIDE // 2, 1)
    step = np.repeat(step[..., None], 3, axis=2)
    kept = taken(sharp=step, motion=None, development=Development(denoise=0.03)).blurry
    assert np.abs(kept / 255 - step).max() < 0.03


def test_sharpening_overshoots_and_the_truth_does_not():
    photograph = taken(sharp=scene(0.3, 0.7), motion=None, development=Development(sharpening=1.0))
    assert photograph.blurry.max() / 255 > photograph.sharp.max() + 0.05
    np.testing.assert_allclose(photograph.sharp, scene(0.3, 0.7), atol=1e-5)


def test_a_tone_curve_and_saturation_change_truth_and_photograph_alike():
    photograph = taken(motion=None, development=Development(contrast=0.8, saturation=1.3))
    assert np.abs(photograph.sharp - scene()).max() > 0.05
    assert np.abs(photograph.blurry / 255 - photograph.sharp).max() < ROUNDING


def test_jpeg_loses_more_at_lower_quality_and_keeps_the_colours():
    sizes = [
        np.abs(stored(scene(), q).astype(float) - stored(scene())).mean() for q in (98, 80, 50)
    ]
    assert 0 < sizes[0] < sizes[1] < sizes[2]
    red = np.zeros((16, 16, 3), np.float32) + np.float32([0.8, 0.2, 0.05])
    assert np.abs(stored(red, 95).astype(int) - stored(red)).max() < 6


def test_a_scaled_photograph_has_the_scaled_kernel():
    smooth = scene()[: SIDE // 2, : SIDE // 2].repeat(2, 0).repeat(2, 1)
    photograph = taken(sharp=smooth, scale=0.5, optics=1.0)
    assert photograph.blurry.shape == (SIDE // 2, SIDE // 2, 3)
    assert photograph.motion.extent == pytest.approx(MOTION.extent / 2)
    assert np.abs(unexplained(photograph)).mean() < 0.015


@pytest.mark.parametrize("strength", [0.0, 1.0])
@pytest.mark.parametrize("kind", OVERLAYS)
def test_overlays_lie_over_truth_and_photograph_alike(kind, strength):
    photograph = taken(overlay=(kind, strength))
    hidden = photograph.observed < 0.01
    shown = photograph.observed == 1
    assert shown.mean() > 0.2
    assert (photograph.observed < 1).mean() > 0.002
    error = np.abs(photograph.blurry / 255 - photograph.sharp).max(axis=2)
    assert not hidden.any() or error[hidden].max() < 2 * ROUNDING
    plain = taken()
    assert np.abs(photograph.blurry[shown].astype(int) - plain.blurry[shown]).max() <= 1


def test_overlays_of_a_strength_are_larger():
    rng = np.random.RandomState
    for kind in OVERLAYS:
        small, large = (draw_overlay((200, 300), kind, s, rng(1))[1].mean() for s in (0.0, 1.0))
        assert 0 < small < large < 0.7, kind


@pytest.mark.parametrize("kind", MEDIA)
def test_media_change_truth_and_photograph_alike(kind):
    photograph = taken(motion=None, medium=(kind, 0.5))
    assert np.abs(photograph.sharp - scene()).max() > 0.05
    assert np.abs(photograph.blurry / 255 - photograph.sharp).max() < ROUNDING
    few = {"dither": 5, "palette": 4}.get(kind)
    if few:
        assert len(np.unique(photograph.blurry[..., 0])) <= few


def test_a_photograph_depends_on_the_generator_alone():
    everything = {
        "lights": Lights(4, 3, 20, 0.5),
        "sensor": Sensor(1e-3, 2e-3, True),
        "development": Development(0.02, 0.4, 1.2, 0.5),
        "overlay": ("subtitles", 0.5),
        "quality": 80,
    }
    first, again, other = (taken(seed, **everything) for seed in (5, 5, 6))
    assert np.array_equal(first.blurry, again.blurry) and np.array_equal(first.sharp, again.sharp)
    assert not np.array_equal(first.blurry, other.blurry)
    assert not np.array_equal(first.sharp, other.sharp)  # other lamps, other words


def test_the_middle_keeps_its_kernel():
    motion = random_motion(np.random.RandomState(1), (SIDE, SIDE), 7, (0, 0, 5.0))
    photograph = taken(motion=motion)
    middle = photograph.middle(40)
    assert middle.blurry.shape == middle.sharp.shape == (40, 40, 3)
    np.testing.assert_allclose(middle.kernel(GRID), photograph.kernel(GRID), atol=1e-6)
    corner = middle.motion.kernel((0, 0), GRID)
    np.testing.assert_allclose(corner, motion.kernel((28, 28), GRID), atol=1e-6)
