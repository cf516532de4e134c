"""Work on a row of items in three stages, the first and the last beside the middle one.

While an item is in the middle stage, the next one is in the first and the one before in the last:
never more than three are alive, however long the row.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Callable, Iterable, Iterator, Optional, TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")
Made = TypeVar("Made")


def run_overlapped(
    items: Iterable[Item],
    first: Callable[[Item], Read],
    middle: Callable[[Read], Made],
    last: Callable[[Made], Any],
    stop: Callable[[], bool] = lambda: False,
    threads: bool = True,
) -> None:
    """Take every item through three stages, in order.

    The middle stage runs in the caller's thread; each of the others has one of its own. An error
    in a stage ends the row; what the last stage has begun is finished before it is raised.

    Parameters
    ----------
    items : iterable
        Taken one at a time, one ahead of the middle stage.
    first, middle, last : callable
        Each takes what the stage before returned, the first one an item.
    stop : callable
        Asked before each middle stage; after True, what that stage has made is finished, and the
        rest is left.
    threads : bool
        False runs all stages in the caller's thread, one item after the other.
    """
    if not threads:
        for item in items:
            if stop():
                return
            last(middle(first(item)))
        return
    row = iter(items)
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        reading = _submit_next(reader, first, row)
        writing: Optional[Future] = None
        while reading is not None and not stop():
            read = reading.result()
            if stop():
                break
            reading = _submit_next(reader, first, row)
            made = middle(read)
            if writing is not None:
                writing.result()
            writing = writer.submit(last, made)
            del read, made  # the writer alone holds it now, and lets go of it
        if writing is not None:
            writing.result()


def _submit_next(pool: Executor, function: Callable[[Item], Read], row: Iterator[Item]):
    """Start on the next item of a row; return its future, or None at the end."""
    for item in row:
        return pool.submit(function, item)
    return None
