"""The search finishes the starts, improves the best and takes what the judge prefers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.estimation.quality import Judge, Verdict
from deblurnets.estimation.refinement import AlternationConfig
from deblurnets.estimation.search import Look, SearchConfig, Start, search_kernel
from deblurnets.imaging.metrics import kernel_similarity
from deblurnets.imaging.psf import fit_grid, rasterise
from deblurnets.networks.quality import JudgeConfig, build_judge


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
        self.lights = []

    def __call__(self, image, kernels, lights=None):
        lights = [light or "encoded" for light in lights or [None] * len(kernels)]
        self.lights += lights
        likeness = [kernel_similarity(kernel, self.truth) for kernel in kernels]
        return [
            Verdict(20 * like - 5 * (light == "linear"), light)
            for like, light in zip(likeness, lights)
        ]


CONFIG = SearchConfig()
KEEP = AlternationConfig(iterations=0, scales=1, mass=1, margin=2)
LOOK_GRID = 25
KEPT = SearchConfig(finish=KEEP, finish_quick=KEEP, finish_reduced=KEEP, descent=KEEP)


def soft(kernel, sigma=2.0):
    return fit_grid(ndimage.gaussian_filter(kernel, sigma), 31)


def unchanged(image, kernel, look):
    return kernel


class Network:
    """Answers looks by kernels (31, 31), one for each (scale, light).

    Remembers the looks: (scale, light, whether it was a quick one).
    """

    def __init__(self, answers):
        self.answers = answers
        self.looks = []

    def __call__(self, image, looks):
        assert len({(look.scale, look.window) for look in looks}) == 1
        assert len({look.quick for look in looks}) == 1
        self.looks += [(look.scale, look.light, look.quick) for look in looks]
        return [Start(self.answers[look.scale, look.light], look) for look in looks]


def found(
    truth, answers, improve=unchanged, config=CONFIG, judge=None, given=(), look_grid=LOOK_GRID
):
    """Search with the looks that there are answers for, in their order."""
    network, judge = Network(answers), judge or Oracle(truth)
    sizes = list(dict.fromkeys((scale, 64) for scale, _ in answers))
    finding = search_kernel(
        blurred(truth), sizes, network, improve, judge, 31, look_grid, config, given
    )
    return finding, network, judge


def test_the_kernel_is_found_in_the_look_that_leads_to_it():
    truth = stroke()
    answers = {(1, "encoded"): soft(truth), (1, "linear"): soft(truth.T)}
    finding, _, oracle = found(truth, answers)
    assert finding.kernel.shape == (31, 31)
    assert finding.kernel.sum() == pytest.approx(1, abs=1e-4)
    assert kernel_similarity(finding.kernel, truth) > 0.85
    assert finding.verdict.light == "encoded"
    assert finding.lead > 0
    # The look in both, and no blur; the second round in the better one.
    assert sorted(oracle.lights[:3]) == ["encoded", "encoded", "linear"]
    assert oracle.lights[3:] == ["encoded"] * 2


def answers_at(scales, truth, light="encoded"):
    """The truth in the given light at every scale, a wrong kernel in the other one."""
    kernels = {light: fit_grid(truth, 31)}
    return {
        (scale, one): kernels.get(one, fit_grid(truth.T, 31))
        for scale in scales
        for one in ("encoded", "linear")
    }


LARGE = dataclasses.replace(KEPT, small=5)  # what every shake here is too large for
ALL = [0.5, 0.7, 1]


def test_a_small_shake_takes_the_finest_look_alone():
    truth = stroke()
    finding, network, oracle = found(truth, answers_at(ALL, truth), config=KEPT)
    assert network.looks == QUICK
    assert len(oracle.lights) == 3  # and no blur
    assert finding.kernel == pytest.approx(fit_grid(truth, 31), abs=1e-5)
    assert finding.verdict.light == "encoded"


@pytest.mark.parametrize("unsettled", [{"doubt": 100}, {"certain": 100}])
def test_a_small_shake_that_is_in_doubt_takes_more_looks_and_none_twice(unsettled):
    truth = stroke()
    config = dataclasses.replace(KEPT, **unsettled)
    _, network, oracle = found(truth, answers_at(ALL, truth), config=config)
    assert network.looks[:4] == [*QUICK, *COARSEST]
    assert len(set(network.looks)) == len(network.looks)
    assert len(oracle.lights) == len(network.looks) + 1


QUICK = [(1, "encoded", True), (1, "linear", True)]
COARSEST = [(0.5, "encoded", False), (0.5, "linear", False)]


def test_where_the_coarsest_look_leaves_no_doubt_the_finest_counts_in_its_light():
    truth = stroke()
    finding, network, oracle = found(truth, answers_at(ALL, truth), config=LARGE)
    # The first two told that the shake is large.
    assert network.looks == [*QUICK, *COARSEST, (1, "encoded", False)]
    assert len(oracle.lights) == 3 + 1  # many looks: no second round
    assert finding.kernel == pytest.approx(fit_grid(truth, 31), abs=1e-5)


def test_a_kernel_larger_than_the_finest_look_sees_takes_all_looks():
    truth = stroke()
    _, network, oracle = found(truth, answers_at(ALL, truth), config=LARGE, look_grid=11)
    assert network.looks[4:] == [(0.7, "encoded", False), (1, "encoded", False)]
    assert len(oracle.lights) == 3 + 2


def test_what_is_not_clearly_better_than_the_picture_takes_all_looks():
    truth = stroke()
    config = dataclasses.replace(LARGE, clear=100)
    _, network, oracle = found(truth, answers_at(ALL, truth), config=config)
    assert network.looks[4:] == [(1, "encoded", False), (0.7, "encoded", False)]
    assert len(oracle.lights) == 3 + 2


def test_in_doubt_the_next_look_is_taken_in_both_kinds_of_light():
    truth = stroke()
    config = dataclasses.replace(LARGE, doubt=100)
    _, network, oracle = found(truth, answers_at(ALL, truth), config=config)
    assert network.looks[4:] == [(1, "encoded", False), (1, "linear", False)]
    assert len(oracle.lights) == 3 + 2


def test_small_pictures_are_looked_at_in_both_kinds_of_light_and_again():
    truth = stroke()
    answers = answers_at([0.7, 1], truth)
    _, network, oracle = found(truth, answers, config=KEPT)
    assert sorted(network.looks) == sorted((*answer, False) for answer in answers)
    assert len(oracle.lights) == 3 + 2 + 2


def test_a_given_start_is_one_of_the_candidates_and_does_not_tell_the_light():
    truth = stroke()
    answers = {key: fit_grid(truth.T, 31) for key in answers_at([0.5, 0.7, 1], truth)}
    given = Start(fit_grid(truth, 31), Look(1, 64, "linear"))
    finding, network, _ = found(truth, answers, config=LARGE, given=[given])
    assert finding.kernel == pytest.approx(fit_grid(truth, 31), abs=1e-5)
    assert finding.verdict.light == "linear"
    assert network.looks == [*QUICK, *COARSEST, (1, "encoded", False)]


def test_the_network_improves_the_chosen_kernel_in_its_look():
    truth = stroke()
    asked = []

    def improve(image, kernel, look):
        asked.append(look)
        return fit_grid(truth, 31)

    answers = {(0.5, "encoded"): fit_grid(np.ones((1, 1)), 31), (0.5, "linear"): soft(truth, 1.0)}
    finding, _, _ = found(truth, answers, improve, KEPT)
    assert asked == [Look(0.5, 64, "linear")] * 2
    np.testing.assert_allclose(finding.kernel, fit_grid(truth, 31), atol=1e-4)


def test_what_the_network_spoils_is_not_taken():
    truth = stroke()
    spoil = lambda image, kernel, look: fit_grid(np.ones((1, 1)), 31)  # noqa: E731
    finding, _, _ = found(truth, answers_at([1], soft(truth)), spoil)
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
    from deblurnets.weights.files import load_judge

    truth = stroke()
    wrong = truth.T.copy()
    dot = fit_grid(np.ones((1, 1)), 31)
    good, bad, none = load_judge()(blurred(truth), [truth, wrong, dot])
    assert good.gain > max(bad.gain, none.gain) + 1
