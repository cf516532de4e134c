"""Functions in tiles of few sizes give what they give on the whole maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from deblurnets.backend import ops
from deblurnets.networks.synthesis import SynthesisConfig, build_synthesis
from deblurnets.runtime import tiles

DIVISOR, HALO = 8, 16


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiles, "SIDES", (64, 72))
    monkeypatch.setattr(tiles, "STEP", 8)
    monkeypatch.setattr(tiles, "LONGEST", 96)
    monkeypatch.setattr(tiles, "MOST", 96 * 64)


def blur(maps):
    # A reach of 16 pixels, zeros beyond the border.
    return ndimage.uniform_filter(maps, (1, 33, 33), mode="constant")


@given(
    length=st.integers(1, 400).map(lambda n: n * DIVISOR),
    side=st.integers(5, 24).map(lambda n: n * 64),
    halo=st.integers(0, 6).map(lambda n: n * DIVISOR),
)
def test_tiles_cover_an_axis_and_keep_the_halo(length, side, halo):
    end = 0
    for span in tiles.fixed_spans(length, side, halo, DIVISOR):
        assert span.start % DIVISOR == 0
        assert span.start >= 0 and span.stop <= length
        assert span.stop - span.start == min(side, length) == len(span.weights)
        kept = np.nonzero(span.weights)[0]
        assert (span.weights[kept] == 1).all()
        assert span.start + kept[0] == end
        assert len(kept) == kept[-1] - kept[0] + 1
        end = span.start + kept[-1] + 1
        # What is left out of a tile's result reaches over the halo, unless the axis ends there.
        assert kept[0] >= halo or span.start == 0
        assert side - kept[-1] - 1 >= halo or end == length
    assert end == length


@pytest.mark.parametrize("largest", [None, 64])
@pytest.mark.parametrize("size", [(24, 200), (64, 64), (104, 152), (48, 40), (72, 72)])
def test_a_local_function_gives_what_it_gives_on_the_whole(size, largest, small_tiles):
    seen = set()

    def watched(maps):
        seen.add(maps.shape[1:])
        return blur(maps)

    maps = np.random.RandomState(0).rand(2, *size).astype(np.float32)
    start = np.random.RandomState(1).rand(2, *size).astype(np.float32)
    result = start.copy()
    tiles.add_in_tiles(watched, maps, result, HALO, DIVISOR, largest)
    assert len(seen) == 1 and max(seen.pop()) <= (largest or 96)
    np.testing.assert_allclose(result - start, blur(maps), atol=1e-5)


def test_tiles_too_large_for_the_memory_are_cut_further(small_tiles):
    refused = []

    def forgetful(maps):
        if max(maps.shape[1:]) > 64:
            refused.append(maps.shape)
            raise MemoryError
        return blur(maps)

    maps = np.random.RandomState(0).rand(2, 120, 200).astype(np.float32)
    result = np.zeros_like(maps)
    tiles.add_in_tiles(forgetful, maps, result, HALO, DIVISOR)
    assert refused
    np.testing.assert_allclose(result, blur(maps), atol=1e-5)


@pytest.mark.parametrize("error", [MemoryError, KeyError])
def test_other_errors_and_hopeless_lack_of_memory_are_raised(error, small_tiles):
    def fail(maps):
        raise error

    maps = np.zeros((2, 200, 200), np.float32)
    with pytest.raises(error):
        tiles.add_in_tiles(fail, maps, maps, HALO, DIVISOR)


@pytest.mark.parametrize("widths", [(4, 6), (4, 4, 6)])
def test_a_u_net_gives_in_tiles_what_it_gives_on_the_whole(widths, monkeypatch):
    config = SynthesisConfig(widths=widths)
    unet = build_synthesis(config).first
    rng = np.random.RandomState(0)
    for variable in unet.variables:
        variable.assign(rng.normal(0, 0.3, variable.shape).astype(np.float32))

    def run(maps):
        found = ops.convert_to_numpy(unet(maps.transpose(1, 2, 0)[None]))
        return found[0].transpose(2, 0, 1)

    side = 4 * config.reach
    length = 2 * (side - config.reach)  # two tiles that overlap by no more than they must
    maps = rng.rand(config.channels[0], length, length).astype(np.float32)
    whole, tiled = run(maps), np.zeros((3, length, length), np.float32)
    monkeypatch.setattr(tiles, "tile_shape", lambda *given: (side, side))
    tiles.add_in_tiles(run, maps, tiled, config.reach, config.divisor)
    np.testing.assert_allclose(tiled, whole, atol=1e-4 * np.abs(whole).max())


def test_a_function_that_reaches_too_far_gets_the_whole_maps():
    seen = []
    maps = np.ones((2, 500, 400), np.float32)
    tiles.add_in_tiles(lambda part: seen.append(part) or 0, maps, maps, 400, DIVISOR)
    assert [part.shape for part in seen] == [(2, 500, 400)]


@given(
    size=st.tuples(*[st.integers(4, 800).map(lambda n: n * DIVISOR)] * 2),
    largest=st.sampled_from([None, 384, 640]),
)
def test_tiles_have_few_sizes_and_pixels(size, largest):
    shape = tiles.tile_shape(*size, 48, largest)
    assert all(side % 64 == 0 for side in shape)
    assert max(shape) <= (largest or tiles.LONGEST)
    if max(size) <= max(tiles.SIDES):
        assert shape[0] == shape[1]
    assert shape[0] * shape[1] <= tiles.MOST


@pytest.mark.parametrize(
    "size, expected",
    [((300, 310), (320, 320)), ((900, 900), (960, 960)), ((1030, 1020), (1088, 1024))],
)
def test_the_shape_with_the_fewest_pixels_is_taken(size, expected):
    assert tiles.tile_shape(*size, 48) == expected
