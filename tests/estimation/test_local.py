"""Which kernels of regions are believed, and what comes of it, with a stand-in for the search."""

import dataclasses

import numpy as np
import pytest

from deblurnets.deblurrer import Deblurrer
from deblurnets.estimation.estimate import Estimate
from deblurnets.estimation.local import LocalConfig, RegionEstimate, estimate_regions, has_edges

CONFIG = LocalConfig(side=64, halo=8)


def line(angle):
    """A kernel: a line through the middle."""
    kernel = np.zeros((15, 15), np.float32)
    for step in np.linspace(-5, 5, 41):
        kernel[round(7 + step * np.sin(angle)), round(7 + step * np.cos(angle))] += 1
    return kernel / kernel.sum()


FLAT, STEEP = line(0), line(1.2)
GIVEN = Estimate(FLAT, "gamma", confidence=0.4)
NO_BLUR = dataclasses.replace(GIVEN, strength=0.0, blurred=False)


class Search:
    """Finds `kernels` and `advantages` in the order of the regions.

    `gains`: expected of one kernel's result, and of local ones in encoded and linear light.
    """

    def __init__(self, kernels, advantages, given=GIVEN, gains=(0, 1, 2), **fields):
        self.found = [
            RegionEstimate(Estimate(kernel, "gamma", 0.8, **fields), advantage)
            for kernel, advantage in zip(kernels, advantages)
        ]
        self.given = given
        self.seen = 0
        self.gains = gains

    def predict_gains(self, image, results):
        assert len(results) == 3
        assert all(result.shape == image.shape for result in results)
        return np.array(self.gains, np.float32)

    def estimate(self, image):
        return self.given

    def estimate_region(self, image, given):
        self.seen += 1
        return self.found[self.seen - 1]


class Synthesis:
    """Takes a pixel's share of light on a kernel's middle for a deblurred picture."""

    def __init__(self):
        self.calls = []

    def deblur(self, image, kernel, domain="auto", estimated=False, tile=None):
        self.calls.append((image.shape, domain))
        return image * kernel.sum(0)[7]


