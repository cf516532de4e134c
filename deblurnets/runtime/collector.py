"""Python's garbage collector, paused where it would only cost time."""

from __future__ import annotations

import contextlib
import gc
from typing import Iterator


@contextlib.contextmanager
def collector_paused(keep: bool = False) -> Iterator[None]:
    """Keep the garbage collector from searching while much is made that stays.

    A framework's import and the networks are a million objects, none of them garbage, among which
    the collector would search again and again: a fifth of the time of the import.

    Parameters
    ----------
    keep : bool
        Leave all objects that are there afterwards out of later searches too, and out of the last
        one as the process ends. For programs: it concerns all that the process holds.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if keep:
            gc.freeze()
        if collects:
            gc.enable()
