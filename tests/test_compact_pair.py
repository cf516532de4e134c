"""The compact halves on tiny, untrained networks: shapes, ranges, padding, choice."""

from __future__ import annotations

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


def test_the_most_plausible_candidate_is_taken(analysis, monkeypatch):
    kernels = [random_shake(np.random.RandomState(i), 25) for i in range(3)]
    candidates = [(str(i), kernel) for i, kernel in enumerate(kernels)]
    monkeypatch.setattr(compact, "propose", lambda grey, start: candidates)
    monkeypatch.setattr(
        compact, "score_candidates", lambda grey, all_: np.arange(len(all_)) % 3 == 1
    )
    assert np.array_equal(analysis.estimate_kernel(picture(64, 64)), kernels[1])


def test_large_estimates_get_a_second_look(analysis, monkeypatch):
    line = np.zeros((17, 17), np.float32)
    line[8, 1:16] = 1 / 15
    looks = []

    def look(grey):
        looks.append(grey.shape)
        return line

    monkeypatch.setattr(analysis, "_look", look)
    monkeypatch.setattr(analysis, "config", EstimateConfig(large=11, reduction=0.5, grid=45))
    first, second = analysis.starts(np.zeros((80, 100), np.float32))
    assert looks == [(80, 100), (40, 50)]
    assert first.shape == second.shape == (45, 45)
    assert (second > 0.01).sum(1).max() == pytest.approx(30, abs=2)
    monkeypatch.setattr(analysis, "config", EstimateConfig(large=17, reduction=0.5, grid=45))
    assert len(analysis.starts(np.zeros((80, 100), np.float32))) == 1


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
