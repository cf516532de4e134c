"""What the bundled weights made of three pictures before: no rearrangement may change it.

A change that means to change results stores new ones (`golden_pictures.py`) and says why.
"""

from __future__ import annotations

import numpy as np
import pytest
from golden_pictures import FOLDER, PICTURES, deblurrer

from deblurnets.imaging.psf import similarity


@pytest.fixture(scope="module")
def pair():
    return deblurrer()


@pytest.mark.parametrize("name", PICTURES)
def test_kernel_and_result_are_the_stored_ones(pair, name):
    result, stored = pair(PICTURES[name]()), np.load(FOLDER / f"{name}.npz")
    level = np.iinfo(stored["image"].dtype).max / 255
    assert result.image.dtype == stored["image"].dtype
    assert similarity(result.kernel, stored["kernel"]) > 0.999
    assert np.abs(result.image.astype(float) - stored["image"]).max() <= level
