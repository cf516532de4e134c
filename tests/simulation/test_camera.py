"""The random shots of training: shares and bounds are those of the configuration."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.simulation.camera import CameraConfig, random_scale, random_shot
from deblurnets.simulation.development import Development
from deblurnets.simulation.lights import Lights

SHAPE = (96, 128)


def shots(count=400, **changes):
    config = dataclasses.replace(CameraConfig(), **changes)
    return [random_shot(np.random.RandomState(n), SHAPE, config) for n in range(count)]


def share(values):
    return float(np.mean(list(values)))


def test_shares_are_those_asked_for():
    config = CameraConfig(plain=0.0, overlay=0.3, medium=0.2)
    made = shots(plain=0.0, overlay=0.3, medium=0.2)
    expected = {
        config.gamma: share(s.gamma for s in made),
        config.turning: share(not s.motion.uniform for s in made),
        config.lights + config.night: share(s.lights != Lights() for s in made),
        config.night: share(s.lights.dim < 1 for s in made),
        config.jpeg: share(s.quality is not None for s in made),
        config.denoise: share(s.development.denoise > 0 for s in made),
        config.sharpen: share(s.development.sharpening > 0 for s in made),
        0.3: share(s.overlay is not None for s in made),
        0.2: share(s.medium is not None for s in made),
    }
    for wanted, found in expected.items():
        assert found == pytest.approx(wanted, abs=0.075)
    assert share(s.motion is None for s in shots(still=0.5)) == pytest.approx(0.5, abs=0.075)


def test_plain_shots_have_nothing_but_a_shake_and_noise():
    for shot in shots(60, plain=1.0):
        assert (shot.lights, shot.quality, shot.exposure) == (Lights(), None, 1.0)
        assert shot.development == Development()


def test_quality_and_scale_keep_their_bounds():
    config = CameraConfig(resized=1.0, scale=(0.5, 0.9))
    scales = [random_scale(np.random.RandomState(n), config) for n in range(50)]
    assert 0.5 <= min(scales) < 0.55 and 0.85 < max(scales) <= 0.9
    qualities = [s.quality for s in shots(80, plain=0.0, jpeg=1.0)]
    assert 60 <= min(qualities) < 65 and 92 < max(qualities) <= 98


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([17, 49]), st.floats(0.4, 1.0))
def test_shakes_fit_their_grid_and_have_their_size(seed, grid, scale):
    config = CameraConfig(grid=grid, extent=(3, grid - 3), turning=0.5)
    motion = random_shot(np.random.RandomState(seed), SHAPE, config, scale).motion.scaled(scale)
    middle = tuple((n * scale - 1) / 2 for n in SHAPE)
    path = motion.at(middle)
    assert np.abs(path).max() <= grid // 2 - 1.9
    assert np.ptp(path, axis=0).max() > 1
    assert motion.kernel(middle, grid).sum() == pytest.approx(1, abs=1e-5)
