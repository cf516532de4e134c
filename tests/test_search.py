"""The search finishes the promising starts, and takes what the judge prefers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.alternation import AlternationConfig
from deblurnets.evaluation.scoring import kernel_similarity
from deblurnets.judgement import Judge, Verdict
from deblurnets.kernels import fit_grid, rasterise
from deblurnets.networks.judge import JudgeConfig, build_judge
from deblurnets.search import SearchConfig, search_kernel


def stroke(size=31):
    time = np.linspace(-1, 1, 400)
    return rasterise(np.stack([time + 0.5 * time**2, 0.4 * np.sin(2 * time)], 1), 12, size)


def blurred(kernel, shape=(200, 210)):
    rng = np.random.RandomState(0)
    rows, columns = np.indices(shape)
    picture = np.full(shape, 0.5, np.float32)
    for _ in range(90):
        row, column, radius = rng.randint(0, 200), rng.randint(0, 210), rng.randint(6, 28)
        picture[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = rng.rand()
    return ndimage.convolve(picture, kernel, mode="mirror").astype(np.float32)


class Oracle:
    """Prefers kernels like the truth; remembers the sizes of the pictures it saw."""

    def __init__(self, truth):
        self.truth = truth
        self.seen = []

    def __call__(self, image, kernels, lights=None):
        assert (lights is None) == (image.shape[0] >= 200)
        self.seen.append((image.shape, len(kernels)))
        if image.shape[0] < 200:  # at reduced size any order will do
            return [Verdict(float(-i), "encoded") for i in range(len(kernels))]
        gains = [20 * kernel_similarity(kernel, self.truth) for kernel in kernels]
        return [Verdict(gain, "encoded") for gain in gains]


@pytest.mark.parametrize("smallest, screened", [(80, True), (150, False)])
def test_the_kernel_is_found(smallest, screened):
    truth = stroke()
    start = fit_grid(ndimage.gaussian_filter(truth, 2.0), 31)
    oracle = Oracle(truth)
    config = SearchConfig(sizes=(15,), smallest=smallest, score_weight=0)
    finding = search_kernel(blurred(truth), [start], oracle, 31, config)
    assert finding.kernel.shape == (31, 31)
    assert finding.kernel.sum() == pytest.approx(1, abs=1e-4)
    assert kernel_similarity(finding.kernel, truth) > 0.85
    assert finding.lead > 0
    starts = 2 * (1 + 1 + 1)  # refined, wide and from nothing, in two kinds of light
    assert oracle.seen[0] == (((100, 105), starts) if screened else ((200, 210), starts + 1))
    assert len(oracle.seen) == 1 + screened
    shape, last = oracle.seen[-1]
    assert shape == (200, 210)
    # Up to two of each light are finished, near equals once; no blur is judged with them.
    assert 2 + 1 <= last <= 4 + 1 if screened else last == starts + 1


def test_the_chosen_kernel_regains_its_faint_end():
    truth = stroke()
    truth = np.where(np.arange(31) < 14, 0.25 * truth, truth).astype(np.float32)
    truth /= truth.sum()
    cut_off = fit_grid(np.where(np.arange(31) < 14, 0, truth), 31)
    blurry, kept = blurred(truth), AlternationConfig(scales=1, iterations=0)
    options = {"sizes": (), "smallest": 500, "alternation": kept, "wide": kept}
    rough, finished = (
        search_kernel(blurry, [cut_off], Oracle(truth), 31, SearchConfig(**options, **more)).kernel
        for more in ({"finish": kept}, {})
    )
    assert kernel_similarity(finished, truth) > kernel_similarity(rough, truth) + 0.01


def test_a_judge_keeps_to_the_light_it_is_told():
    judge = Judge(build_judge(JudgeConfig(widths=(4, 4))), crop=96)
    picture = np.random.RandomState(1).rand(80, 90).astype(np.float32)
    verdicts = judge(picture, [stroke()] * 2, ["linear", "encoded"])
    assert [v.light for v in verdicts] == ["linear", "encoded"]


@pytest.mark.parametrize("shape", [(40, 50), (200, 210)])
def test_judges_take_pictures_and_kernels_of_any_size(shape):
    judge = Judge(build_judge(JudgeConfig(widths=(4, 4))), crop=96)
    picture = np.random.RandomState(1).rand(*shape).astype(np.float32)
    verdicts = judge(picture, [stroke(), stroke(15), np.ones((3, 3), np.float32) / 9])
    assert [v.gain for v in verdicts] == [0, 0, 0]  # untrained
    assert {v.light for v in verdicts} <= {"encoded", "linear"}


def test_the_bundled_judge_prefers_the_true_kernel():
    from deblurnets.weights import load_judge

    truth = stroke()
    wrong = truth.T.copy()
    dot = fit_grid(np.ones((1, 1)), 31)
    good, bad, none = load_judge()(blurred(truth), [truth, wrong, dot])
    assert good.gain > max(bad.gain, none.gain) + 1
