"""Samples made ahead, with the kernels that the tool estimates."""

import shutil

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.imaging.psf import cosine
from deblurnets.simulation.trajectory import random_shake
from deblurnets.training.estimates import aligned, estimate_samples
from deblurnets.training.photographs import Photographs
from deblurnets.training.sample_store import Estimates
from deblurnets.training.samples import SampleConfig, draw_sample

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def estimates(pack, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "estimates"
    samples = SampleConfig(crop=96, grid=17, extent=(3, 12))
    estimate_samples(pack, folder, samples, seed=3, count=3, workers=0)
    return folder


def test_estimates_end_where_a_run_was_stopped(estimates, tmp_path):
    shutil.copytree(estimates, tmp_path / "copy")
    np.lib.format.open_memmap(tmp_path / "copy" / "kernels.npy", "r+")[2] = 0
    assert len(Estimates(estimates)) == 3
    assert len(Estimates(tmp_path / "copy")) == 2


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
        index = number % 3
        wanted = {
            "estimate": kept.kernels(index)[int(exact)],
            "kernel": kept.kernels(index)[1],
            "blurry": kept.pictures(index)[0],
            "sharp": kept.pictures(index)[1],
            "start": kept.start(index, exact),
        }
        assert sample["blurry"].shape == (48, 48, 3)
        assert any(is_part_of(sample, wanted, i, mirror) for i in range(4) for mirror in (0, 1))


def is_part_of(sample, wanted, turns, mirrored):
    """Tell whether a sample is the same part of all of these pictures, turned alike."""
    places = []
    for name, whole in wanted.items():
        whole = np.rot90(whole, turns)
        whole = whole[:, ::-1] if mirrored else whole
        part, side = sample[name], len(sample[name])
        starts = whole[: len(whole) - side + 1, : len(whole) - side + 1] == part[0, 0]
        starts = starts.all(axis=2) if starts.ndim == 3 else starts
        places.append(
            {
                (top, left, len(whole))
                for top, left in np.argwhere(starts).tolist()
                if np.array_equal(whole[top : top + side, left : left + side], part)
            }
        )
    return all(places) and len(set.union(*places[2:])) == 1


def test_a_hopeless_estimate_is_replaced_by_the_true_kernel(pack, estimates):
    config = SampleConfig(
        crop=48, grid=17, exact=0, similarity_threshold=1, estimates=str(estimates)
    )
    sample = draw_sample(Photographs(pack), config, 1, 0)
    assert np.array_equal(sample["estimate"], sample["kernel"])


def test_a_share_of_estimated_samples_is_grey(pack, estimates):
    config = SampleConfig(crop=48, grid=17, grey=1, estimates=str(estimates))
    sample = draw_sample(Photographs(pack), config, 1, 0)
    for name in ("blurry", "sharp", "start"):
        assert np.ptp(sample[name], axis=2).max() == 0
        assert np.ptp(sample[name]) > 50


def test_a_moved_kernel_is_put_back_to_the_eighth_of_a_pixel():
    kernel = random_shake(np.random.RandomState(2), 33, (12, 12))
    moved = np.maximum(ndimage.shift(kernel, (1.3, -2.6), order=3), 0)
    assert cosine(moved, kernel) < 0.6
    assert cosine(aligned(moved, kernel), kernel) > 0.98
