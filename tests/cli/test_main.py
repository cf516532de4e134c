"""The command line: options, messages, exit status; the deblurrer inverts."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from deblurnets.batch import messages
from deblurnets.cli import main as cli
from deblurnets.cli import plotting
from deblurnets.pictures.files import read_image
from deblurnets.weights.download import DownloadError

ROOT = Path(__file__).resolve().parents[2]


def invert(pixels, alpha=None):
    image = np.iinfo(pixels.dtype).max - pixels
    return SimpleNamespace(image=image, kernel=np.full((3, 3), 1 / 9))


def load(_):
    return invert


def never(_):
    raise AssertionError("the networks were loaded for nothing")


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Return a folder `in` with two pictures; the folder above is the working directory."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(files.example_bytes(".png"))
    monkeypatch.chdir(tmp_path)
    return folder


def run_python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=str(ROOT),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_all_done(work, capsys):
    assert cli.main(["-i", "in"], load) == 0
    output = capsys.readouterr()
    assert output.err == ""
    (line,) = output.out.splitlines()
    assert line.startswith("2 deblurred, 0 failed, ")
    assert "seconds per picture" in line
    assert sorted(os.listdir("results")) == ["a_deblurred.png", "b_deblurred.png"]
    before, after = read_image("in/a.png"), read_image("results/a_deblurred.png")
    assert np.array_equal(after.pixels, 255 - before.pixels)


def test_long_and_short_options_mean_the_same():
    parser = cli.build_parser()
    short = "-i x -o y -s z -amp m -smp n -amis 512 640 -p -sbs"
    long = (
        "--input_path x --out_dir y --suffix z --analysis_weights_path m "
        "--synthesis_weights_path n --analysis_max_input_size 512 640 --plot --side_by_side"
    )
    arguments = parser.parse_args(short.split())
    assert arguments == parser.parse_args(long.split())
    assert arguments.input_path == "x"
    assert arguments.out_dir == "y"
    assert arguments.suffix == "z"
    assert arguments.analysis_weights_path == "m"
    assert arguments.synthesis_weights_path == "n"
    assert arguments.analysis_max_input_size == (512, 640)
    assert arguments.plot
    assert arguments.side_by_side
    assert arguments.model == "compact"


def test_defaults_of_the_contract():
    arguments = cli.build_parser().parse_args(["-i", "x"])
    assert arguments.out_dir == "results"
    assert arguments.suffix == "_deblurred"
    assert arguments.analysis_weights_path is None  # the pair's own file
    assert arguments.synthesis_weights_path is None
    assert arguments.analysis_max_input_size is None
    assert not arguments.plot
    assert not arguments.side_by_side
    one = cli.build_parser().parse_args(["-i", "x", "-amis", "512"])
    assert one.analysis_max_input_size == (512, 512)


def test_arguments_reach_the_deblurrer(work, monkeypatch):
    calls = []

    class Deblurrer:
        @classmethod
        def from_pretrained(cls, name, **options):
            calls.append((name, options))
            return invert

    module = SimpleNamespace(Deblurrer=Deblurrer)
    monkeypatch.setitem(sys.modules, "deblurnets.deblurrer", module)
    assert cli.main(["-i", "in", "--model", "paper", "-amp", "m.h5", "-amis", "300", "400"]) == 0
    options = {
        "analysis_path": "m.h5",
        "synthesis_path": None,
        "analysis_max_size": (300, 400),
        "tile_size": None,
        "blind": True,
    }
    assert calls == [("paper", options)]


def test_side_by_side_takes_the_result_s_place(work):
    assert cli.main(["-i", "in/a.png", "-o", "out", "-s", "", "-sbs"], load) == 0
    assert os.listdir("out") == ["a.png"]
    assert read_image("out/a.png").pixels.shape == (120, 320, 3)


def test_some_failed(work, capsys):
    (work / "c.jpg").write_bytes(files.example_bytes(".jpg")[:600])
    assert cli.main(["-i", "in"], load) == 1
    output = capsys.readouterr()
    assert output.out.startswith("2 deblurred, 1 failed, ")
    (line,) = output.err.splitlines()
    assert line.startswith(os.path.join("in", "c.jpg") + ": the JPEG data is damaged")
    assert sorted(os.listdir("results")) == ["a_deblurred.png", "b_deblurred.png"]


def test_all_failed(tmp_path, capsys):
    (tmp_path / "x.png").write_bytes(b"")
    out = str(tmp_path / "out")
    assert cli.main(["-i", str(tmp_path / "x.png"), "-o", out], load) == 1
    assert capsys.readouterr().out == "0 deblurred, 1 failed\n"
    assert os.listdir(out) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "--input_path"),
        ("-i none", "no such file or folder"),
        ("-i empty", "is empty"),
        ("-i texts", "holds no picture"),
        ("-i in -o in -s=", "would overwrite an input"),
        ("-i in -o in/a.png", "expected a folder"),
        ("-i in -o in/a.png/out", "cannot be made"),
        ("-i in -s /x", "--suffix"),
        ("-i in -amis", "expected at least one argument"),
        ("-i in -amis 1 2 3", "expected 1 or 2 values, received 3"),
        ("-i in -amis 0", "at least 1 pixel"),
        ("-i in -amis x", "invalid"),
        ("-i in --model other", "invalid choice"),
        ("-i in --device tpu", "invalid choice"),
        ("-i in --tile_size 383", "at least 384 pixels a side, received 383"),
        ("-i in --gallery in", "needs an empty folder"),
        ("-i in --gallery in/a.png", "found a file"),
        ("-i in --nonsense", "unrecognized"),
    ],
)
def test_wrong_usage(work, capsys, arguments, message):
    (work.parent / "empty").mkdir()
    (work.parent / "texts").mkdir()
    (work.parent / "texts" / "a.txt").write_bytes(b"x")
    before = (work / "a.png").read_bytes()
    assert cli.main(arguments.split(), never) == 2
    output = capsys.readouterr()
    assert message in output.err
    assert output.out == ""
    assert "Traceback" not in output.err
    assert (work / "a.png").read_bytes() == before
    assert sorted(os.listdir(".")) == ["empty", "in", "texts"]


def test_input_folder_as_output_folder(work, capsys):
    before = {path.name: path.read_bytes() for path in work.iterdir()}
    assert cli.main(["-i", "in", "-o", "in"], load) == 0
    assert cli.main(["-i", "in", "-o", "in"], load) == 0
    assert "2 earlier results" in capsys.readouterr().err
    names = ["a.png", "a_deblurred.png", "b.png", "b_deblurred.png"]
    assert sorted(os.listdir("in")) == names
    assert all((work / name).read_bytes() == data for name, data in before.items())


@pytest.mark.parametrize(
    "error",
    [
        DownloadError("the file cannot be fetched,\nput it there by hand"),
        ImportError("No module named 'tensorflow'"),
        PermissionError(13, "Permission denied"),
    ],
)
def test_networks_that_cannot_be_loaded(work, capsys, error):
    def fail(_):
        raise error

    assert cli.main(["-i", "in"], fail) == 1
    output = capsys.readouterr()
    (line,) = output.err.splitlines()
    assert line.startswith("The networks cannot be loaded: ")
    assert str(error).split()[-1] in line
    assert output.out == ""


def test_a_fault_of_the_program_is_not_hidden(work):
    def fail(_):
        raise TypeError("a fault")

    pytest.importorskip("deblurnets.weights.files")
    with pytest.raises(TypeError):
        cli.main(["-i", "in"], fail)


def test_interrupt_ends_with_a_summary(work, capsys):
    seen = []

    def interrupt(pixels):
        if seen:
            raise KeyboardInterrupt
        seen.append(1)
        return invert(pixels)

    assert cli.main(["-i", "in"], lambda _: interrupt) == 130
    output = capsys.readouterr()
    assert output.out.startswith("interrupted, 1 not deblurred, 1 deblurred, 0 failed, ")
    assert os.listdir("results") == ["a_deblurred.png"]


def test_interrupt_while_loading(work, capsys):
    def interrupt(_):
        raise KeyboardInterrupt

    assert cli.main(["-i", "in"], interrupt) == 130
    assert capsys.readouterr().out == "interrupted, 2 not deblurred, 0 deblurred, 0 failed\n"


def test_plots_without_a_display_are_said_once_and_passed_over(work, capsys, monkeypatch):
    monkeypatch.setattr(plotting, "why_no_plots", lambda: "there is no display")
    assert cli.main(["-i", "in", "-p"], load) == 0
    output = capsys.readouterr()
    assert output.err == "No plots are shown: there is no display.\n"
    assert output.out.startswith("2 deblurred")


def test_plots_are_shown_for_every_picture(work, monkeypatch):
    shown = []
    monkeypatch.setattr(plotting, "why_no_plots", lambda: None)
    monkeypatch.setattr(plotting, "show", lambda *arguments: shown.append(arguments))
    assert cli.main(["-i", "in", "-p"], load) == 0
    assert [arguments[0] for arguments in shown] == ["a_deblurred.png", "b_deblurred.png"]
    assert np.array_equal(shown[0][2], 255 - shown[0][1])
    assert shown[0][3].shape == (3, 3)


def test_plot_that_fails_costs_nothing(work, capsys, monkeypatch):
    def fail(*_):
        raise RuntimeError("window lost")

    monkeypatch.setattr(plotting, "why_no_plots", lambda: None)
    monkeypatch.setattr(plotting, "show", fail)
    assert cli.main(["-i", "in/a.png", "-p"], load) == 0
    assert "the plot failed (window lost)" in capsys.readouterr().err


def test_names_that_the_terminal_cannot_show(tmp_path, capsys):
    name = os.fsdecode(b"caf\xe9 \xe6\x97\xa5.png")
    try:
        (tmp_path / name).write_bytes(b"")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    assert cli.main(["-i", str(tmp_path), "-o", str(tmp_path / "out")], load) == 1
    assert "caf\\udce9 日.png: the file is empty" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_printable_text_fits_the_encoding(encoding):
    stream = SimpleNamespace(encoding=encoding)
    messages.printable("é 日 \udce9", stream).encode(encoding)


def test_no_progress_bar_without_a_terminal_and_one_with(work, capsys, monkeypatch):
    assert cli.main(["-i", "in"], load) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert cli.main(["-i", "in"], load) == 0
    assert "0/2" in capsys.readouterr().err


def test_help_shows_every_option_without_loading_anything():
    start = time.perf_counter()
    result = run_python("-X", "importtime", "deblur_main.py", "-h")
    seconds = time.perf_counter() - start
    assert result.returncode == 0
    contract = (
        "--input_path -i --out_dir -o --suffix -s --analysis_weights_path -amp --plot -p "
        "--synthesis_weights_path -smp --analysis_max_input_size -amis --side_by_side -sbs --model"
    )
    for option in contract.split():
        assert option in result.stdout
    for module in ("numpy", "tensorflow", "keras", "matplotlib", "pyvips", "cv2", "PIL", "tqdm"):
        assert f" {module}\n" not in result.stderr
    assert seconds < 5  # a loaded machine; 0.1 s otherwise


def test_wrong_usage_is_answered_without_loading_anything():
    result = run_python("-X", "importtime", "deblur_main.py", "-i", "no such file.png")
    assert result.returncode == 2
    for module in ("numpy", "tensorflow", "keras", "matplotlib", "pyvips", "cv2", "PIL"):
        assert f" {module}\n" not in result.stderr
    assert "no such file.png: no such file or folder" in result.stderr
