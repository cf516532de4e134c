import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets import backend
from deblurnets.paper import correlation
from deblurnets.paper.correlation import cross_correlation


def direct(maps: np.ndarray, max_shift: int) -> np.ndarray:
    """Cross-correlation of (h, w, c) maps by its definition, in float64."""
    channels = maps.shape[-1]
    window = 2 * max_shift + 1
    result = []
    for i in range(channels):
        for j in range(i, channels):
            plane = np.zeros((window, window))
            for y in range(window):
                for x in range(window):
                    shifted = np.roll(maps[..., i], (max_shift - y, max_shift - x), (0, 1))
                    plane[y, x] = np.sum(shifted * maps[..., j])
            result.append(plane)
    return np.stack(result, axis=-1).reshape(window, window, -1)


def random_maps(*shape: int) -> np.ndarray:
    return np.random.RandomState(sum(shape)).randn(*shape).astype(np.float32)


def blocked(maps: np.ndarray, max_shift: int, block: int = 0) -> np.ndarray:
    result = cross_correlation(backend.ops.convert_to_tensor(maps), max_shift, block)
    return backend.ops.convert_to_numpy(result)


@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    channels=st.integers(1, 3),
    max_shift=st.integers(0, 4),
    block=st.integers(1, 12),
)
def test_equals_the_direct_formula(height, width, channels, max_shift, block):
    # Of unit energy, as the network's standardised maps: correlations reach 1 at most.
    maps = random_maps(2, height, width, channels)
    maps /= np.sqrt(np.sum(maps**2, axis=(1, 2), keepdims=True))
    result = blocked(maps, max_shift, block)
    for sample, expected in zip(result, maps.astype(np.float64)):
        np.testing.assert_allclose(sample, direct(expected, max_shift), atol=2e-6)


def test_chunks_and_groups_do_not_change_the_result(monkeypatch):
    maps = random_maps(1, 25, 33, 2)
    expected = blocked(maps, 3, 5)
    monkeypatch.setattr(correlation, "_BUDGET", 500)
    np.testing.assert_allclose(blocked(maps, 3, 5), expected, atol=1e-4)


def test_one_compiled_function_serves_all_sizes():
    compiled = backend.numpy_function(lambda x: cross_correlation(x, 2), [(None, None, None, 2)])
    for size in [(11, 17), (26, 9)]:
        maps = random_maps(1, *size, 2)
        np.testing.assert_allclose(compiled(maps)[0], direct(maps[0], 2), atol=1e-4)


def test_no_array_grows_with_the_maps(monkeypatch):
    """Work is done in pieces of bounded size, however large the maps."""
    group_sizes = []
    original = correlation._cross_spectra

    def record(blocks, group, rows, columns):
        group_sizes.append(int(blocks.group_size))
        return original(blocks, group, rows, columns)

    edge, channels, budget = 24, 2, 24**2 * 2 * 10
    monkeypatch.setattr(correlation, "_BUDGET", budget)
    monkeypatch.setattr(correlation, "_cross_spectra", record)
    for height, rounds in [(100, 9), (200, 17)]:
        group_sizes.clear()
        blocked(random_maps(1, height, 110, channels), 6)
        assert len(group_sizes) == rounds
        assert max(group_sizes) * edge**2 * channels <= budget
