"""Regions of a picture: they cover it, their weights sum to 1, their results fade."""

import numpy as np
import pytest

from deblurnets.estimation.regions import cut_regions, fade
from deblurnets.runtime.tiles import add_part


@pytest.mark.parametrize(
    "shape, rows, columns",
    [
        ((40, 50), 1, 1),
        ((400, 600), 2, 3),
        ((600, 400), 3, 2),
        ((300, 900), 1, 4),
        ((3000, 4000), 3, 4),
    ],
)
def test_regions_cover_the_picture_and_their_weights_sum_to_one(shape, rows, columns):
    regions = cut_regions(shape, side=288, step=0.6, most=4)
    assert (len(regions.rows), len(regions.columns)) == (rows, columns)
    total = np.zeros(shape, np.float32)
    for (row, column), spans in zip(regions.places(), regions.spans()):
        weight = np.zeros(shape, np.float32)
        add_part(weight, np.float32(1), *spans)
        total += weight
        assert weight.min() >= 0
        assert weight[(row.start + row.stop) // 2, (column.start + column.stop) // 2] > 0.99
        assert min(row.stop - row.start, column.stop - column.start) >= min(288, *shape)
    assert total == pytest.approx(1, abs=1e-5)


def test_neighbours_are_above_below_left_and_right():
    regions = cut_regions((600, 600), side=288, step=0.6, most=4)
    assert len(regions.places()) == 9
    assert regions.neighbours(0) == [3, 1]
    assert sorted(regions.neighbours(4)) == [1, 3, 5, 7]


def test_results_of_regions_fade_into_that_of_the_whole():
    image = np.random.RandomState(0).rand(100, 160, 3).astype(np.float32)
    regions = cut_regions(image.shape[:2], side=80, step=0.5, most=4)
    seen = []

    def brighter(place):
        seen.append(image[place].shape)
        return image[place] + 1

    everywhere = [(number, 9, brighter) for number in range(len(regions.places()))]
    assert fade(regions, image, everywhere) == pytest.approx(image + 1, abs=1e-5)
    assert max(width for _, width, _ in seen) < 160
    only_first = fade(regions, image, everywhere[:1]) - image
    assert only_first[0, 0] == pytest.approx(1, abs=1e-6)
    assert only_first[-1, -1] == pytest.approx(0, abs=1e-6)
    assert np.abs(np.diff(only_first, axis=1)).max() < 0.05
