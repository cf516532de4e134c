from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.deblurrer import Deblurrer
from deblurnets.estimation.estimate import Estimate


class RecordingAnalysis:
    def __init__(self, **estimate):
        self.seen = None
        self.estimated = estimate

    def estimate(self, image):
        self.seen = image
        kernel = np.zeros((5, 5), np.float32)
        kernel[2, 1:4] = 1 / 3
        return Estimate(kernel, **self.estimated)


class InvertingSynthesis:
    def deblur(self, image, kernel, domain="auto", estimated=False, tile=None):
        self.kernel, self.domain, self.tile = kernel, domain, tile
        return 1 - image


def make(**kwargs):
    return Deblurrer(RecordingAnalysis(), InvertingSynthesis(), **kwargs)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    dtype=st.sampled_from(["uint8", "uint16", "float32", "float64"]),
    shape=st.sampled_from([(32, 32), (33, 47), (32, 40, 3), (51, 32, 3)]),
)
def test_result_has_the_kind_of_the_input(seed, dtype, shape):
    picture = np.random.RandomState(seed).rand(*shape)
    top = np.iinfo(dtype).max if dtype.startswith("u") else 1
    picture = (picture * top).astype(dtype)
    result = make()(picture)
    assert result.image.dtype == picture.dtype
    assert result.image.shape == picture.shape
    assert np.allclose(result.image.astype(float), top - picture.astype(float), atol=top * 1e-6)
    assert set(result.seconds) == {"analysis", "synthesis"}


def test_halves_see_rgb_in_unit_range():
    deblurrer = make()
    deblurrer(np.full((40, 40), 255, np.uint8))
    seen = deblurrer._analysis.seen
    assert seen.shape == (40, 40, 3)
    assert seen.dtype == np.float32
    assert seen.max() == 1


@pytest.mark.parametrize("tile", [None, 77])
def test_the_tile_size_is_handed_on(tile):
    deblurrer = make(tile_size=tile)
    deblurrer(np.zeros((40, 40), np.uint8))
    assert deblurrer._synthesis.tile == tile


def test_kernel_estimate_is_confined_to_the_centre_when_asked():
    deblurrer = make(analysis_max_size=(32, 40))
    picture = np.zeros((64, 60, 3), np.uint8)
    picture[16:48, 10:50] = 255
    result = deblurrer(picture)
    assert deblurrer._analysis.seen.shape == (32, 40, 3)
    assert deblurrer._analysis.seen.min() == 1
    assert result.image.shape == picture.shape


@pytest.mark.parametrize(
    "picture, message",
    [
        (np.zeros((40, 40, 4), np.uint8), r"\(H, W, 3\), got \(40, 40, 4\)"),
        (np.zeros((31, 40), np.uint8), "32x32 pixels or more, got 40x31"),
        (np.zeros((40, 40), np.int32), "got int32"),
        (np.full((40, 40), 2.0), r"0\.\.1, got 2\.\.2"),
        (np.full((40, 40), np.nan), "got nan"),
    ],
)
def test_bad_pictures_are_named(picture, message):
    with pytest.raises(ValueError, match=message):
        make()(picture)


def test_unknown_pair_is_named():
    with pytest.raises(ValueError, match=r"no pair 'tiny'; expected one of \['compact', 'paper'\]"):
        Deblurrer.from_pretrained("tiny")


def test_known_kernels_are_normalised_and_squared():
    deblurrer = make()
    deblurrer.deblur(np.zeros((32, 32), np.uint8), np.array([[1.0, 2.0, 1.0]]))
    expected = np.zeros((3, 3))
    expected[1] = [0.25, 0.5, 0.25]
    assert np.allclose(deblurrer._synthesis.kernel, expected)


def test_even_kernels_keep_their_origin():
    deblurrer = make()
    deblurrer.deblur(np.zeros((32, 32), np.uint8), np.array([[0.0, 0.0], [0.0, 1.0]]))
    kernel = deblurrer._synthesis.kernel
    assert kernel.shape == (3, 3)
    assert kernel[1, 1] == 1


def test_a_kernel_of_zeros_is_refused():
    with pytest.raises(ValueError, match="not all zero"):
        make().deblur(np.zeros((32, 32), np.uint8), np.zeros((5, 5)))


def test_a_doubtful_kernel_s_result_is_mixed_with_the_input():
    analysis = RecordingAnalysis(strength=0.25, confidence=0.4, domain="linear")
    deblurrer = Deblurrer(analysis, InvertingSynthesis())
    picture = np.random.RandomState(0).rand(40, 40, 3)
    result = deblurrer(picture)
    assert np.allclose(result.image, 0.75 * picture + 0.25 * (1 - picture), atol=1e-6)
    assert result.confidence == 0.4
    assert deblurrer._synthesis.domain == "linear"


def test_a_sharp_picture_comes_back_as_it_is():
    deblurrer = Deblurrer(RecordingAnalysis(strength=0.0, verdict="sharp"), InvertingSynthesis())
    picture = np.random.RandomState(0).randint(0, 65536, (40, 40)).astype(np.uint16)
    result = deblurrer(picture)
    assert not result.blurred
    assert np.array_equal(result.image, picture)
    assert not np.shares_memory(result.image, picture)
