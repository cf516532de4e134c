"""Measure how much of the compact pair's CPU time its convolutions can take.

    python tools/measure_shares.py [--side 800]

Prints CPU seconds of the whole tool on one blurry picture and of its networks alone on maps of the
sizes they have there: what a faster engine for convolutions could save at most. Figures of networks
are the best of three runs; they hold the Fourier steps between convolutions too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets.backend import ops
from deblurnets.deblurrer import Deblurrer
from deblurnets.evaluation.speed.networks import load_halves
from deblurnets.evaluation.speed.pictures import write_blurry
from deblurnets.pictures.files import read_image


def cpu_seconds(action: Callable[[], Any]) -> float:
    """Return the least CPU seconds, of all threads, of three runs after a first one."""
    action()
    times = []
    for _ in range(3):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=800)
    side = parser.parse_args().side
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        write_blurry(path, (side, side))
        picture = read_image(str(path)).pixels
    analysis, synthesis, _ = load_halves("compact")
    judge = analysis.judge
    judged = []
    run_judge = judge.network
    judge.network = lambda *maps: judged.append(maps) or run_judge(*maps)
    judge.network.config = run_judge.config
    looked = []
    observe = analysis.observe
    analysis.observe = lambda *looks: looked.append(looks) or observe(*looks)
    deblurrer = Deblurrer(analysis, synthesis)
    whole = cpu_seconds(lambda: deblurrer(picture))
    # Of the last of four pictures.
    rounds, looks = judged[-len(judged) // 4 :], looked[-len(looked) // 4 :]
    unets = (synthesis.network.first, synthesis.network.second)
    maps = [
        ops.convert_to_tensor(np.zeros((1, side, side, channels), np.float32))
        for channels in synthesis.network.config.channels
    ]
    parts = {
        f"analysis network, {sum(len(taken) for _, taken in looks)} looks": lambda: [
            observe(*taken) for taken in looks
        ],
        "judge's network": lambda: [ops.convert_to_numpy(run_judge(*m)) for m in rounds],
        "synthesis network's U-Nets": lambda: [
            ops.convert_to_numpy(ops.cast(unet(x), "float32")) for unet, x in zip(unets, maps)
        ],
    }
    print(f"whole picture, {side}x{side}: {whole:.2f} s of CPU")
    total = 0.0
    for name, action in parts.items():
        seconds = cpu_seconds(action)
        total += seconds
        print(f"{name}: {seconds:.2f} s, {100 * seconds / whole:.0f} %")
    print(f"without them the tool would be {whole / (whole - total):.2f} times as fast")


if __name__ == "__main__":
    main()
