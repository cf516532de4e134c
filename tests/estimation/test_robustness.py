"""What goes wrong with files and folders: each fault costs its own picture and one sentence."""

import errno
import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from deblurnets.cli import main as cli
from deblurnets.deblurrer import Deblurrer
from deblurnets.estimation.estimate import Estimate
from deblurnets.pictures.files import read_image

KERNEL = np.full((3, 3), 1 / 9, np.float32)


def invert(pixels, alpha=None):
    return SimpleNamespace(image=np.iinfo(pixels.dtype).max - pixels, kernel=KERNEL)


def load(_):
    return invert


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Go to an empty folder with `in/a.png` and `in/c.png`, good ones."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in "ac":
        (tmp_path / "in" / f"{name}.png").write_bytes(files.example_bytes(".png"))
    return tmp_path / "in"


def run(capsys, *options):
    """Deblur the folder; return the exit status and the lines on stderr."""
    status = cli.main(["-i", "in", *options], load)
    return status, capsys.readouterr().err.splitlines()


def write_bad(path, fault):
    jpeg = files.example_bytes(".jpg")
    if fault == "vanished":
        os.symlink("gone.jpg", str(path))
    else:
        contents = {"empty": b"", "cut": jpeg[: len(jpeg) // 2], "other": b"GIF89a" + bytes(99)}
        path.write_bytes(contents[fault])


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("vanished", "cannot be read (No such file or directory)"),
        ("empty", "the file is empty"),
        ("cut", "the JPEG data is damaged or cut short"),
        ("other", "the content is not PNG, JPEG, TIFF, BMP or WebP"),
    ],
)
def test_bad_file_between_good_ones(work, capsys, fault, reason):
    write_bad(work / "b.jpg", fault)
    status, lines = run(capsys)
    assert status == 1
    (line,) = lines
    assert line.startswith(os.path.join("in", "b.jpg") + ": " + reason)
    assert sorted(os.listdir("results")) == ["a_deblurred.png", "c_deblurred.png"]


def test_file_that_vanishes_after_the_plan(work, capsys):
    """The second picture goes while the networks are loaded."""

    def loading(_):
        os.remove("in/c.png")
        return invert

    assert cli.main(["-i", "in"], loading) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "in/c.png: cannot be read (No such file or directory)"
    assert os.listdir("results") == ["a_deblurred.png"]


