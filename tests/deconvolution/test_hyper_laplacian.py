import numpy as np
import pytest
from scipy import ndimage

from deblurnets.deconvolution.hyper_laplacian import (
    HyperLaplacian,
    blur_domain,
    estimate_noise,
    hyper_laplacian,
    tikhonov,
)
from deblurnets.deconvolution.shrinkage import shrink_factor
from deblurnets.imaging import boundaries as borders
from deblurnets.imaging import srgb as domain


def mosaic(height=96, width=112, channels=3, seed=0):
    """Flat patches with hard edges, 0..1."""
    rng = np.random.RandomState(seed)
    sites = rng.rand(60, 2) * (height, width)
    y, x = np.mgrid[:height, :width]
    nearest = np.argmin((y[..., None] - sites[:, 0]) ** 2 + (x[..., None] - sites[:, 1]) ** 2, -1)
    return (0.1 + 0.8 * rng.rand(60, channels)[nearest]).astype(np.float32)


def shake():
    """A bent stroke on an odd grid, off the grid's centre of symmetry."""
    kernel = np.zeros((13, 13), np.float32)
    kernel[3:9, 4] = 1
    kernel[8, 4:10] = 0.7
    return kernel / kernel.sum()


def blurred(sharp, kernel, noise=0.0, linear=False, seed=1):
    """Convolved with true borders: the outer ring is cut off afterwards."""
    r = kernel.shape[0] // 2
    signal = domain.to_linear(sharp) if linear else sharp
    out = np.stack(
        [ndimage.convolve(signal[..., c], kernel) for c in range(sharp.shape[-1])], axis=-1
    )
    out = domain.to_gamma(out) if linear else out
    out = out + np.random.RandomState(seed).normal(0, noise, out.shape)
    return np.clip(out, 0, 1).astype(np.float32)[r:-r, r:-r], sharp[r:-r, r:-r]


def psnr(a, b, border=0):
    cut = slice(border, -border or None)
    return -10 * np.log10(np.mean((a[cut, cut] - b[cut, cut]) ** 2))


def test_hyper_laplacian_restores_a_mosaic():
    blurry, sharp = blurred(mosaic(), shake(), noise=0.005)
    restored = hyper_laplacian(blurry, shake(), noise=0.005)
    assert restored.dtype == np.float32 and restored.shape == blurry.shape
    assert psnr(restored, sharp) > psnr(blurry, sharp) + 9  # borders included
    assert psnr(restored, sharp, border=8) > psnr(tikhonov(blurry, shake(), 1e-3), sharp, 8) + 2


def test_estimated_noise_serves_as_well_as_the_true_one():
    blurry, sharp = blurred(mosaic(), shake(), noise=0.01)
    told = psnr(hyper_laplacian(blurry, shake(), noise=0.01), sharp)
    assert psnr(hyper_laplacian(blurry, shake()), sharp) > told - 0.3


def test_linear_light_is_recognised_and_used():
    blurry, sharp = blurred(mosaic(), shake(), noise=0.004, linear=True)
    assert blur_domain(blurry, shake(), 0.004) == "linear"
    automatic = psnr(hyper_laplacian(blurry, shake(), 0.004), sharp)
    assert automatic > psnr(hyper_laplacian(blurry, shake(), 0.004, domain="gamma"), sharp) + 2


def test_pixel_values_are_recognised():
    blurry, _ = blurred(mosaic(), shake(), noise=0.004)
    assert blur_domain(blurry, shake(), 0.004) == "gamma"


def test_no_blur_changes_next_to_nothing():
    sharp = mosaic()
    dot = np.zeros((5, 5), np.float32)
    dot[2, 2] = 1
    assert psnr(hyper_laplacian(sharp, dot, noise=0.0, domain="gamma"), sharp) > 40
    assert psnr(tikhonov(sharp, dot, 1e-5), sharp) > 45


def test_origin_of_the_kernel_is_its_middle_pixel():
    sharp = mosaic()
    kernel = np.zeros((7, 7), np.float32)
    kernel[5, 2] = 1  # moves the picture 2 down and 1 left
    blurry = np.roll(sharp, (2, -1), axis=(0, 1))
    for restored in (
        tikhonov(blurry, kernel, 1e-4),
        hyper_laplacian(blurry, kernel, 0.001, domain="gamma"),
    ):
        assert psnr(restored, sharp, border=6) > 35


def test_grey_pictures_and_single_channels_agree():
    blurry, _ = blurred(mosaic(48, 50, channels=1), shake(), noise=0.01)
    for function in (
        lambda b: hyper_laplacian(b, shake(), 0.01),
        lambda b: tikhonov(b, shake(), 1e-2),
    ):
        grey = function(blurry[..., 0])
        assert grey.shape == blurry.shape[:2]
        np.testing.assert_allclose(grey, function(blurry)[..., 0], atol=1e-6)


