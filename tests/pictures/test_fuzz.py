"""Some damaged files of every format; `tools/fuzz_decoders.py` reads as many as wanted."""

import importlib.util
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "fuzz_decoders.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("fuzz_decoders", str(TOOL))
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module


def test_damaged_files_are_pictures_or_one_sentence(tool, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    counts = tool.fuzz(count=210, seed=1, max_pixels=1_000_000)
    assert sum(counts.values()) == 210
    assert {extension for extension, _ in counts} == {".png", ".jpg", ".tif", ".webp", ".bmp"}
    refused = sum(count for (_, state), count in counts.items() if state == "refused")
    assert 50 < refused < 200  # damage is done, and is not always fatal
    assert capfd.readouterr().err == ""  # no decoder talks to the terminal


def test_sound_samples_are_read(tool, tmp_path):
    for name, data in tool.samples(str(tmp_path)).items():
        path = tmp_path / ("sound_" + name)
        path.write_bytes(data)
        assert tool.check(str(path), 1_000_000) == "read", name


def test_the_check_finds_faults(tool, tmp_path, monkeypatch):
    def fail(*_):
        raise tool.ImageError("x", "two\nlines")

    monkeypatch.setattr(tool, "read_image", fail)
    with pytest.raises(AssertionError, match="more than one line"):
        tool.check("x", 1)
