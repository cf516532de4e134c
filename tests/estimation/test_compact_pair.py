"""The compact halves on tiny, untrained networks: shapes, ranges, padding, choice."""

from __future__ import annotations

import numpy as np
import pytest

from deblurnets.backend import numpy_function
from deblurnets.deconvolution.restorer import CompactSynthesis, tight_grid
from deblurnets.estimation import estimator as compact
from deblurnets.estimation.estimator import CompactAnalysis, EstimateConfig
from deblurnets.estimation.quality import BORDER, Quality, QualityModel
from deblurnets.estimation.search import SearchResult, View
from deblurnets.imaging.boundaries import pad_to
from deblurnets.networks.analysis import AnalysisConfig, build_analysis
from deblurnets.networks.quality import QualityConfig, build_quality
from deblurnets.networks.synthesis import SynthesisConfig, build_synthesis
from deblurnets.runtime import memory
from deblurnets.simulation.trajectory import random_shake


@pytest.fixture(scope="module")
def analysis():
    analysis_config = AnalysisConfig(grid=17, steps=(1, 1), widths=(4, 8), decoder_widths=(4, 8))
    quality_model = QualityModel(
        numpy_function(build_quality(QualityConfig(widths=(4, 4))), [(None, None, None, 1)] * 3)
    )
    config = EstimateConfig(views=((0.5, 64), (1.0, 96)), least_side=40, grid=25)
    return CompactAnalysis(build_analysis(analysis_config), quality_model, config)


@pytest.fixture(scope="module")
def synthesis():
    return CompactSynthesis(build_synthesis(SynthesisConfig(widths=(4, 8))))


def picture(height, width, seed=0):
    blocks = np.random.RandomState(seed).rand(-(-height // 8), -(-width // 8), 3)
    return np.kron(blocks, np.ones((8, 8, 1)))[:height, :width].astype(np.float32)


@pytest.mark.parametrize("size", [(32, 32), (33, 190), (120, 97)])
def test_estimates_are_kernels_for_pictures_of_any_size(analysis, size):
    estimate = analysis.estimate(picture(*size))
    kernel = estimate.kernel
    assert 0 <= estimate.confidence <= 1
    assert 0 <= estimate.strength <= 1
    assert estimate.domain in ("gamma", "linear")
    assert kernel.shape == (25, 25)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-4)


def test_a_flat_picture_gets_a_kernel_too(analysis):
    kernel = analysis.estimate(np.full((64, 64, 3), 0.5, np.float32)).kernel
    assert np.isfinite(kernel).all()
    assert kernel.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "gain, reach, no_blur, blurred, strength",
    [
        (3.0, 5, -2.0, True, 1.0),
        (3.0, 5, 1.2, True, 0.4),
        (3.0, 5, 3.0, True, 0.0),
        (-0.2, 5, 0.0, True, 0.4),
        (-2.0, 5, 0.0, True, 0.0),
        (3.0, 5, 5.0, False, 0.0),
        (3.0, 2, -1.0, True, 1.0),
        (3.0, 2, 0.5, False, 0.0),
        (3.0, 2, 1.5, False, 0.0),
        (1.5, 2, -0.5, False, 0.0),
        (3.0, 0, 0.0, False, 0.0),
    ],
)
def test_what_a_finding_is_worth(analysis, monkeypatch, gain, reach, no_blur, blurred, strength):
    kernel = np.zeros((25, 25), np.float32)
    kernel[12, 12 - reach : 13 + reach] = 1 / (2 * reach + 1)
    views = []

    def search(grey, sizes, observe, improve, quality_model, grid, view_grid, config):
        tried = [View(*size, domain) for size in sizes for domain in ("gamma", "linear")]
        starts = [start for view in tried for start in observe(grey, [view])]
        views.extend(start.view for start in starts)
        for start in starts:
            for result in (start.kernel, improve(grey, start.kernel, start.view)):
                assert result.shape == (25, 25)
                assert result.sum() == pytest.approx(1, abs=1e-4)
        return SearchResult(kernel, Quality(gain, "linear"), 1.0 - no_blur)

    monkeypatch.setattr(compact, "search_kernel", search)
    estimate = analysis.estimate(picture(100, 110))
    domains = ("gamma", "linear")
    assert views == [View(*size, domain) for size in ((0.5, 64), (1.0, 96)) for domain in domains]
    assert (estimate.blurred, estimate.strength) == (blurred, pytest.approx(strength))
    assert estimate.domain == "linear"
    assert (estimate.confidence > 0.5) == (min(gain, 1.0 - no_blur) > -0.6)


