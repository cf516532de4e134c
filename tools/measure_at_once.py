"""Deblur a folder with several pictures at once: seconds, memory, how far results differ.

    python tools/measure_at_once.py [--count 10] [--sides 400 1500] [--at_once 1 2 4] [--rounds 1]

Makes pictures of mixed sizes in a temporary folder, every other one of the size of the one before,
and runs the command line on them, each number in turn. Prints the median of the seconds of the
whole command, the peak of its memory, and the largest difference of a pixel from the results of the
first number.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.evaluation.speed.pictures import write_blurry  # noqa: E402
from deblurnets.images import read_image  # noqa: E402


def make_pictures(folder: Path, count: int, sides: Tuple[int, int]) -> None:
    """Write pictures whose sides are drawn evenly from a range of pixels, two of each size."""
    rng = np.random.RandomState(0)
    for number in range(0, count, 2):
        width, height = (int(n) for n in rng.randint(sides[0], sides[1] + 1, 2))
        for twin in range(number, min(number + 2, count)):
            write_blurry(folder / f"{twin:03d}.png", (width, height))


def run(source: Path, target: Path, at_once: int) -> Tuple[float, int]:
    """Run the command line; return its seconds and its peak memory in bytes."""
    command = [sys.executable, str(ROOT / "deblur_main.py"), "-i", str(source), "-o", str(target)]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*command, "-s", "", "--at_once", str(at_once)], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the command failed with status {process.returncode}")
    return time.perf_counter() - begin, usage.ru_maxrss * 1024


def difference(folder: Path, other: Path) -> int:
    """Return the largest difference of a pixel between the pictures of two folders."""
    largest = 0
    for path in folder.iterdir():
        one, two = (read_image(str(p)).pixels.astype(int) for p in (path, other / path.name))
        largest = max(largest, int(np.abs(one - two).max()))
    return largest


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--sides", type=int, nargs=2, default=(400, 1500))
    parser.add_argument("--at_once", type=int, nargs="+", default=(1, 2, 4))
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    figures: Dict[int, List[Tuple[float, int]]] = {number: [] for number in options.at_once}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        make_pictures(folder / "in", options.count, options.sides)
        for _ in range(options.rounds):
            for number in options.at_once:
                figures[number].append(run(folder / "in", folder / str(number), number))
        first = folder / str(options.at_once[0])
        for number, measured in figures.items():
            seconds, memory = zip(*measured)
            print(
                f"{number} at once: {statistics.median(seconds):.1f} s, "
                f"{max(memory) / 2**20:.0f} MiB, pixels differ by "
                f"{difference(first, folder / str(number))} grey levels at most"
            )


if __name__ == "__main__":
    main()
