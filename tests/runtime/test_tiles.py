"""Pictures cut where memory ends, into overlapping tiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from deblurnets.runtime.tiles import faded_spans, is_out_of_memory, map_tiles


@given(
    length=st.integers(1, 3000),
    halo=st.integers(1, 60),
    step=st.sampled_from([1, 4, 16]),
    data=st.data(),
)
def test_spans_cover_a_side_with_weights_of_one(length, halo, step, data):
    halo = -(-halo // step) * step
    tile = data.draw(st.integers(4 * halo + 2 * step + 1, 1500))
    spans = faded_spans(length, tile, halo, step)
    total = np.zeros(length)
    for span in spans:
        assert 0 < span.stop - span.start <= tile
        assert span.start % step == 0
        assert span.weights.min() >= 0
        total[span.start : span.stop] += span.weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize(
    "length, tile, halo, step", [(59, 39, 9, 1), (60, 39, 9, 1), (200, 97, 16, 16)]
)
def test_fades_of_narrow_spans_do_not_meet(length, tile, halo, step):
    spans = faded_spans(length, tile, halo, step)
    assert len(spans) > 2
    total = np.zeros(length)
    for span in spans:
        total[span.start : span.stop] += span.weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


@given(length=st.integers(400, 3000), halo=st.integers(2, 40))
def test_a_span_does_not_count_where_it_sees_less_than_half_a_halo(length, halo):
    spans = faded_spans(length, 300, halo)
    for before, after in zip(spans, spans[1:]):
        unseen = min(16, halo)  # the fade may use this much of the halo
        assert not before.weights[-(halo - unseen) - 1 :][1:].any()
        assert not after.weights[: halo - unseen].any()


def test_too_small_a_tile_is_refused():
    with pytest.raises(ValueError, match="at least 43 pixels a side, received 42"):
        faded_spans(100, 42, 10)


def blur(part):
    return ndimage.uniform_filter(part, (9, 9, 1), mode="mirror")


@pytest.mark.parametrize("shape", [(50, 60, 3), (301, 97, 3), (260, 411, 1)])
def test_tiles_give_what_the_whole_picture_gives(shape):
    image = np.random.RandomState(0).rand(*shape).astype(np.float32)
    parts = []

    def watched(part):
        parts.append(part.shape)
        return blur(part)

    # The fade reaches 8 of the 13 pixels of the halo; the filter needs the other 4.
    np.testing.assert_allclose(map_tiles(watched, image, 100, 24), blur(image), atol=1e-6)
    assert max(max(part[:2]) for part in parts) <= 100
    assert len(parts) == 1 or shape != (50, 60, 3)


def test_a_tile_too_large_for_the_memory_is_cut_further():
    image = np.random.RandomState(0).rand(500, 300, 3).astype(np.float32)
    refused = []

    def forgetful(part):
        if max(part.shape) > 150:
            refused.append(part.shape)
            raise MemoryError
        return blur(part)

    result = map_tiles(forgetful, image, 1000, 24)
    np.testing.assert_allclose(result, blur(image), atol=1e-6)
    assert refused


def test_other_errors_and_hopeless_lack_of_memory_are_raised():
    image = np.zeros((300, 300, 3), np.float32)

    def fail(error):
        raise error

    with pytest.raises(KeyError):
        map_tiles(lambda part: fail(KeyError("no")), image, 1000, 24)
    with pytest.raises(MemoryError):
        map_tiles(lambda part: fail(MemoryError()), image, 1000, 24)


def test_tensorflows_error_counts_as_lack_of_memory():
    tensorflow = pytest.importorskip("tensorflow")
    error = tensorflow.errors.ResourceExhaustedError(None, None, "OOM when allocating")
    assert is_out_of_memory(error)
    assert not is_out_of_memory(ValueError())
