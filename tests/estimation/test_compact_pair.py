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
from deblurnets.imaging.psf import support_size
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
    estimate = analysis.estimate(picture(170, 180))
    domains = ("gamma", "linear")
    assert views == [View(*size, domain) for size in ((0.5, 64), (1.0, 96)) for domain in domains]
    assert (estimate.blurred, estimate.strength) == (blurred, pytest.approx(strength))
    assert estimate.domain == "linear"
    assert (estimate.confidence > 0.5) == (min(gain, 1.0 - no_blur) > -0.6)


def line(length, grid=49):
    """A kernel along a line of so many pixels, cut to the grid."""
    kernel = np.zeros((grid, grid), np.float32)
    reach = min(int(length) // 2, grid // 2)
    kernel[grid // 2, grid // 2 - reach : grid // 2 + reach + 1] = 1 / (2 * reach + 1)
    return kernel


@pytest.mark.parametrize("shake", [4, 40, 100, 250])
def test_a_large_picture_is_reduced_until_its_shake_is_seen(analysis, monkeypatch, shake):
    scales = []
    monkeypatch.setattr(analysis, "config", EstimateConfig())
    monkeypatch.setattr(analysis, "_seen", lambda grey, view: scales.append(view.scale))
    monkeypatch.setattr(analysis, "_kernels_of", lambda seen, quick: line(shake * scales[-1])[None])
    scale = analysis._working_scale(np.zeros((3000, 4000), np.float32))
    assert scales[0] == pytest.approx(340 / 3000) and len(scales) <= 4
    # The coarsest view of the reduced picture shows it in a good size, or all of it is taken.
    assert scale == 1 or 10 <= 0.5 * scale * shake <= 33
    assert (scale == 1) == (shake == 4)


def test_a_picture_of_a_megapixel_is_searched_as_it_is(analysis, monkeypatch):
    monkeypatch.setattr(analysis, "_seen", None)  # no view is taken
    assert analysis._working_scale(np.zeros((1000, 1400), np.float32)) == 1


def test_the_kernel_of_a_reduced_picture_is_enlarged(analysis, monkeypatch):
    monkeypatch.setattr(analysis, "_working_scale", lambda grey: 0.25)
    found = SearchResult(line(20, 25), Quality(3.0, "gamma"), 3.0)
    seen = []
    monkeypatch.setattr(analysis, "_search", lambda grey: seen.append(grey.shape) or found)
    kernel = analysis.estimate(picture(400, 480)).kernel
    assert seen == [(100, 120)]
    assert support_size(kernel) == pytest.approx(4 * 21, abs=6)
    assert kernel.sum() == pytest.approx(1, abs=1e-4)


def test_where_the_reduced_view_was_wrong_the_whole_picture_is_searched(analysis, monkeypatch):
    monkeypatch.setattr(analysis, "_working_scale", lambda grey: 0.25)
    found = SearchResult(line(3, 25), Quality(3.0, "gamma"), 3.0)
    seen = []
    monkeypatch.setattr(analysis, "_search", lambda grey: seen.append(grey.shape) or found)
    assert support_size(analysis.estimate(picture(400, 480)).kernel) <= 5
    assert seen == [(100, 120), (400, 480)]


def test_kernels_are_at_most_a_quarter_of_the_picture(analysis):
    sides = [analysis._grid(np.zeros(shape)) for shape in ((32, 60), (90, 61), (200, 300))]
    assert sides == [9, 15, 25]


@pytest.mark.parametrize(
    "pixels, verdict",
    [
        (np.linspace(0, 1, 200, dtype=np.float32)[None].repeat(150, 0), "no_edges"),
        (np.random.RandomState(1).rand(150, 200).astype(np.float32), "noise"),
    ],
)
def test_what_shows_no_blur_is_not_searched(analysis, monkeypatch, pixels, verdict):
    monkeypatch.setattr(analysis, "_search", None)
    estimate = analysis.estimate(pixels[..., None].repeat(3, 2))
    assert (estimate.verdict, estimate.strength, estimate.blurred) == (verdict, 0.0, False)
    assert estimate.kernel.sum() == pytest.approx(1) and estimate.kernel.max() == 1


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
