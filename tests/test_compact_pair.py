"""The compact halves on tiny, untrained networks: shapes, ranges, padding, choice."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from deblurnets.kernels import random_shake
from deblurnets.networks.analysis import AnalysisConfig, build_analysis
from deblurnets.networks.synthesis import SynthesisConfig, build_synthesis
from deblurnets.pairs import compact
from deblurnets.pairs.compact import CompactAnalysis, CompactSynthesis, EstimateConfig


@pytest.fixture(scope="module")
def analysis():
    config = AnalysisConfig(grid=17, steps=(1, 1), widths=(4, 8), decoder_width=4)
    return CompactAnalysis(build_analysis(config), EstimateConfig(window=96, grid=25))


@pytest.fixture(scope="module")
def synthesis():
    return CompactSynthesis(build_synthesis(SynthesisConfig(widths=(4, 8))))


def picture(height, width, seed=0):
    blocks = np.random.RandomState(seed).rand(-(-height // 8), -(-width // 8), 3)
    return np.kron(blocks, np.ones((8, 8, 1)))[:height, :width].astype(np.float32)


@pytest.mark.parametrize("size", [(32, 32), (33, 190), (120, 97)])
def test_estimates_are_kernels_for_pictures_of_any_size(analysis, size):
    kernel = analysis.estimate_kernel(picture(*size))
    assert kernel.shape == (25, 25)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-4)


def test_a_flat_picture_gets_a_kernel_too(analysis):
    kernel = analysis.estimate_kernel(np.full((64, 64, 3), 0.5, np.float32))
    assert np.isfinite(kernel).all()
    assert kernel.sum() == pytest.approx(1, abs=1e-4)


def test_the_network_s_start_is_refined_and_the_choice_returned(analysis, monkeypatch):
    chosen = random_shake(np.random.RandomState(0), 25)
    starts = []

    def choose(grey, start):
        starts.append(start)
        return SimpleNamespace(kernel=chosen)

    monkeypatch.setattr(compact, "choose_kernel", choose)
    assert analysis.estimate_kernel(picture(64, 64)) is chosen
    (start,) = starts
    assert start.shape == (25, 25)
    assert start.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("size", [(32, 32), (40, 131)])
@pytest.mark.parametrize("grid", [3, 25, 85])
def test_results_have_the_picture_s_shape_and_range(synthesis, size, grid):
    rng = np.random.RandomState(1)
    kernel = random_shake(rng, grid, (2, 0.8 * grid)) if grid > 3 else np.full((3, 3), 1 / 9)
    sharp = synthesis.deblur(picture(*size), kernel.astype(np.float32))
    assert sharp.shape == (*size, 3)
    assert sharp.min() >= 0
    assert sharp.max() <= 1


def test_no_blur_changes_next_to_nothing(synthesis):
    delta = np.zeros((9, 9), np.float32)
    delta[4, 4] = 1
    blurry = picture(64, 64)
    assert np.abs(synthesis.deblur(blurry, delta) - blurry).mean() < 0.02


@pytest.mark.parametrize("reach, expected", [(0, 3), (3, 17), (8, 17), (9, 33)])
def test_tight_grids_lose_nothing(reach, expected):
    kernel = np.zeros((41, 41), np.float32)
    kernel[20, 20 - reach] = 0.5
    kernel[20, 20 + reach] += 0.5
    tight = compact.tight_grid(kernel)
    assert tight.shape == (expected, expected)
    assert tight.sum() == 1
    assert tight[expected // 2, expected // 2 + reach] > 0


@pytest.mark.parametrize("shape", [(3, 200), (50, 50)])
def test_padding_mirrors_and_says_where_the_picture_is(shape):
    image = np.random.RandomState(2).rand(*shape, 3)
    padded, inside = compact.pad_to(image, 64, 64)
    assert min(padded.shape[:2]) >= 64
    assert np.array_equal(padded[inside], image)
