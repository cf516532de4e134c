"""The search finishes the starts, improves the best and takes what the quality network prefers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.backend import numpy_function
from deblurnets.estimation.quality import Quality, QualityModel
from deblurnets.estimation.refinement import RefinementConfig
from deblurnets.estimation.search import InitialEstimate, SearchConfig, View, search_kernel
from deblurnets.imaging.metrics import kernel_similarity
from deblurnets.imaging.psf import fit_grid
from deblurnets.networks.quality import QualityConfig, build_quality
from deblurnets.simulation.trajectory import rasterise


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
        self.domains = []

    def __call__(self, image, kernel, domain):
        self.domains.append(domain)
        return Quality(
            20 * kernel_similarity(kernel, self.truth) - 5 * (domain == "linear"), domain
        )


CONFIG = SearchConfig()
KEEP = RefinementConfig(iterations=0, scales=1, mass=1, margin=2)
VIEW_GRID = 25
KEPT = SearchConfig(refine=KEEP, refine_quick=KEEP, refine_reduced=KEEP, descent=KEEP)


def soft(kernel, sigma=2.0):
    return fit_grid(ndimage.gaussian_filter(kernel, sigma), 31)


def unchanged(image, kernel, view):
    return kernel


class Network:
    """Answers looks by kernels (31, 31), one for each (scale, light).

    Remembers the views: (scale, light, whether it was a quick one).
    """

    def __init__(self, answers):
        self.answers = answers
        self.views = []

    def __call__(self, image, views):
        assert len({(view.scale, view.window) for view in views}) == 1
        assert len({view.quick for view in views}) == 1
        self.views += [(view.scale, view.domain, view.quick) for view in views]
        return [InitialEstimate(self.answers[view.scale, view.domain], view) for view in views]


def found(
    truth,
    answers,
    improve=unchanged,
    config=CONFIG,
    quality_model=None,
    view_grid=VIEW_GRID,
):
    """Search with the views that there are answers for, in their order."""
    network, quality_model = Network(answers), quality_model or Oracle(truth)
    sizes = list(dict.fromkeys((scale, 64) for scale, _ in answers))
    result = search_kernel(
        blurred(truth), sizes, network, improve, quality_model, 31, view_grid, config
    )
    return result, network, quality_model


def test_the_kernel_is_found_in_the_look_that_leads_to_it():
    truth = stroke()
    answers = {(1, "gamma"): soft(truth), (1, "linear"): soft(truth.T)}
    result, _, oracle = found(truth, answers)
    assert result.kernel.shape == (31, 31)
    assert result.kernel.sum() == pytest.approx(1, abs=1e-4)
    assert kernel_similarity(result.kernel, truth) > 0.85
    assert result.quality.domain == "gamma"
    assert result.lead > 0
    # The look in both, and no blur; the second round in the better one.
    assert sorted(oracle.domains[:3]) == ["gamma", "gamma", "linear"]
    assert oracle.domains[3:] == ["gamma"] * 2


def answers_at(scales, truth, domain="gamma"):
    """The truth in the given light at every scale, a wrong kernel in the other one."""
    kernels = {domain: fit_grid(truth, 31)}
    return {
        (scale, one): kernels.get(one, fit_grid(truth.T, 31))
        for scale in scales
        for one in ("gamma", "linear")
    }


LARGE = dataclasses.replace(KEPT, small=5)  # what every shake here is too large for
ALL = [0.5, 0.7, 1]


def test_a_small_shake_takes_the_finest_look_alone():
    truth = stroke()
    result, network, oracle = found(truth, answers_at(ALL, truth), config=KEPT)
    assert network.views == QUICK
    assert len(oracle.domains) == 3  # and no blur
    assert result.kernel == pytest.approx(fit_grid(truth, 31), abs=1e-5)
    assert result.quality.domain == "gamma"


@pytest.mark.parametrize("unsettled", [{"domain_margin": 100}, {"certain": 100}])
def test_a_small_shake_that_is_in_doubt_takes_more_looks_and_none_twice(unsettled):
    truth = stroke()
    config = dataclasses.replace(KEPT, **unsettled)
    _, network, oracle = found(truth, answers_at(ALL, truth), config=config)
    assert network.views[:4] == [*QUICK, *COARSEST]
    assert len(set(network.views)) == len(network.views)
    assert len(oracle.domains) == len(network.views) + 1


QUICK = [(1, "gamma", True), (1, "linear", True)]
COARSEST = [(0.5, "gamma", False), (0.5, "linear", False)]


def test_where_the_coarsest_look_leaves_no_doubt_the_finest_counts_in_its_light():
    truth = stroke()
    result, network, oracle = found(truth, answers_at(ALL, truth), config=LARGE)
    # The first two told that the shake is large.
    assert network.views == [*QUICK, *COARSEST, (1, "gamma", False)]
    assert len(oracle.domains) == 3 + 1  # many views: no second round
    assert result.kernel == pytest.approx(fit_grid(truth, 31), abs=1e-5)


def test_a_kernel_larger_than_the_finest_look_sees_takes_all_looks():
    truth = stroke()
    _, network, oracle = found(truth, answers_at(ALL, truth), config=LARGE, view_grid=11)
    assert network.views[4:] == [(0.7, "gamma", False), (1, "gamma", False)]
    assert len(oracle.domains) == 3 + 2


def test_what_is_not_clearly_better_than_the_picture_takes_all_looks():
    truth = stroke()
    config = dataclasses.replace(LARGE, clear=100)
    _, network, oracle = found(truth, answers_at(ALL, truth), config=config)
    assert network.views[4:] == [(1, "gamma", False), (0.7, "gamma", False)]
    assert len(oracle.domains) == 3 + 2


def test_in_doubt_the_next_look_is_taken_in_both_kinds_of_light():
    truth = stroke()
    config = dataclasses.replace(LARGE, domain_margin=100)
    _, network, oracle = found(truth, answers_at(ALL, truth), config=config)
    assert network.views[4:] == [(1, "gamma", False), (1, "linear", False)]
    assert len(oracle.domains) == 3 + 2


def test_small_pictures_are_looked_at_in_both_kinds_of_light_and_again():
    truth = stroke()
    answers = answers_at([0.7, 1], truth)
    _, network, oracle = found(truth, answers, config=KEPT)
    assert sorted(network.views) == sorted((*answer, False) for answer in answers)
    assert len(oracle.domains) == 3 + 2 + 2


def test_the_network_improves_the_chosen_kernel_in_its_look():
    truth = stroke()
    asked = []

    def improve(image, kernel, view):
        asked.append(view)
        return fit_grid(truth, 31)

    answers = {(0.5, "gamma"): fit_grid(np.ones((1, 1)), 31), (0.5, "linear"): soft(truth, 1.0)}
    result, _, _ = found(truth, answers, improve, KEPT)
    assert asked == [View(0.5, 64, "linear")] * 2
    np.testing.assert_allclose(result.kernel, fit_grid(truth, 31), atol=1e-4)


def test_what_the_network_spoils_is_not_taken():
    truth = stroke()
    spoil = lambda image, kernel, view: fit_grid(np.ones((1, 1)), 31)  # noqa: E731
    result, _, _ = found(truth, answers_at([1], soft(truth)), spoil)
    assert kernel_similarity(result.kernel, truth) > 0.85


def tiny_quality_model():
    network = build_quality(QualityConfig(widths=(4, 4)))
    return QualityModel(numpy_function(network, [(None, None, None, 1)] * 3), crop=96)


@pytest.mark.parametrize("domain", ["gamma", "linear"])
@pytest.mark.parametrize("kernel", [stroke(), stroke(15), np.ones((3, 3), np.float32) / 9])
@pytest.mark.parametrize("shape", [(40, 50), (200, 210)])
def test_judges_take_pictures_and_kernels_of_any_size(shape, kernel, domain):
    picture = np.random.RandomState(1).rand(*shape).astype(np.float32)
    quality = tiny_quality_model()(picture, kernel, domain)
    assert quality.gain == 0  # untrained
    assert quality.domain == domain


def test_the_bundled_judge_prefers_the_true_kernel():
    from deblurnets.weights.files import load_quality

    truth = stroke()
    wrong = truth.T.copy()
    dot = fit_grid(np.ones((1, 1)), 31)
    quality_model, picture = load_quality(), blurred(truth)
    good, bad, none = (quality_model(picture, k, "gamma").gain for k in (truth, wrong, dot))
    assert good > max(bad, none) + 1
