"""The alternation recovers known kernels from synthetic pictures."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from deblurnets.estimation.edge_prediction import best_crop
from deblurnets.estimation.refinement import RefinementConfig, refine_kernel
from deblurnets.imaging.psf import fit_grid
from deblurnets.simulation.trajectory import rasterise


def similarity(first, second):
    grid = [2 * max(a, b) for a, b in zip(first.shape, second.shape)]
    product = np.conj(np.fft.rfft2(first, grid)) * np.fft.rfft2(second, grid)
    return np.fft.irfft2(product, grid).max() / np.sqrt((first**2).sum() * (second**2).sum())


def blocks(seed=0, shape=(160, 176)):
    """Overlapping bright and dark rectangles and discs: a picture with edges of all directions."""
    rng = np.random.RandomState(seed)
    rows, columns = np.indices(shape)
    picture = np.full(shape, 0.5, np.float32)
    for _ in range(60):
        row, column = rng.randint(0, shape[0]), rng.randint(0, shape[1])
        radius = rng.randint(6, 28)
        if rng.rand() < 0.5:
            inside = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        else:
            inside = np.maximum(abs(rows - row), 2 * abs(columns - column)) < radius
        picture[inside] = rng.rand()
    return picture


def hook(size=15):
    angle = np.linspace(0, 4, 400)
    path = np.stack([np.sin(angle), angle / 4 + 0.3 * np.cos(angle)], 1)
    return rasterise(path, 9, size)


def blurred(kernel, noise=0.005):
    picture = ndimage.convolve(blocks(), kernel, mode="mirror")
    return picture + np.random.RandomState(1).normal(0, noise, picture.shape).astype(np.float32)


def is_kernel(kernel, size):
    assert kernel.shape == (size, size)
    assert kernel.dtype == np.float32
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)


def test_refinement_sharpens_a_soft_start():
    truth = hook(31)
    start = fit_grid(ndimage.gaussian_filter(truth, 2), 31)
    refined = refine_kernel(blurred(truth), start)
    is_kernel(refined, 31)
    assert similarity(start, truth) < 0.75
    assert similarity(refined, truth) > 0.9


def test_flat_picture_gives_a_valid_kernel():
    flat = np.full((64, 64), 0.5, np.float32)
    is_kernel(refine_kernel(flat, fit_grid(hook(), 21)), 21)


def test_picture_smaller_than_the_kernel():
    start = fit_grid(ndimage.gaussian_filter(hook(), 1), 85)
    is_kernel(refine_kernel(blocks()[:40, :33], start), 85)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"grey picture .* got \(32, 32, 3\)"):
        refine_kernel(np.zeros((32, 32, 3)), hook())
    with pytest.raises(dataclasses.FrozenInstanceError):
        RefinementConfig().crop = 3


@given(height=st.integers(8, 1300), width=st.integers(8, 1300), size=st.sampled_from([20, 96, 400]))
@settings(max_examples=30, deadline=None)
def test_the_best_crop_is_a_part_of_the_size_asked_for(height, width, size):
    numbers = np.arange(height * width, dtype=np.float32).reshape(height, width)
    part = best_crop(numbers, size)
    assert part.shape == (min(size, height), min(size, width))
    row, column = divmod(int(part[0, 0]), width)
    assert np.array_equal(part, numbers[row : row + size, column : column + size])


@pytest.mark.parametrize("shape", [(300, 400), (1500, 2000)])
def test_the_best_crop_is_where_the_edges_are(shape):
    picture = np.full(shape, 0.5, np.float32)
    edges = np.kron(np.random.RandomState(0).rand(12, 12), np.ones((10, 10)))
    picture[-130:-10, -150:-30] = edges
    part = best_crop(picture, 192)
    assert part.shape == (192, 192)
    # Where it lies may be off by the step of the search, not by more.
    assert np.abs(part - 0.5).sum() > 0.95 * np.abs(edges - 0.5).sum()
