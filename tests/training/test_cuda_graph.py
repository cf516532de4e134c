"""The PyTorch twin of the analysis network computes what the network does, and trains it."""

import csv

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from deblurnets.backend import ops  # noqa: E402
from deblurnets.networks.analysis import AnalysisConfig, build_analysis  # noqa: E402
from deblurnets.training import loop  # noqa: E402
from deblurnets.training.cuda_graph import GraphedStep  # noqa: E402
from deblurnets.training.losses import AnalysisTrainer  # noqa: E402
from deblurnets.training.twin import AnalysisTwin  # noqa: E402

CONFIG = AnalysisConfig(grid=17, steps=(2, 1), widths=(4, 6, 8), decoder_widths=(4, 5, 6))
SIDE = 64


@pytest.fixture(autouse=True)
def one_thread():
    """More wait for each other where others compute too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def network():
    """A network with random weights: the last layers of a new one are zero."""
    rng = np.random.RandomState(0)
    network = build_analysis(CONFIG)
    network.set_weights([0.2 * rng.randn(*w.shape) for w in network.get_weights()])
    return network


def batch(size=3, seed=0, linear_view=False):
    rng = np.random.RandomState(seed)
    kernel = rng.rand(size, 17, 17) ** 8
    made = {
        name: rng.randint(0, 256, (size, SIDE, SIDE, 3)).astype(np.uint8)
        for name in ("blurry", "sharp")
    }
    made["kernel"] = (kernel / kernel.sum((1, 2), keepdims=True)).astype(np.float32)
    if linear_view:
        made["linear_view"] = (np.arange(size) % 2).astype(np.float32)
    return made


def tensors(arrays):
    return {name: torch.tensor(value) for name, value in arrays.items()}


def test_the_twin_gives_the_networks_results(network):
    twin = AnalysisTwin(network, SIDE)
    planes = twin.view(tensors(batch())["blurry"])
    expected = network(planes.permute(0, 2, 3, 1).numpy())
    received = twin(planes)
    assert len(received) == len(expected) == 3
    for theirs, ours in zip(received, expected):
        for name in ("kernel", "logits", "sharp", "unit", "deviation"):
            difference = theirs[name].detach().numpy() - ops.convert_to_numpy(ours[name])
            assert np.abs(difference).max() < 2e-3, name


@pytest.mark.parametrize("linear_view", [False, True])
def test_the_twin_has_the_trainers_loss(network, linear_view):
    given = batch(linear_view=linear_view)
    expected = AnalysisTrainer(network)(given)
    received = AnalysisTwin(network, SIDE).loss(tensors(given))
    for name, value in received.items():
        mean = float(np.mean(ops.convert_to_numpy(expected[name])))
        assert float(value.detach()) == pytest.approx(mean, rel=1e-4), name


def test_a_step_that_is_not_finite_is_left_out(network):
    twin = AnalysisTwin(network, SIDE)
    steps = GraphedStep(twin)
    steps.step(batch(), 1e-3)
    before = [w.detach().clone() for w in twin.weights]
    broken = batch()
    broken["kernel"][0, 5, 5] = float("nan")
    steps.step(broken, 1e-3)
    after = [w.detach() for w in twin.weights]
    assert all(bool(torch.isfinite(w).all()) for w in after)
    # Adam goes on by its momentum, no further.
    assert max(float((a - b).abs().max()) for a, b in zip(after, before)) < 2e-3


def test_training_goes_down_and_leaves_a_checkpoint_for_export(network, tmp_path):
    twin = AnalysisTwin(network, SIDE)
    settings = loop.LoopConfig(steps=30, learning_rate=3e-3, warmup=1, log_steps=5)
    loop.train(GraphedStep(twin), iter(batch, None), settings, tmp_path, 0)
    with open(tmp_path / "log.csv") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 6
    assert losses[-1] < 0.8 * losses[0]
    other = build_analysis(CONFIG)
    assert loop.load_network(other, tmp_path) == 30
    for expected, received in zip(twin.weights, other.get_weights()):
        np.testing.assert_array_equal(expected.detach().numpy(), received)


def test_later_batches_do_not_change_the_first(network):
    steps = GraphedStep(AnalysisTwin(network, SIDE))
    first, kept = batch(), batch()
    steps.step(first, 0.0)
    steps.step(batch(seed=1), 0.0)
    assert all(np.array_equal(first[name], kept[name]) for name in kept)


def test_a_side_that_the_network_does_not_take_is_named(network):
    with pytest.raises(ValueError, match="multiple of 8 pixels, got 60"):
        AnalysisTwin(network, 60)


def test_half_precision_stays_near(network):
    planes = AnalysisTwin(network, SIDE).view(tensors(batch())["blurry"])
    exact, half = (AnalysisTwin(network, SIDE, half=half)(planes)[-1] for half in (False, True))
    assert float((exact["kernel"] - half["kernel"]).abs().sum((1, 2)).max().detach()) < 0.3
