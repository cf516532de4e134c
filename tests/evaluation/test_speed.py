from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deblurnets.backend import build_layer, keras, ops
from deblurnets.evaluation import __main__ as evaluation
from deblurnets.evaluation.benchmark import BenchmarkError
from deblurnets.evaluation.speed import command, operations, pictures, rates, table, worker
from deblurnets.networks.layers import Doubling, ResidualUNet, maps_shape
from deblurnets.paper.synthesis import PaperSynthesisConfig, build_paper_synthesis
from deblurnets.pictures.files import Picture, read_image, write_image

FIGURES = worker.Figures(
    weights="random",
    start=6.125,
    first=3.0,
    stages={"decode": 0.01, "analysis": 2.0, "synthesis": 0.5, "encode": 0.02, "total": 2.53},
    cpu=4.5,
    peak_memory=800 * 2**20,
    convolutions=123.4,
    products={"float32": 70.0, "bfloat16": 300.0},
)


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "sharp"
    folder.mkdir()
    rng = np.random.RandomState(0)
    for name, height, width in (("a.png", 40, 60), ("b.jpg", 50, 44)):
        pixels = rng.randint(0, 256, (height, width, 3)).astype(np.uint8)
        write_image(str(folder / name), Picture(pixels))
    return folder


@pytest.fixture
def multiply_adds(monkeypatch):
    """Multiply-adds of every convolution that is run, found from what goes in and comes out."""
    counted = []

    def watch(kind, positions_of):
        run = kind.call

        def call(self, x):
            result = run(self, x)
            positions = np.prod(positions_of(x, result).shape[1:3])
            counted.append(int(np.prod(self.kernel.shape)) * int(positions))
            return result

        monkeypatch.setattr(kind, "call", call)

    watch(keras.layers.Conv2D, lambda x, result: result)
    for kind in (keras.layers.Conv2DTranspose, Doubling):
        watch(kind, lambda x, result: x)
    return counted


@pytest.mark.parametrize(("stride", "widths"), [(1, (4, 6, 8)), (2, (4, 6)), (2, (5,))])
def test_operations_of_the_unet_are_those_of_its_layers(stride, widths, multiply_adds):
    unet = ResidualUNet(widths, 3, stride=stride)
    build_layer(unet, maps_shape(5))
    unet(np.zeros((1, 32, 48, 5), np.float32))
    assert operations.unet_operations(unet, 32, 48) == sum(multiply_adds)


def test_operations_of_the_paper_synthesis_are_those_of_its_layers(multiply_adds):
    config = PaperSynthesisConfig(kernel_size=5, levels=2, filters=4, convolutions=3)
    network = build_paper_synthesis(config)
    multiply_adds.clear()  # those of building, whose sizes are open
    inputs = [np.zeros((1, 16, 24, 3), np.float32), np.zeros((1, 5, 5), np.float32)]
    network([ops.convert_to_tensor(x) for x in inputs])
    assert operations.paper_synthesis_operations(config, 16, 24) == sum(multiply_adds)


@given(st.integers(32, 10**5), st.integers(32, 10**5))
def test_sizes_are_read_as_they_are_written(width, height):
    assert command.picture_size(command.size_text((width, height))) == (width, height)


@pytest.mark.parametrize("text", ["", "800", "800x", "31x800", "800x-5", "1x2x3", "axb"])
def test_other_sizes_are_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected WIDTHxHEIGHT"):
        command.picture_size(text)


@pytest.mark.parametrize("size", [(37, 33), (150, 90)])
def test_pictures_have_the_size_and_are_always_the_same(size, photographs, tmp_path):
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in paths:
        pictures.write_blurry(path, size, photographs)
    first, second = (read_image(str(path)).pixels for path in paths)
    assert first.shape == (size[1], size[0], 3)
    assert np.array_equal(first, second)
    assert 60 < first.mean() < 200
    assert first.std() < 60  # the noise of the sharp ones, 74, was blurred


def test_a_folder_without_pictures_is_told(tmp_path):
    with pytest.raises(OSError, match="expected sharp pictures"):
        pictures.write_blurry(tmp_path / "a.png", (40, 40), tmp_path)


