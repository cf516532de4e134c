"""Samples and batches of them: a pure function of seed and number, by any number of workers."""

import numpy as np
import pytest
from tiny_training import SAMPLES

from deblurnets.deconvolution.hyper_laplacian import hyper_laplacian
from deblurnets.imaging.noise import estimate_noise
from deblurnets.training.photographs import Photographs
from deblurnets.training.samples import SampleConfig, draw_sample
from deblurnets.training.stream import batches


def config(**settings):
    return SampleConfig.from_values({**SAMPLES, **settings})


def test_samples_depend_on_seed_and_number_alone(pack):
    photographs = Photographs(pack)
    first = draw_sample(photographs, config(), 1, 2)
    again = draw_sample(photographs, config(), 1, 2)
    other = draw_sample(photographs, config(), 1, 3)
    assert set(first) == {"blurry", "sharp", "kernel", "estimate"}
    assert first["blurry"].dtype == first["sharp"].dtype == np.uint8
    assert first["blurry"].shape == first["sharp"].shape == (48, 48, 3)
    assert all(np.array_equal(first[n], again[n]) for n in first)
    assert not np.array_equal(first["blurry"], other["blurry"])


def test_workers_do_not_change_the_stream(pack):
    alone = batches(pack, config(), 5, first=4, size=2, workers=0)
    helped = batches(pack, config(), 5, first=4, size=2, workers=1)
    for _ in range(2):
        expected, got = next(alone), next(helped)
        assert all(np.array_equal(expected[n], got[n]) for n in expected)
    helped.close()


@pytest.mark.parametrize("linear", [0.0, 1.0])
def test_starts_and_conditions_are_those_of_the_tool(pack, linear):
    photographs = Photographs(pack)
    sample = draw_sample(photographs, config(gamma=1 - linear, start=True), 1, 2)
    same = draw_sample(photographs, config(gamma=1 - linear, conditions=True), 1, 2)
    blurry = sample["blurry"] / np.float32(255)
    assert same["linear"] == linear
    assert same["noise"] == np.float32(estimate_noise(blurry))
    assert np.array_equal(sample["estimate"], same["estimate"])
    start = hyper_laplacian(blurry, sample["estimate"], domain="linear" if linear else "gamma")
    assert np.abs(sample["start"] / 255 - start).max() < 0.51 / 255


def test_some_blurred_in_linear_light_are_to_be_seen_so(pack):
    photographs = Photographs(pack)
    settings = config(conditions=True, gamma=0.5, linear_view=0.5)
    samples = [draw_sample(photographs, settings, 1, number) for number in range(40)]
    seen = np.array([sample["linear_view"] for sample in samples])
    linear = np.array([sample["linear"] for sample in samples])
    assert 0 < seen.sum() < linear.sum() < 40
    assert not (seen > linear).any()


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"estimates": "x", "conditions": True}, 'leave "estimates" out'),
        ({"estimates": "x", "linear_view": 0.4}, 'leave "estimates" out'),
        ({"start": True, "conditions": True}, 'leave "start" out'),
    ],
)
def test_what_does_not_go_together_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        SampleConfig(**settings)
