"""Both networks trained together: the picture's loss goes through the kernel."""

import json

import numpy as np
import pytest
from tiny_training import CLEAN, NETWORKS, SAMPLES, arguments

from deblurnets.training import __main__ as command
from deblurnets.training.kinds import build_network, build_trainer
from deblurnets.training.loop import compile_trainer
from deblurnets.training.losses import in_unit_range
from deblurnets.training.pair import Pair
from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import SampleConfig
from deblurnets.training.stream import make_batch
from deblurnets.weights import files as weights

tf = pytest.importorskip("tensorflow")

PAPER = {
    "analysis": {"max_shift": 8, "levels": 2, "filters": 4, "features": 3, "head": [4]},
    "synthesis": {"kernel_size": 17, "levels": 2, "filters": 6, "convolutions": 1},
}


pytestmark = [pytest.mark.training, pytest.mark.usefixtures("eager")]


def samples(pack, size=4, **settings):
    values = {**SAMPLES, "crop": 64, "gamma": 0.5, "conditions": True, **settings}
    return make_batch(Photographs(pack), SampleConfig.from_values(values), 3, 0, size)


def random_pair(kind="pair", settings=NETWORKS["pair"]):
    """A pair with random weights: the last layers of new ones are zero and hold gradients back."""
    config, pair = build_network(kind, json.dumps(settings))
    rng = np.random.RandomState(0)
    for network in (pair.analysis, pair.synthesis):
        network.set_weights([0.05 * rng.randn(*w.shape) for w in network.get_weights()])
    return config, pair


def slopes(pair, loss):
    """Largest gradient of a loss in each of the analysis network's variables, by path."""
    # A softmax does not change when all that it is given rises.
    idle = "decoder/exit/bias"
    variables = [v for v in pair.analysis.trainable_variables if not v.path.endswith(idle)]
    with tf.GradientTape() as tape:
        value = loss()
    found = tape.gradient(value, [v.value for v in variables])
    return {
        v.path: 0.0 if g is None else float(tf.reduce_max(tf.abs(g)))
        for v, g in zip(variables, found)
    }


def test_the_picture_s_loss_reaches_every_part_of_the_analysis_network(pack):
    batch = samples(pack, size=2)
    _, pair = random_pair()
    trainer = build_trainer("pair", pair)
    found = slopes(pair, lambda: tf.reduce_mean(trainer(batch)["picture_loss"]))
    assert all(0 < slope < np.inf for slope in found.values()), found
    # Trained alone each step is given the kernel of the one before.
    alone = build_trainer("analysis", pair.analysis)
    last = slopes(
        pair, lambda: tf.reduce_sum(alone.estimate(in_unit_range(batch))[-1]["kernel"] ** 2)
    )
    assert all((slope > 0) == ("scale_1" in path) for path, slope in last.items()), last


def test_the_paper_s_picture_reaches_its_analysis_network(pack):
    batch = samples(pack, size=2)
    _, pair = build_network("paper_pair", json.dumps(PAPER))
    trainer = build_trainer("paper_pair", pair)
    found = slopes(pair, lambda: tf.reduce_mean(trainer(batch)["picture_loss"]))
    assert sum(slope > 0 for slope in found.values()) > len(found) / 2, found


def test_the_weight_counts_the_kernel(pack):
    batch = samples(pack, size=2)
    _, pair = random_pair()
    figures = {
        n: v.numpy() for n, v in build_trainer("pair", pair, kernel_weight=0.25)(batch).items()
    }
    expected = figures["picture_loss"] + 0.25 * figures["kernel_loss"]
    assert np.allclose(figures["loss"], expected)
    assert (figures["kernel_loss"] > 0).all()


def test_both_halves_are_exported_and_start_another_run(pack, tmp_path):
    files = [tmp_path / "a.h5", tmp_path / "s.h5"]
    command.main(arguments("pair", pack, tmp_path / "run", 1))
    with pytest.raises(SystemExit, match=r"2 file.*analysis and synthesis"):
        command.main(["export", str(tmp_path / "run"), str(files[0])])
    command.main(["export", str(tmp_path / "run"), *map(str, files)])
    halves = [weights.load_analysis(files[0]).network, weights.load_synthesis(files[1]).network]
    stored = [variable.numpy() for half in halves for variable in half.variables]
    with np.load(tmp_path / "run" / "checkpoint.npz") as trained:
        for i, values in enumerate(stored):
            assert np.allclose(values, trained[f"{i:04d}"], rtol=1e-3, atol=1e-6)  # float16
    assert "end to end" in (tmp_path / "a.md").read_text()
    starts = ["--analysis", str(files[0]), "--synthesis", str(files[1]), "--learning_rate", "0"]
    command.main([*arguments("pair", pack, tmp_path / "next", 1), *starts])
    with np.load(tmp_path / "next" / "checkpoint.npz") as begun:
        assert all(np.array_equal(values, begun[f"{i:04d}"]) for i, values in enumerate(stored))


def test_the_paper_s_pair_trains_and_is_exported(pack, tmp_path):
    run = ["paper", "pair", str(pack), str(tmp_path / "run"), "--network", json.dumps(PAPER)]
    command.main([*run, "--steps", "1", "--batch", "2", "--crop", "64", "--workers", "0"])
    files = [tmp_path / "a.h5", tmp_path / "s.h5"]
    command.main(["export", str(tmp_path / "run"), *map(str, files)])
    _, again = build_network("paper_pair", json.dumps(PAPER), "float32", *files)
    assert isinstance(again, Pair)
    with np.load(tmp_path / "run" / "checkpoint.npz") as trained:
        for i, variable in enumerate(again.variables):
            assert np.array_equal(variable.numpy(), trained[f"{i:04d}"])


def test_halves_that_do_not_fit_are_told():
    wrong = {**PAPER, "synthesis": {**PAPER["synthesis"], "kernel_size": 19}}
    with pytest.raises(ValueError, match=r"have 17 pixels .* takes those of 19"):
        build_network("paper_pair", json.dumps(wrong))
    with pytest.raises(ValueError, match='"analysis" and "synthesis"'):
        build_network("pair", json.dumps(NETWORKS["synthesis"]))


def test_the_picture_alone_teaches_the_analysis_network(pack):
    batch = samples(pack, size=2, **CLEAN)
    _, pair = build_network("pair", json.dumps(NETWORKS["pair"]))
    pair.synthesis.trainable = False  # new, it returns its start: only the kernel can get better
    trainer = build_trainer("pair", pair, kernel_weight=0.0)
    compile_trainer(trainer)
    figures = [trainer.step(batch, 1e-2) for _ in range(4)]
    first, last = figures[0], figures[-1]
    assert float(last["picture_loss"]) < 0.98 * float(first["picture_loss"])
    assert float(last["similarity"]) > float(first["similarity"]) + 0.05
