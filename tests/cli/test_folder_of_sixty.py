"""A tree of 60 good and bad files: the good ones are done, the bad ones named, nothing is lost."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from deblurnets.cli import main as cli

FOLDERS = ("", "trip", "trip/day 1", "trip/day 2/évening", "scans")
GOOD = (".png", ".jpg", ".tif", ".bmp", ".webp", "16.png")
BAD = {
    "empty.jpg": "the file is empty",
    "cut.png": "the PNG data is damaged or cut short",
    "text.tif": "the content is not PNG, JPEG, TIFF, BMP or WebP",
    "gone.png": "cannot be read (No such file or directory)",
    "large.png": "it has 300x200 pixels, at most 30000 are taken",
    "deep.jpg": "JPEG cannot hold 16 bits, PNG and TIFF can",
}


def content_of(name):
    if name in ("empty.jpg", "text.tif"):
        return b"" if name == "empty.jpg" else b"hello"
    if name == "cut.png":
        return files.example_bytes(".png")[:-200]
    if name == "large.png":
        return files.png_bytes(files.gradient(200, 300))
    if name in ("deep.jpg", "good16.png"):
        return files.png_bytes(files.gradient(40, 50, dtype=np.uint16))
    return files.example_bytes(os.path.splitext(name)[1])


@pytest.fixture
def sixty(tmp_path, monkeypatch):
    """Fill `in` with 5 folders of 6 good and 6 bad pictures."""
    monkeypatch.chdir(tmp_path)
    for folder in FOLDERS:
        place = tmp_path / "in" / folder
        place.mkdir(parents=True, exist_ok=True)
        for extension in GOOD:
            (place / f"good{extension}").write_bytes(content_of(f"good{extension}"))
        for name in BAD:
            if name == "gone.png":
                os.symlink("nowhere.png", str(place / name))
            else:
                (place / name).write_bytes(content_of(name))
        (place / "Thumbs.db").write_bytes(b"x")
    os.symlink(os.path.abspath("in"), "in/scans/loop")
    return tmp_path


def snapshot(folder):
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def deblur(pixels, alpha=None):
    image = np.iinfo(pixels.dtype).max - pixels
    return SimpleNamespace(image=image, kernel=np.full((3, 3), 1 / 9))


def test_sixty(sixty, capsys):
    calls = []

    def counted(pixels):
        calls.append(1)
        return deblur(pixels)

    options = ["-i", "in", "--recursive", "--max_pixels", "30000", "--save_kernel"]
    before = snapshot("in")
    assert cli.main([*options, "--report", "first.jsonl"], lambda _: counted) == 1
    output = capsys.readouterr()
    assert output.out.startswith("30 deblurred, 30 failed, ")
    assert len(output.err.splitlines()) == 30

    with open("first.jsonl", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    assert len(records) == 60
    assert len({record["source"] for record in records}) == 60
    for record in records:
        name = os.path.basename(record["source"])
        if name in BAD:
            assert record["status"] == "failed"
            assert record["reason"].startswith(BAD[name])
            assert record["target"] is None
        else:
            assert (record["status"], record["reason"]) == ("done", None)
            assert os.path.getsize(record["target"]) == record["target_bytes"] > 0
            assert record["kernel_size"] == 3

    assert snapshot("in") == before  # nothing lost, nothing overwritten
    results = snapshot("results")
    written = [name for name in results if "_kernel" not in name]
    assert len(written) == 30
    for folder in FOLDERS:
        for extension in GOOD:
            stem, dot = os.path.splitext(f"good{extension}")
            assert os.path.join(folder, f"{stem}_deblurred{dot}") in written
    assert len(results) == 30 * 3
    assert len(calls) == 30

    again = [*options, "--skip_existing", "--report", "second.json"]
    assert cli.main(again, lambda _: counted) == 1
    assert len(calls) == 30  # computed nothing
    assert snapshot("results") == results
    assert snapshot("in") == before
    with open("second.json", encoding="utf-8") as file:
        content = json.load(file)
    counts = [content["run"][name] for name in ("done", "failed", "skipped", "exit_status")]
    assert counts == [0, 30, 30, 1]
    statuses = [record["status"] for record in content["pictures"]]
    assert (statuses.count("skipped"), statuses.count("failed")) == (30, 30)
