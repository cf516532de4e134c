"""How much memory is free, and how large a part of a picture fits into it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import List, Optional, Tuple

SMALLEST_TILE = 384

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def available_memory() -> int:
    """Return the bytes that this process may still take without swapping: system and container."""
    import psutil  # not at the top: the command line's options read the constant above

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


def _number(path: str) -> Optional[int]:
    """Read a file with one number; None where there is none ("max": no limit)."""
    try:
        words: List[str] = Path(path).read_text(encoding="ascii").split()
    except OSError:
        return None
    return int(words[0]) if words and words[0].isdigit() else None
