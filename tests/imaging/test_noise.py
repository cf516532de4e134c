"""The noise that a deconvolution meets: white noise, and noise that neighbours share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.imaging.noise import estimate_grain, estimate_noise


@settings(max_examples=20, deadline=None)
@given(sigma=st.sampled_from([0.003, 0.01, 0.05]), seed=st.integers(0, 99))
def test_the_grain_of_white_noise_is_its_deviation(sigma, seed):
    noise = np.random.RandomState(seed).normal(0.5, sigma, (256, 320)).astype(np.float32)
    assert estimate_grain(noise) == pytest.approx(sigma, rel=0.08)
    assert estimate_grain(noise) >= estimate_noise(noise)


def test_grain_that_neighbours_share_counts_as_what_it_does_to_a_deconvolution():
    white = np.random.RandomState(2).normal(0, 0.02, (256, 320)).astype(np.float32)
    shared = 0.5 + sum(np.roll(white, shift, (0, 1)) for shift in np.ndindex(2, 2)) / 4
    assert estimate_noise(shared) < 0.005
    assert 0.01 < estimate_grain(shared) <= 0.02


def test_a_small_picture_has_the_grain_of_its_noise():
    noise = np.random.RandomState(1).normal(0.5, 0.01, (100, 300)).astype(np.float32)
    assert estimate_grain(noise) == estimate_noise(noise)
