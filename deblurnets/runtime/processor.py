"""What the processor can do."""

from __future__ import annotations

from functools import lru_cache

# Matrix or vector instructions on bfloat16 values, as Linux names them (x86 and ARM).
_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16", "bf16"}


@lru_cache(maxsize=1)
def has_bfloat16(description: str = "/proc/cpuinfo") -> bool:
    """Tell whether the processor computes with bfloat16 values; False where it cannot be told.

    Parameters
    ----------
    description : str
        Linux's file about the processor; other systems have none.
    """
    try:
        with open(description, encoding="ascii", errors="replace") as file:
            lines = [line for line in file if line.lower().startswith(("flags", "features"))]
    except OSError:
        return False
    return any(not _BFLOAT16_FLAGS.isdisjoint(line.split()) for line in lines)
