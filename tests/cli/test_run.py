"""The options for batches, from the command line down to the files; the deblurrer inverts."""

import json
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from deblurnets.cli import main as cli
from deblurnets.pictures import files as images
from deblurnets.pictures import kernel_files
from deblurnets.pictures.files import read_image
from deblurnets.pictures.kernel_files import read_kernel

KERNEL = np.zeros((15, 15), np.float32)
KERNEL[7, 5:10] = 0.2


class Inverter:
    """Inverts, and counts."""

    def __init__(self):
        self.calls = 0
        self.kernels = []

    def __call__(self, pixels):
        self.calls += 1
        image = np.iinfo(pixels.dtype).max - pixels
        return SimpleNamespace(image=image, kernel=KERNEL, confidence=0.9, blurred=True)

    def deblur(self, pixels, kernel):
        self.kernels.append(kernel)
        return np.iinfo(pixels.dtype).max - pixels


def load(_):
    return Inverter()


def never(_):
    raise AssertionError("the networks were loaded for nothing")


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Go to an empty folder that holds `in/a.png`, `in/b.jpg` and `in/sub/a.png`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name in ("in/a.png", "in/b.jpg", "in/sub/a.png"):
        (tmp_path / name).write_bytes(files.example_bytes(name[-4:]))
    return tmp_path


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def report(path="r.json"):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def test_recursion_mirrors_the_folders(work):
    assert cli.main(["-i", "in", "--recursive"], load) == 0
    assert sorted(tree("results")) == ["a_deblurred.png", "b_deblurred.jpg", "sub/a_deblurred.png"]


def test_default_output_folder_inside_the_input_is_not_read(work):
    for _ in range(2):
        assert cli.main(["-i", ".", "--recursive"], load) == 0
    assert len(tree("results")) == 3


def test_a_pattern(work):
    assert cli.main(["-i", "in/**/a.*"], load) == 0
    assert sorted(tree("results")) == ["a_deblurred.png", "sub/a_deblurred.png"]


def test_skip_existing_computes_nothing_twice(work, capsys):
    assert cli.main(["-i", "in"], load) == 0
    before = tree("results")
    assert cli.main(["-i", "in", "--skip_existing", "--report", "r.json"], never) == 0
    output = capsys.readouterr()
    assert output.out.splitlines()[-1] == "0 deblurred, 0 failed, 2 skipped"
    assert tree("results") == before
    assert [(r["status"], r["reason"]) for r in report()["pictures"]] == [
        ("skipped", "the output exists")
    ] * 2
    os.remove("results/a_deblurred.png")
    deblurrer = Inverter()
    assert cli.main(["-i", "in", "--skip_existing"], lambda _: deblurrer) == 0
    assert deblurrer.calls == 1
    assert tree("results") == before


def test_dry_run_lists_and_does_nothing(work, capsys):
    cli.main(["-i", "in/a.png"], load)
    before = tree(".")
    capsys.readouterr()
    options = ["--recursive", "--skip_existing", "--save_kernel", "--report", "r.json"]
    assert cli.main(["-i", "in", "--dry_run", *options], never) == 0
    output = capsys.readouterr()
    assert output.err == ""
    join = os.path.join
    kernel = join("results", "b_deblurred_kernel")
    sub = join("results", "sub", "a_deblurred")
    assert output.out.splitlines() == [
        f"{join('in', 'b.jpg')} -> {join('results', 'b_deblurred.jpg')}, "
        f"{kernel}.png, {kernel}.npy",
        f"{join('in', 'sub', 'a.png')} -> {sub}.png, {sub}_kernel.png, {sub}_kernel.npy",
        f"{join('in', 'a.png')}: skipped, the output exists ({join('results', 'a_deblurred.png')})",
        "2 to deblur, 1 skipped; nothing was done (--dry_run)",
    ]
    assert tree(".") == before
    assert cli.main(["-i", "in", "--dry_run", "-o", "other"], never) == 0
    assert not os.path.exists("other")


@pytest.mark.parametrize(
    ("name", "extension"),
    [("png", ".png"), ("jpeg", ".jpg"), ("tiff", ".tif"), ("webp", ".webp"), ("same", None)],
)
def test_format(work, name, extension):
    assert cli.main(["-i", "in", "--format", name], load) == 0
    names = [f"a_deblurred{extension or '.png'}", f"b_deblurred{extension or '.jpg'}"]
    assert sorted(tree("results")) == names
    for path in names:
        picture = read_image(os.path.join("results", path))
        assert os.path.splitext(path)[1] in picture.source_format.extensions


def test_what_the_format_cannot_hold_fails_before_the_networks_work(work, capsys):
    (work / "in" / "deep.png").write_bytes(files.png_bytes(files.gradient(dtype=np.uint16)))
    deblurrer = Inverter()
    assert cli.main(["-i", "in", "--format", "jpeg"], lambda _: deblurrer) == 1
    assert deblurrer.calls == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("deep.png: JPEG cannot hold 16 bits, PNG and TIFF can")


