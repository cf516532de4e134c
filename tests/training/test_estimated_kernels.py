"""Kernels by an analysis run: `--kernels_by`; starts deconvolved in the step: `--on_device`."""

import json

import numpy as np
import pytest
from tiny_training import NETWORKS, SAMPLES, arguments

from deblurnets.backend import ops
from deblurnets.imaging.psf import cosine
from deblurnets.imaging.srgb import GREY, to_linear
from deblurnets.training import __main__ as command
from deblurnets.training import estimated_kernels, loop
from deblurnets.training.estimated_kernels import LatestAnalysis
from deblurnets.training.kinds import build_network, build_trainer
from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import SampleConfig
from deblurnets.training.stream import make_batch

pytestmark = pytest.mark.usefixtures("eager")


def batch_of(pack, **settings):
    config = SampleConfig.from_values({**SAMPLES, **settings})
    return make_batch(Photographs(pack), config, 3, 0, 6)


def write_run(folder, seed):
    """Write what an analysis run leaves, with random weights."""
    _, network = build_network("analysis", json.dumps(NETWORKS["analysis"]))
    rng = np.random.RandomState(seed)
    network.set_weights([0.1 * rng.randn(*w.shape) for w in network.get_weights()])
    folder.mkdir(exist_ok=True)
    description = {"kind": "analysis", "network": NETWORKS["analysis"]}
    (folder / "config.json").write_text(json.dumps(description))
    loop.save_checkpoint(network.variables, seed, folder)


def test_a_start_made_in_the_step_is_the_one_made_with_the_sample(pack):
    _, network = build_network("synthesis", json.dumps(NETWORKS["synthesis"]))
    trainer = build_trainer("synthesis", network)
    ahead, inside = (trainer(batch_of(pack, **{way: True})) for way in ("start", "conditions"))
    assert set(ahead) == set(inside)
    for name, values in ahead.items():
        difference = ops.convert_to_numpy(values) - ops.convert_to_numpy(inside[name])
        assert np.abs(difference).max() < 0.02, name  # dB, of a start rounded to 8 bits


def test_kernels_are_found_in_the_domain_of_the_blur_and_put_in_place(pack, tmp_path, monkeypatch):
    write_run(tmp_path / "run", 7)
    batch = batch_of(pack, conditions=True, exact=0.5, gamma=0.7)
    assert set(batch["linear"]) == {0.0, 1.0}
    # What a good network finds: somewhere else, with a softmax's tails.
    kernels = 0.9 * np.roll(batch["kernel"], (2, -1), (1, 2)) + 0.1 / 17**2
    seen = []

    def network(function, shapes):
        return lambda views: seen.append(views) or kernels

    monkeypatch.setattr(estimated_kernels, "numpy_function", network)
    received = LatestAnalysis(tmp_path / "run", 0.75)(batch)
    grey = batch["blurry"] / np.float32(255) @ GREY
    for view, plane, linear in zip(seen[0][..., 0], grey, batch["linear"]):
        assert np.abs(view - (to_linear(plane) if linear else plane)).max() < 1e-6
    exact = [np.array_equal(*k) for k in zip(batch["kernel"], batch["estimate"])]
    assert 0 < sum(exact) < 6
    for i, (estimate, true) in enumerate(zip(received["estimate"], batch["kernel"])):
        assert np.array_equal(estimate, true) == exact[i]
        assert cosine(estimate, true) > 0.99
        assert exact[i] or not np.array_equal(estimate, batch["estimate"][i])
    assert all(received[name] is batch[name] for name in set(batch) - {"estimate"})


def test_the_network_of_the_run_finds_them(pack, tmp_path):
    write_run(tmp_path / "run", 7)
    batch = batch_of(pack, conditions=True, gamma=1, exact=0)
    estimator = LatestAnalysis(tmp_path / "run", -1)
    estimator(batch)
    _, network = build_network("analysis", json.dumps(NETWORKS["analysis"]))
    loop.load_network(network, tmp_path / "run")
    views = (batch["blurry"] / np.float32(255) @ GREY)[..., None]
    expected = ops.convert_to_numpy(network(views, grid=17)[-1]["kernel"])
    assert np.abs(estimator._kernels(views) - expected).max() < 1e-4


def test_a_bad_kernel_is_not_taken(pack, tmp_path):
    write_run(tmp_path / "run", 7)
    batch = batch_of(pack, conditions=True)
    received = LatestAnalysis(tmp_path / "run", 1.01)(batch)
    assert np.array_equal(received["estimate"], batch["estimate"])


def test_a_newer_checkpoint_is_read(pack, tmp_path, capsys):
    write_run(tmp_path / "run", 7)
    batch = batch_of(pack, conditions=True, exact=0)
    estimator = LatestAnalysis(tmp_path / "run", -1, every=2)
    first = estimator(batch)["estimate"]
    write_run(tmp_path / "run", 8)
    estimator._read -= 1  # file systems count time coarsely
    assert np.array_equal(estimator(batch)["estimate"], first)
    assert not np.array_equal(estimator(batch)["estimate"], first)
    assert [line.split(" after ")[1] for line in capsys.readouterr().out.splitlines()] == [
        "7 steps",
        "8 steps",
    ]


def test_the_command_takes_them(pack, tmp_path, capsys):
    write_run(tmp_path / "a", 7)
    options = ["--on_device", "--kernels_by", str(tmp_path / "a")]
    command.main([*arguments("synthesis", pack, tmp_path / "s", 1), *options])
    assert "after 7 steps" in capsys.readouterr().out
    assert (tmp_path / "s" / loop.CHECKPOINT).exists()
    described = json.loads((tmp_path / "s" / "config.json").read_text())
    assert described["on_device"] and described["kernels_by"] == str(tmp_path / "a")
    assert described["samples"]["conditions"] and not described["samples"]["start"]


def test_what_cannot_be_done_is_refused(pack, tmp_path, capsys):
    synthesis = arguments("synthesis", pack, tmp_path / "s", 1)
    with pytest.raises(SystemExit):
        command.main([*synthesis, "--kernels_by", "run"])
    assert "--kernels_by comes with --on_device" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="holds no checkpoint of an analysis run"):
        command.main([*synthesis, "--on_device", "--kernels_by", str(tmp_path / "none")])
    for extra, sentence in (({"estimates": "x"}, "estimates"), ({"start": True}, "start")):
        with pytest.raises(SystemExit, match=f'--samples: .*leave "{sentence}" out'):
            command.main([*synthesis, "--on_device", "--samples", json.dumps(extra)])
    assert not (tmp_path / "s").exists()
