import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft

from deblurnets.deconvolution.hyper_laplacian import hyper_laplacian
from deblurnets.runtime import threads
from deblurnets.runtime.threads import call_threads, in_strips, map_threads
from deblurnets.simulation.trajectory import random_shake


def test_results_come_in_order_and_the_first_error_is_raised():
    assert map_threads(lambda n: n * n, range(20)) == [n * n for n in range(20)]
    with pytest.raises(ZeroDivisionError):
        map_threads(lambda n: 1 // (n - 3), range(20))
    assert call_threads([lambda: "a", lambda: 2]) == ["a", 2]


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 9)),
    size=st.integers(1, 300),
    workers=st.integers(1, 3),
)
@settings(deadline=None)
def test_strips_make_up_the_arrays(shape, size, workers):
    calls = []

    def add(target, planes, plane):
        calls.append(target.shape)
        target += planes + plane

    rng = np.random.RandomState(0)
    target, planes, plane = rng.rand(*shape), rng.rand(*shape), rng.rand(1, *shape[1:])
    expected = target + (planes + plane)
    with pytest.MonkeyPatch.context() as patch, fft.set_workers(workers):
        patch.setattr(threads, "STRIP", size)
        in_strips(add, target, planes, plane)
    np.testing.assert_array_equal(target, expected)
    assert sum(rows for _, rows, _ in calls) == shape[1]
    assert len(calls) == min(-(-target.size // size), shape[1])


@pytest.mark.parametrize("name", ["STRIP", "TOGETHER"])
@pytest.mark.parametrize("domain", ["gamma", "linear"])
def test_strips_and_planes_do_not_show_in_a_deconvolution(domain, name, monkeypatch):
    rng = np.random.RandomState(0)
    image = rng.rand(60, 70, 3).astype(np.float32)
    kernel = random_shake(rng, 9, (5, 8))
    whole = hyper_laplacian(image, kernel, 0.01, domain)
    monkeypatch.setattr(threads, name, 1000)
    with fft.set_workers(2):
        np.testing.assert_allclose(hyper_laplacian(image, kernel, 0.01, domain), whole, atol=2e-4)


@pytest.mark.parametrize("size, expected", [(10, [(0, 3)]), (11, [(0, 1), (1, 2), (2, 3)])])
def test_large_planes_are_transformed_one_by_one(size, expected, monkeypatch):
    monkeypatch.setattr(threads, "TOGETHER", 3 * 10 * 10)
    parts = threads.plane_groups((3, size, 10))
    assert [(part.start, part.stop) for part in parts] == expected
