"""How much memory there is, and how large a tile fits into it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import List, Optional

LARGEST_TILE = 2048
SMALLEST_TILE = 384

# Options of glibc's malloc.h, and their values: number of heaps; bytes from which on an array has
# pages of its own (the largest value taken); unused bytes at a heap's end that are given back.
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1
_HEAPS = {_M_ARENA_MAX: 2, _M_MMAP_THRESHOLD: 2**25, _M_TRIM_THRESHOLD: 2**27}

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


def affordable_tile(bytes_per_pixel: int, share: float = 0.5) -> int:
    """Return the side of the largest square tile to work on, in pixels.

    Parameters
    ----------
    bytes_per_pixel : int
        What the work takes at its peak, per pixel of the tile.
    share : float
        Part of the available memory to use.

    Returns
    -------
    int
        At least `SMALLEST_TILE`, which any machine must bear; at most `LARGEST_TILE`: larger ones
        are no faster.
    """
    side = int(math.sqrt(share * available_memory() / bytes_per_pixel))
    return max(SMALLEST_TILE, min(side, LARGEST_TILE))


def tune_heaps() -> bool:
    """Let threads share two heaps, and keep what they free; before any thread starts.

    glibc gives each thread a heap of its own, up to eight for each core, and what one has freed
    another does not use: over a folder of many sizes they all grow to what the largest picture
    took. Arrays of some megabytes it takes from the system and gives back, again and again, and
    the system clears each page before use: a third of a Fourier transform's time. Elsewhere than
    on glibc nothing is done, nor where the user has set `MALLOC_ARENA_MAX`.

    Returns
    -------
    bool
        Whether it was done.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    import ctypes  # not at the top: the command line answers questions without it

    try:
        mallopt = ctypes.CDLL(None).mallopt
        return all(mallopt(*setting) for setting in _HEAPS.items())
    except (OSError, TypeError, AttributeError):  # Windows, macOS, musl
        return False


def _number(path: str) -> Optional[int]:
    """Read a file with one number; None where there is none ("max": no limit)."""
    try:
        words: List[str] = Path(path).read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(words[0]) if words and words[0].isdigit() else None
