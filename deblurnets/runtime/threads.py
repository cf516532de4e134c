"""Independent pieces of NumPy and SciPy work on the cores at hand.

Large array operations release the interpreter's lock, so threads suffice.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterable, List, Optional, Tuple, TypeVar

import numpy as np
from scipy import fft

# Values of an array in a strip: what a pass makes of them stays in the cache until it is used.
STRIP = 2**18

# Values of an array up to which its planes are worked on together.
TOGETHER = 2**24

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


def map_threads(
    function: Callable[[Item], Outcome], items: Iterable[Item], most: Optional[int] = None
) -> List[Outcome]:
    """Apply a function to each item, on all cores or at most so many.

    The caller's thread takes its share: threads cost, and much of the work is short.

    Returns
    -------
    list
        Results in the items' order. The first error is raised, once what was begun has ended.
    """
    items = list(items)
    workers = min(len(items), available_cores(), most or len(items))
    if workers < 2:
        return [function(item) for item in items]
    row = _Row(function, items)
    with ThreadPoolExecutor(workers - 1) as pool:
        helpers = [pool.submit(row.work) for _ in range(workers - 1)]
        with fft.set_workers(1):  # as in the other threads
            row.work()
        for helper in helpers:
            helper.result()
    return row.results


class _Row:
    """Items that threads take one by one."""

    def __init__(self, function: Callable[[Any], Any], items: List[Any]) -> None:
        self.results: List[Any] = [None] * len(items)
        self._function = function
        self._left = iter(enumerate(items))
        self._lock = threading.Lock()

    def work(self) -> None:
        """Take items until none is left; an error leaves none."""
        while True:
            with self._lock:
                index, item = next(self._left, (None, None))
            if index is None:
                return
            try:
                self.results[index] = self._function(item)
            except BaseException:
                with self._lock:
                    self._left = iter(())
                raise


def call_threads(tasks: Iterable[Callable[[], Outcome]]) -> List[Outcome]:
    """Call each of some tasks, on all cores; as `map_threads`."""
    return map_threads(lambda task: task(), tasks)


def in_strips(function: Callable[..., object], *arrays: np.ndarray) -> None:
    """Call a function with strips of rows of its arrays (..., H, W), the first of which it fills.

    On as many cores as Fourier transforms take here (`scipy.fft.set_workers`). Even on one core
    several operations on a strip take half the time that they take on a large array.
    """
    strips = [[a[..., low:high, :] for a in arrays] for low, high in strip_ends(arrays[0])]
    map_threads(lambda strip: function(*strip), strips, fft.get_workers())


def strip_ends(array: np.ndarray) -> List[Tuple[int, int]]:
    """Rows of each strip of an array (..., H, W) in `in_strips`: the first, and the one after."""
    rows = array.shape[-2]
    count = min(-(-array.size // STRIP), rows)
    ends = [rows * n // count for n in range(count + 1)]
    return list(zip(ends, ends[1:]))


def plane_groups(shape: Tuple[int, int, int]) -> List[slice]:
    """Tell which planes of an array (C, H, W) to transform together: all of them, if not large.

    Side by side small ones keep the cores busy. Of large ones each does, and the spectra of one
    take less memory.
    """
    count, rows, columns = shape
    each = count if count * rows * columns <= TOGETHER else 1
    return [slice(start, start + each) for start in range(0, count, each)]
