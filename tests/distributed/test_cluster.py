"""A real Ray cluster of two workers on this computer, with folders, S3 and Google Cloud Storage."""

import json
import os
import shutil

import cluster_pictures as pictures
import gs_server as gs
import pytest
import s3_server as s3

pytest.importorskip("ray", reason="ray is not installed")
pytest.importorskip("moto.server", reason="moto is not installed")

from deblurnets.cli import main as cli
from deblurnets.distributed import __main__ as command

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("two_workers")]


def deblurred_alone(work, count):
    """A tree with so many results, and what one process makes of it."""
    (work / "in").mkdir()
    pictures.make_pictures(work / "in", count - pictures.RESULTS_BESIDE)
    arguments = ["-i", str(work / "in"), "-o", str(work / "out"), "--recursive"]
    assert cli.main(arguments, lambda _: pictures.loader()()) == 1
    results = pictures.contents(work / "out")
    assert len(results) == count
    return work / "in", results


@pytest.fixture(scope="module")
def ten(tmp_path_factory):
    """Few pictures."""
    return deblurred_alone(tmp_path_factory.mktemp("ten"), 10)


@pytest.fixture(scope="module")
def sixty(tmp_path_factory):
    """So many that a worker is killed amid them."""
    return deblurred_alone(tmp_path_factory.mktemp("sixty"), 60)


def run(arguments, load, tmp_path):
    """Run the command with two workers; return its status and the report's rows by name."""
    report = tmp_path / "report.jsonl"
    status = command.main([*arguments, "--workers", "2", "--report", str(report)], load)
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    return status, rows


def statuses(rows, root):
    named = {os.path.relpath(row["source"], root): row["status"] for row in rows}
    assert len(named) == len(rows), "a picture is twice in the report"
    return named


def test_a_killed_worker_loses_nothing(sixty, tmp_path):
    original, expected = sixty
    source = tmp_path / "in"
    shutil.copytree(original, source)
    (tmp_path / "marks").mkdir()
    load = pictures.loader(pictures.killer(tmp_path / "marks", times=1))
    arguments = ["-i", str(source), "-o", str(tmp_path / "out")]
    status, rows = run(arguments, load, tmp_path)
    assert status == 1  # the damaged one
    assert len(os.listdir(tmp_path / "marks")) == 1, "no worker was killed"
    assert pictures.contents(tmp_path / "out") == expected
    states = statuses(rows, source)
    assert states.pop("below/damaged.png") == "failed"
    assert set(states.values()) == {"done"}
    assert len(states) == len(expected)

    def never():
        raise AssertionError("the networks were loaded for nothing")

    os.remove(source / "below" / "damaged.png")
    status, rows = run(arguments, never, tmp_path)
    assert status == 0
    states = statuses(rows, source)
    assert set(states.values()) == {"skipped"}
    assert len(states) == len(expected)


def test_a_picture_that_always_kills_its_worker_is_a_failed_row(ten, tmp_path):
    source, expected = ten
    (tmp_path / "marks").mkdir()
    load = pictures.loader(pictures.killer(tmp_path / "marks", times=100))
    status, rows = run(["-i", str(source / "below"), "-o", str(tmp_path / "out")], load, tmp_path)
    assert status == 1
    assert len(os.listdir(tmp_path / "marks")) == 3
    failed = {row["source"]: row["reason"] for row in rows if row["status"] == "failed"}
    reason = "its worker died 3 times while working on it"
    assert failed[str(source / "below" / "003.png")] == reason
    made = pictures.contents(tmp_path / "out")
    others = {name[6:]: data for name, data in expected.items() if name.startswith("below/")}
    del others["003_deblurred.png"]
    assert made == others


def test_s3_gives_what_folders_give(s3_store, sixty, tmp_path):
    client, query = s3_store
    source, expected = sixty
    s3.put_files(client, "in", pictures.contents(source))
    (tmp_path / "marks").mkdir()
    load = pictures.loader(pictures.killer(tmp_path / "marks", times=1))
    arguments = ["-i", s3.place("in", query), "-o", s3.place("out", query)]
    _, rows = run(arguments, load, tmp_path)
    made = s3.get_files(client, "out")
    assert made == expected
    done = [row for row in rows if row["status"] == "done"]
    assert {row["target"] for row in done} == {f"s3://{s3.BUCKET}/out/{name}" for name in expected}
    assert len(done) == len(expected)
    assert all(row["target_bytes"] == len(made[row["target"][16:]]) for row in done)

    def never():
        raise AssertionError("the networks were loaded for nothing")

    client.delete_object(Bucket=s3.BUCKET, Key="in/below/damaged.png")
    status, rows = run(arguments, never, tmp_path)
    assert status == 0
    assert {row["status"] for row in rows} == {"skipped"}


def test_google_cloud_storage_gives_what_folders_give(google_store, ten, tmp_path):
    store, query = google_store
    source, expected = ten
    gs.put_files(store, "run/in", pictures.contents(source))
    (tmp_path / "marks").mkdir()
    load = pictures.loader(pictures.killer(tmp_path / "marks", times=1))
    arguments = ["-i", gs.place("run/in", query), "-o", gs.place("run/out", query)]
    _, rows = run(arguments, load, tmp_path)
    assert gs.get_files(store, "run/out") == expected
    done = [row["target"] for row in rows if row["status"] == "done"]
    assert sorted(done) == sorted(f"gs://{gs.BUCKET}/run/out/{name}" for name in expected)
    _, rows = run(arguments, load, tmp_path)
    assert sorted(row["status"] for row in rows) == ["failed"] + len(expected) * ["skipped"]
