from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.imaging import psf as kernels


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    half=st.integers(0, 50),
)
def test_fit_grid_keeps_a_kernel_a_kernel(seed, shape, half):
    kernel = np.random.RandomState(seed).rand(*shape) ** 4
    fitted = kernels.fit_grid(kernel, 2 * half + 1)
    assert fitted.shape == (2 * half + 1,) * 2
    assert fitted.min() >= 0
    assert fitted.sum() == pytest.approx(1, abs=1e-4)


def test_fit_grid_only_moves_a_kernel_that_fits():
    kernel = np.zeros((9, 9))
    kernel[0, 0:3] = 1
    fitted = kernels.fit_grid(kernel, 5)
    expected = np.zeros((5, 5))
    expected[2, 1:4] = 1 / 3
    assert np.allclose(fitted, expected)


def test_fit_grid_names_a_bad_size():
    with pytest.raises(ValueError, match="odd and positive, not 4"):
        kernels.fit_grid(np.ones((3, 3)), 4)


def test_normalise_turns_nothing_into_no_blur():
    kernel = kernels.normalise(np.full((5, 5), -1.0))
    assert kernel[2, 2] == 1
    assert kernel.sum() == 1


def test_prune_removes_tails_only():
    kernel = kernels.prune(np.array([[0.03, 1.0, 0.05]]), 0.04)
    assert kernel[0, 0] == 0
    assert kernel[0, 1] == pytest.approx(1 / 1.05)


def test_support_size_of_a_line():
    kernel = np.zeros((21, 21))
    kernel[10, 5:16] = 1
    assert kernels.support_size(kernel, 1.0) == 11


def test_middle_square_holds_the_mass():
    kernel = np.zeros((9, 9))
    kernel[4, 4] = 1
    assert kernels.middle_square_size(kernel) == 1
    kernel[4, 7] = 0.001
    assert kernels.middle_square_size(kernel) == 1  # 99.9 % are in the middle
    kernel[4, 7] = 0.01
    assert kernels.middle_square_size(kernel) == 7
    kernel[0, 0] = 0.01
    assert kernels.middle_square_size(kernel) == 9
    assert kernels.middle_square_size(np.ones((85, 85))) == 85


def test_similarity_does_not_see_where_a_kernel_lies_and_the_cosine_does():
    kernel = np.zeros((9, 9), np.float32)
    kernel[2, 1:4] = 1, 2, 1
    moved = np.roll(kernel, (3, 2), (0, 1))
    assert kernels.cosine(kernel, kernel) == pytest.approx(1)
    assert kernels.cosine(kernel, moved) == 0
    assert kernels.similarity(kernel, moved) == pytest.approx(1)
    assert kernels.cosine(kernel, np.roll(kernel, 1, 1)) == pytest.approx(4 / 6)