def test_quality_and_metadata(work):
    def size(*options):
        assert cli.main(["-i", "in/b.jpg", *options], load) == 0
        return os.path.getsize("results/b_deblurred.jpg")

    assert size("--quality", "5") < size() < size("--quality", "100")
    from PIL import Image

    exif = Image.Exif()
    exif[0x10F] = "Maker"
    (work / "in" / "b.jpg").write_bytes(files.example_bytes(".jpg", exif=exif))
    for options, expected in ((), True), (("--strip_metadata",), False):
        size(*options)
        assert (b"Maker" in (work / "results" / "b_deblurred.jpg").read_bytes()) is expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--quality 0", "the quality is 1 to 100, received 0"),
        ("--quality 101", "the quality is 1 to 100, received 101"),
        ("--quality x", "invalid"),
        ("--quality 90 --format png", "--quality is for JPEG and WebP, PNG has none"),
        ("--quality 90 --format tiff", "--quality is for JPEG and WebP, TIFF has none"),
        ("--format gif", "invalid choice"),
        ("--inset_kernel", "--inset_kernel needs --side_by_side"),
        ("--max_pixels 0", "must be at least 1, received 0"),
        ("--report r.txt", "r.txt: the extension must be .json or .jsonl"),
        ("--report none/r.json", "none/r.json: --report cannot be written (No such file"),
        ("--report none/r.jsonl", "none/r.jsonl: --report cannot be written (No such file"),
        ("--kernel k.gif", "k.gif: the extension must be .npy"),
        ("--kernel none.npy", "--kernel none.npy: cannot be read (No such file"),
        ("--kernel in/a.png", "--kernel in/a.png: a kernel is a grey picture"),
    ],
)
def test_wrong_usage(work, capsys, options, message):
    before = tree(".")
    assert cli.main(["-i", "in", *options.split()], never) == 2
    output = capsys.readouterr()
    assert message in output.err
    assert output.out == ""
    assert tree(".") == before


def test_quality_without_a_picture_that_has_one(work, capsys):
    assert cli.main(["-i", "in/a.png", "--quality", "90"], never) == 2
    assert "none of the results is one of them" in capsys.readouterr().err


def test_saved_kernels(work):
    for _ in range(2):  # the second run meets the files of the first
        assert cli.main(["-i", "in", "-o", "in", "--save_kernel"], load) == 0
        assert sorted(name for name in tree("in") if "deblurred" in name) == [
            "a_deblurred.png",
            "a_deblurred_kernel.npy",
            "a_deblurred_kernel.png",
            "b_deblurred.jpg",
            "b_deblurred_kernel.npy",
            "b_deblurred_kernel.png",
        ]
    assert np.array_equal(np.load("in/a_deblurred_kernel.npy"), KERNEL)
    assert np.abs(read_kernel("in/a_deblurred_kernel.png") - KERNEL).max() < 1e-5


@pytest.mark.parametrize("name", ["k.npy", "k.png"])
def test_given_kernel(work, name):
    kernel_files.save_kernel("k", KERNEL)
    deblurrer = Inverter()
    arguments = ["-i", "in", "--kernel", name, "--report", "r.json"]
    assert cli.main(arguments, lambda _: deblurrer) == 0
    assert deblurrer.calls == 0
    assert len(deblurrer.kernels) == 2
    assert np.abs(deblurrer.kernels[0] - KERNEL).max() < 1e-5
    (first, _) = report()["pictures"]
    assert (first["confidence"], first["blurred"], first["kernel_size"]) == (None, True, 5)
    before, after = read_image("in/a.png"), read_image("results/a_deblurred.png")
    assert np.array_equal(after.pixels, 255 - before.pixels)


def test_kernel_in_the_corner(work):
    assert cli.main(["-i", "in/a.png", "-sbs"], load) == 0
    plain = read_image("results/a_deblurred.png").pixels
    assert cli.main(["-i", "in/a.png", "-sbs", "--inset_kernel"], load) == 0
    drawn = read_image("results/a_deblurred.png").pixels
    rows, columns = np.nonzero((plain != drawn).any(axis=2))
    assert rows.max() < 40  # of 120
    assert columns.min() >= 320 - 40  # the result's half begins at 160


def test_kernel_does_not_fit_in_the_corner(work, capsys):
    (work / "in" / "a.png").write_bytes(files.png_bytes(files.gradient(16, 200)))
    assert cli.main(["-i", "in/a.png", "-sbs", "--inset_kernel"], load) == 0
    assert "too small for the kernel in its corner" in capsys.readouterr().err


def test_report_json_has_everything(work):
    (work / "in" / "c.png").write_bytes(b"")
    assert cli.main(["-i", "in", "--report", "r.json"], load) == 1
    content = report()
    assert [(r["source"], r["status"]) for r in content["pictures"]] == [
        (os.path.join("in", "a.png"), "done"),
        (os.path.join("in", "b.jpg"), "done"),
        (os.path.join("in", "c.png"), "failed"),
    ]
    run = content["run"]
    assert run["arguments"] == ["-i", "in", "--report", "r.json"]
    assert [run[name] for name in ("done", "failed", "skipped", "exit_status")] == [2, 1, 0, 1]


