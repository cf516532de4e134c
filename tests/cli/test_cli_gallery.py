"""`--gallery` from the command line down to the page; the deblurrer inverts."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from deblurnets.cli import main as cli
from deblurnets.pictures.files import Picture, write_image

KERNEL = np.zeros((15, 15), np.float32)
KERNEL[7, 5:10] = 0.2


def invert(pixels, alpha=None):
    white = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    return SimpleNamespace(image=white - pixels, kernel=KERNEL, confidence=0.9, blurred=True)


def load(_):
    return invert


def never(_):
    raise AssertionError("the networks were loaded for nothing")


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Go to an empty folder that holds `in/a.png`, `in/b.jpg` (damaged) and `in/c.png`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(files.example_bytes(".png"))
    (tmp_path / "in" / "b.jpg").write_bytes(files.example_bytes(".jpg")[:600])
    (tmp_path / "in" / "c.png").write_bytes(files.example_bytes(".png"))
    return tmp_path


def page(folder="g"):
    return Path(folder, "index.html").read_text(encoding="utf-8")


def previews(folder="g"):
    (inner,) = Path(folder).glob("previews-*")
    return sorted(path.name for path in inner.iterdir())


def test_a_gallery_and_a_report_of_one_run(work, capsys):
    assert cli.main(["-i", "in", "--gallery", "g", "--report", "g/run.json"], load) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1  # the damaged picture
    assert previews() == [
        f"{number}_{part}"
        for number in ("000001", "000003")
        for part in ("after.jpg", "before.jpg", "kernel.png")
    ]
    text = page()
    assert "../results/a_deblurred.png" in text
    assert "the JPEG data is damaged" in text
    with open("g/run.json", encoding="utf-8") as file:
        content = json.load(file)
    assert [record["status"] for record in content["pictures"]] == ["done", "failed", "done"]
    # Once more: the folder holds an earlier gallery now.
    assert cli.main(["-i", "in", "--gallery", "g"], load) == 1
    assert len(previews()) == 6


def test_a_gallery_without_any_result(work):
    assert cli.main(["-i", "in/b.jpg", "--gallery", "g"], load) == 1
    assert "the JPEG data is damaged" in page()
    assert previews() == []


def test_the_gallery_s_folder_is_checked_first(work, capsys):
    (work / "full").mkdir()
    (work / "full" / "letter.txt").write_text("x")
    for options in ([], ["--dry_run"]):
        assert cli.main(["-i", "in", "--gallery", "full", *options], never) == 2
        assert "full: a gallery needs an empty folder" in capsys.readouterr().err
    assert cli.main(["-i", "in", "--gallery", "full/letter.txt/g"], never) == 2
    assert "--gallery cannot be written (Not a directory)" in capsys.readouterr().err
    assert os.listdir("full") == ["letter.txt"]
    assert not os.path.exists("g")


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="POSIX signals")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_leaves_a_whole_page(work, presses):
    def press(pixels):
        for _ in range(presses):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return invert(pixels)

    assert cli.main(["-i", "in", "--gallery", "g"], lambda _: press) == 130
    text = page()
    assert text.rstrip().endswith("</html>")
    assert "has not finished" not in text
    assert all(name in text for name in ("a.png", "b.jpg", "c.png"))
    assert len(previews()) == (3 if presses == 1 else 0)


def test_a_gallery_that_fails_costs_no_picture(work, capsys, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("deblurnets.gallery.writer.GalleryWriter._write", fail)
    assert cli.main(["-i", "in/a.png", "--gallery", "g"], load) == 1
    output = capsys.readouterr()
    assert output.out.startswith("1 deblurred, 0 failed")
    (line,) = output.err.splitlines()
    assert line == "the gallery g cannot be written ([Errno 28] No space left on device)"


def test_previews_are_no_pictures_to_deblur(work):
    arguments = ["-i", ".", "--recursive", "-o", "out", "--gallery", "in/g"]
    assert cli.main(arguments, load) == 1
    assert cli.main(arguments, load) == 1
    assert sorted(str(p.relative_to("out")) for p in Path("out").rglob("*.*")) == [
        os.path.join("in", "a_deblurred.png"),
        os.path.join("in", "c_deblurred.png"),
    ]


def test_float_pictures_and_long_kernels_have_previews(work):
    write_image("in/d.tif", Picture(files.gradient().astype(np.float32) / 255))
    np.save("k.npy", np.full((3, 9), 1 / 27, np.float32))
    deblurrer = SimpleNamespace(deblur=lambda pixels, kernel: 1 - pixels)
    arguments = ["-i", "in/d.tif", "--kernel", "k.npy", "--gallery", "g"]
    assert cli.main(arguments, lambda _: deblurrer) == 0
    assert len(previews()) == 3


def test_a_wrong_gallery_is_answered_without_loading_anything(work):
    root = Path(cli.__file__).resolve().parents[2]
    command = [sys.executable, "-X", "importtime", str(root / "deblur_main.py"), "-i", "in"]
    result = subprocess.run(
        [*command, "--gallery", "in"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 2
    for module in ("numpy", "tensorflow", "keras", "pyvips"):
        assert f" {module}\n" not in result.stderr
