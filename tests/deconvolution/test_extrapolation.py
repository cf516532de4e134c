import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft

from deblurnets.deconvolution.extrapolation import extrapolate
from deblurnets.deconvolution.hyper_laplacian import HyperLaplacian, hyper_laplacian
from deblurnets.imaging.boundaries import psf_to_otf
from deblurnets.simulation.trajectory import random_shake

SHAPE = (60, 72)


def scene(seed=0, shape=SHAPE):
    """Soft blobs, periodic, 0..1."""
    noise = np.random.RandomState(seed).rand(*shape)
    rows, columns = np.ix_(fft.fftfreq(shape[0]), fft.rfftfreq(shape[1]))
    smooth = fft.irfft2(fft.rfft2(noise) * np.exp(-300 * (rows**2 + columns**2)), shape)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


def known(shape=SHAPE, margin=12):
    inner = np.zeros((1, *shape), bool)
    inner[:, margin:-margin, margin:-margin] = True
    return inner


def blurred(sharp, kernel):
    spectrum = psf_to_otf(kernel, sharp.shape)
    return spectrum, fft.irfft2(spectrum * fft.rfft2(sharp), sharp.shape)[None]


def hidden_border(seed):
    """Return a transfer function, a blurry picture, where it is known, and it as far as known."""
    kernel = random_shake(np.random.RandomState(seed), 21, (9, 19))
    spectrum, truth = blurred(scene(seed), kernel)
    inner = known()
    return spectrum, truth, inner, np.where(inner, truth, truth[inner].mean())


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_what_is_known_stays_and_the_rest_comes_close_to_the_truth(seed):
    spectrum, truth, inner, observed = hidden_border(seed)
    filled = extrapolate(observed, inner, spectrum, 12)
    assert np.array_equal(filled[inner], observed[inner])
    near = known(margin=10) & ~inner  # within reach of what is known
    error, before = (np.abs(x - truth)[near].mean() for x in (filled, observed))
    assert error < 0.45 * before


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_half_the_resolution_finds_nearly_the_same(seed):
    spectrum, _, inner, observed = hidden_border(seed)
    whole, half = (extrapolate(observed, inner, spectrum, 12, way) for way in (False, True))
    assert np.array_equal(half[inner], observed[inner])
    assert not np.array_equal(half, whole)
    hidden = ~inner
    assert np.abs(half - whole)[hidden].mean() < 0.35 * np.abs(observed - whole)[hidden].mean()


def test_odd_sides_are_solved_for_at_every_pixel():
    shape = (60, 75)
    kernel = random_shake(np.random.RandomState(3), 21, (9, 19))
    spectrum, observed = blurred(scene(3, shape), kernel)
    whole, half = (extrapolate(observed, known(shape), spectrum, 5, way) for way in (False, True))
    assert np.array_equal(half, whole)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_flat_pictures_stay_flat(level, half):
    kernel = random_shake(np.random.RandomState(3), 21, (9, 19))
    observed = np.full((2, *SHAPE), level, np.float32)
    filled = extrapolate(observed, known(), psf_to_otf(kernel, SHAPE), 30, half)
    np.testing.assert_allclose(filled, level, atol=1e-4)


def test_no_iterations_change_nothing():
    kernel = random_shake(np.random.RandomState(3), 21, (9, 19))
    observed = scene()[None]
    spectrum = psf_to_otf(kernel, SHAPE)
    assert extrapolate(observed, known(), spectrum, 0) is observed


def test_the_deconvolution_gains_at_the_border():
    shape = (120, 130)
    kernel = random_shake(np.random.RandomState(5), 27, (20, 25))
    sharp = (scene(0, shape) > 0.5).astype(np.float32) * 0.8 + 0.1
    _, blurry = blurred(sharp, kernel)
    inner = (slice(20, -20), slice(20, -20))
    blurry, sharp = np.clip(blurry[0][inner], 0, 1), sharp[inner]

    def error(fill):
        result = hyper_laplacian(blurry, kernel, 1e-3, "gamma", HyperLaplacian(extrapolation=fill))
        return np.mean((result - sharp)[3:-3, 3:-3] ** 2)

    assert error(12) < 0.7 * error(0)
