"""Layers in tiles of few sizes give what they give on the whole maps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from deblurnets import fixed_tiles
from deblurnets.backend import ops
from deblurnets.networks.synthesis import SynthesisConfig, build_synthesis

DIVISOR, HALO = 8, 16


@given(
    length=st.integers(1, 400).map(lambda n: n * DIVISOR),
    side=st.sampled_from(fixed_tiles.SIDES),
    halo=st.integers(0, 6).map(lambda n: n * DIVISOR),
)
def test_tiles_cover_an_axis_and_keep_the_halo(length, side, halo):
    end = 0
    for start, kept in fixed_tiles.tile_spans(length, side, halo, DIVISOR):
        assert start % DIVISOR == 0
        assert start >= 0 and start + side <= max(length, side)
        assert start + kept.start == end
        end = start + kept.stop
        # What is left out of a tile's result reaches over the halo, unless the axis ends there.
        assert kept.start >= halo or start == 0
        assert side - kept.stop >= halo or end == length
    assert end == length


@pytest.mark.parametrize("size", [(24, 200), (64, 64), (104, 152), (48, 40)])
def test_a_local_function_gives_what_it_gives_on_the_whole(size, monkeypatch):
    monkeypatch.setattr(fixed_tiles, "SIDES", (64, 72))
    sizes = set()

    def blur(maps):
        values = ops.convert_to_numpy(maps)
        sizes.add(values.shape[1:3])
        # A reach of 16 pixels, zeros beyond the border.
        return ndimage.uniform_filter(values, (1, 33, 33, 1), mode="constant")

    maps = np.random.RandomState(0).rand(1, *size, 2).astype(np.float32)
    tiled = fixed_tiles.in_fixed_tiles(blur, maps, HALO, DIVISOR)
    assert sizes <= {(64, 64), (72, 72)}
    np.testing.assert_allclose(ops.convert_to_numpy(tiled), blur(maps), atol=1e-5)


@pytest.mark.parametrize("widths", [(4, 6), (4, 4, 6)])
def test_a_u_net_gives_in_tiles_what_it_gives_on_the_whole(widths, monkeypatch):
    config = SynthesisConfig(widths=widths)
    unet = build_synthesis(config).first
    rng = np.random.RandomState(0)
    for variable in unet.variables:
        variable.assign(rng.normal(0, 0.3, variable.shape).astype(np.float32))
    side = 4 * config.reach
    length = 2 * (side - config.reach)  # two tiles that overlap by no more than they must
    maps = rng.rand(1, length, length, config.channels[0]).astype(np.float32)
    whole = ops.convert_to_numpy(unet(maps))
    monkeypatch.setattr(fixed_tiles, "SIDES", (side,))
    fixed_tiles.use_fixed_tiles(unet, config.reach, config.divisor)
    tiled = ops.convert_to_numpy(unet(maps))
    np.testing.assert_allclose(tiled, whole, atol=1e-4 * np.abs(whole).max())


def test_a_layer_that_reaches_too_far_is_left_alone():
    class Layer:
        call = "untouched"

    layer = Layer()
    fixed_tiles.use_fixed_tiles(layer, halo=400, divisor=8)
    assert layer.call == "untouched"


def test_the_side_with_the_fewest_pixels_is_taken():
    assert fixed_tiles.best_side(300, 310, 48) == 320
    assert fixed_tiles.best_side(900, 900, 48) == 960
    assert fixed_tiles.best_side(448, 2000, 48) in (448, 576)
