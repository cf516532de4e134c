"""Pictures that use a small part of the range are stretched, and come back in their own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.imaging.pixels import Levels, stretched


@settings(max_examples=40, deadline=None)
@given(low=st.floats(0, 0.7), span=st.floats(0.001, 0.24), seed=st.integers(0, 9))
def test_a_narrow_picture_fills_the_range_and_comes_back(low, span, seed):
    picture = (low + span * np.random.RandomState(seed).rand(8, 9, 3)).astype(np.float32)
    wide, levels = stretched(picture)
    assert wide.min() >= 0 and wide.max() <= 1 + 1e-4 and wide.max() > 0.79
    assert levels.undone(wide) == pytest.approx(picture, abs=1e-5)


@pytest.mark.parametrize("values", [(0.1, 0.9), (0.3, 0.55), (0.4, 0.4)])
def test_others_stay_as_they_are(values):
    picture = np.array(values, np.float32).reshape(1, 2, 1)
    same, levels = stretched(picture)
    assert same is picture and levels == Levels() and levels.undone(same) is same


def test_light_stays_in_proportion_where_black_is_black():
    assert stretched(np.float32([[[0.01], [0.1]]]))[1].low == 0
    assert stretched(np.float32([[[0.4], [0.5]]]))[1].low == pytest.approx(0.4)