def test_wrong_extension(work, capsys):
    """The content counts: a PNG named .jpg is read, and written as the JPEG its name says."""
    shutil.copy("in/a.png", "in/b.jpg")
    status, lines = run(capsys)
    assert (status, lines) == (0, [])
    assert read_image("results/b_deblurred.jpg").source_format.name == "JPEG"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "No space left on device"),
        (errno.EROFS, "Read-only file system"),
        (errno.EDQUOT, "quota exceeded"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--save_kernel",)])
def test_disk_that_takes_no_more(work, capsys, monkeypatch, code, reason, options):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    before = {name: (work / name).read_bytes() for name in os.listdir("in")}
    status, lines = run(capsys, *options)
    assert status == 1
    assert len(lines) == 2
    assert all(reason in line for line in lines)
    assert all(("a_deblurred_kernel.npy" in lines[0]) == bool(options) for line in lines)
    assert os.listdir("results") == []  # no half-written file either
    assert {name: (work / name).read_bytes() for name in os.listdir("in")} == before


def test_disk_full_keeps_an_older_result(work, capsys, monkeypatch):
    os.mkdir("results")
    with open("results/a_deblurred.png", "wb") as file:
        file.write(b"older")

    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    assert run(capsys)[0] == 1
    with open("results/a_deblurred.png", "rb") as file:
        assert file.read() == b"older"


def test_read_only_output_folder_is_found_at_the_start(work, capsys, monkeypatch):
    os.mkdir("results")
    monkeypatch.setattr(os, "access", lambda *_: False)
    status, (line,) = run(capsys)
    assert status == 2
    assert "results: --out_dir cannot be written to" in line


def test_file_in_the_way_of_a_subfolder(work, capsys):
    (work / "sub").mkdir()
    shutil.copy("in/a.png", "in/sub/b.png")
    os.mkdir("results")
    with open("results/sub", "wb"):
        pass
    status, (line,) = run(capsys, "--recursive")
    assert status == 1
    folder = os.path.join("results", "sub")
    assert line == f"in/sub/b.png: the folder {folder} cannot be made (File exists)"
    assert len(os.listdir("results")) == 3


def test_folder_in_the_way_of_a_result(work, capsys):
    os.makedirs("results/a_deblurred.png")
    status, (line,) = run(capsys)
    assert status == 1
    assert line == "in/a.png: cannot be written (Is a directory)"


@pytest.mark.parametrize("name", ["a b  c", "-i", "new\nline", "tab\t", "%s {x} [n=-1]", "日本 🙂"])
def test_odd_names(work, capsys, name):
    shutil.copy("in/a.png", os.path.join("in", name + ".png"))
    (work / (name + "!.png")).write_bytes(b"")
    status, (line,) = run(capsys, "--report", "r.json")  # one line, whatever is in the name
    assert status == 1
    assert line.endswith(": the file is empty")
    assert os.path.isfile(os.path.join("results", name + "_deblurred.png"))
    with open("r.json", encoding="utf-8") as file:
        sources = [record["source"] for record in json.load(file)["pictures"]]
    assert os.path.join("in", name + "!.png") in sources


def test_names_that_are_not_utf8(work, capsys):
    name = os.fsdecode(b"caf\xe9")
    try:
        shutil.copy("in/a.png", os.path.join("in", name + ".png"))
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    assert run(capsys) == (0, [])
    assert os.path.isfile(os.path.join("results", name + "_deblurred.png"))


def test_link_loop(work, capsys):
    os.symlink(os.path.abspath("in"), "in/loop")
    os.symlink("x.png", "in/x.png")
    status, (line,) = run(capsys, "--recursive")
    assert status == 1
    assert line.startswith("in/x.png: cannot be read (Too many levels of symbolic links)")
    assert sorted(os.listdir("results")) == ["a_deblurred.png", "c_deblurred.png"]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (10_000, 1), (1, 10_000), (31, 400)])
def test_pictures_that_are_too_small(work, capsys, width, height):
    """With the library's own deblurrer and halves that are never asked."""
    deblurrer = Deblurrer(analysis=None, synthesis=None)
    (work / "b.png").write_bytes(files.png_bytes(np.zeros((height, width, 3), np.uint8)))
    assert cli.main(["-i", "in/b.png"], lambda _: deblurrer) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "in/b.png: expected a picture of 32x32 pixels or more, got "
        f"{width}x{height} (width x height)"
    )


def test_the_smallest_picture_of_all_passes_through_a_deblurrer_that_takes_it(work, capsys):
    (work / "a.png").write_bytes(files.png_bytes(np.zeros((1, 1, 3), np.uint8)))
    options = ("-sbs", "--inset_kernel", "--save_kernel", "--report", "r.json")
    status, (line,) = run(capsys, *options)
    assert status == 0
    assert "too small for the kernel" in line


def test_a_picture_without_blur_has_a_report_like_any(work):
    estimate = Estimate(KERNEL, strength=0.0, confidence=0.0, verdict="sharp")
    analysis = SimpleNamespace(estimate=lambda image: estimate)
    assert cli.main(["-i", "in", "--report", "r.json"], lambda _: Deblurrer(analysis, None)) == 0
    with open("r.json", encoding="utf-8") as file:
        record = json.load(file)["pictures"][0]
    assert record["blurred"] is False
    assert record["notes"] == ["no blur was found, the picture is kept as it is"]
    assert record["seconds"]["synthesis"] < record["seconds"]["total"]
