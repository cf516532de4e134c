import numpy as np
import paper_reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.backend import ops
from deblurnets.imaging.boundaries import pad_to
from deblurnets.paper.layers import CentreCrop, CrossCorrelation, GreyStandardize
from deblurnets.paper.pair import PaperSynthesis
from deblurnets.paper.synthesis import (
    PaperSynthesisConfig,
    build_paper_synthesis,
    fold_paper_synthesis,
)
from deblurnets.weights.files import load_analysis, load_synthesis


@pytest.fixture(scope="module")
def reference():
    return paper_reference.outputs()


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "analysis.h5"
    return load_analysis(paper_reference.write_official_file(path, "analysis"))


@pytest.fixture(scope="module")
def synthesis(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "synthesis.h5"
    return load_synthesis(paper_reference.write_official_file(path, "synthesis"))


def call(layer, array):
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(array[None])))[0]


def test_correlation_layer_reproduces_the_2020_release(reference):
    result = call(CrossCorrelation(6), reference["correlation_input"])
    np.testing.assert_allclose(result, reference["correlation_output"], rtol=0, atol=1e-5)


def test_kernel_reproduces_the_2020_release(analysis, reference):
    kernel = analysis.estimate_kernel(reference["image"] / np.float32(255))
    np.testing.assert_allclose(kernel, reference["kernel"], rtol=0, atol=1e-6)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)


def test_synthesis_reproduces_the_2020_release(synthesis, reference):
    image = reference["synthesis_image"] / np.float32(255)
    for kernel, output in [
        ("synthesis_kernel", "synthesis_output"),
        ("kernel", "synthesis_output_with_estimated_kernel"),
    ]:
        sharp = synthesis.deblur(image, reference[kernel])
        expected = np.clip(reference[output], 0, 255)
        np.testing.assert_allclose(255 * sharp, expected, rtol=0, atol=0.02)


def test_unclipped_synthesis_reproduces_the_2020_release(synthesis, reference):
    inputs = [reference["synthesis_image"][None], reference["synthesis_kernel"][None]]
    sharp = ops.convert_to_numpy(synthesis.network(inputs))[0]
    np.testing.assert_allclose(sharp, reference["synthesis_output"], rtol=0, atol=0.02)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**16), rows=st.integers(1, 3), columns=st.integers(1, 3))
def test_folding_the_kernel_into_the_convolutions_changes_nothing(seed, rows, columns):
    config = PaperSynthesisConfig(kernel_size=5, levels=2, filters=4, convolutions=2)
    network = build_paper_synthesis(config)
    rng = np.random.RandomState(seed)
    for variable in network.weights:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    image = ops.convert_to_tensor(255 * rng.rand(1, 4 * rows, 4 * columns, 3).astype(np.float32))
    kernel = ops.convert_to_tensor(rng.dirichlet(np.ones(25)).reshape(1, 5, 5).astype(np.float32))
    plain = ops.convert_to_numpy(network([image, kernel]))
    folded = ops.convert_to_numpy(fold_paper_synthesis(network, config)(image, kernel))
    np.testing.assert_allclose(folded, plain, rtol=1e-4, atol=1e-4 * np.abs(plain).max())


def test_small_pictures_are_mirrored_for_the_analysis(analysis, reference):
    image = reference["image"][:60, :70] / np.float32(255)
    padded, inside = pad_to(image, 248, 248)
    assert (inside[0].start, inside[1].start) == (94, 89)
    kernel = analysis.estimate_kernel(image)
    assert kernel.shape == (85, 85)
    np.testing.assert_array_equal(kernel, analysis.estimate_kernel(padded))


def test_synthesis_pads_odd_sizes_half_before(synthesis, reference):
    image = reference["synthesis_image"][:37, :51] / np.float32(255)
    kernel = reference["kernel"]
    padded, inside = pad_to(image, 48, 64)
    assert (inside[0].start, inside[1].start) == (5, 6)
    whole = synthesis.deblur(padded, kernel)
    np.testing.assert_allclose(
        synthesis.deblur(image, kernel), whole[5 : 5 + 37, 6 : 6 + 51], atol=1e-6
    )


def test_synthesis_takes_kernels_of_other_grids(synthesis, reference):
    image = reference["synthesis_image"][:16, :16] / np.float32(255)
    small = np.zeros((5, 5), np.float32)
    small[2, 1:4] = 1 / 3
    large = np.zeros((85, 85), np.float32)
    large[42, 41:44] = 1 / 3
    np.testing.assert_allclose(
        synthesis.deblur(image, small), synthesis.deblur(image, large), atol=1e-6
    )


def test_a_constant_map_correlates_to_zero():
    maps = np.full((20, 24, 2), 0.3, np.float32)
    maps[..., 1] = np.random.RandomState(0).rand(20, 24)
    result = call(CrossCorrelation(2), maps)
    assert not result[..., [0, 1]].any()
    assert result[2, 2, 2] == pytest.approx(1, abs=1e-5)


def test_a_constant_picture_gives_a_kernel(analysis):
    kernel = analysis.estimate_kernel(np.full((32, 40, 3), 0.5, np.float32))
    assert np.isfinite(kernel).all()
    assert kernel.sum() == pytest.approx(1, abs=1e-5)


def test_grey_and_standard():
    image = 255 * np.random.RandomState(0).rand(9, 8, 3).astype(np.float32)
    result = call(GreyStandardize(), image)
    grey = image @ np.array([0.2989, 0.5870, 0.1140])
    np.testing.assert_allclose(result[..., 0], (grey - grey.mean()) / grey.std(), atol=1e-5)


@pytest.mark.parametrize(("size", "crop", "start"), [(29, 23, 3), (49, 43, 3), (89, 85, 2)])
def test_crop_starts_where_the_official_one_does(size, crop, start):
    maps = np.arange(size * size, dtype=np.float32).reshape(size, size, 1)
    result = call(CentreCrop(crop), maps)
    np.testing.assert_array_equal(result, maps[start : start + crop, start : start + crop])


def test_tiles_give_what_the_whole_picture_gives():
    config = PaperSynthesisConfig(filters=4, kernel_size=9)
    network = build_paper_synthesis(config)
    synthesis = PaperSynthesis(network)
    blurry = np.random.RandomState(3).rand(1205, 40, 3).astype(np.float32)
    kernel = np.full((9, 9), 1 / 81, np.float32)
    whole = synthesis.deblur(blurry, kernel, tile=1300)
    tiled = synthesis.deblur(blurry, kernel, tile=900)
    assert whole.std() > 0
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
