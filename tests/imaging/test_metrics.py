import time

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.imaging import metrics as scoring


def photograph(height, width, channels=None, seed=0, sigma=2.0):
    """Smooth random picture in 0..1."""
    rng = np.random.RandomState(seed)
    shape = (height, width) if channels is None else (height, width, channels)
    noise = rng.rand(*shape)
    spread = (sigma, sigma) if channels is None else (sigma, sigma, 0)
    smooth = ndimage.gaussian_filter(noise, spread)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


def brute_force(estimate, reference, border, reach):
    """Smallest squared error over whole shifts, straight from the definition."""
    height, width = reference.shape[:2]
    inner = reference[border : height - border, border : width - border].astype(float)
    errors = {}
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            moved = estimate[border + dy : height - border + dy, border + dx : width - border + dx]
            errors[dy, dx] = np.mean((moved - inner) ** 2)
    best = min(errors, key=errors.get)
    return best, -10 * np.log10(errors[best])


def test_equal_pictures():
    picture = photograph(40, 50, 3)
    score = scoring.compare(picture, picture, border=5)
    assert score.psnr == float("inf")
    assert score.ssim == pytest.approx(1.0, abs=1e-5)
    assert score.shift == (0.0, 0.0)


@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("moved", [(0, 0), (5, -7), (-12, 12), (12, 3)])
def test_whole_shift_is_found(channels, moved):
    picture = photograph(60, 71, channels)
    rng = np.random.RandomState(1)
    estimate = np.roll(picture, moved, axis=(0, 1)) + rng.normal(0, 0.01, picture.shape)
    score = scoring.compare(estimate.astype(np.float32), picture, border=14)
    assert score.shift == moved
    assert score.psnr == pytest.approx(40.0, abs=0.3)


def test_whole_pixel_search_agrees_with_brute_force():
    reference = photograph(48, 37, 3, seed=2)
    estimate = photograph(48, 37, 3, seed=3)
    planes = [np.moveaxis(p, -1, 0) for p in (estimate, reference)]
    inner = planes[1][:, 8:-8, 8:-8]
    found = scoring._best_whole_shift(planes[0], inner, border=8, reach=6)
    best, psnr = brute_force(estimate, reference, border=8, reach=6)
    assert found == best
    assert scoring.compare(estimate, reference, border=8, max_shift=6).psnr >= psnr - 1e-4


@pytest.mark.parametrize("fraction", [(0.25, 0.0), (-0.5, 0.75), (3.25, -2.5)])
def test_fraction_of_a_pixel_is_found(fraction):
    picture = photograph(64, 80, sigma=3.0)
    estimate = ndimage.shift(picture, fraction, order=5, mode="mirror")
    score = scoring.compare(estimate, picture, border=15)
    assert score.shift == fraction
    assert score.psnr > 60


def test_shift_never_reaches_outside_the_picture():
    picture = photograph(40, 40)
    score = scoring.compare(np.roll(picture, 6, axis=0), picture, border=3)
    assert max(abs(s) for s in score.shift) <= 3
    assert scoring.compare(np.roll(picture, 1, axis=0), picture, border=0).shift == (0, 0)


def test_shift_up_to_the_border_is_found():
    picture = photograph(40, 44)
    assert scoring.compare(np.roll(picture, 3, axis=1), picture, border=3).shift == (0, 3)


def test_psnr_in_place():
    reference = np.full((8, 8), 0.5, np.float32)
    assert scoring.psnr(reference + 0.1, reference) == pytest.approx(20.0, abs=1e-4)


def test_integers_are_read_over_their_full_range():
    picture = photograph(40, 40)
    eight = np.round(picture * 255).astype(np.uint8)
    sixteen = eight.astype(np.uint16) * 257
    assert scoring.compare(eight, sixteen, border=4).psnr > 120


def test_ssim_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    reference = photograph(50, 60, seed=4)
    estimate = np.clip(
        reference + np.random.RandomState(5).normal(0, 0.05, reference.shape), 0, 1
    ).astype(np.float32)
    expected = metrics.structural_similarity(
        reference,
        estimate,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert scoring.ssim(estimate, reference) == pytest.approx(expected, abs=1e-4)


def test_ssim_of_a_tiny_picture():
    picture = photograph(6, 9)
    assert scoring.ssim(picture, picture) == pytest.approx(1.0, abs=1e-5)


def test_kernel_similarity_ignores_shift_grid_and_factor():
    kernel = np.zeros((9, 9))
    kernel[2, 1:6] = 1
    kernel[3, 5] = 0.5
    moved = np.zeros((15, 15))
    moved[5:14, 4:13] = 3 * kernel
    assert scoring.kernel_similarity(moved, kernel) == pytest.approx(1.0)
    assert scoring.kernel_similarity(kernel.T, kernel) < 0.5
    assert scoring.kernel_similarity(np.zeros((3, 3)), kernel) == 0.0


def test_kernel_similarity_of_a_dot():
    kernel = np.ones((1, 4)) / 4
    dot = np.ones((1, 1))
    assert scoring.kernel_similarity(dot, kernel) == pytest.approx(0.5)


def test_errors_name_what_was_received():
    with pytest.raises(ValueError, match=r"\(4, 4\) and \(4, 5\)"):
        scoring.compare(np.zeros((4, 4)), np.zeros((4, 5)))
    with pytest.raises(ValueError, match="border of 2 pixels"):
        scoring.compare(np.zeros((4, 4)), np.zeros((4, 4)), border=2)


def test_speed_of_a_large_colour_picture():
    reference = photograph(450, 700, 3)
    estimate = np.roll(reference, (3, -4), axis=(0, 1)) + np.float32(0.01)
    start = time.process_time()
    scoring.compare(estimate, reference, border=42)
    assert time.process_time() - start < 2.0  # 0.25 s on one idle core
