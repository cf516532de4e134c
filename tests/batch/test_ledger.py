"""What a run counts, says and tells its sinks."""

from types import SimpleNamespace

import pytest

from deblurnets.batch.ledger import Ledger, open_sinks
from deblurnets.batch.report import NOT_DONE, Record, RunStart
from deblurnets.batch.sources import InputError

DONE = Record("a", "x", seconds={"total": 1.5}, notes=("a note",))
FAILED = Record("b", status="failed", reason="it is damaged", notes=("not said",))
SKIPPED = Record("c", "y", "skipped")


def sink_that_keeps(told, name="the report r"):
    return SimpleNamespace(name=name, add=lambda *given: told.append(given), close=told.append)


def sink_that_fails(name):
    def fail(*_):
        raise OSError(28, "No space left on device")

    return SimpleNamespace(name=name, add=fail, close=fail)


def test_everything_is_counted_said_and_told(capsys):
    told = []
    ledger = Ledger(RunStart.now(["-i", "x"]), [sink_that_keeps(told)])
    ledger.add(DONE, "before", "after", "kernel")
    ledger.add(FAILED)
    ledger.add(SKIPPED)
    assert ledger.close(ledger.summarise("out")) == 1
    output = capsys.readouterr()
    assert output.err == "a: a note\nb: it is damaged\n"
    summary = "1 deblurred, 1 failed, 1 skipped, 1.50 seconds per picture, results in out\n"
    assert output.out == summary
    *pictures, run = told
    assert pictures == [
        (DONE.to_dict(), "before", "after", "kernel"),
        (FAILED.to_dict(), None, None, None),
        (SKIPPED.to_dict(), None, None, None),
    ]
    counts = [run[name] for name in ("done", "failed", "skipped", "exit_status", "arguments")]
    assert counts == [1, 1, 1, 1, ["-i", "x"]]


def test_a_sink_that_fails_is_named_once_and_costs_nothing_else(capsys):
    told = []
    sinks = [sink_that_fails("one"), sink_that_keeps(told), sink_that_fails("two")]
    ledger = Ledger(RunStart.now([]), sinks)
    ledger.add(SKIPPED)
    ledger.add(SKIPPED)
    assert ledger.close(ledger.summarise("out")) == 1
    assert len(told) == 3
    assert capsys.readouterr().err.splitlines() == [
        f"{name} cannot be written ([Errno 28] No space left on device)" for name in ("one", "two")
    ]


def test_a_sink_that_fails_at_the_end_changes_the_status(capsys):
    def fail(_):
        raise OSError("full")

    sink = SimpleNamespace(name="r", add=lambda *_: None, close=fail)
    for status, expected in ((0, 1), (1, 1), (130, 130)):
        assert Ledger(RunStart.now([]), [sink]).close(status) == expected
    assert capsys.readouterr().err == "r cannot be written (full)\n" * 3


@pytest.mark.parametrize(
    "left, summary",
    [(None, "interrupted, 0 deblurred, "), (0, "interrupted, 0 not deblurred, 0 deblurred, ")],
)
def test_an_interrupted_run(capsys, left, summary):
    ledger = Ledger(RunStart.now([]))
    assert ledger.summarise("out", interrupted=True, left=left) == 130
    ledger.add(Record("d", status=NOT_DONE))
    assert ledger.close(130) == 130
    assert capsys.readouterr().out.startswith(summary)


def test_all_is_well(capsys):
    ledger = Ledger(RunStart.now([]))
    ledger.add(SKIPPED)
    assert ledger.close(ledger.summarise("out")) == 0
    assert capsys.readouterr().out == "0 deblurred, 0 failed, 1 skipped\n"


def test_a_sink_that_cannot_be_opened_is_wrong_usage():
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    assert open_sinks({"gallery": (None, refuse), "report": ("r", str.upper)}) == ["R"]
    with pytest.raises(InputError, match=r"^r: --report cannot be written \(Permission denied\)$"):
        open_sinks({"report": ("r", refuse)})