def edges(height=100, width=140):
    blocks = np.random.RandomState(3).rand(-(-height // 10), -(-width // 10), 3)
    return np.kron(blocks, np.ones((10, 10, 1)))[:height, :width].astype(np.float32)


def believed(search, image=None, given=GIVEN):
    image = edges() if image is None else image
    local = estimate_regions(image, given, search, CONFIG)
    assert len(local.regions.places()) == 6
    return [number for number, _ in local.own]


def test_kernels_that_are_clearly_better_are_tried():
    assert believed(Search([STEEP] * 6, [0.6] * 6)) == [0, 1, 2, 3, 4, 5]
    assert believed(Search([STEEP] * 6, [0.4] * 6)) == []


def test_a_region_that_the_judge_values_lower_falls_back():
    assert believed(Search([STEEP] * 6, [2, 2, -1, 2, 2, 2])) == [0, 1, 3, 4, 5]


def test_a_kernel_that_nothing_else_tells_is_not_believed():
    kernels = [STEEP, FLAT, FLAT, FLAT, FLAT, FLAT]
    assert believed(Search(kernels, [9, 1, 1, 1, 1, 1])) == [1, 2, 3, 4, 5]
    # Nor does it speak for the others.
    assert believed(Search(kernels, [9, 0.1, 0.1, 0.1, 0.1, 0.1])) == []


def test_a_kernel_that_is_certain_is_not_searched_again():
    search = Search([STEEP] * 6, [9] * 6)
    assert believed(search, given=dataclasses.replace(GIVEN, confidence=0.995)) == []
    assert search.seen == 0


def test_a_sharp_region_falls_back():
    assert believed(Search([FLAT] * 6, [2] * 6, blurred=False)) == []


def test_a_region_without_edges_is_not_searched():
    image = edges()
    image[:, :70] = 0.5 + 0.005 * np.random.RandomState(4).randn(100, 70, 3)
    search = Search([STEEP] * 4, [2.0] * 4)
    assert believed(search, image) == [1, 2, 4, 5]
    assert search.seen == 4


def test_where_no_blur_was_found_the_regions_must_agree_and_promise_more():
    alone = [STEEP, FLAT, STEEP, FLAT, STEEP, FLAT]
    assert believed(Search(alone, [9.0] * 6), given=NO_BLUR) == []
    assert believed(Search([STEEP] * 6, [1.1] * 6), given=NO_BLUR) == [0, 1, 2, 3, 4, 5]
    assert believed(Search([STEEP] * 6, [0.9] * 6), given=NO_BLUR) == []


def test_edges_are_told_from_noise():
    assert has_edges(edges(), CONFIG.edges)
    noise = np.random.RandomState(5).randn(100, 140, 3).astype(np.float32)
    for deviation in (0, 0.005, 0.05):
        assert not has_edges(0.5 + deviation * noise, CONFIG.edges)


def test_the_same_kernel_everywhere_gives_the_result_of_one():
    picture = edges()
    one = Deblurrer(Search([], []), Synthesis())(picture)
    synthesis = Synthesis()
    same = Deblurrer(Search([FLAT] * 6, [2] * 6), synthesis, local=CONFIG)(picture)
    assert same.image == pytest.approx(one.image, abs=1e-5)
    assert (one.own_kernels, same.own_kernels) == (None, (6, 6))
    assert (one.confidence, same.confidence) == (0.4, pytest.approx(0.8))
    assert same.kernel is FLAT
    assert [domain for _, domain in synthesis.calls] == [*["gamma"] * 7, *["linear"] * 6]


@pytest.mark.parametrize(
    "advantage, gains, given",
    [
        (0.0, (0, 9, 9), GIVEN),
        (2.0, (1, 0, 1.4), GIVEN),
        (2.0, (-1, 0, 0.9), NO_BLUR),
    ],
)
def test_a_result_that_is_not_clearly_better_is_not_taken(advantage, gains, given):
    picture = edges()
    one = Deblurrer(Search([], [], given), Synthesis())(picture)
    search = Search([STEEP] * 6, [advantage] * 6, given, gains)
    same = Deblurrer(search, Synthesis(), local=CONFIG)(picture)
    assert np.array_equal(one.image, same.image)
    assert one.image is not same.image
    assert same.own_kernels == (0, 6)
    assert same.blurred == given.blurred
    assert same.confidence == pytest.approx(0.4)


@pytest.mark.parametrize("gains, domain", [((0, 1, 2), "linear"), ((0, 2, 1), "gamma")])
def test_the_light_is_that_of_the_better_result(gains, domain):
    class Brightening(Synthesis):
        def deblur(self, image, kernel, domain="auto", estimated=False, tile=None):
            return np.full_like(image, 0.9 if domain == "linear" else 0.3)

    search = Search([STEEP] * 6, [2] * 6, gains=gains)
    result = Deblurrer(search, Brightening(), local=CONFIG)(edges())
    assert result.image == pytest.approx(0.9 if domain == "linear" else 0.3, abs=1e-5)


def test_a_picture_of_a_turning_camera_counts_as_blurred():
    search = Search([STEEP] * 6, [2] * 5 + [-1], NO_BLUR)
    picture = edges()
    result = Deblurrer(search, Synthesis(), local=CONFIG)(picture)
    assert result.blurred
    assert result.own_kernels == (5, 6)
    # The last region stays as it is.
    assert result.image[-1, -1] == pytest.approx(picture[-1, -1], abs=1e-6)


def test_what_does_not_go_with_local_deblurring():
    class Plain:
        def estimate(self, image):
            return GIVEN

    with pytest.raises(ValueError, match="needs the compact pair's"):
        Deblurrer(Plain(), Synthesis(), local=True)
    with pytest.raises(ValueError, match="does not go with a largest size"):
        Deblurrer(Search([], []), Synthesis(), analysis_max_size=(40, 40), local=True)
