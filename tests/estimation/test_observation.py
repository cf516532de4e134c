"""What lies over a picture is found, what is blurred with it is not, and nothing of it is lost."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.estimation.observation import (
    Observation,
    explains,
    inner_rectangle,
    inpainted,
    observe,
    overlay,
    sharp_share,
    surroundings,
)
from deblurnets.imaging.pixels import eight_bits, unit_range

LINE = np.zeros((1, 15), np.float32) + 1 / 15


def scene(shape=(150, 200), seed=1):
    """A sharp picture of blobs of all brightnesses, uint8."""
    noise = np.random.RandomState(seed).rand(*shape, 3).astype(np.float32)
    blobs = cv2.GaussianBlur(noise, (0, 0), 3)
    blobs = np.clip(0.5 + 6 * (blobs - blobs.mean()), 0, 1)
    return eight_bits(0.2 + 0.6 * np.round(2 * blobs) / 2)


def shaken(shape=(150, 200), kernel=LINE, seed=1):
    return cv2.filter2D(scene(shape, seed), -1, kernel, borderType=cv2.BORDER_REFLECT)


def lettered(picture, text="12 05 98", colour=(255, 160, 30)):
    return cv2.putText(picture.copy(), text, (20, 130), cv2.FONT_HERSHEY_DUPLEX, 1, colour, 2)


@settings(max_examples=30, deadline=None)
@given(
    bars=st.tuples(*[st.sampled_from([0, 4, 9, 31])] * 4),
    colour=st.sampled_from([(0, 0, 0), (255, 255, 255), (16, 18, 17)]),
)
def test_bars_of_any_width_and_colour_are_cut_off(bars, colour):
    picture = cv2.copyMakeBorder(shaken(), *bars, cv2.BORDER_CONSTANT, value=colour)
    rows, columns = inner_rectangle(picture)
    assert (rows.start, picture.shape[0] - rows.stop) == bars[:2]
    assert (columns.start, picture.shape[1] - columns.stop) == bars[2:]


def test_a_constant_sky_that_ends_softly_is_no_bar():
    sky = np.zeros((60, 200, 3), np.uint8)
    picture = cv2.GaussianBlur(np.concatenate([sky, scene()]), (0, 0), 9)
    assert inner_rectangle(picture) == (slice(0, 210), slice(0, 200))
    assert not surroundings(picture).any()


@pytest.mark.parametrize("level", [0, 7, 255])
def test_a_picture_of_one_value_has_no_surroundings(level):
    picture = np.full((50, 60, 3), level, np.uint8)
    assert inner_rectangle(picture) == (slice(0, 50), slice(0, 60))
    assert overlay(picture) is None and not surroundings(picture).any()


def test_letters_are_found_and_only_they():
    plain, written = shaken(), lettered(shaken())
    mask = overlay(written)
    differs = (plain != written).any(axis=2)
    assert mask[differs].mean() > 0.98
    assert mask.mean() < 4 * differs.mean()
    assert overlay(plain) is None


def test_letters_over_a_large_picture_are_found():
    blurry = cv2.resize(shaken(), (2400, 1800), interpolation=cv2.INTER_CUBIC)
    written = blurry.copy()
    cv2.putText(written, "12 05 98", (200, 1600), cv2.FONT_HERSHEY_DUPLEX, 2.5, (0, 0, 0), 6)
    seen = observe(unit_range(written))
    differs = (blurry != written).any(axis=2)
    assert seen.overlay.shape == (1800, 2400)
    assert seen.overlay[differs].mean() > 0.95 and seen.overlay.mean() < 0.05


def test_what_is_transparent_is_hidden_unless_all_is():
    picture = unit_range(shaken())
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[:40] = 100
    assert np.array_equal(observe(picture, alpha).surroundings, alpha < 255)
    assert observe(picture, np.zeros_like(alpha)).hidden is None


def test_sharp_pictures_and_edges_along_the_shake_are_no_overlay():
    assert overlay(scene()) is None
    stripes = np.zeros((150, 200, 3), np.uint8)
    stripes[::20] = stripes[1::20] = stripes[2::20] = 255  # sharp: the shake goes along them
    assert overlay(cv2.filter2D(stripes, -1, LINE)) is None


def test_corners_of_a_turned_scan_are_surroundings():
    turn = cv2.getRotationMatrix2D((100, 75), 12, 1)
    picture = cv2.warpAffine(shaken(), turn, (200, 150), borderValue=(0, 0, 0))
    mask = surroundings(picture)
    assert mask[0, 0] and mask[-1, -1] and not mask[75, 100]
    assert 0.05 < mask.mean() < 0.35


def test_nothing_found_leaves_the_picture_itself():
    grain = np.random.RandomState(5).randint(-4, 5, (150, 200, 3))
    picture = unit_range(np.uint8(shaken() + grain))
    seen = observe(picture)
    assert seen.hidden is None and seen.part(picture).base is picture
    assert seen.joined(picture, picture * 0.5) == pytest.approx(picture * 0.5)


def test_what_hides_the_picture_stays_to_the_last_level():
    bars = (12, 12, 0, 0)
    picture = cv2.copyMakeBorder(lettered(shaken()), *bars, cv2.BORDER_CONSTANT)
    seen = observe(unit_range(picture))
    part = seen.part(unit_range(picture))
    assert part.shape == (150, 200, 3)
    joined = eight_bits(seen.joined(unit_range(picture), 1 - part))
    assert np.array_equal(joined[:12], picture[:12])
    assert np.array_equal(joined[-12:], picture[-12:])
    letters = (picture[12:-12] != shaken()).any(axis=2) & seen.overlay
    assert np.array_equal(joined[12:-12][letters], picture[12:-12][letters])
    assert not np.array_equal(joined[12:40], picture[12:40])


def test_inpainting_changes_the_hole_alone():
    picture = unit_range(shaken())
    mask = np.zeros(picture.shape[:2], bool)
    mask[60:70, 80:100] = True
    filled = inpainted(np.where(mask[..., None], np.float32(1), picture), mask)
    assert np.array_equal(filled[~mask], picture[~mask])
    assert np.abs(filled[mask] - picture[mask]).mean() < 0.2


def test_the_blur_explains_what_it_blurred_and_not_what_lies_over_it():
    kernel = np.zeros((15, 15), np.float32)
    kernel[7] = 1 / 15
    lamp = scene()
    cv2.circle(lamp, (100, 75), 3, (255, 255, 255), -1)
    streak = np.zeros((150, 200), bool)
    streak[65:85, 80:120] = True
    blurry = unit_range(cv2.filter2D(lamp, -1, LINE, borderType=cv2.BORDER_REFLECT))
    assert explains(blurry, streak, kernel, "gamma")
    written = lettered(shaken(), colour=(0, 0, 0))
    assert not explains(unit_range(written), overlay(written), kernel, "gamma")


def test_sharp_edges_are_counted():
    assert sharp_share(unit_range(scene()[..., 0])) > 0.1
    round_shake = cv2.GaussianBlur(scene(), (0, 0), 4)
    assert sharp_share(unit_range(round_shake[..., 0])) < 0.02
    assert sharp_share(np.zeros((40, 40), np.float32)) == 0


def test_masks_come_together():
    first, second = np.zeros((2, 4, 4), bool)
    first[0, 0] = second[1, 1] = True
    everything = slice(0, 4)
    seen = Observation(everything, everything, first, second)
    assert seen.hidden.sum() == 2 and seen.hidden[0, 0] and seen.hidden[1, 1]
