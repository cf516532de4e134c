"""Situations of real photographs, made up: what lies over a picture stays, doubtful ones are kept.

With the bundled weights, on parts of the example photographs, taken by the simulated camera.
"""

import cv2
import numpy as np
import pytest

from deblurnets.deblurrer import Deblurrer
from deblurnets.imaging.metrics import compare
from deblurnets.imaging.pixels import eight_bits, unit_range
from deblurnets.pictures.files import read_image
from deblurnets.simulation.motion import random_motion
from deblurnets.simulation.shot import Shot, take
from deblurnets.weights.paths import model_path
from tests.test_examples import SHARP, WEIGHTS

BORDER = 24


@pytest.fixture(scope="module")
def deblurrer():
    if not all(model_path(name).is_file() for name in WEIGHTS):
        pytest.skip("the compact pair's weights are not there")
    return Deblurrer.from_pretrained("compact")


def shaken(**settings):
    """Part of the coffee picture, shaken by 14 pixels."""
    sharp = unit_range(read_image(str(SHARP / "coffee.png")).pixels)[:360, 100:520]
    rng = np.random.RandomState(4)
    motion = random_motion(rng, sharp.shape[:2], 14)
    return take(sharp, Shot(motion, gamma=True, **settings), rng)


def gain(result, photograph):
    scores = [
        compare(p, eight_bits(photograph.sharp), BORDER).psnr for p in (result, photograph.blurry)
    ]
    return scores[0] - scores[1]


@pytest.mark.parametrize("kind", ["bars", "date", "subtitles", "corners"])
def test_what_lies_over_a_picture_stays_and_the_rest_gets_sharper(deblurrer, kind):
    photograph = shaken(overlay=(kind, 0.5))
    result = deblurrer(photograph.blurry)
    assert gain(result.image, photograph) > 3
    assert (result.kept > 0) == (kind != "bars")
    hidden = photograph.observed == 0
    assert hidden.any()
    moved = np.abs(result.image.astype(int) - photograph.blurry)[hidden]
    assert np.mean(moved <= 1) > 0.97


@pytest.mark.parametrize("blurred", [True, False])
def test_a_cut_out_is_deblurred_with_its_alpha_if_that_is_blurred(deblurrer, blurred):
    photograph = shaken()
    rows, columns = np.ogrid[:360, :420]
    cut = np.uint8(255 * (np.hypot((rows - 180) / 150, (columns - 210) / 180) < 1))
    size = 41
    kernel = photograph.kernel(size)
    alpha = cv2.filter2D(cut, -1, kernel[::-1, ::-1]) if blurred else cut
    pixels = np.where(alpha[..., None] > 0, photograph.blurry, np.uint8([255, 0, 255]))
    result = deblurrer(pixels, alpha)
    inside = slice(90, 270), slice(110, 310)
    scores = [
        compare(p[inside], eight_bits(photograph.sharp[inside]), BORDER).psnr
        for p in (result.image, pixels)
    ]
    assert scores[0] > scores[1] + 4
    if blurred:
        before, after = (np.abs(a.astype(float) - cut).mean() for a in (alpha, result.alpha))
        assert after < 0.6 * before
    else:
        assert np.array_equal(result.alpha, alpha)
    clear = alpha == 0
    assert np.array_equal(result.image[clear], pixels[clear])


def test_a_small_part_of_the_range_is_enough(deblurrer):
    photograph = shaken()
    narrow = np.rint(photograph.blurry * 4.0).astype(np.uint16)  # ten bits in sixteen
    result = deblurrer(narrow)
    assert gain(np.rint(result.image / 4.0).clip(0, 255).astype(np.uint8), photograph) > 5


def edgeless():
    ramp = np.linspace(0, 255, 400)[None].repeat(300, 0)
    return np.rint(ramp)[..., None].repeat(3, 2).astype(np.uint8)


def dithered():
    grey = read_image(str(SHARP / "coffee.png")).pixels[:300, :400]
    return np.where(grey > np.random.RandomState(1).randint(0, 256, grey.shape), 255, 0).astype(
        "u1"
    )


def thumbnail():
    return cv2.resize(shaken().blurry, (180, 154), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(
    "picture, verdict", [(edgeless, "no_edges"), (dithered, "noise"), (thumbnail, "small")]
)
def test_what_tells_nothing_of_a_blur_is_kept(deblurrer, picture, verdict):
    pixels = picture()
    result = deblurrer(pixels)
    assert np.array_equal(result.image, pixels)
    assert result.verdict == verdict and result.confidence <= 0.5