def test_report_of_networks_that_cannot_be_loaded(work):
    def fail(_):
        raise ValueError("no weights")

    assert cli.main(["-i", "in", "--report", "r.json"], fail) == 1
    assert [r["status"] for r in report()["pictures"]] == ["not_done", "not_done"]


def test_json_lines_are_there_while_the_run_goes_on(work):
    seen = []

    class Watcher(Inverter):
        def __call__(self, pixels):
            with open("r.jsonl", encoding="utf-8") as file:
                seen.append(len(file.read().splitlines()))
            return super().__call__(pixels)

    arguments = ["-i", "in", "--recursive", "--report", "r.jsonl"]
    assert cli.main(arguments, lambda _: Watcher()) == 0
    # While the third is deblurred the first is reported; the second may be.
    assert seen[0] == 0
    assert seen[2] >= 1
    with open("r.jsonl", encoding="utf-8") as file:
        assert [json.loads(line)["status"] for line in file] == ["done"] * 3


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), TypeError("a fault")])
def test_report_that_cannot_be_written_later_costs_no_picture(work, capsys, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr("deblurnets.batch.report.JsonLinesReport.add", full)
    assert cli.main(["-i", "in", "--report", "r.jsonl"], load) == 1
    assert len(tree("results")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"the report r.jsonl cannot be written ({error})"


class Presser(Inverter):
    """Presses Ctrl-C during chosen pictures."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def __call__(self, pixels):
        for _ in range(self.times.get(self.calls, 0)):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return super().__call__(pixels)


needs_signals = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="POSIX signals")


@needs_signals
@pytest.mark.parametrize("name", ["r.json", "r.jsonl"])
def test_ctrl_c_finishes_the_current_picture(work, capsys, name):
    deblurrer = Presser({1: 1})
    before = signal.getsignal(signal.SIGINT)
    assert cli.main(["-i", "in", "--recursive", "--report", name], lambda _: deblurrer) == 130
    output = capsys.readouterr()
    assert output.out.startswith("interrupted, 1 not deblurred, 2 deblurred, 0 failed, ")
    assert "Finishing the current picture; Ctrl-C again stops at once." in output.err
    assert len(tree("results")) == 2
    text = (work / name).read_text()
    records = (
        [json.loads(line) for line in text.splitlines()]
        if name.endswith("l")
        else json.loads(text)["pictures"]
    )
    assert [record["status"] for record in records] == ["done", "done", "not_done"]
    assert signal.getsignal(signal.SIGINT) is before


@needs_signals
def test_second_ctrl_c_stops_at_once(work, capsys):
    deblurrer = Presser({1: 2})
    arguments = ["-i", "in", "--recursive", "--report", "r.json"]
    assert cli.main(arguments, lambda _: deblurrer) == 130
    assert deblurrer.calls == 1
    assert capsys.readouterr().out.startswith("interrupted, 2 not deblurred, 1 deblurred, ")
    content = report()
    assert [r["status"] for r in content["pictures"]] == ["done", "not_done", "not_done"]
    assert content["run"]["exit_status"] == 130
    assert len(tree("results")) == 1


def test_the_next_picture_is_read_while_one_is_deblurred(work, monkeypatch):
    """The command overlaps: the deblurrer waits until the reader has the next picture."""
    began = [threading.Event() for _ in range(3)]
    count = iter(began)
    read = images._read_data

    def watched(path):
        next(count).set()
        return read(path)

    class Waiter(Inverter):
        def __call__(self, pixels):
            if self.calls < 2:
                assert began[self.calls + 1].wait(10)
            return super().__call__(pixels)

    monkeypatch.setattr(images, "_read_data", watched)
    assert cli.main(["-i", "in", "--recursive"], lambda _: Waiter()) == 0


def test_max_pixels(work, capsys):
    assert cli.main(["-i", "in/a.png", "--max_pixels", "19199"], load) == 1
    message = "it has 160x120 pixels, at most 19199 are taken (see --max_pixels)"
    assert message in capsys.readouterr().err
    assert cli.main(["-i", "in/a.png", "--max_pixels", "19200"], load) == 0


def test_help_is_grouped_by_task(capsys):
    assert cli.main(["-h"]) == 0
    lines = capsys.readouterr().out.splitlines()
    groups = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert groups[1:] == [
        "input and output:",
        "format of the results:",
        "looking at the results:",
        "blur kernel:",
        "networks:",
    ]


def test_a_sink_is_told_of_pixels_and_of_the_end(work, monkeypatch):
    told = []
    sink = SimpleNamespace(
        add=lambda *arguments: told.append(arguments), close=lambda run: told.append(run)
    )
    monkeypatch.setattr("deblurnets.batch.report.open_report", lambda path: sink)
    (work / "in" / "c.png").write_bytes(b"")
    assert cli.main(["-i", "in", "--report", "r.json"], load) == 1
    (first, before, after, kernel), _, failed, run = told
    assert first["status"] == "done"
    assert np.array_equal(after, 255 - before)
    assert kernel is KERNEL
    assert (failed[0]["status"], *failed[1:]) == ("failed", None, None, None)
    assert (run["done"], run["failed"]) == (2, 1)