@pytest.mark.parametrize("size", [(32, 32), (40, 131)])
@pytest.mark.parametrize("grid", [3, 25, 85])
def test_results_have_the_picture_s_shape_and_range(synthesis, size, grid):
    rng = np.random.RandomState(1)
    kernel = random_shake(rng, grid, (2, 0.8 * grid)) if grid > 3 else np.full((3, 3), 1 / 9)
    sharp = synthesis.deblur(picture(*size), kernel.astype(np.float32))
    assert sharp.shape == (*size, 3) and sharp.flags.c_contiguous
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
    tight = tight_grid(kernel)
    assert tight.shape == (expected, expected)
    assert tight.sum() == 1
    assert tight[expected // 2, expected // 2 + reach] > 0


@pytest.mark.parametrize("shape", [(3, 200), (50, 50)])
def test_padding_mirrors_and_says_where_the_picture_is(shape):
    image = np.random.RandomState(2).rand(*shape, 3)
    padded, inside = pad_to(image, 64, 64)
    assert min(padded.shape[:2]) >= 64
    assert np.array_equal(padded[inside], image)


def test_tiles_give_what_the_whole_picture_gives(synthesis):
    blurry, shake = picture(420, 90), random_shake(np.random.RandomState(1), 33, (20, 24))
    whole = synthesis.deblur(blurry, shake, "linear", estimated=True)
    tiled = synthesis.deblur(blurry, shake, "linear", estimated=True, tile=320)
    # Its kernel passes nothing at some frequencies: cut, a deconvolution would show.
    np.testing.assert_allclose(tiled, whole, atol=1e-4)


def test_parts_for_want_of_memory_give_nearly_what_the_whole_picture_gives(synthesis, monkeypatch):
    rows, columns = np.indices((5, 5)) - 2
    gentle = np.exp(-(rows**2 + columns**2) / 0.6).astype(np.float32)  # nowhere near zero
    gentle /= gentle.sum()
    blurry = picture(420, 90)
    whole = synthesis.deblur(blurry, gentle, "linear", estimated=True)
    monkeypatch.setattr(synthesis, "bytes_per_pixel", memory.available_memory())
    parts = synthesis.deblur(blurry, gentle, "linear", estimated=True)
    assert 0 < np.abs(parts - whole).max() < 1 / 255


@pytest.mark.parametrize("size", [(33, 64), (150, 260), (255, 255), (300, 470), (600, 900)])
def test_the_judge_sees_few_sizes_and_nothing_but_the_border_is_cut(size):
    seen = []

    class Recorder:
        def __call__(self, blurry, results, errors):
            assert blurry.shape == results.shape == errors.shape
            seen.append(blurry[0, :, :, 0])
            return np.zeros(1, np.float32)

    grey = picture(*size).mean(axis=2)
    QualityModel(Recorder())(grey, random_shake(np.random.RandomState(0), 9, (5, 5)), "gamma")
    (window,) = seen
    assert all(side in (128, 256, 384) for side in window.shape)
    shown = [min(n - 2 * min(BORDER, (n - 1) // 2), 384) for n in size]
    low = [(side - n) // 2 for side, n in zip(window.shape, shown)]
    inner = window[low[0] : low[0] + shown[0], low[1] : low[1] + shown[1]]
    if max(size) <= 384 + 2 * BORDER:  # of a larger one the best part is looked at
        top, left = ((n - m) // 2 for n, m in zip(size, shown))
        np.testing.assert_array_equal(inner, grey[top : top + shown[0], left : left + shown[1]])
