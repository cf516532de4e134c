"""Independent pieces of NumPy and SciPy work on the cores at hand.

Large array operations release the interpreter's lock, so threads suffice.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Iterable, Iterator, List, Optional, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def available_cores() -> int:
    """Return the number of cores this process may use, or as OMP_NUM_THREADS says."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_threads(function: Callable[[Item], Outcome], items: Iterable[Item]) -> List[Outcome]:
    """Apply a function to each item, on all cores; results in order, the first error raised."""
    return list(iterate_threads(function, items))


def iterate_threads(
    function: Callable[[Item], Outcome], items: Iterable[Item], most: Optional[int] = None
) -> Iterator[Outcome]:
    """As `map_threads`, result by result, on at most so many cores."""
    items = list(items)
    workers = min(len(items), available_cores(), most or len(items))
    if workers < 2:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(function, items)
