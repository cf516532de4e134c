"""Steps lower the losses; pictures come as bytes."""

import json

import numpy as np
import pytest
from tiny_training import NETWORKS, SAMPLES

from deblurnets.backend import keras, ops
from deblurnets.training import loop
from deblurnets.training.kinds import build_network, build_trainer
from deblurnets.training.losses import in_unit_range
from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import SampleConfig
from deblurnets.training.stream import make_batch


def batch_of(pack, **settings):
    return make_batch(Photographs(pack), SampleConfig.from_values({**SAMPLES, **settings}), 3, 0, 2)


@pytest.mark.training
@pytest.mark.parametrize("kind, least", [("analysis", 0.5), ("synthesis", 0.05)])
def test_steps_on_a_batch_lower_its_loss(kind, least, pack):
    keras.utils.set_random_seed(1)
    _, network = build_network(kind, json.dumps(NETWORKS[kind]))
    batch = batch_of(pack, start=kind == "synthesis")
    trainer = build_trainer(kind, network)
    loop.compile_trainer(trainer)
    losses = [float(trainer.step(batch, 3e-3)["loss"]) for _ in range(24)]
    assert losses[-1] < losses[0] - least


def test_bytes_are_pictures_in_0_to_1(pack):
    batch = batch_of(pack, conditions=True)
    received = in_unit_range({name: ops.convert_to_tensor(value) for name, value in batch.items()})
    for name, value in batch.items():
        expected = value / np.float32(255) if name in ("blurry", "sharp") else value
        np.testing.assert_allclose(ops.convert_to_numpy(received[name]), expected, rtol=1e-6)


def test_an_analysis_network_is_shown_linear_light_where_asked_for(pack):
    _, network = build_network("analysis", json.dumps(NETWORKS["analysis"]))
    trainer = build_trainer("analysis", network)
    batch = batch_of(pack)
    gamma = trainer(batch)
    mixed = trainer({**batch, "linear_view": np.array([0, 1], np.float32)})
    same, other = (ops.convert_to_numpy(mixed["loss"] - gamma["loss"])[i] for i in range(2))
    assert abs(same) < 1e-5 < abs(other)
