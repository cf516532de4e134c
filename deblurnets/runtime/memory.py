"""How much memory there is, how large a tile fits into it, what is kept of it, and for whom."""

from __future__ import annotations

import contextlib
import gc
import math
import os
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Tuple

SMALLEST_TILE = 384

# Options of glibc's malloc.h, and their values: number of heaps; arrays that may have pages of
# their own; unused bytes at a heap's end that are given back (an int, so: never).
_M_ARENA_MAX, _M_MMAP_MAX, _M_TRIM_THRESHOLD = -8, -4, -1
_HEAPS = {_M_ARENA_MAX: 2, _M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1}

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def available_memory() -> int:
    """Return the bytes that this process may still take without swapping: system and container."""
    import psutil  # not at the top: the command line's options read the constants above

    limits = [psutil.virtual_memory().available]
    for limit, usage in _CGROUPS:
        allowed, used = _number(limit), _number(usage)
        if allowed is not None and used is not None:
            limits.append(max(allowed - used, 0))
    return min(limits)


def affordable_side(
    shape: Tuple[int, int], bytes_per_pixel: int, share: float = 0.5, largest: Optional[int] = None
) -> int:
    """Return the largest side of the parts in which to work on a picture, in pixels.

    Parameters
    ----------
    shape : tuple of int
        (H, W) of the picture.
    bytes_per_pixel : int
        What the work takes at its peak, per pixel of a part.
    share : float
        Part of the available memory to use.
    largest : int, optional
        Side beyond which parts are no faster, and the result is the same.

    Returns
    -------
    int
        The picture's longer side where memory suffices for the whole; else that of the largest
        square, at least `SMALLEST_TILE`, which any machine must bear.
    """
    whole = max(shape)
    pixels = share * available_memory() / bytes_per_pixel
    if shape[0] * shape[1] > pixels:
        whole = max(int(math.sqrt(pixels)), SMALLEST_TILE)
    return min(whole, largest or whole)


def tune_heaps() -> bool:
    """Let threads share two heaps, and keep what they free; before any thread starts.

    glibc gives each thread a heap of its own, up to eight for each core, and what one has freed
    another does not use: over a folder of many sizes they all grow to what the largest picture
    took. Arrays of some megabytes it takes from the system and gives back, again and again, and
    the system clears each page before use: a quarter of the time of pictures of some megapixels
    (decision 025). Elsewhere than on glibc nothing is done, nor where the user has set
    `MALLOC_ARENA_MAX`.

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


def _libc() -> Any:
    import ctypes  # not at the top: the command line answers questions without it

    return ctypes.CDLL(None)


@contextlib.contextmanager
def collector_paused(keep: bool = False) -> Iterator[None]:
    """Keep Python's garbage collector from searching while much is made that stays.

    A framework's import and the networks are a million objects, none of them garbage, among which
    the collector would search again and again: a fifth of the time of the import (decision 028).

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


class FlatMemory:
    """Deblurs pictures; memory is kept for the next one only if sizes repeat.

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

    def __call__(self, pixels: Any) -> Any:
        """Deblur a picture."""
        try:
            return self._deblur(pixels)
        finally:
            if self._shape != pixels.shape:
                trim_heaps()
            self._shape = pixels.shape


def _number(path: str) -> Optional[int]:
    """Read a file with one number; None where there is none ("max": no limit)."""
    try:
        words: List[str] = Path(path).read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(words[0]) if words and words[0].isdigit() else None
