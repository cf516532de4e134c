"""Random shakes are kernels of the size that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.imaging.psf import centroid, support_size
from deblurnets.simulation.trajectory import random_shake


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), half=st.integers(8, 42), extent=st.floats(3, 85))
def test_shakes_are_kernels(seed, half, extent):
    size = 2 * half + 1
    kernel = random_shake(np.random.RandomState(seed), size, (3, max(extent, 3.1)))
    assert kernel.shape == (size, size)
    assert kernel.dtype == np.float32
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(centroid(kernel), half, atol=0.75)


def test_shakes_repeat_with_their_seed_and_differ_without():
    first, second, other = (random_shake(np.random.RandomState(s), 33) for s in (5, 5, 6))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_shakes_have_the_extent_asked_for():
    rng = np.random.RandomState(0)
    sizes = [support_size(random_shake(rng, 85, (30, 31)), 0.99) for _ in range(30)]
    # The box around the centroid is at most twice the path's extent plus the optics' blur.
    assert 30 <= np.median(sizes) <= 62
