"""Seconds of an action at its best, and the rate of products of matrices."""

from __future__ import annotations

import time
from typing import Any, Callable, List


def best_seconds(action: Callable[[], Any], least: int = 3, enough: float = 0.5) -> float:
    """Return the shortest of some runs: `least` of them, more until `enough` seconds passed."""
    action()  # compiles
    times: List[float] = []
    while len(times) < least or sum(times) < enough:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def wait_for(result: Any) -> None:
    """Return once a tensor, (H, W) or more axes, has been computed."""
    from deblurnets.backend import ops

    ops.convert_to_numpy(ops.cast(result[:1, :1], "float32"))


def product_rate(dtype: str, side: int = 2048) -> float:
    """Return the billions of operations a second of a product of two square matrices."""
    from deblurnets.backend import ops

    matrix = ops.cast(ops.ones((side, side)), dtype)
    seconds = best_seconds(lambda: wait_for(ops.matmul(matrix, matrix)))
    return 2 * side**3 / seconds / 1e9
