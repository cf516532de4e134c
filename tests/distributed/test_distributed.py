"""What needs no cluster: listing, workers, attempts, places, wrong usage."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cluster_pictures as pictures
import pytest

from deblurnets.batch.ledger import Ledger
from deblurnets.batch.report import Record, RunStart
from deblurnets.batch.sources import InputError
from deblurnets.cli import main as cli
from deblurnets.cli.options import chosen_networks
from deblurnets.distributed import __main__ as command
from deblurnets.distributed.attempts import TRIES, Attempts
from deblurnets.distributed.listing import DONE_TOGETHER, Piece, list_pieces
from deblurnets.distributed.places import Folder, check_apart, open_place
from deblurnets.distributed.run import follow
from deblurnets.distributed.worker import NOT_LOADED, Task, Worker

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pictures.make_pictures(folder)
    return folder


def new_ledger():
    return Ledger(RunStart.now([]))


def make_worker(source, target, load):
    attempts = Attempts()
    return Worker(Task(source, target, load), attempts.begin, attempts.end), attempts


def test_the_pictures_are_those_of_the_command_line(tree, tmp_path):
    passed_over = ["deep_kernel.png", "deep_kernel.npy", f"below/previews-{32 * 'a'}/1.jpg"]
    for name in (*passed_over, ".hidden/a.png", "below/._a.png", "alone_kernel.png"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).touch()
    (tree / "self").symlink_to("self")
    pieces = list_pieces(Folder(str(tree)), Folder(str(tmp_path / "out")), "_deblurred")
    listed = [name for piece in pieces for name in piece.names]
    naming = cli.Naming(str(tmp_path / "out"), "_deblurred")
    plan = cli.plan_run(str(tree), naming, recursive=True)
    expected = {os.path.relpath(job.source, str(tree)) for job in plan.jobs}
    assert set(listed) == expected
    assert len(listed) == len(expected)
    assert "alone_kernel.png" in expected and not set(passed_over) & expected


def test_folders_are_listed_one_by_one_as_they_are_needed(tree, tmp_path):
    asked = []

    class Watched(Folder):
        def list(self, folder):
            asked.append(folder)
            return super().list(folder)

    pieces = list_pieces(Watched(str(tree)), Folder(str(tmp_path / "out")), "_deblurred")
    assert next(pieces).names == ("deep.png",)
    assert asked == [""]
    next(pieces)
    assert asked == ["", "below"]


def test_what_is_done_travels_in_large_pieces(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    for folder, suffix in ((source, ""), (target, "_deblurred")):
        folder.mkdir()
        for number in range(DONE_TOGETHER + 1):
            (folder / f"{number}{suffix}.png").touch()
    pieces = list(list_pieces(Folder(str(source)), Folder(str(target)), "_deblurred"))
    assert [(len(piece.names), piece.done) for piece in pieces] == [
        (DONE_TOGETHER, True),
        (1, True),
    ]


def test_links_in_a_loop_end(tree, tmp_path):
    (tree / "below" / "up").symlink_to(tree, target_is_directory=True)
    pieces = list_pieces(Folder(str(tree)), Folder(str(tmp_path / "out")), "")
    names = [name for piece in pieces for name in piece.names]
    assert len(names) == len(set(names)) == 11


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may list everything")
def test_a_folder_that_cannot_be_listed_is_a_failure(tree, tmp_path):
    (tree / "below").chmod(0)
    try:
        pieces = list(list_pieces(Folder(str(tree)), Folder(str(tmp_path / "out")), ""))
    finally:
        (tree / "below").chmod(0o755)
    assert pieces[-1].problem == "the folder cannot be listed (Permission denied)"


def test_a_worker_writes_what_the_command_line_writes(tree, tmp_path, monkeypatch):
    assert cli.main(["-i", str(tree), "-o", str(tmp_path / "alone"), "--recursive"], alone) == 1
    worker, _ = make_worker(Folder(str(tree)), Folder(str(tmp_path / "out")), pictures.loader())
    names = ("deep.png", "below/alpha.png", "below/é/grey.tif", "below/000.png", "below/camera.jpg")
    for name in names:
        (record,) = worker.work(Piece((name,)))
        assert record["status"] == "done"
        result = Path(record["target"])
        expected = tmp_path / "alone" / result.relative_to(tmp_path / "out")
        assert result.read_bytes() == expected.read_bytes()
        assert record["target_bytes"] == result.stat().st_size
        assert record["source_bytes"] == (tree / name).stat().st_size


def alone(_):
    return pictures.loader()()


def test_a_damaged_picture_is_a_row(tree, tmp_path):
    worker, attempts = make_worker(
        Folder(str(tree)), Folder(str(tmp_path / "out")), pictures.loader()
    )
    (record,) = worker.work(Piece(("below/damaged.png",)))
    assert record["status"] == "failed"
    assert "damaged or cut short" in record["reason"]
    assert attempts.begin("below/damaged.png") == 1  # its worker lived: nothing is counted


def test_a_picture_that_kills_its_worker_fails_in_the_end(tree, tmp_path):
    attempts = Attempts()

    class Killed(BaseException):
        pass

    def die():
        raise Killed

    task = Task(Folder(str(tree)), Folder(str(tmp_path / "out")), pictures.loader(die))
    for _ in range(TRIES):
        with pytest.raises(Killed):
            Worker(task, attempts.begin, attempts.end).work(Piece(("below/003.png",)))
    (record,) = Worker(task, attempts.begin, attempts.end).work(Piece(("below/003.png",)))
    assert record["status"] == "failed"
    assert record["reason"] == "its worker died 3 times while working on it"


def test_what_is_done_needs_no_networks(tree, tmp_path):
    def never():
        raise AssertionError("the networks were loaded for nothing")

    worker, _ = make_worker(Folder(str(tree)), Folder(str(tmp_path / "out")), never)
    records = worker.work(Piece(("a.png", "b.png"), done=True))
    assert [record["status"] for record in records] == ["skipped", "skipped"]


def test_networks_that_cannot_be_loaded_end_the_run_with_a_sentence(tree, tmp_path, capsys):
    def load():
        raise OSError("no weights\nhere")

    worker, _ = make_worker(Folder(str(tree)), Folder(str(tmp_path / "out")), load)
    records = worker.work(Piece(("deep.png",)))
    assert records == [{NOT_LOADED: "no weights here"}]
    assert follow(iter(records), new_ledger(), "out") == 1
    assert "The networks cannot be loaded: no weights here" in capsys.readouterr().err


def test_a_run_counts_and_tells(capsys):
    records = [
        Record("a", "x").to_dict(),
        Record("b", status="failed", reason="it is damaged").to_dict(),
        Record("c", "y", "skipped").to_dict(),
    ]
    assert follow(iter(records), new_ledger(), "out") == 1
    output = capsys.readouterr()
    assert output.out == "1 deblurred, 1 failed, 1 skipped, results in out\n"
    assert "b: it is damaged" in output.err


def test_progress_is_shown_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert follow(iter([Record("a", "x").to_dict()]), new_ledger(), "out") == 0
    assert "0picture" in terminal.getvalue()


def test_an_interrupted_run_says_so(capsys):
    def records():
        yield Record("a", "x").to_dict()
        raise KeyboardInterrupt

    assert follow(records(), new_ledger(), "out") == 130
    assert capsys.readouterr().out.startswith("interrupted, 1 deblurred")


def test_a_report_as_parquet_has_the_fields_of_a_record(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    from deblurnets.distributed.run import open_report

    stages = dict.fromkeys(("decode", "analysis", "synthesis", "encode", "total"), 0.5)
    full = Record("a", "x", notes=("n",), width=3, kernel_centre=(0.0, 1.5), seconds=stages)
    records = [full.to_dict(), Record("b", status="failed", reason="damaged").to_dict()]
    report = open_report(str(tmp_path / "r.parquet"))
    for record in records:
        report.add(record, None, None, None)
    report.close({})
    assert parquet.read_table(tmp_path / "r.parquet").to_pylist() == records
    assert os.listdir(tmp_path) == ["r.parquet"]


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_places_inside_each_other_are_refused(tmp_path, names):
    first, second = (Folder(str(tmp_path / name)) for name in names)
    with pytest.raises(InputError, match="must lie outside"):
        check_apart(first, second)
    check_apart(Folder(str(tmp_path / "a")), Folder(str(tmp_path / "ab")))


@pytest.mark.parametrize("query", ["", "?scheme=http&endpoint_override=127.0.0.1:1"])
def test_both_stores_are_opened_by_one_layer(query):
    pytest.importorskip("pyarrow.fs", reason="pyarrow is not installed")
    for uri in ("gs://anonymous@bucket/in/", "s3://key:secret@bucket/in"):
        region = "&region=us-east-1" if query else "?region=us-east-1"
        place = open_place(uri + query + (region if uri.startswith("s3") else ""))
        assert place.path("a/b.png") == f"{uri[:5]}bucket/in/a/b.png"


def test_an_unknown_scheme_is_named():
    with pytest.raises(InputError, match="received ftp://"):
        open_place("ftp://somewhere/in")


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["-i", "missing", "-o", "out"], "missing: no such folder"),
        (["-i", ".", "-o", "./out"], "must lie outside"),
        (["-i", "missing", "-o", "out", "-s", "a/b"], "cannot hold '/'"),
        (["-i", ".", "-o", "o", "--report", "r.json"], "must be .jsonl or .parquet"),
        (["-i", ".", "-o", "o", "--workers", "0"], "at least 1, received 0"),
    ],
)
def test_wrong_usage_is_told_without_a_cluster(arguments, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 2
    assert reason in capsys.readouterr().err


def test_the_networks_are_loaded_as_by_the_command_line(monkeypatch):
    from deblurnets.deblurrer import Deblurrer

    made = []
    monkeypatch.setattr(
        Deblurrer, "from_pretrained", lambda *names, **options: made.append((names, options))
    )
    arguments = command.build_parser().parse_args(["-i", "a", "-o", "b", "--model", "paper"])
    cli.load_deblurrer(chosen_networks(arguments))
    ((names, options),) = made
    assert names == ("paper",)
    assert options["blind"]


def test_help_is_fast():
    code = (
        "import sys\nfrom deblurnets.distributed.__main__ import main\nmain(['-h'])\n"
        "heavy = {'numpy', 'ray', 'pyarrow', 'tensorflow', 'pyvips'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=str(ROOT), check=True, capture_output=True)


def test_records_of_workers_are_json(tree, tmp_path):
    worker, _ = make_worker(Folder(str(tree)), Folder(str(tmp_path / "out")), pictures.loader())
    (text,) = worker.work_json(Piece(("deep.png",)))
    assert json.loads(text)["depth"] == 16
