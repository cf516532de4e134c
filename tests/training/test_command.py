"""The command: the loop, resume, export, and what is refused."""

import contextlib
import csv
import functools
import itertools
import json
import os
import signal

import numpy as np
import pytest
from tiny_training import arguments

from deblurnets.training import __main__ as command
from deblurnets.training import loop

pytestmark = pytest.mark.usefixtures("eager")


@pytest.mark.training
def test_a_resumed_run_ends_where_an_unbroken_one_does(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LoopConfig", functools.partial(loop.LoopConfig, log_steps=2))
    command.main(arguments("synthesis", pack, tmp_path / "whole", 4))
    # The schedule depends on the number of steps, so the broken run is stopped, not shortened.
    answers = iter([False, True])
    stopping = contextlib.nullcontext(lambda: next(answers))
    monkeypatch.setattr(command, "stop_on_signal", lambda: stopping)
    command.main(arguments("synthesis", pack, tmp_path / "broken", 4))
    with np.load(tmp_path / "broken" / "checkpoint.npz") as broken:
        assert int(broken["step"]) == 2
    monkeypatch.setattr(command, "stop_on_signal", lambda: contextlib.nullcontext(lambda: False))
    command.main(arguments("synthesis", pack, tmp_path / "broken", 4))
    with np.load(tmp_path / "whole" / "checkpoint.npz") as whole, np.load(
        tmp_path / "broken" / "checkpoint.npz"
    ) as broken:
        assert int(whole["step"]) == int(broken["step"]) == 4
        for name in set(whole.files) - {"seconds"}:
            assert np.allclose(whole[name], broken[name], rtol=0, atol=1e-6), name
    logs = [(tmp_path / run / "log.csv").read_text().splitlines() for run in ("whole", "broken")]
    assert [[line.split(",")[0] for line in log] for log in logs] == [["step", "2", "4"]] * 2


def test_signals_ask_for_a_stop_and_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with command.stop_on_signal() as stop_requested:
        assert not stop_requested()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop_requested()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_checkpoint_of_another_network_is_refused(pack, tmp_path):
    command.main(arguments("synthesis", pack, tmp_path, 1))
    with pytest.raises(ValueError, match="another configuration"):
        command.main(arguments("analysis", pack, tmp_path, 2))


@pytest.mark.parametrize(
    "step, expected", [(0, 1e-3 / 200), (199, 1e-3), (2999, 1e-3), (6500, 5e-4), (10_000, 0)]
)
def test_the_schedule_rises_holds_and_falls(step, expected):
    assert loop.learning_rate(loop.LoopConfig(), step) == pytest.approx(expected, rel=1e-3)


@pytest.mark.training
def test_a_run_by_the_clock_ends_by_the_clock(pack, tmp_path, monkeypatch):
    config = loop.LoopConfig(seconds=100, learning_rate=1.0, warmup=0)
    rates = [loop.learning_rate(config, 10**6, seconds) for seconds in (0, 30, 65, 100)]
    assert rates == pytest.approx([1, 1, 0.5, 0])
    clock = itertools.count(step=10)
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(clock)))
    command.main([*arguments("analysis", pack, tmp_path, 10**6), "--seconds", "100"])
    with np.load(tmp_path / "checkpoint.npz") as checkpoint:
        assert int(checkpoint["step"]) < 10
        assert float(checkpoint["seconds"]) >= 100


def test_cuda_graphs_need_pytorch_and_a_new_folder(pack, tmp_path, monkeypatch):
    run = [*arguments("analysis", pack, tmp_path, 1), "--cuda_graph"]
    with pytest.raises(SystemExit, match="KERAS_BACKEND=torch"):
        command.main(run)
    (tmp_path / loop.CHECKPOINT).write_bytes(b"")
    monkeypatch.setattr("deblurnets.backend.description", lambda: "torch 0")
    with pytest.raises(SystemExit, match="runs by --cuda_graph are not resumed"):
        command.main(run)
    assert (tmp_path / loop.CHECKPOINT).read_bytes() == b""


def test_samples_that_are_not_known_are_refused(pack, tmp_path):
    with pytest.raises(SystemExit, match=r"--samples: .*'gird'"):
        command.main([*arguments("analysis", pack, tmp_path, 1), "--samples", '{"gird": 17}'])


@pytest.mark.parametrize("kind", ["analysis", "synthesis"])
def test_an_exported_network_computes_what_the_trained_one_did(kind, pack, tmp_path):
    from deblurnets.weights import files as weights

    command.main(arguments(kind, pack, tmp_path, 1))
    command.main(["export", str(tmp_path), str(tmp_path / "weights.h5")])
    half = getattr(weights, f"load_{kind}")(tmp_path / "weights.h5")
    with np.load(tmp_path / "checkpoint.npz") as trained:
        for i, variable in enumerate(half.network.variables):
            # Stored as float16.
            assert np.allclose(variable.numpy(), trained[f"{i:04d}"], rtol=1e-3, atol=1e-6)


PAPER_NETWORKS = {
    "analysis": {"max_shift": 8, "levels": 2, "filters": 4, "features": 3, "head": [4]},
    "synthesis": {"kernel_size": 17, "levels": 2, "filters": 6, "convolutions": 1},
}


@pytest.mark.training
@pytest.mark.parametrize("half", ["analysis", "synthesis"])
def test_the_paper_s_networks_train_and_are_exported(half, pack, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LoopConfig", functools.partial(loop.LoopConfig, log_steps=1))
    run = ["paper", half, str(pack), str(tmp_path / "run"), "--crop", "64", "--workers", "0"]
    run += ["--network", json.dumps(PAPER_NETWORKS[half]), "--learning_rate", "0.01"]
    command.main([*run, "--steps", "1", "--batch", "2"])
    with np.load(tmp_path / "run" / "checkpoint.npz") as arrays:
        first = {name: arrays[name] for name in arrays.files}
    command.main([*run, "--steps", "2", "--batch", "2"])
    with np.load(tmp_path / "run" / "checkpoint.npz") as arrays:
        assert int(arrays["step"]) == 2
        assert any(not np.array_equal(arrays[name], first[name]) for name in first)
    with open(tmp_path / "run" / "log.csv", newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 2 and np.isfinite(losses).all()
    command.main(["export", str(tmp_path / "run"), str(tmp_path / "weights.h5")])
    assert (tmp_path / "weights.h5").stat().st_size > 0
    card = (tmp_path / "weights.md").read_text()
    assert f"paper_{half}" in card
    assert "2 steps" in card
