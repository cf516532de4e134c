"""A batch split over two devices trains what one device trains. JAX sees one processor as two."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_training import arguments

from deblurnets.training import __main__ as command

SMALL = ["--network", '{"widths": [4], "strengths": [0.01], "rhos": [0.01]}']  # compiles sooner
ROOT = Path(__file__).resolve().parents[2]

# Trains one after the other in one process, and tells on how many devices the weights lie.
SCRIPT = """
import json, sys
from deblurnets.training import __main__ as command, loop

train = loop.train

def tell(trainer, *rest):
    train(trainer, *rest)
    print("devices:", len(trainer.variables[0].value.sharding.device_set))

loop.train = tell
for line in json.loads(sys.argv[1]):
    try:
        command.main(line)
    except SystemExit as error:
        print("refused:", error)
"""


def on_jax(*lines):
    """Run command lines in a process whose JAX sees two devices; return what it printed."""
    environment = {
        **os.environ,
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # they take longer than the steps
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(lines)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.training
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_two_devices_train_what_one_does(pack, tmp_path):
    runs = {number: tmp_path / str(number) for number in ("1", "2", "3")}
    lines = {
        # Two samples on each of two devices: of one alone the gradient is as often near zero, where
        # rounding counts.
        number: [*arguments("synthesis", pack, run, 3), "--batch", "4", "--devices", number, *SMALL]
        for number, run in runs.items()
    }
    uneven = [*lines["2"], "--batch", "3"]
    output = on_jax(uneven, lines["3"], lines["2"], lines["1"])
    assert "refused: --devices: a batch of 3 cannot be split evenly over 2" in output
    assert "refused: --devices 3: JAX sees 2: cpu:0, cpu:1" in output
    assert output.index("devices: 2") < output.index("devices: 1")
    with np.load(runs["1"] / "checkpoint.npz") as one, np.load(runs["2"] / "checkpoint.npz") as two:
        assert int(one["step"]) == int(two["step"]) == 3
        for name in set(one.files) - {"seconds"}:
            # Weights, and the optimiser's means of gradients, which are as small as 1e-6.
            allowed = 1e-4 * np.abs(one[name]).max() + 1e-12
            assert np.abs(one[name] - two[name]).max() <= allowed, name


def test_another_framework_says_so(tmp_path):
    with pytest.raises(SystemExit, match=r"on JAX alone.*KERAS_BACKEND=jax"):
        command.main([*arguments("synthesis", tmp_path, tmp_path, 1), "--devices", "all"])


@pytest.mark.parametrize("wanted", ["0", "two", "-1"])
def test_a_number_of_devices_is_a_number(wanted, tmp_path, monkeypatch):
    from deblurnets import backend

    monkeypatch.setattr(backend, "description", lambda: "jax 0")
    with pytest.raises(SystemExit, match="from 1 on, or 'all', received"):
        command.main([*arguments("synthesis", tmp_path, tmp_path, 1), f"--devices={wanted}"])
