"""What a program asks of glibc's heaps. It concerns the whole process: libraries leave it alone."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable, Optional, Tuple

# Options of glibc's malloc.h, and their values: number of heaps; arrays that may have pages of
# their own; unused bytes at a heap's end that are given back (an int, so: never).
_M_ARENA_MAX, _M_MMAP_MAX, _M_TRIM_THRESHOLD = -8, -4, -1
_HEAPS = {_M_ARENA_MAX: 2, _M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1}


def tune_heaps() -> bool:
    """Let threads share two heaps, and keep what they free; before any thread starts.

    glibc gives each thread a heap of its own, up to eight for each core, and what one has freed
    another does not use: over a folder of many sizes they all grow to what the largest picture
    took. Arrays of some megabytes it takes from the system and gives back, again and again, and
    the system clears each page before use. Elsewhere than on glibc nothing is done, nor where the
    user has set `MALLOC_ARENA_MAX`.

    Returns
    -------
    bool
        Whether it was done; then `trim_heaps` gives back what is not in use.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        mallopt = _libc().mallopt
        return all(mallopt(*setting) for setting in _HEAPS.items())
    except (OSError, TypeError, AttributeError):  # Windows, macOS, musl
        return False


def trim_heaps() -> None:
    """Give back to the system what heaps keep and nobody uses; elsewhere than on glibc nothing."""
    with contextlib.suppress(OSError, TypeError, AttributeError):
        _libc().malloc_trim(0)


class TrimBetweenSizes:
    """Deblurs pictures; heaps keep memory for the next one only if sizes repeat.

    Heaps that keep all (`tune_heaps`) suit pictures of one size, each of which takes what the one
    before has left. Over many sizes what is left does not fit, and adds up.

    Parameters
    ----------
    deblur : callable
        Takes the pixels of a picture; see `deblurnets.batch.pipeline.Deblur`.
    """

    def __init__(self, deblur: Callable[[Any], Any]) -> None:
        self._deblur = deblur
        self._shape: Optional[Tuple[int, ...]] = None

    def __call__(self, pixels: Any, *rest: Any) -> Any:
        """Deblur a picture."""
        try:
            return self._deblur(pixels, *rest)
        finally:
            if self._shape != pixels.shape:
                trim_heaps()
            self._shape = pixels.shape


def _libc() -> Any:
    import ctypes  # not at the top: the command line answers questions without it

    return ctypes.CDLL(None)
