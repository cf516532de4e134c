"""Files in, files out, with a deblurrer that inverts."""

import os
from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from deblurnets.batch import pipeline as batch
from deblurnets.batch.pipeline import Settings, join_side_by_side, run_jobs
from deblurnets.batch.plan import Job
from deblurnets.pictures.files import Picture, read_image

KERNEL = np.full((3, 3), 1 / 9)


def invert(pixels, alpha=None):
    return SimpleNamespace(image=np.iinfo(pixels.dtype).max - pixels, kernel=KERNEL)


def outcomes_of(jobs, deblur, **settings):
    outcomes = []
    run_jobs(jobs, deblur, outcomes.append, Settings(**settings))
    return outcomes


def job(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    return Job(str(tmp_path / name), str(tmp_path / ("out_" + name)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_result_is_written_with_alpha_and_depth(tmp_path, dtype, channels):
    array = files.gradient(channels=channels, dtype=dtype)
    work = job(tmp_path, "x.png", files.png_bytes(array))
    (outcome,) = outcomes_of([work], invert)
    assert outcome.error is None
    assert outcome.stages["total"] > 0
    assert outcome.kernel is KERNEL
    before, after = read_image(work.source), read_image(work.target)
    assert np.array_equal(after.pixels, np.iinfo(dtype).max - before.pixels)
    assert (after.alpha is None) == (channels in (1, 3))
    if after.alpha is not None:
        assert np.array_equal(after.alpha, before.alpha)
    assert np.array_equal(outcome.after.pixels, after.pixels)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_side_by_side(tmp_path, channels):
    array = files.gradient(channels=channels)
    work = job(tmp_path, "x.png", files.png_bytes(array))
    (outcome,) = outcomes_of([work], invert, side_by_side=True)
    before, both = read_image(work.source), read_image(work.target)
    height, width = before.pixels.shape[:2]
    assert both.pixels.shape[:2] == (height, 2 * width)
    assert np.array_equal(both.pixels[:, :width], before.pixels)
    assert np.array_equal(both.pixels[:, width:], 255 - before.pixels)
    if both.alpha is not None:
        assert np.array_equal(both.alpha, np.hstack([before.alpha] * 2))
    assert outcome.after.pixels.shape[:2] == (height, width)


def test_a_failure_does_not_stop_the_others(tmp_path):
    good = files.example_bytes(".jpg")
    jobs = [
        job(tmp_path, "a.jpg", good),
        job(tmp_path, "b.jpg", good[: len(good) // 2]),
        job(tmp_path, "c.jpg", b""),
        Job(str(tmp_path / "none.jpg"), str(tmp_path / "out_none.jpg")),
        job(tmp_path, "d.jpg", good),
    ]
    outcomes = outcomes_of(jobs, invert)
    assert [outcome.job for outcome in outcomes] == jobs
    reasons = [outcome.error for outcome in outcomes]
    assert reasons[0] is None
    assert "damaged or cut short" in reasons[1]
    assert "empty" in reasons[2]
    assert "No such file" in reasons[3]
    assert reasons[4] is None
    written = [name for name in sorted(os.listdir(str(tmp_path))) if name.startswith("out_")]
    assert written == ["out_a.jpg", "out_d.jpg"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("the picture is 8x8, expected at least 32x32"), "the picture is 8x8"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("first line\nsecond"), "RuntimeError: first line"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_faults_of_the_deblurrer_are_reported(tmp_path, error, reason):
    def fail(_):
        raise error

    (outcome,) = outcomes_of([job(tmp_path, "x.png", files.example_bytes(".png"))], fail)
    assert outcome.error.startswith(reason)
    assert "\n" not in outcome.error
    assert os.listdir(str(tmp_path)) == ["x.png"]


def test_wrong_shape_from_the_deblurrer_is_reported(tmp_path):
    def crop(pixels):
        return SimpleNamespace(image=pixels[1:], kernel=KERNEL)

    (outcome,) = outcomes_of([job(tmp_path, "x.png", files.example_bytes(".png"))], crop)
    assert "returned uint8 (119, 160, 3), expected uint8 (120, 160, 3)" in outcome.error


def test_what_cannot_be_written_is_found_before_the_long_work(tmp_path):
    def never(_):
        raise AssertionError("deblurred for nothing")

    deep = files.png_bytes(files.gradient(dtype=np.uint16))
    wide = files.pillow_bytes(np.zeros((2, 9000, 3), np.uint8), "WEBP", lossless=True)
    long_name = Job(job(tmp_path, "y.png", deep).source, str(tmp_path / ("é" * 130 + ".png")))
    jobs = [job(tmp_path, "x.jpg", deep), job(tmp_path, "x.webp", wide), long_name]
    reasons = [outcome.error for outcome in outcomes_of(jobs, never, side_by_side=True)]
    assert "cannot hold 16 bits" in reasons[0]
    assert "at most 16383 pixels a side, received 18000x2" in reasons[1]
    assert "longer than 255 bytes" in reasons[2]


def test_interrupt_goes_through_and_leaves_no_half_file(tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outcomes_of([job(tmp_path, "x.png", files.example_bytes(".png"))], interrupt)
    assert os.listdir(str(tmp_path)) == ["x.png"]


def test_notes_of_the_picture_reach_the_outcome(tmp_path):
    array = files.gradient()
    data = files.pillow_bytes(
        array, "TIFF", save_all=True, append_images=[files.Image.fromarray(array)]
    )
    (outcome,) = outcomes_of([job(tmp_path, "x.tif", data)], invert)
    assert outcome.notes == ("only the first of its 2 pages or frames is used",)


def test_join_keeps_what_belongs_to_the_picture():
    picture = Picture(np.zeros((4, 5), np.uint8), metadata={"xmp-data": b"x"}, lossless=False)
    both = join_side_by_side(picture, picture)
    assert both.pixels.shape == (4, 10)
    assert both.metadata == picture.metadata
    assert both.lossless is False


@pytest.mark.parametrize(
    "said, expected",
    [
        ({}, ()),
        ({"confidence": 0.9}, ()),
        ({"confidence": None}, ()),
        ({"confidence": 0.31}, ("uncertain (confidence 0.31)",)),
        ({"confidence": 0.31, "verdict": "sharp"}, ("no blur was found",)),
        ({"confidence": 0.31, "verdict": "unexplained"}, ("no single blur explains",)),
        ({"confidence": 0.9, "kept": 0.034}, ("3.4% of it lies over",)),
        ({"confidence": 0.31, "kept": 0.5}, ("uncertain", "50.0% of it")),
        ({"confidence": 0.5, "verdict": "small"}, ("too small",)),
        ({"confidence": 0.0, "verdict": "noise"}, ("screen",)),
        ({"confidence": 0.0, "verdict": "no_edges"}, ("no edges",)),
    ],
)
def test_doubts_are_told(said, expected):
    notes = batch.describe_doubts(SimpleNamespace(**said))
    assert len(notes) == len(expected)
    assert all(part in note for part, note in zip(expected, notes))
