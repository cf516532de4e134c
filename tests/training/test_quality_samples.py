"""What the quality network learns from, and that it learns."""

import csv
import functools
import json

import h5py
import numpy as np
import pytest
from tiny_training import CLEAN

from deblurnets.estimation.quality import QualityModel
from deblurnets.imaging.psf import fit_grid
from deblurnets.imaging.srgb import GREY
from deblurnets.training import __main__ as command
from deblurnets.training import loop
from deblurnets.training.photographs import Photographs
from deblurnets.training.quality_samples import (
    KERNELS,
    Oracle,
    quality_batches,
    write_quality_samples,
)
from deblurnets.training.samples import SampleConfig, draw_photograph, generator
from deblurnets.weights.files import CONFIG_ATTRIBUTE, load_quality

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def quality_samples(pack, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "quality_samples"
    samples = SampleConfig(crop=128, grid=17, extent=(3, 12))
    write_quality_samples(pack, folder, samples, seed=3, count=2, workers=0)
    return folder


def test_quality_samples_hold_what_the_search_meets(quality_samples):
    pictures, errors = (np.load(quality_samples / name) for name in ("pictures.npy", "errors.npy"))
    gains = np.load(quality_samples / "gains.npy")
    assert (pictures.shape, pictures.dtype) == ((2, 1 + KERNELS, 64, 64), np.uint8)
    assert (errors.shape, errors.dtype) == ((2, KERNELS, 64, 64), np.int8)
    assert np.isfinite(gains).all()
    assert np.abs(gains).max() > 0.3
    batch = next(quality_batches(quality_samples, 48, 1, 0, 3, kept=0))
    for name in ("blurry", "restored", "error"):
        assert batch[name].shape == (3 * KERNELS, 48, 48, 1)
    assert set(batch["gain"]) <= set(gains.ravel())


def test_an_oracle_knows_the_gain_of_the_true_kernel(pack):
    config = SampleConfig(crop=128, grid=17, extent=(3, 12), gamma=1.0, **CLEAN)
    taken = draw_photograph(Photographs(pack), config, generator(1, 2))
    blurry, sharp = (
        np.ascontiguousarray(p @ GREY) for p in (taken.blurry / np.float32(255), taken.sharp)
    )
    dot = fit_grid(np.ones((1, 1), np.float32), 17)
    oracle = Oracle(sharp)
    quality_model = QualityModel(oracle, crop=128)
    true = quality_model(blurry, taken.kernel(17), "gamma").gain
    wrong_domain = quality_model(blurry, taken.kernel(17), "linear").gain
    none = quality_model(blurry, dot, "gamma").gain
    assert true > max(2, wrong_domain)
    assert abs(none) < 0.5
    assert oracle.gains == pytest.approx([true, wrong_domain, none])
    assert np.abs(oracle.errors[0]).mean() < 0.02
    for picture in (oracle.blurry, *oracle.results, *oracle.errors):
        assert picture.shape == (64, 64)


def test_a_quality_network_learns_and_is_exported(quality_samples, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LoopConfig", functools.partial(loop.LoopConfig, log_steps=10))
    command.main(
        [
            *("quality", str(quality_samples), str(tmp_path), "--steps", "60", "--batch", "2"),
            *("--network", '{"widths": [4, 8]}', "--dtype", "float32", "--learning_rate", "0.01"),
        ]
    )
    with open(tmp_path / "log.csv", newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert np.mean(losses[-2:]) < np.mean(losses[:2])
    command.main(["export", str(tmp_path), str(tmp_path / "quality.h5")])
    planes = np.zeros((1, 64, 64, 1), np.float32)
    assert load_quality(tmp_path / "quality.h5").predict(planes, planes, planes).shape == (1,)
    with h5py.File(tmp_path / "quality.h5", "r") as file:
        config = json.loads(file.attrs[CONFIG_ATTRIBUTE])["config"]
    assert config["widths"] == [4, 8]
