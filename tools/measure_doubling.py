"""Compare transposed convolutions with what `deblurnets.networks.layers.Doubling` makes of them.

    python tools/measure_doubling.py

Prints, for maps of several sizes, milliseconds of a call and the MiB that the first one leaves
taken: TensorFlow keeps what it prepared for each size. Needs TensorFlow and glibc.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from pathlib import Path
from typing import Any, Callable, Tuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Else TensorFlow's own pool, which grows in large steps, hides what is taken of it.
os.environ["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets.backend import build_layer, compile_layers, inference_dtype, keras, ops
from deblurnets.evaluation.speed.worker import best_seconds, wait_for
from deblurnets.networks.layers import Doubling, maps_shape

SIDES = (24, 96, 208, 416)
FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class _Mallinfo(ctypes.Structure):
    """What glibc's mallinfo2 returns."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in FIELDS.split())


def taken() -> float:
    """Return the MiB that are allocated in glibc's heaps and beside them."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Mallinfo
    gc.collect()
    found = mallinfo()
    return (found.uordblks + found.hblkhd) / 2**20


def measure(call: Callable[[Any], Any], maps: Any) -> Tuple[float, float]:
    """Return the best milliseconds of some calls, and the MiB that the first one leaves taken."""
    before = taken()
    wait_for(call(maps))
    kept = taken() - before
    return 1e3 * best_seconds(lambda: wait_for(call(maps))), kept


def main() -> None:
    """Measure and print."""
    for name, size, channels, filters in (("up", 2, 64, 48), ("exit", 4, 48, 3)):
        for kind in (keras.layers.Conv2DTranspose, Doubling):
            own = {} if kind is Doubling else {"strides": 2, "padding": "same"}
            layer = kind(filters, size, dtype=inference_dtype(), **own)
            build_layer(layer, maps_shape(channels))
            compile_layers([layer], [maps_shape(channels)])
            layer(ops.zeros((1, 16, 16, channels)))
            print(f"{name} {size}x{size} {channels} -> {filters}, {kind.__name__}:", end="")
            for side in SIDES:
                best, kept = measure(layer, ops.zeros((1, side, side, channels)))
                print(f"  {side}: {best:.1f} ms {kept:.1f} MiB", end="", flush=True)
            print()


if __name__ == "__main__":
    main()
