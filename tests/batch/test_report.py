"""Records and the files they go to."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from deblurnets.batch.pipeline import run_jobs
from deblurnets.batch.plan import Job
from deblurnets.batch.report import Record, RunStart, open_report, record_of

FIELDS = (
    "source target status reason notes width height depth source_bytes target_bytes kernel_size "
    "kernel_centre confidence blurred verdict seconds"
)
RUN_FIELDS = "deblurnets python backend started finished arguments done failed skipped exit_status"


def deblur(pixels, alpha=None):
    kernel = np.zeros((9, 9), np.float32)
    kernel[4, 3:6] = 0.25
    kernel[4, 5] = 0.5
    return SimpleNamespace(
        image=pixels,
        kernel=kernel,
        confidence=np.float32(0.75),
        blurred=np.bool_(True),
        seconds={"analysis": 1.5, "synthesis": 0.25},
    )


def outcome_of(tmp_path, data, name="x.png"):
    (tmp_path / name).write_bytes(data)
    outcomes = []
    job = Job(str(tmp_path / name), str(tmp_path / ("out_" + name)))
    run_jobs([job], deblur, outcomes.append)
    return outcomes[0]


def test_record_of_a_picture_that_is_done(tmp_path):
    data = files.png_bytes(files.gradient(dtype=np.uint16))
    outcome = outcome_of(tmp_path, data)
    fields = record_of(outcome).to_dict()
    assert " ".join(fields) == FIELDS
    seconds = fields.pop("seconds")
    assert json.loads(json.dumps(fields)) == {
        "source": str(tmp_path / "x.png"),
        "target": str(tmp_path / "out_x.png"),
        "status": "done",
        "reason": None,
        "notes": [],
        "width": 32,
        "height": 24,
        "depth": 16,
        "source_bytes": len(data),
        "target_bytes": (tmp_path / "out_x.png").stat().st_size,
        "kernel_size": 3,
        "kernel_centre": [0.0, 0.25],
        "confidence": 0.75,
        "blurred": True,
        "verdict": "blurred",
    }
    assert list(seconds) == ["decode", "analysis", "synthesis", "encode", "total"]
    assert (seconds["analysis"], seconds["synthesis"]) == (1.5, 0.25)
    parts = [value for name, value in seconds.items() if name != "total"]
    assert abs(seconds["total"] - sum(parts)) < 0.001
    json.dumps(seconds)


def test_record_of_a_failure(tmp_path):
    fields = record_of(outcome_of(tmp_path, b"rubbish")).to_dict()
    assert " ".join(fields) == FIELDS
    known = {name: value for name, value in fields.items() if value not in (None, [])}
    assert known == {
        "source": str(tmp_path / "x.png"),
        "status": "failed",
        "reason": "the content is not PNG, JPEG, TIFF, BMP or WebP",
        "source_bytes": 7,
    }
    (tmp_path / "x.png").unlink()
    job = Job(str(tmp_path / "x.png"), str(tmp_path / "y.png"))
    outcomes = []
    run_jobs([job], deblur, outcomes.append)
    assert record_of(outcomes[0]).source_bytes is None


def test_json_lines_grow_picture_by_picture(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text("an older report\n")
    report = open_report(str(path))
    assert path.read_text() == ""
    for number in range(3):
        report.add(Record(f"{number}.png").to_dict(), None, None, None)
        lines = path.read_text().splitlines()
        assert [json.loads(line)["source"] for line in lines] == [
            f"{n}.png" for n in range(number + 1)
        ]
    before = path.read_bytes()
    report.close({})
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_a_full_disk_leaves_whole_lines(tmp_path):
    code = """
import resource, sys
from deblurnets.batch.report import Record, open_report
report = open_report("r.jsonl")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for number in range(5):
    try:
        report.add(Record(f"{number}.png").to_dict(), None, None, None)
    except OSError:
        print(number, end=" ")
"""
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    failed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=str(tmp_path),
        env=environment,
        check=True,
        timeout=60,
        stdout=subprocess.PIPE,
    ).stdout.split()
    with open(str(tmp_path / "r.jsonl"), encoding="utf-8") as file:
        kept = [json.loads(line)["source"] for line in file]
    assert failed
    assert kept == [f"{n}.png" for n in range(5) if str(n).encode() not in failed]


def test_json_comes_whole_at_the_end(tmp_path):
    path = tmp_path / "r.json"
    report = open_report(str(path))
    report.add(Record("a.png", status="skipped", reason="x").to_dict(), None, None, None)
    assert os.listdir(str(tmp_path)) == []
    report.close({"done": 0})
    content = json.loads(path.read_text())
    assert content["run"] == {"done": 0}
    assert [record["source"] for record in content["pictures"]] == ["a.png"]
    assert os.listdir(str(tmp_path)) == ["r.json"]


@pytest.mark.parametrize("name", ["r.json", "r.jsonl"])
def test_names_that_are_not_utf8(tmp_path, name):
    source = os.fsdecode(b"caf\xe9\n.png")
    report = open_report(str(tmp_path / name))
    report.add(Record(source).to_dict(), None, None, None)
    report.close({})
    content = json.loads((tmp_path / name).read_text(encoding="utf-8"))
    record = content if name.endswith("l") else content["pictures"][0]
    assert record["source"] == source


@pytest.mark.parametrize("name", ["r.json", "r.jsonl"])
def test_what_cannot_be_written_is_found_at_the_start(tmp_path, name):
    with pytest.raises(OSError, match="No such file"):
        open_report(str(tmp_path / "none" / name))
    (tmp_path / name).mkdir()
    with pytest.raises(OSError, match="directory"):
        open_report(str(tmp_path / name))


def test_the_run():
    start = RunStart.now(["-i", "x"])
    run = start.finish(3, 2, 1, exit_status=1)
    assert " ".join(run) == RUN_FIELDS
    assert [run[name] for name in ("done", "failed", "skipped", "exit_status")] == [3, 2, 1, 1]
    assert run["arguments"] == ["-i", "x"]
    for name in ("started", "finished"):
        assert datetime.strptime(run[name], "%Y-%m-%dT%H:%M:%S+00:00")
    json.dumps(run)


def test_the_backend_is_named_once_it_is_loaded(monkeypatch):
    start = RunStart.now([])
    module = SimpleNamespace(description=lambda: "tensorflow 9.9")
    monkeypatch.setitem(sys.modules, "deblurnets.backend", module)
    assert start.finish(0, 0, 0, 0)["backend"] == "tensorflow 9.9"
    monkeypatch.delitem(sys.modules, "deblurnets.backend")
    assert start.finish(0, 0, 0, 0)["backend"] is None


def test_the_module_loads_no_framework():
    code = (
        "import sys, deblurnets.batch.report\n"
        "assert not {'tensorflow', 'keras', 'pyvips'} & set(sys.modules)"
    )
    root = str(Path(__file__).resolve().parents[2])
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=60)
