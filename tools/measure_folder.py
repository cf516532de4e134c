"""Deblur a folder of many small pictures in one process; watch memory, and time beside the work.

    python tools/measure_folder.py [--count 100] [--sides 200 700] [--model compact] [--known]

Makes pictures of mixed sizes in a temporary folder and runs the command line on them. Prints the
resident memory after each ten pictures, as it is at the end of the last one's deblurring and before
the next; then the seconds of the run without the loading, and their ratio to the seconds of the
networks alone. Fails if either grew by more than 10 % after the tenth picture, the latter at any
time. With --known a kernel is given: the synthesis alone, in a tenth of the time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, List, Tuple

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets.cli import main as cli
from deblurnets.cli.networks import NetworkOptions
from deblurnets.evaluation.speed.networks import load
from deblurnets.evaluation.speed.pictures import write_blurry
from deblurnets.simulation.trajectory import random_shake

GROWTH = 1.10
STEP = 10  # pictures between two looks at the memory


class Watched:
    """A deblurrer that prints the memory its process holds.

    Parameters
    ----------
    deblurrer : deblurnets.deblurrer.Deblurrer

    Attributes
    ----------
    memory, between : lists of int
        Bytes after each `STEP` pictures: at the end of the last one, and before the next.
    begin, cpu : float
        Wall-clock and CPU seconds when the first picture came.
    """

    def __init__(self, deblurrer: Any) -> None:
        self._deblurrer = deblurrer
        self._count = 0
        self.memory: List[int] = []
        self.between: List[int] = []
        self.begin = self.cpu = 0.0

    def __call__(self, pixels: np.ndarray) -> Any:
        """Deblur with an estimated kernel."""
        return self._watched(lambda: self._deblurrer(pixels))

    def deblur(self, pixels: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """Deblur with a known kernel."""
        return self._watched(lambda: self._deblurrer.deblur(pixels, kernel))

    def _watched(self, action: Callable[[], Any]) -> Any:
        if self._count == 0:
            self.begin, self.cpu = time.perf_counter(), time.process_time()
        elif self._count % STEP == 0:
            self.tell()
        result = action()
        self._count += 1
        if self._count % STEP == 0:
            self.memory.append(resident())
        return result

    def tell(self) -> None:
        """Look at the memory between pictures, and print both figures."""
        self.between.append(resident())
        last, rest = (n[-1] / 2**20 for n in (self.memory, self.between))
        print(f"{self._count:4} pictures: {last:.0f} MiB, {rest:.0f} before the next", flush=True)


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    return int(psutil.Process().memory_info().rss)


def make_pictures(folder: Path, count: int, sides: Tuple[int, int]) -> None:
    """Write pictures whose sides are drawn evenly from a range of pixels."""
    rng = np.random.RandomState(0)
    for number in range(count):
        width, height = (int(n) for n in rng.randint(sides[0], sides[1] + 1, 2))
        write_blurry(folder / f"{number:03d}.jpg", (width, height))


def main() -> int:
    """Measure and print; return 1 if memory grew or a picture failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--sides", type=int, nargs=2, default=(200, 700))
    parser.add_argument("--model", choices=("compact", "paper"), default="compact")
    parser.add_argument("--known", action="store_true", help="give a kernel")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures, report, kernel = folder / "in", folder / "run.jsonl", folder / "kernel.npy"
        pictures.mkdir()
        make_pictures(pictures, options.count, options.sides)
        arguments = ["-i", str(pictures), "-o", str(folder / "out"), "--report", str(report)]
        if options.known:
            np.save(str(kernel), random_shake(np.random.RandomState(0), 41, (18, 20)))
            arguments += ["--kernel", str(kernel)]
        watched: List[Watched] = []

        def load_watched(_: NetworkOptions) -> Watched:
            watched.append(Watched(load(options.model)[0]))
            return watched[0]

        status = cli.main(arguments, load_watched)
        wall = time.perf_counter() - watched[0].begin
        cpu = time.process_time() - watched[0].cpu
        if len(watched[0].between) < len(watched[0].memory):
            watched[0].tell()
        records = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    stages = [r["seconds"] for r in records if r.get("seconds")]
    networks = sum(s["analysis"] + s["synthesis"] for s in stages)
    print(
        f"{wall:.1f} s, {wall / networks:.3f} times the networks' {networks:.1f} s; CPU {cpu:.1f} s"
    )
    last, between = watched[0].memory, watched[0].between
    # During a picture it depends on the picture's size, between two of them on the past alone.
    grown = [last[-1] / last[0], max(between) / between[0]] if last else []
    text = ", between pictures at most ".join(f"{growth:.3f}" for growth in grown)
    print(f"memory: {text} times that after {STEP} pictures")
    return 1 if status != 0 or max(grown, default=1.0) > GROWTH else 0


if __name__ == "__main__":
    sys.exit(main())