def test_rows_fit_the_head():
    head = command.head_lines()
    row = table.row_line(table.Row("paper", "40x40", FIGURES))
    assert row == (
        "| paper | 40x40 | 6.12 | 3.00 | 0.01 | 2.00 | 0.50 | 0.02 | 2.53 | 4.50 | 800 MiB | 123 "
        "| 70 | 300 |"
    )
    assert {line.count("|") for line in (*head, row)} == {len(table.HEAD) + 1}


def stub(answer, status=0):
    """Return a worker that checks what it is asked and answers so."""
    code = (
        "import json, os, sys\n"
        "request = json.load(sys.stdin)\n"
        "assert os.path.isfile(request['source']) and request['repeat'] == 2, request\n"
        "print('something that a library says')\n"
        f"print({answer!r})\n"
        f"print('the reason', file=sys.stderr); sys.exit({status})"
    )
    return [sys.executable, "-S", "-c", code]


def parsed(photographs, *more):
    arguments = ["speed", "--pairs", "paper", "--sizes", "40x36", "48x32", "--repeat", "2"]
    arguments += ["--pictures", str(photographs), *more]
    return evaluation.build_parser().parse_args(arguments)


def test_each_pair_and_size_is_measured_in_a_process(photographs, tmp_path, capsys):
    file = tmp_path / "speed.csv"
    answer = json.dumps(FIGURES.__dict__)
    assert command.run(parsed(photographs, "--csv", str(file)), stub(answer)) == 0
    printed = capsys.readouterr().out
    assert "| paper | 40x36 | 6.12 |" in printed
    assert "| paper | 48x32 | 6.12 |" in printed
    assert "random weights" in printed
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["size"] for row in rows] == ["40x36", "48x32"]
    assert float(rows[0]["synthesis_seconds"]) == 0.5
    assert int(rows[0]["peak_memory_bytes"]) == FIGURES.peak_memory


@pytest.mark.parametrize(
    ("worker_command", "message"),
    [
        (stub("", status=3), r"paper, 40x36: .* status 3: the reason"),
        (stub("no figures"), "expected figures from the measuring process"),
        (stub("{}"), "expected figures from the measuring process"),
    ],
)
def test_a_measurement_that_fails_says_why(worker_command, message, photographs):
    with pytest.raises(BenchmarkError, match=message):
        command.run(parsed(photographs), worker_command)


class Stub:
    """A deblurrer that remembers how often it was called."""

    calls = 0

    def __call__(self, pixels):
        self.calls += 1
        seconds = {"analysis": 8.0 - self.calls, "synthesis": 1.0 + self.calls}
        return SimpleNamespace(image=pixels, kernel=np.ones((3, 3)) / 9, seconds=seconds)


def test_the_best_of_the_repeated_pictures_counts(photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "product_rate", lambda dtype: float(dtype[-2:]))
    target = tmp_path / "out.png"
    request = worker.Request("compact", str(photographs / "a.png"), str(target), 3, time.time())
    deblurrer = Stub()
    figures = worker.measure(request, lambda pair: (deblurrer, pair, lambda: 5.0))
    assert deblurrer.calls == 4
    assert target.exists()
    assert figures.weights == "compact"
    assert figures.stages["analysis"] == 4.0  # of the fourth call
    assert figures.stages["synthesis"] == 3.0  # of the second
    assert figures.first > 9.0
    assert figures.convolutions == 5.0
    assert figures.products == {"float32": 32.0, "bfloat16": 16.0}
    assert 0 <= figures.start < 60


def test_a_picture_that_cannot_be_deblurred_ends_the_measurement(tmp_path):
    request = worker.Request("compact", str(tmp_path / "none.png"), "", 1, time.time())
    with pytest.raises(RuntimeError, match="cannot be read"):
        worker.measure(request, lambda pair: (Stub(), pair, lambda: 5.0))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_peak_memory_is_no_less_than_what_is_held():
    assert worker.peak_memory() >= 0.9 * psutil.Process().memory_info().rss


def test_rates_are_positive():
    assert rates.product_rate("float32", side=8) > 0
    assert rates.product_rate("bfloat16", side=8) > 0
