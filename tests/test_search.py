"""The search finishes the starts, improves the best and takes what the judge prefers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.alternation import AlternationConfig
from deblurnets.evaluation.scoring import kernel_similarity
from deblurnets.judgement import Judge, Verdict
from deblurnets.kernels import fit_grid, rasterise
from deblurnets.networks.judge import JudgeConfig, build_judge
from deblurnets.search import Look, SearchConfig, Start, search_kernel


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
    """Prefers kernels like the truth, and encoded light; remembers what it was asked about."""

    def __init__(self, truth):
        self.truth = truth
        self.asked = []
        self.lights = []

    def __call__(self, image, kernels, lights=None):
        lights = [light or "encoded" for light in lights or [None] * len(kernels)]
        self.asked.append(len(kernels))
        self.lights.append(lights)
        likeness = [kernel_similarity(kernel, self.truth) for kernel in kernels]
        return [
            Verdict(20 * like - 5 * (light == "linear"), light)
            for like, light in zip(likeness, lights)
        ]


CONFIG = SearchConfig()
LOOK = Look(1, 512, "encoded")
KEEP = AlternationConfig(iterations=0, scales=1, mass=1, margin=2)


def found(truth, starts, improve=lambda image, kernel, look: kernel, config=CONFIG):
    oracle = Oracle(truth)
    finding = search_kernel(blurred(truth), starts, improve, oracle, 31, config)
    return finding, oracle


def test_the_kernel_is_found_from_the_start_that_leads_to_it():
    truth = stroke()
    good = Start(fit_grid(ndimage.gaussian_filter(truth, 2.0), 31), LOOK)
    bad = Start(fit_grid(truth.T.copy(), 31), LOOK)
    finding, oracle = found(truth, [bad, good])
    assert finding.kernel.shape == (31, 31)
    assert finding.kernel.sum() == pytest.approx(1, abs=1e-4)
    assert kernel_similarity(finding.kernel, truth) > 0.85
    assert finding.lead > 0
    # No blur is judged with them, then both in the other light, then the second round's.
    assert oracle.asked == [2 + 1, 2, 2]
    assert oracle.lights[0] == ["encoded"] * 3
    assert oracle.lights[1] == ["linear"] * 2


def test_enough_starts_need_no_second_round():
    truth = stroke()
    start = Start(fit_grid(ndimage.gaussian_filter(truth, 2.0), 31), LOOK)
    config = SearchConfig(finish=KEEP, enough=3)
    assert found(truth, [start] * 3, config=config)[1].asked == [3 + 1, 2]
    assert found(truth, [start] * 2, config=config)[1].asked == [2 + 1, 2, 2]


def test_the_best_two_kernels_decide_the_light_together():
    one, other = stroke(), stroke().T.copy()
    values = {("one", "encoded"): 9, ("one", "linear"): 5}
    values.update({("other", "encoded"): 2, ("other", "linear"): 8})

    def judge(image, kernels, lights):
        names = ["one" if kernel_similarity(k, one) > 0.9 else "other" for k in kernels]
        lights = [light or "encoded" for light in lights]
        return [Verdict(values[name, light], light) for name, light in zip(names, lights)]

    starts = [Start(fit_grid(one, 31), LOOK), Start(fit_grid(other, 31), Look(1, 512, "linear"))]
    config = SearchConfig(finish=KEEP, enough=2)
    finding = search_kernel(blurred(one), starts, None, judge, 31, config)
    assert finding.verdict == Verdict(8, "linear")  # 13 against 11, though 9 is the most
    assert kernel_similarity(finding.kernel, other) > 0.9


def test_the_network_improves_the_chosen_kernel_in_the_judges_light():
    truth = stroke()
    asked = []

    def improve(image, kernel, look):
        asked.append(look)
        return truth

    config = SearchConfig(finish_reduced=KEEP, descent=KEEP)
    start = Start(fit_grid(ndimage.gaussian_filter(truth, 3.0), 31), Look(0.5, 64, "linear"))
    finding, _ = found(truth, [start], improve, config)
    assert asked == [Look(0.5, 64, "encoded")] * 2
    np.testing.assert_allclose(finding.kernel, truth, atol=1e-4)


def test_what_the_network_spoils_is_not_taken():
    truth = stroke()
    start = Start(fit_grid(ndimage.gaussian_filter(truth, 2.0), 31), LOOK)
    spoil = lambda image, kernel, look: fit_grid(np.ones((1, 1)), 31)  # noqa: E731
    finding, _ = found(truth, [start], spoil)
    assert kernel_similarity(finding.kernel, truth) > 0.85


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
