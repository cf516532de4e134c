"""Measure what reading and writing beside the deblurring saves, and what memory it takes.

    python tools/measure_overlap.py --count 8 --side 3000 --seconds 1.5

Deblurs pictures of noise with a stand-in that is busy for some seconds in one thread, once with
the three stages one after the other and once overlapped, each in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Tuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.batch.pipeline import Outcome, Settings, run_jobs  # noqa: E402
from deblurnets.batch.plan import Job  # noqa: E402
from deblurnets.pictures.files import Picture, write_image  # noqa: E402


def make_pictures(folder: str, count: int, side: int, extension: str) -> None:
    """Write pictures of smooth noise, which compress about as photographs do."""
    rng = np.random.RandomState(0)
    slow = np.cumsum(rng.randn(side, side, 1), axis=1) + np.cumsum(rng.randn(side, side, 3), axis=0)
    pixels = np.clip(128 + slow + 3 * rng.randn(side, side, 3), 0, 255).astype(np.uint8)
    for number in range(count):
        write_image(os.path.join(folder, f"{number}{extension}"), Picture(pixels))


def busy(seconds: float) -> Any:
    """Return a deblurrer that computes for some seconds and changes nothing."""

    def deblur(pixels: np.ndarray) -> Any:
        end = time.perf_counter() + seconds
        block = np.ones((256, 256), np.float32)
        while time.perf_counter() < end:
            np.sort(block, axis=None)
        return SimpleNamespace(image=pixels.copy(), kernel=np.ones((3, 3)) / 9)

    return deblur


def peak_memory() -> float:
    """Return this process's peak memory in MiB (Linux).

    Not `resource.getrusage`: a new process starts with its parent's peak there.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) / 1024


def measure(folder: str, seconds: float, overlap: bool) -> Tuple[float, float]:
    """Return the wall-clock seconds of a run and the peak memory of its process in MiB."""
    jobs = [
        Job(os.path.join(folder, name), os.path.join(folder, "out", name))
        for name in sorted(os.listdir(folder))
        if name != "out"
    ]
    failures = []

    def finished(outcome: Outcome) -> None:
        failures.extend([outcome.error] if outcome.error else [])

    start = time.perf_counter()
    run_jobs(jobs, busy(seconds), finished, Settings(overlap=overlap))
    wall = time.perf_counter() - start
    assert not failures, failures
    return wall, peak_memory()


def main() -> None:
    """Print both runs' figures."""
    parser = argparse.ArgumentParser(description="Measure the overlapped stages.")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--side", type=int, default=3000)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--extension", default=".png")
    arguments = parser.parse_args()
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(folder, arguments.count, arguments.side, arguments.extension)
        for overlap in (False, True):
            with fresh.Pool(1) as pool:
                wall, peak = pool.apply(measure, (folder, arguments.seconds, overlap))
            name = "overlapped" if overlap else "one by one"
            print(f"{name}: {wall:.1f} s, peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
