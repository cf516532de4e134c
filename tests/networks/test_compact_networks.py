from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.signal

from deblurnets.backend import abs2, build_layer, compile_layers, irfft2, keras, ops, rfft2
from deblurnets.networks import analysis, layers, synthesis
from deblurnets.networks import quality as quality_model
from deblurnets.simulation.trajectory import random_shake

TINY_ANALYSIS = analysis.AnalysisConfig(grid=17, steps=(1, 1), widths=(4, 8), decoder_widths=(4, 8))
TINY_SYNTHESIS = synthesis.SynthesisConfig(widths=(4, 8))


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("size, divisor", [(1, 2), (17, 2), (97, 8), (641, 16)])
def test_fast_size_is_the_smallest_that_fits(size, divisor):
    def good(n):
        for factor in (2, 3, 5):
            while n % factor == 0:
                n //= factor
        return n == 1

    found = layers.fast_size(size, divisor)
    assert found >= size
    assert found % divisor == 0
    assert good(found)
    assert not any(good(n) for n in range(-(-size // divisor) * divisor, found, divisor))


def test_transfer_function_convolves_with_the_origin_in_the_middle():
    rng = np.random.RandomState(0)
    picture = rng.rand(24, 30).astype(np.float32)
    kernel = random_shake(rng, 9, (3, 7))
    spectrum = rfft2(picture[None, None]) * layers.otf_of(kernel[None], (24, 30))
    blurry = numpy(irfft2(spectrum, (24, 30)))[0, 0]
    expected = scipy.signal.convolve2d(picture, kernel, mode="same", boundary="wrap")
    assert np.allclose(blurry, expected, atol=1e-5)


def test_kernel_regression_finds_the_kernel_of_known_edges():
    rng = np.random.RandomState(1)
    config = analysis.AnalysisConfig(grid=17, steps=(1,), gammas=(1e-4, 1e-4, 1e-4))
    kernel = random_shake(rng, 17, (6, 12))
    edges = rng.randn(1, 2, 64, 64).astype(np.float32)
    edges[:, :, :9] = edges[:, :, -9:] = edges[:, :, :, :9] = edges[:, :, :, -9:] = 0
    blurred = np.stack([scipy.signal.convolve2d(e, kernel, mode="same") for e in edges[0]])[None]
    step = analysis.AnalysisStep(config)
    regressed = numpy(step._regress(edges, blurred.astype(np.float32), 17, (72, 72)))[0, 1]
    assert np.abs(regressed - kernel).max() < 0.02 * kernel.max()


def test_kernel_resampling_keeps_kernels_and_centres():
    kernel = np.zeros((1, 9, 9), np.float32)
    kernel[0, 4, 4] = 1
    matrix = analysis.kernel_upsampling(9)
    up = numpy(analysis.resample_kernel(kernel, matrix))
    assert up.shape == (1, 17, 17)
    assert up.sum() == pytest.approx(1)
    assert np.unravel_index(up[0].argmax(), (17, 17)) == (8, 8)
    down = numpy(analysis.resample_kernel(up, matrix.T))
    assert np.unravel_index(down[0].argmax(), (9, 9)) == (4, 4)


@pytest.mark.parametrize(
    ("build", "config", "shapes"),
    [
        (analysis.build_analysis, TINY_ANALYSIS, [(1, 32, 32, 1)]),
        (
            synthesis.build_synthesis,
            TINY_SYNTHESIS,
            [(1, 40, 40, 3), (1, 9, 9), (1, 40, 40, 3)],
        ),
        (
            quality_model.build_quality,
            quality_model.QualityConfig(widths=(4, 4)),
            [(1, 16, 16, 1)] * 3,
        ),
    ],
)
def test_networks_have_all_their_variables_before_they_run(build, config, shapes, monkeypatch):
    calls = []
    run = layers.ResidualBlock.call
    monkeypatch.setattr(
        layers.ResidualBlock, "call", lambda self, x: calls.append(self) or run(self, x)
    )
    network = build(config)
    assert not calls  # running takes seconds, by tracing each layer of layers
    before = [id(variable) for variable in network.weights]
    network(*[np.ones(shape, np.float32) / 9 for shape in shapes])
    assert [id(variable) for variable in network.weights] == before
    # Each block runs once: none was traced for the variables first.
    assert calls
    assert len(calls) == len({id(block) for block in calls})


def test_analysis_network_returns_kernels_from_coarse_to_fine():
    network = analysis.build_analysis(TINY_ANALYSIS)
    picture = np.random.RandomState(2).rand(2, 32, 48, 1).astype(np.float32)
    results = network(picture)
    assert [r["kernel"].shape[1] for r in results] == [9, 17]
    for result in results:
        kernel = numpy(result["kernel"])
        assert kernel.min() >= 0
        assert np.allclose(kernel.sum((1, 2)), 1, atol=1e-4)


def test_analysis_does_not_depend_on_brightness_or_contrast():
    network = analysis.build_analysis(TINY_ANALYSIS)
    picture = np.random.RandomState(3).rand(1, 32, 32, 1).astype(np.float32)
    first = numpy(network(picture)[-1]["kernel"])
    second = numpy(network(0.3 * picture + 0.5)[-1]["kernel"])
    assert np.allclose(first, second, atol=1e-4)


def test_untrained_synthesis_is_its_start():
    network = synthesis.build_synthesis(TINY_SYNTHESIS)
    rng = np.random.RandomState(4)
    picture = rng.rand(1, 40, 52, 3).astype(np.float32)
    start = rng.rand(1, 40, 52, 3).astype(np.float32)
    result = network(picture, random_shake(rng, 17, (4, 12))[None], start)
    assert np.allclose(numpy(result["sharp"]), start, atol=1e-6)


def test_the_correction_counts_only_where_the_kernel_loses_something():
    rng = np.random.RandomState(6)
    picture, start = rng.rand(2, 1, 40, 52, 3).astype(np.float32)
    untouched = np.zeros((1, 17, 17), np.float32)
    untouched[0, 8, 8] = 1
    corrections = []
    for crossover in (0.01, 0.25, 1e9):
        config = dataclasses.replace(TINY_SYNTHESIS, crossover=crossover)
        network = synthesis.build_synthesis(config)
        fill = np.random.RandomState(7)
        for variable in network.trainable_variables:
            variable.assign(fill.normal(0, 0.1, tuple(variable.shape)))
        corrections.append(numpy(network(picture, untouched, start)["sharp"]) - start)
    little, some, all_of_it = corrections
    assert np.abs(all_of_it).max() > 0.01
    np.testing.assert_allclose(little, all_of_it * 0.01 / 1.01, atol=1e-5)
    np.testing.assert_allclose(some, all_of_it * 0.2, atol=1e-5)


def test_data_steps_ask_nothing_of_the_truth_and_lead_to_it():
    rng = np.random.RandomState(5)
    network = synthesis.build_synthesis(TINY_SYNTHESIS)
    size = (64, 64)
    sharp = rng.rand(1, 3, *size).astype(np.float32)
    otf = layers.otf_of(random_shake(rng, 9, (3, 5))[None], size)
    blurry = numpy(irfft2(rfft2(sharp) * otf, size))
    mask = np.ones((1, 1, *size), np.float32)
    known = synthesis.Solutions(blurry, mask, otf, abs2(otf), size, [])

    def moves(estimate):
        return [numpy(move) for move in network._data_steps(known, estimate)]

    assert all(np.abs(move).max() < 1e-4 for move in moves(sharp))
    for move in moves(blurry):
        assert np.mean((blurry + move - sharp) ** 2) < 0.5 * np.mean((blurry - sharp) ** 2)


@pytest.mark.parametrize("side", [38, 44])
def test_corrections_reach_as_far_as_kernels_do(side):
    # 38 and 8 more are 48 in whole steps, a fast size; 44 and 8 more are 52, for which 60 is one.
    network = synthesis.build_synthesis(dataclasses.replace(TINY_SYNTHESIS, crossover=1e9))
    rng = np.random.RandomState(8)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.3, tuple(variable.shape)))
    kernel = random_shake(rng, 9, (3, 5))[None]
    solutions = network.solve(rng.rand(1, side, side, 3).astype(np.float32), kernel)
    size = solutions.known.shape[2]
    maps = [*solutions.maps, solutions.maps[0]]
    correction = np.abs(numpy(network._correct(network.first, maps, (size, size))))
    assert correction.shape[2:] == (size, size)
    rows = np.flatnonzero(correction.max((0, 1, 3)))
    divisor = network.config.divisor
    reach = -(-(side + 8) // divisor) * divisor
    assert rows[0] == (size - reach) // 2 and rows[-1] == rows[0] + reach - 1


@pytest.mark.parametrize("size", [(64, 64), (70, 80), (100, 96)])
def test_extension_keeps_the_picture_and_wraps_smoothly(size):
    ramp = np.linspace(0, 1, 64)[:, None] + np.zeros((1, 64))
    planes = ramp[None, None].astype(np.float32)
    extended = numpy(synthesis.extend(planes, size))
    assert extended.shape[2:] == size
    inside = numpy(synthesis.crop_centre(extended, 64, 64))
    assert np.array_equal(inside, planes)
    mask = synthesis.inside_mask(64, 64, size)
    assert np.array_equal(extended[mask > 0].reshape(64, 64), planes[0, 0])
    if size[0] > 80:
        wrapped = np.abs(np.diff(np.concatenate([extended, extended[:, :, :1]], 2), axis=2))
        assert wrapped.max() < 0.12  # the plain picture would jump by 1


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("size", [2, 4])
def test_doubling_is_the_transposed_convolution(size, activation):
    rng = np.random.RandomState(size)
    settings = {"strides": 2, "padding": "same", "activation": activation}
    ours = layers.Doubling(3, size, activation=activation)
    theirs = keras.layers.Conv2DTranspose(3, size, **settings)
    for layer in (ours, theirs):
        build_layer(layer, (None, None, None, 5))
    weights = [rng.randn(*w.shape) for w in theirs.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    maps = rng.rand(2, 6, 9, 5).astype(np.float32)
    np.testing.assert_allclose(numpy(ours(maps)), numpy(theirs(maps)), atol=1e-5)


def test_layers_compiled_as_one_function_keep_their_own_weights():
    unets = [layers.ResidualUNet((4, 8), 2, dtype="float32", name=f"unet_{i}") for i in range(2)]
    rng = np.random.RandomState(0)
    for unet in unets:
        build_layer(unet, (None, None, None, 3))
        unet.set_weights([0.3 * rng.randn(*w.shape) for w in unet.get_weights()])
    maps = rng.rand(1, 8, 12, 3).astype(np.float32)
    before = [ops.convert_to_numpy(unet(maps)) for unet in unets]
    compile_layers(unets, [(None, None, None, 3)])
    for expected, unet in zip(before, unets):
        np.testing.assert_allclose(ops.convert_to_numpy(unet(maps)), expected, atol=1e-5)
    assert np.abs(before[0] - before[1]).max() > 0.1


@pytest.mark.parametrize("shape", [(32, 48), (64, 40)])
def test_compiled_for_all_sizes_the_analysis_finds_the_same_kernels(shape, compiled_analysis):
    plain, compiled = compiled_analysis
    picture = np.random.RandomState(4).rand(1, *shape, 1).astype(np.float32)
    kernels = [numpy(network(picture)[-1]["kernel"]) for network in (plain, compiled)]
    np.testing.assert_allclose(*kernels, atol=1e-5)
    assert kernels[0].max() < 0.9


@pytest.fixture(scope="module")
def compiled_analysis():
    plain, compiled = (analysis.build_analysis(TINY_ANALYSIS) for _ in range(2))
    rng = np.random.RandomState(5)
    weights = [0.2 * rng.randn(*w.shape) for w in plain.get_weights()]
    for network in (plain, compiled):
        network.set_weights(weights)
    compile_layers(compiled.scales, [(None, 1, None, None), (None,) * 3, (None,) * 2])
    return plain, compiled
