"""Packs of photographs."""

import numpy as np
import pytest
from PIL import Image

from deblurnets.training.photographs import Photographs, pack_photographs


def test_a_pack_gives_the_photographs_back(pack):
    photographs = Photographs(pack)
    assert len(photographs) == 3
    original = np.asarray(Image.open(pack.parent / "1.png"))
    assert np.array_equal(photographs[1], original)


def test_grey_and_16_bit_photographs_become_8_bit_colours(tmp_path):
    levels = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50) * 32
    Image.fromarray(levels).save(tmp_path / "a.png")
    assert pack_photographs(tmp_path, tmp_path / "pack") == 1
    expected = np.rint(levels / 257)[..., None].repeat(3, axis=2)
    assert np.array_equal(Photographs(tmp_path / "pack")[0], expected)


def test_a_limit_takes_photographs_evenly(pack, tmp_path):
    assert pack_photographs(pack.parent, tmp_path / "pack", limit=2) == 2
    received = Photographs(tmp_path / "pack")
    assert np.array_equal(received[1], Photographs(pack)[2])


def test_a_folder_without_photographs_is_named(tmp_path):
    with pytest.raises(ValueError, match="has no photographs"):
        pack_photographs(tmp_path, tmp_path / "pack")