def test_saturated_pixels_do_not_ring():
    sharp = mosaic() * 0.6
    sharp[40:44, 50:54] = 6.0  # a lamp, far beyond white
    blurry, sharp = blurred(sharp, shake(), noise=0.003)
    assert blurry.max() == 1
    believed = hyper_laplacian(
        blurry, shake(), 0.003, domain="gamma", settings=HyperLaplacian(saturation=2.0)
    )
    spared = hyper_laplacian(blurry, shake(), 0.003, domain="gamma")
    away = sharp.max(axis=-1) < 1
    assert np.mean((spared - sharp)[away] ** 2) < 0.9 * np.mean((believed - sharp)[away] ** 2)


def test_left_out_pixels_do_no_harm():
    blurry, sharp = blurred(mosaic(), shake(), noise=0.005)
    mask = np.ones(blurry.shape[:2], bool)
    mask[30:33, 40:60] = False
    spoilt = np.where(mask[..., None], blurry, 0.9).astype(np.float32)
    options = {"kernel": shake(), "noise": 0.005, "domain": "gamma"}
    good = psnr(hyper_laplacian(spoilt, mask=mask, **options), sharp)
    assert good > psnr(hyper_laplacian(spoilt, **options), sharp) + 3


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 40, 3), (17, 3)])
def test_pictures_smaller_than_the_kernel(shape):
    image = np.random.RandomState(0).rand(*shape).astype(np.float32)
    for restored in (hyper_laplacian(image, shake()), tikhonov(image, shake(), 1e-2)):
        assert restored.shape == shape and np.isfinite(restored).all()


def test_flat_pictures_stay_flat():
    for value in (0.0, 0.3, 1.0):
        image = np.full((40, 40, 3), value, np.float32)
        np.testing.assert_allclose(hyper_laplacian(image, shake()), image, atol=2e-3)


@pytest.mark.parametrize("noise", [0.005, 0.01, 0.03])
def test_noise_is_estimated_within_a_tenth(noise):
    blurry, _ = blurred(mosaic(200, 200), shake(), noise=noise)
    assert estimate_noise(blurry) == pytest.approx(noise, rel=0.1)


def test_noise_of_a_clipped_picture_comes_from_its_unclipped_part():
    picture = np.full((96, 96), 0.5, np.float32)
    picture[:, :60] = 1.0
    picture += np.random.RandomState(0).normal(0, 0.02, picture.shape).astype(np.float32)
    assert estimate_noise(np.clip(picture, 0, 1)) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("exponent", [0.5, 2 / 3, 0.8])
@pytest.mark.parametrize("weight", [0.01, 1.0])
def test_shrinkage_minimises_its_cost(exponent, weight):
    values = np.linspace(0, 4, 23).astype(np.float32)
    scale = weight ** (1 / (2 - exponent))
    shrunken = values * shrink_factor(values, scale, exponent)
    candidates = np.linspace(0, 4, 40001)
    for value, found in zip(values, shrunken):
        costs = 0.5 * (candidates - value) ** 2 + weight * candidates**exponent
        cost = 0.5 * (found - value) ** 2 + weight * found**exponent
        assert cost <= costs.min() + 2e-3 * scale**2 + 1e-3 * costs.min()


def test_light_curve_goes_there_and_back():
    values = np.linspace(0, 1, 101).astype(np.float32)
    linear = domain.to_linear(values)
    assert linear[0] == 0 and linear[-1] == pytest.approx(1)
    np.testing.assert_allclose(domain.to_gamma(linear), values, atol=1e-5)
    step = 1e-3
    middle = values[10:-10]
    numeric = (domain.to_linear(middle + step) - domain.to_linear(middle - step)) / (2 * step)
    np.testing.assert_allclose(domain.slope(middle, 0.05), numeric, rtol=2e-2)


def test_extension_keeps_the_picture_and_wraps_smoothly():
    picture = np.linspace(0, 1, 20 * 30).reshape(1, 20, 30).astype(np.float32)
    shape = borders.extended_shape((20, 30), (6, 7))
    extended = borders.extend(picture, (6, 7), shape)
    assert extended.shape == (1, *shape)
    np.testing.assert_array_equal(extended[:, 6:26, 7:37], picture)
    for axis in (1, 2):
        assert np.abs(extended - np.roll(extended, 1, axis)).max() < 0.2  # the jump was 0.95


def test_errors_say_what_was_received():
    image, kernel = np.zeros((8, 8, 3), np.float32), shake()
    with pytest.raises(ValueError, match="uint8"):
        hyper_laplacian(image.astype(np.uint8), kernel)
    with pytest.raises(ValueError, match="sum to 1"):
        tikhonov(image, kernel * 2, 1e-2)
    with pytest.raises(ValueError, match="positive, received 0"):
        tikhonov(image, kernel, 0)
    with pytest.raises(ValueError, match="'dim'"):
        hyper_laplacian(image, kernel, domain="dim")
    with pytest.raises(ValueError, match=r"\(8, 8\), received \(4, 4\)"):
        hyper_laplacian(image, kernel, mask=np.ones((4, 4), bool))
