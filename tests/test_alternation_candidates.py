"""The score prefers the true kernel to wrong ones."""

import numpy as np
import pytest
from scipy import ndimage

from deblurnets.candidates import score_candidates
from deblurnets.kernels import fit_grid, rasterise


def stroke(turn, size=31):
    time = np.linspace(-1, 1, 400)
    path = np.stack([time + turn * time**2, 0.4 * np.sin(2 * time + turn)], 1)
    return rasterise(path, 12, size)


def blurred(kernel, seed=0, shape=(150, 160)):
    rng = np.random.RandomState(seed)
    rows, columns = np.indices(shape)
    picture = np.full(shape, 0.5, np.float32)
    for _ in range(60):
        row, column, radius = rng.randint(0, 150), rng.randint(0, 160), rng.randint(6, 28)
        picture[(rows - row) ** 2 + rng.choice([1, 4]) * (columns - column) ** 2 < radius**2] = (
            rng.rand()
        )
    noise = rng.normal(0, 0.005, shape).astype(np.float32)
    return ndimage.convolve(picture, kernel, mode="mirror") + noise


def test_the_true_kernel_scores_best():
    truth = stroke(0.3)
    none = fit_grid(np.ones((1, 1)), 31)
    soft = fit_grid(ndimage.gaussian_filter(truth, 2.5), 31)
    scores = score_candidates(blurred(truth), [soft, none, truth, truth.T, stroke(0.3)[::-1]])
    assert scores.shape == (5,)
    assert int(np.argmax(scores)) == 2


def test_flat_picture_scores_are_finite():
    flat = np.full((60, 60), 0.5, np.float32)
    assert np.isfinite(score_candidates(flat, [stroke(0), stroke(1)])).all()


def test_no_candidates_is_an_error():
    with pytest.raises(ValueError, match="at least one kernel, got none"):
        score_candidates(np.zeros((32, 32)), [])
