"""The PyTorch twin of the analysis network computes what the network does, and trains it."""

import csv

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from deblurnets.backend import ops  # noqa: E402
from deblurnets.networks.analysis import AnalysisConfig, build_analysis  # noqa: E402
from deblurnets.training import loop  # noqa: E402
from deblurnets.training.losses import AnalysisTrainer  # noqa: E402
from deblurnets.training.on_device.cuda_graph import GraphedStep, train_by_cuda_graph  # noqa: E402
from deblurnets.training.on_device.twin import AnalysisTwin  # noqa: E402

CONFIG = AnalysisConfig(grid=17, steps=(2, 1), widths=(4, 6, 8), decoder_widths=(4, 5, 6))
SIDE = 64


@pytest.fixture
def network():
    """A network with random weights: the last layers of a new one are zero."""
    rng = np.random.RandomState(0)
    network = build_analysis(CONFIG)
    network.set_weights([0.2 * rng.randn(*w.shape) for w in network.get_weights()])
    return network


def batch(size=3, seed=0):
    rng = np.random.RandomState(seed)
    kernel = rng.rand(size, 17, 17) ** 8
    planes = {
        name: rng.rand(size, SIDE, SIDE, 3).astype(np.float32) for name in ("blurry", "sharp")
    }
    kernel = kernel / kernel.sum((1, 2), keepdims=True)
    return {**planes, "kernel": kernel.astype(np.float32)}


def tensors(arrays):
    return {name: torch.tensor(value) for name, value in arrays.items()}


def grey(arrays):
    from deblurnets.training.on_device.cuda_graph import grey_batch

    return grey_batch(tensors(arrays))


def test_the_twin_gives_the_networks_results(network):
    arrays = grey(batch())
    expected = network(arrays["blurry"].permute(0, 2, 3, 1).numpy())
    received = AnalysisTwin(network, SIDE)(arrays["blurry"])
    assert len(received) == len(expected) == 3
    for theirs, ours in zip(received, expected):
        for name in ("kernel", "logits", "sharp", "unit", "deviation"):
            difference = theirs[name].detach().numpy() - ops.convert_to_numpy(ours[name])
            assert np.abs(difference).max() < 2e-3, name


def test_the_twin_has_the_trainers_loss(network):
    expected = AnalysisTrainer(network)(batch())
    received = AnalysisTwin(network, SIDE).loss(grey(batch()))
    for name, value in received.items():
        mean = float(np.mean(ops.convert_to_numpy(expected[name])))
        assert float(value.detach()) == pytest.approx(mean, rel=1e-4), name


def test_a_step_that_is_not_finite_is_left_out(network):
    twin = AnalysisTwin(network, SIDE)
    step = GraphedStep(twin, grey(batch()))
    step(grey(batch()), 1e-3)
    before = [w.detach().clone() for w in twin.weights]
    broken = grey(batch())
    broken["blurry"][0, 0, 5, 5] = float("nan")
    step(broken, 1e-3)
    after = [w.detach() for w in twin.weights]
    assert all(bool(torch.isfinite(w).all()) for w in after)
    # Adam goes on by its momentum, no further.
    assert max(float((a - b).abs().max()) for a, b in zip(after, before)) < 2e-3


def test_training_goes_down_and_leaves_a_checkpoint_for_export(network, tmp_path):
    twin = AnalysisTwin(network, SIDE)
    stream = iter(lambda: tensors(batch()), None)
    settings = loop.LoopConfig(steps=30, learning_rate=3e-3, warmup=1, log_steps=5)
    assert train_by_cuda_graph(twin, stream, settings, tmp_path) == 30
    with open(tmp_path / "log.csv") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 6
    assert losses[-1] < 0.8 * losses[0]
    other = build_analysis(CONFIG)
    assert loop.load_network(other, tmp_path) == 30
    for expected, received in zip(twin.weights, other.get_weights()):
        np.testing.assert_array_equal(expected.detach().numpy(), received)


def test_a_side_that_the_network_does_not_take_is_named(network):
    with pytest.raises(ValueError, match="multiple of 8 pixels, got 60"):
        AnalysisTwin(network, 60)


def test_half_precision_stays_near(network):
    planes = grey(batch())["blurry"]
    exact, half = (AnalysisTwin(network, SIDE, half=half)(planes)[-1] for half in (False, True))
    assert float((exact["kernel"] - half["kernel"]).abs().sum((1, 2)).max().detach()) < 0.3
