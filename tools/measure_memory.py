"""Measure the memory of deblurring pictures of many sizes in one process.

    python tools/measure_memory.py [--count 45] [--whole_maps] [--known_kernel]

Prints the resident memory after some of the pictures, sides of 300 to 700 pixels drawn at random.
With `--whole_maps` the U-Nets work on whole pictures instead of tiles of few sizes
(:mod:`deblurnets.fixed_tiles`); with `--known_kernel` only the synthesis works.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets import fixed_tiles
from deblurnets.deblurrer import Deblurrer
from deblurnets.kernels import random_shake


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=45)
    parser.add_argument("--whole_maps", action="store_true")
    parser.add_argument("--known_kernel", action="store_true")
    options = parser.parse_args()
    if options.whole_maps:
        fixed_tiles.in_fixed_tiles = lambda function, maps, halo, divisor: function(maps)
    deblurrer = Deblurrer.from_pretrained("compact")
    rng = np.random.RandomState(0)
    kernel = random_shake(rng, 21, (10, 14))
    for number in range(1, options.count + 1):
        picture = rng.rand(*rng.randint(300, 700, 2), 3).astype(np.float32)
        if options.known_kernel:
            deblurrer.deblur(picture, kernel)
        else:
            deblurrer(picture)
        if number in (1, 10) or number % 15 == 0:
            memory = psutil.Process().memory_info().rss / 2**20
            print(f"after {number} pictures: {memory:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
