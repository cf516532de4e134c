"""What the bundled weights made of three pictures before: no rearrangement may change it.

A change that means to change results stores new ones (`golden_pictures.py`) and says why.
"""

from __future__ import annotations

import numpy as np
import pytest
from golden_pictures import FOLDER, PICTURES, bundled_pair

from deblurnets.imaging.pixels import from_unit_rgb, to_unit_rgb
from deblurnets.imaging.psf import similarity


@pytest.fixture(scope="module")
def pair():
    return bundled_pair()


def levels(image, stored):
    """Differences in grey levels of 8 bits."""
    assert image.dtype == stored.dtype
    return np.abs(image.astype(float) - stored) * (255 / np.iinfo(stored.dtype).max)


@pytest.mark.parametrize("name", PICTURES)
def test_kernel_and_result_are_the_stored_ones(pair, name):
    _, _, deblur = pair
    result, stored = deblur(PICTURES[name]()), np.load(FOLDER / f"{name}.npz")
    assert similarity(result.kernel, stored["kernel"]) > 0.999
    # Another order of the same sums may move a faint pixel of the kernel over its threshold.
    assert np.mean(levels(result.image, stored["image"]) > 1) < 1e-3


@pytest.mark.parametrize("name", PICTURES)
def test_the_stored_kernel_gives_the_stored_result(pair, name):
    _, synthesis, _ = pair
    picture, stored = PICTURES[name](), np.load(FOLDER / f"{name}.npz")
    unit = to_unit_rgb(picture)
    sharp = synthesis.deblur(unit, stored["kernel"], str(stored["domain"]), estimated=True)
    assert levels(from_unit_rgb(sharp, picture), stored["image"]).max() <= 1
