"""The deconvolution in Keras operations is the NumPy one, point by point."""

import numpy as np
import pytest
from tiny_training import CLEAN, SAMPLES

from deblurnets.backend import ops
from deblurnets.deconvolution import extrapolation as numpy_extrapolation
from deblurnets.deconvolution.hyper_laplacian import HyperLaplacian, hyper_laplacian
from deblurnets.imaging import srgb as numpy_srgb
from deblurnets.imaging.boundaries import psf_to_otf
from deblurnets.imaging.noise import estimate_noise
from deblurnets.imaging.srgb import GREY
from deblurnets.simulation.kernel_errors import perturb_kernel
from deblurnets.simulation.trajectory import random_shake
from deblurnets.training import srgb
from deblurnets.training.extrapolation import extrapolate
from deblurnets.training.hyper_laplacian import unrolled_hyper_laplacian
from deblurnets.training.losses import in_unit_range
from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import SampleConfig
from deblurnets.training.stream import make_batch

tf = pytest.importorskip("tensorflow")


def batch_of(pack, size, **settings):
    config = SampleConfig.from_values({**SAMPLES, "crop": 64, "conditions": True, **settings})
    batch = make_batch(Photographs(pack), config, 3, 0, size)
    return {name: np.asarray(value) for name, value in in_unit_range(batch).items()}


def unrolled(batch, kernel):
    given = (batch["blurry"], kernel, batch["linear"], batch["noise"])
    return unrolled_hyper_laplacian(*(ops.convert_to_tensor(x) for x in given), HyperLaplacian())


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("linear", [0.0, 1.0])
@pytest.mark.parametrize("bright", [0.0, 1.0])
def test_the_unrolled_deconvolution_is_the_tool_s_own(pack, colours, linear, bright):
    batch = batch_of(pack, 3, gamma=1 - linear, **CLEAN)
    batch["blurry"] = np.minimum((1 + 0.6 * bright) * batch["blurry"], 1).astype(np.float32)
    if colours == 1:
        batch["blurry"] = (batch["blurry"] @ GREY)[..., None]
    batch["noise"] = np.array([estimate_noise(b) for b in batch["blurry"]], np.float32)
    if colours == 3:
        clipped = (batch["blurry"] >= HyperLaplacian().saturation).mean()
        assert clipped > 0.02 if bright else clipped < 0.01
    received = ops.convert_to_numpy(unrolled(batch, batch["estimate"]))
    domain = "linear" if linear else "gamma"
    for blurry, kernel, noise, found in zip(
        batch["blurry"], batch["estimate"], batch["noise"], received
    ):
        error = np.abs(hyper_laplacian(blurry, kernel, float(noise), domain) - found)
        # A gradient at the threshold goes to nothing or not by the last bit of it: a few differ.
        assert error.max() < 0.01
        assert np.quantile(error, 0.99) < 2e-4


def test_a_batch_mixes_the_domains(pack):
    gamma, linear = (batch_of(pack, 2, gamma=share) for share in (1.0, 0.0))
    mixed = {name: np.stack([gamma[name][0], linear[name][1]]) for name in gamma}
    received = ops.convert_to_numpy(unrolled(mixed, mixed["estimate"]))
    for i, alone in enumerate((gamma, linear)):
        expected = ops.convert_to_numpy(unrolled(alone, alone["estimate"]))[i]
        assert np.abs(expected - received[i]).max() < 1e-4


@pytest.mark.parametrize("colours", [1, 3])
def test_extrapolation_is_the_tool_s_own(colours):
    rng = np.random.RandomState(colours)
    observed = rng.rand(2, colours, 60, 72).astype(np.float32)
    mask = np.zeros((2, colours, 60, 72), bool)
    mask[:, :, 10:-10, 12:-12] = True
    mask[rng.rand(*mask.shape) < 0.05] = False  # as saturated pixels are
    otfs = [psf_to_otf(random_shake(rng, 17, (5, 15)), (60, 72)) for _ in range(2)]
    given = observed, mask, np.stack(otfs)[:, None]
    received = ops.convert_to_numpy(extrapolate(*(ops.convert_to_tensor(x) for x in given), 8))
    for planes, known, otf, found in zip(observed, mask, otfs, received):
        expected = numpy_extrapolation.extrapolate(planes, known, otf, 8, half_resolution=True)
        assert np.abs(expected - planes).max() > 0.1
        assert np.abs(expected - found).max() < 1e-4


def test_the_curve_is_that_of_numpy_and_has_finite_slopes():
    values = np.linspace(-0.1, 1.2, 1301, dtype=np.float32)
    for name in ("to_linear", "to_gamma"):
        expected = getattr(numpy_srgb, name)(values)
        with tf.GradientTape() as tape:
            given = tf.constant(values)
            tape.watch(given)
            received = getattr(srgb, name)(given)
        assert np.abs(expected - ops.convert_to_numpy(received)).max() < 1e-6
        assert np.isfinite(tape.gradient(received, given).numpy()).all()
    expected = numpy_srgb.slope(values, 0.05)
    received = ops.convert_to_numpy(srgb.slope(ops.convert_to_tensor(values), 0.05))
    assert np.abs(expected - received).max() < 1e-5


def test_the_start_tells_how_its_kernel_should_change(pack):
    batch = batch_of(pack, 4, **CLEAN)
    rng = np.random.RandomState(0)
    faulty = np.stack([perturb_kernel(kernel, rng, 0.7) for kernel in batch["kernel"]])

    def error(kernel):
        return tf.reduce_mean((unrolled(batch, kernel) - batch["sharp"]) ** 2, axis=(1, 2, 3))

    kernel = tf.convert_to_tensor(faulty)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        before = error(kernel)
    slope = tape.gradient(before, kernel).numpy()
    slope -= slope.mean((1, 2), keepdims=True)  # the sum stays 1
    step = 0.005 * slope / np.sqrt((slope**2).sum((1, 2), keepdims=True))
    assert (error(tf.convert_to_tensor(faulty - step)).numpy() < before.numpy()).all()
