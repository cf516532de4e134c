from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import itertools
import json
import os
import shutil
import signal

import h5py
import numpy as np
import pytest
import scipy.signal
from PIL import Image
from scipy import ndimage
from tiny_training import SAMPLES, arguments, make_pack

from deblurnets.estimation.quality import QualityModel
from deblurnets.imaging.psf import fit_grid
from deblurnets.imaging.srgb import GREY
from deblurnets.simulation.kernel_errors import perturb_kernel
from deblurnets.simulation.trajectory import random_shake
from deblurnets.training import __main__ as command
from deblurnets.training import loop
from deblurnets.training.estimates import Estimates, aligned, estimate_samples, similarity
from deblurnets.training.photographs import Photographs, pack_photographs
from deblurnets.training.quality_samples import (
    KERNELS,
    Oracle,
    quality_batches,
    write_quality_samples,
)
from deblurnets.training.samples import (
    SampleConfig,
    convolve_valid,
    draw_sample,
    generator,
    photographed,
)
from deblurnets.training.stream import batches
from deblurnets.weights.files import CONFIG_ATTRIBUTE


@pytest.fixture(autouse=True)
def eager():
    """Tracing a graph costs far more than the few tiny steps of a test."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return make_pack(tmp_path_factory.mktemp("photographs"))


def test_a_pack_gives_the_photographs_back(pack):
    photographs = Photographs(pack)
    assert len(photographs) == 3
    original = np.asarray(Image.open(pack.parent / "1.png"))
    assert np.array_equal(photographs[1], original)


def test_a_folder_without_photographs_is_named(tmp_path):
    with pytest.raises(ValueError, match="has no photographs"):
        pack_photographs(tmp_path, tmp_path / "pack")


def test_convolve_valid_is_the_convolution():
    rng = np.random.RandomState(1)
    picture = rng.rand(30, 41, 2).astype(np.float32)
    kernel = rng.rand(7, 7).astype(np.float32)
    expected = np.stack(
        [scipy.signal.convolve2d(picture[..., c], kernel, "valid") for c in range(2)], -1
    )
    assert np.allclose(convolve_valid(picture, kernel), expected, atol=1e-4)


def test_samples_are_what_a_camera_would_give(pack):
    config = SampleConfig(
        crop=48, grid=17, extent=(3, 12), noise=(0, 0), linear=0, jpeg=0, saturation=0
    )
    sample = draw_sample(Photographs(pack), config, seed=3, number=7)
    blurred = convolve_valid(sample["sharp"], sample["kernel"])
    # Equal inside, up to the rounding to 8 bits.
    assert np.abs(blurred - sample["blurry"][8:-8, 8:-8]).max() < 0.51 / 255 + 1e-5


def test_a_turning_camera_blurs_by_another_kernel_away_from_the_middle(pack):
    def error(degrees):
        config = SampleConfig(
            crop=48, grid=17, extent=(3, 12), noise=(0, 0), linear=0, jpeg=0, saturation=0
        )
        config = dataclasses.replace(config, turned=1.0, degrees=(degrees, degrees))
        sample = draw_sample(Photographs(pack), config, seed=3, number=7)
        assert sample["kernel"].sum() == pytest.approx(1)
        blurred = convolve_valid(sample["sharp"], sample["kernel"])
        # A kernel is drawn with the blur of an optics, which the camera here does not have.
        blurry = ndimage.gaussian_filter(sample["blurry"], (0.5, 0.5, 0))
        return np.abs(blurred - blurry[8:-8, 8:-8]).mean()

    assert error(0) < 0.5 * error(8)


def test_samples_depend_on_seed_and_number_alone(pack):
    config = SampleConfig(**{**SAMPLES, "extent": (3, 12)})
    photographs = Photographs(pack)
    first = draw_sample(photographs, config, 1, 2)
    again = draw_sample(photographs, config, 1, 2)
    other = draw_sample(photographs, config, 1, 3)
    assert all(np.array_equal(first[n], again[n]) for n in first)
    assert not np.array_equal(first["blurry"], other["blurry"])


def test_workers_do_not_change_the_stream(pack):
    config = SampleConfig(**{**SAMPLES, "extent": (3, 12)})
    alone = batches(pack, config, 5, first=4, size=2, workers=0)
    helped = batches(pack, config, 5, first=4, size=2, workers=1)
    for _ in range(2):
        expected, got = next(alone), next(helped)
        assert all(np.array_equal(expected[n], got[n]) for n in expected)
    helped.close()


def test_perturbed_kernels_are_kernels_further_off_with_strength():
    from deblurnets.simulation.trajectory import random_shake

    distances = []
    for strength in (0.0, 0.3, 1.0):
        rng, total = np.random.RandomState(0), 0.0
        for _ in range(20):
            kernel = random_shake(rng, 33, (8, 25))
            faulty = perturb_kernel(kernel, rng, strength)
            assert faulty.min() >= 0
            assert faulty.sum() == pytest.approx(1, abs=1e-4)
            total += np.abs(faulty - kernel).sum()
        distances.append(total)
    assert distances[0] == 0
    assert distances[0] < distances[1] < distances[2]


@pytest.mark.parametrize("kind", ["analysis", "synthesis", "pair"])
def test_a_resumed_run_ends_where_an_unbroken_one_does(kind, pack, tmp_path, monkeypatch):
    command.main(arguments(kind, pack, tmp_path / "whole", 4))
    # The schedule depends on the number of steps, so the broken run is stopped, not shortened.
    answers = iter([False, True])
    stopping = contextlib.nullcontext(lambda: next(answers))
    monkeypatch.setattr(command, "stop_on_signal", lambda: stopping)
    command.main(arguments(kind, pack, tmp_path / "broken", 4))
    with np.load(tmp_path / "broken" / "checkpoint.npz") as broken:
        assert int(broken["step"]) == 2
    monkeypatch.undo()
    command.main(arguments(kind, pack, tmp_path / "broken", 4))
    with np.load(tmp_path / "whole" / "checkpoint.npz") as whole, np.load(
        tmp_path / "broken" / "checkpoint.npz"
    ) as broken:
        assert int(whole["step"]) == int(broken["step"]) == 4
        for name in set(whole.files) - {"seconds"}:
            assert np.allclose(whole[name], broken[name], rtol=0, atol=1e-6), name


def test_signals_ask_for_a_stop_and_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with command.stop_on_signal() as stop_requested:
        assert not stop_requested()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop_requested()
    assert signal.getsignal(signal.SIGTERM) is before


def test_training_lowers_the_loss(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LoopConfig", functools.partial(loop.LoopConfig, log_steps=10))
    command.main([*arguments("synthesis", pack, tmp_path, 60), "--learning_rate", "0.003"])
    with open(tmp_path / "log.csv", newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 6
    assert np.mean(losses[3:]) < np.mean(losses[:3])


def test_a_checkpoint_of_another_network_is_refused(pack, tmp_path):
    command.main(arguments("synthesis", pack, tmp_path, 1))
    with pytest.raises(ValueError, match="another configuration"):
        command.main(arguments("analysis", pack, tmp_path, 2))


@pytest.mark.parametrize(
    "step, expected", [(0, 1e-3 / 200), (199, 1e-3), (2999, 1e-3), (6500, 5e-4), (10_000, 0)]
)
def test_the_schedule_rises_holds_and_falls(step, expected):
    assert loop.learning_rate(loop.LoopConfig(), step) == pytest.approx(expected, rel=1e-3)


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


GPU = ("--on_device", "--cuda_graph")


def test_samples_on_the_device_need_pytorch(pack, tmp_path):
    with pytest.raises(SystemExit, match="KERAS_BACKEND=torch"):
        command.main([*arguments("analysis", pack, tmp_path, 1), "--on_device"])
    with pytest.raises(SystemExit):
        command.main([*arguments("analysis", pack, tmp_path, 1), "--kernels_by", "run"])
    with pytest.raises(SystemExit, match="add --on_device"):
        command.main([*arguments("analysis", pack, tmp_path, 1), "--cuda_graph"])
    with pytest.raises(SystemExit):
        command.main([*arguments("analysis", pack, tmp_path, 1), *GPU, "--formats", "[]"])
    (tmp_path / loop.CHECKPOINT).write_bytes(b"")
    with pytest.raises(SystemExit, match="captured runs are not resumed"):
        command.main([*arguments("analysis", pack, tmp_path, 1), *GPU])
    assert (tmp_path / loop.CHECKPOINT).read_bytes() == b""


@pytest.mark.parametrize("kind", ["analysis", "synthesis"])
def test_an_exported_network_computes_what_the_trained_one_did(kind, pack, tmp_path):
    from deblurnets.weights import files as weights

    command.main(arguments(kind, pack, tmp_path, 2))
    command.main(["export", str(tmp_path), str(tmp_path / "weights.h5")])
    half = getattr(weights, f"load_{kind}")(tmp_path / "weights.h5")
    with np.load(tmp_path / "checkpoint.npz") as trained:
        for i, variable in enumerate(half.network.variables):
            # Stored as float16.
            assert np.allclose(variable.numpy(), trained[f"{i:04d}"], rtol=1e-3, atol=1e-6)


def made_in_two_runs(make, path, tolerance=0):
    """Make a file of rows, once whole and once more after its last row was lost."""
    with pytest.MonkeyPatch.context() as patch:  # on several threads sums round differently
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("TF_NUM_INTRAOP_THREADS", "1")
        make()
        rows = np.lib.format.open_memmap(path, "r+")
        whole = rows.copy()
        rows[-1] = 0  # as if stopped before
        make()
    np.testing.assert_allclose(np.load(path), whole, rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def estimates(pack):
    """A folder of estimates, made in two runs."""
    folder = pack.parent / "estimates"
    samples = SampleConfig(crop=96, grid=17, extent=(3, 12))
    make = functools.partial(estimate_samples, pack, folder, samples, seed=3, count=3)
    made_in_two_runs(make, folder / "kernels.npy")
    return folder


def test_estimates_end_where_a_run_was_stopped(estimates, tmp_path):
    shutil.copytree(estimates, tmp_path / "copy")
    np.lib.format.open_memmap(tmp_path / "copy" / "kernels.npy", "r+")[2] = 0
    assert len(Estimates(estimates)) == 3
    assert len(Estimates(tmp_path / "copy")) == 2


@pytest.fixture(scope="module")
def quality_samples(pack):
    """What a quality network learns from, made in two runs."""
    folder = pack.parent / "quality_samples"
    samples = SampleConfig(crop=128, grid=17, extent=(3, 12))
    make = functools.partial(write_quality_samples, pack, folder, samples, seed=3, count=2)
    made_in_two_runs(make, folder / "gains.npy", tolerance=1e-4)
    return folder


@pytest.mark.parametrize("exact", [False, True])
def test_estimated_samples_carry_the_tool_s_own_kernels(pack, estimates, exact):
    config = SampleConfig(
        crop=48,
        grid=17,
        exact=float(exact),
        similarity_threshold=0,
        grey=0,
        estimates=str(estimates),
    )
    kept = Estimates(estimates)
    photographs = Photographs(pack)
    for number in range(4):
        sample = draw_sample(photographs, config, 1, number)
        row = number % 3
        wanted = {
            "estimate": kept.kernels(row)[int(exact)],
            "kernel": kept.kernels(row)[1],
            "blurry": kept.pictures(row)[0] / np.float32(255),
            "sharp": kept.pictures(row)[1] / np.float32(255),
            "start": kept.start(row, exact) / np.float32(255),
        }
        assert sample["blurry"].shape == (48, 48, 3)
        assert any(is_part_of(sample, wanted, i, mirror) for i in range(4) for mirror in (0, 1))


def is_part_of(sample, wanted, turns, mirrored):
    """Tell whether a sample is the same part of all of these pictures, turned alike."""
    places = []
    for name, whole in wanted.items():
        whole = np.rot90(whole, turns)
        whole = whole[:, ::-1] if mirrored else whole
        side = len(sample[name])
        rows = range(len(whole) - side + 1)
        places.append(
            {
                (row, column, len(whole))
                for row in rows
                for column in rows
                if np.allclose(whole[row : row + side, column : column + side], sample[name])
            }
        )
    return all(places) and len(set.union(*places[2:])) == 1


def test_a_pair_does_not_take_kernels_estimated_ahead():
    with pytest.raises(ValueError, match='leave "estimates" out'):
        SampleConfig(estimates="estimates", conditions=True)


def test_a_hopeless_estimate_is_replaced_by_the_true_kernel(pack, estimates):
    config = SampleConfig(
        crop=48, grid=17, exact=0, similarity_threshold=1, estimates=str(estimates)
    )
    sample = draw_sample(Photographs(pack), config, 1, 0)
    assert np.array_equal(sample["estimate"], sample["kernel"])


def test_a_moved_kernel_is_put_back_to_the_eighth_of_a_pixel():
    kernel = random_shake(np.random.RandomState(2), 33, (12, 12))
    moved = np.maximum(ndimage.shift(kernel, (1.3, -2.6), order=3), 0)
    assert similarity(moved, kernel) < 0.6
    assert similarity(aligned(moved, kernel), kernel) > 0.98


def test_an_uneven_sample_is_not_explained_by_its_kernel_alone(pack):
    def residual(uneven):
        config = SampleConfig(
            crop=96, grid=17, extent=(10, 12), linear=0, noise=(0, 0), jpeg=0, saturation=0,
            uneven=uneven,
        )  # fmt: skip
        sample, _ = photographed(Photographs(pack), config, generator(4, 2))
        blurry = convolve_valid(sample["sharp"], sample["kernel"])
        return np.std(blurry - sample["blurry"][8:-8, 8:-8])

    rounding = 1 / 255 / np.sqrt(12)
    assert residual(0) == pytest.approx(rounding, rel=0.1)
    assert residual(1) > 1.5 * rounding


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


def test_an_examiner_knows_the_gain_of_the_true_kernel(pack):
    sample, _ = photographed(
        Photographs(pack), SampleConfig(crop=128, grid=17, linear=0, noise=(0, 0)), generator(1, 2)
    )
    blurry, sharp = (np.ascontiguousarray(sample[n] @ GREY) for n in ("blurry", "sharp"))
    dot = fit_grid(np.ones((1, 1), np.float32), 17)
    oracle = Oracle(sharp)
    quality_model = QualityModel(oracle, crop=128)
    true, none = quality_model(blurry, [sample["kernel"], dot])
    assert true.gain > 2
    assert true.domain == "gamma"
    assert abs(none.gain) < 0.5
    assert quality_model(blurry, [dot], ["linear"])[0].domain == "linear"
    assert len(oracle.gains) == 4 + 1  # both in both domains, then one
    assert oracle.gains[0] == pytest.approx(true.gain)
    assert np.abs(oracle.errors[0]).mean() < 0.02
    for picture in (oracle.blurry, *oracle.results, *oracle.errors):
        assert picture.shape == (64, 64)


def test_a_quality_network_learns_and_is_exported(quality_samples, tmp_path, monkeypatch):
    from deblurnets.weights.files import load_quality

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


PAPER_NETWORKS = {
    "analysis": {"max_shift": 8, "levels": 2, "filters": 4, "features": 3, "head": [4]},
    "synthesis": {"kernel_size": 17, "levels": 2, "filters": 6, "convolutions": 1},
}


def train_paper(half, pack, run, steps):
    arguments = ["paper", half, str(pack), str(run), "--steps", str(steps), "--batch", "2"]
    network = ["--network", json.dumps(PAPER_NETWORKS[half])]
    rate = ["--learning_rate", "0.01"]
    command.main([*arguments, *network, *rate, "--crop", "64", "--workers", "0"])


@pytest.mark.parametrize("half", ["analysis", "synthesis"])
def test_the_paper_s_networks_train_resume_and_are_exported(half, pack, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LoopConfig", functools.partial(loop.LoopConfig, log_steps=1))
    train_paper(half, pack, tmp_path / "run", 2)
    with np.load(tmp_path / "run" / "checkpoint.npz") as arrays:
        first = {name: arrays[name] for name in arrays.files}
    train_paper(half, pack, tmp_path / "run", 4)
    with np.load(tmp_path / "run" / "checkpoint.npz") as arrays:
        assert int(arrays["step"]) == 4
        assert any(not np.array_equal(arrays[name], first[name]) for name in first)
    with open(tmp_path / "run" / "log.csv", newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert np.isfinite(losses).all()
    command.main(["export", str(tmp_path / "run"), str(tmp_path / "weights.h5")])
    assert (tmp_path / "weights.h5").stat().st_size > 0
    card = (tmp_path / "weights.md").read_text()
    assert f"paper_{half}" in card
    assert "4 steps" in card
