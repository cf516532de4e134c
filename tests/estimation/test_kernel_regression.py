"""The clean-up of an estimated kernel, against its plain definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deblurnets.estimation.kernel_regression import clean
from deblurnets.imaging.psf import fit_grid, normalise

# Many empty pixels, so that a kernel falls into groups; values whose sums are exact.
VALUES = st.sampled_from([0.0, 0.0, 0.0, 0.125, 0.25, 1.0, 4.0])


def groups_of(kernel):
    """Sets of pixels that touch by a side or a corner, found by walking from pixel to pixel."""
    left = {tuple(index) for index in np.argwhere(kernel > 0)}
    groups = []
    while left:
        group, to_visit = set(), [left.pop()]
        while to_visit:
            row, column = to_visit.pop()
            group.add((row, column))
            around = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
            to_visit += left & around
            left -= around
        groups.append(group)
    return groups


def plain_clean(kernel, threshold, speck):
    kept = np.where(kernel >= threshold * kernel.max(), kernel, 0)
    groups = groups_of(kept)
    masses = [sum(float(kept[pixel]) for pixel in group) for group in groups]
    for group, mass in zip(groups, masses):
        if mass < min(speck * sum(masses), max(masses)):
            for pixel in group:
                kept[pixel] = 0
    return fit_grid(normalise(kept), kernel.shape[0])


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([1, 3, 9, 11]).flatmap(lambda k: arrays(np.float32, (k, k), elements=VALUES)),
    st.sampled_from([0.0, 0.05, 0.2]),
    st.sampled_from([0.0, 0.02, 0.3, 0.6, 1.0]),
)
def test_specks_and_small_values_go(kernel, threshold, speck):
    assert np.array_equal(clean(kernel, threshold, speck), plain_clean(kernel, threshold, speck))


def test_a_speck_goes_and_what_touches_by_a_corner_stays():
    kernel = np.zeros((9, 9), np.float32)
    kernel[[2, 3, 4], [2, 3, 4]] = 1  # a diagonal
    kernel[8, 8] = 0.1
    cleaned = clean(kernel, 0.05, 0.05)
    assert np.array_equal(np.flatnonzero(cleaned), np.flatnonzero(np.eye(9))[3:6])
    assert cleaned.sum() == np.float32(1)
