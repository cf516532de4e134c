"""The synthesis network on large pictures gives what its call on tensors gives."""

import numpy as np
import pytest

from deblurnets.backend import ops
from deblurnets.deconvolution import two_stages
from deblurnets.deconvolution.two_stages import apply_unet, run_two_stages
from deblurnets.imaging.boundaries import fill_mirrored
from deblurnets.networks.synthesis import SynthesisConfig, build_synthesis, extend
from deblurnets.runtime import threads, tiles
from deblurnets.simulation.trajectory import random_shake

SIZES = [(75, 110), (96, 60), (201, 131)]


@pytest.fixture(scope="module")
def network():
    network = build_synthesis(SynthesisConfig(widths=(4, 8), crossover=0.02))
    rng = np.random.RandomState(0)
    for variable in network.variables:
        variable.assign(rng.normal(0, 0.1, variable.shape).astype(np.float32))
    return network


@pytest.fixture
def no_tiles(monkeypatch):
    """U-Nets see whole maps: a tile that reaches over their border changes what is near it."""
    monkeypatch.setattr(tiles, "tile_shape", lambda height, width, *_: (height, width))


def example(size):
    """Blurry picture, blur kernel, and a start."""
    rng = np.random.RandomState(size[0])
    # Some way from 0 and 1, at which results are clipped.
    image, start = (0.4 + 0.2 * rng.rand(2, *size, 3)).astype(np.float32)
    return image, random_shake(rng, 17, (8, 12)), start


@pytest.mark.parametrize("size", SIZES)
def test_the_network_s_call_gives_the_same(size, network, no_tiles):
    arguments = example(size)
    expected = ops.convert_to_numpy(network(*[a[None] for a in arguments])["sharp"])[0]
    clipped = np.clip(expected, 0, 1)
    assert np.abs(clipped - arguments[2]).mean() > 0.02
    assert np.mean(clipped == expected) > 0.5
    result = run_two_stages(network, *arguments)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, clipped, atol=5e-5)


@pytest.mark.parametrize("size", SIZES)
def test_planes_one_by_one_change_nothing(size, network, monkeypatch):
    arguments = example(size)
    together = run_two_stages(network, *arguments)
    monkeypatch.setattr(threads, "TOGETHER", 1)
    np.testing.assert_array_equal(run_two_stages(network, *arguments), together)


@pytest.mark.parametrize("tile", [(128, 148), (220, 112), (112, 128)])
def test_tiles_change_nothing(tile, network, no_tiles, monkeypatch):
    arguments = example((201, 131))
    whole = run_two_stages(network, *arguments)
    assert min(tile) > 4 * network.config.reach
    sizes = set()

    def watched(unet, maps):
        sizes.add(maps.shape[2:])
        return apply_unet(unet, maps)

    monkeypatch.setattr(two_stages, "apply_unet", watched)
    monkeypatch.setattr(tiles, "tile_shape", lambda *given: tile)
    tiled = run_two_stages(network, *arguments)
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
    assert sizes == {tile}


@pytest.mark.parametrize("size", [(31, 40), (32, 41), (20, 64)])
def test_surroundings_are_those_of_the_network(size):
    planes = np.random.RandomState(0).rand(1, 3, 20, 34).astype(np.float32)
    expected = ops.convert_to_numpy(extend(ops.convert_to_tensor(planes), size))[0]
    result = np.zeros((3, *size), np.float32)
    top, left = (size[0] - 20) // 2, (size[1] - 34) // 2
    result[:, top : top + 20, left : left + 34] = planes[0]
    fill_mirrored(result, (20, 34), (top, left))
    np.testing.assert_allclose(result, expected, atol=1e-6)
