"""Check and measure the paper pair in the environment that runs this.

    python tools/measure_paper.py reference FOLDER   # writes weight files there and checks them
    python tools/measure_paper.py correlation        # time and memory at 256, 512 and 1024 px

`reference` fills the official layout with the recorded weights, loads the two files, compares the
networks' outputs with the numbers of the 2020 release and times the kernel of a 256x368 picture;
it fails if the numbers differ. `correlation` measures the correlation of the finest level alone and
the whole kernel estimate, each in a process of its own (`size`). Linux only (/proc).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Tuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import paper_reference  # noqa: E402

SIZES = (256, 512, 1024)
KERNEL_TOLERANCE, SYNTHESIS_TOLERANCE = 1e-6, 0.02


def measured(action: Callable[[], Any]) -> Tuple[Any, float, float, float]:
    """Run `action`; return its result, wall and CPU seconds, and peak MiB above the start."""
    before = _memory("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forgets the peak so far
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return result, wall, cpu, _memory("VmHWM") - before


def _memory(field: str) -> float:
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(field))
    return int(line.split()[1]) / 1024


def check_reference(folder: Path) -> bool:
    """Compare with the recorded numbers; print what was reached."""
    from deblurnets import backend
    from deblurnets.paper.layers import CrossCorrelation
    from deblurnets.weights import files as weights

    folder.mkdir(parents=True, exist_ok=True)
    for net in ("analysis", "synthesis"):
        paper_reference.write_official_file(folder / f"{net}_weights.h5", net)
    recorded = paper_reference.outputs()
    maps = backend.ops.convert_to_tensor(recorded["correlation_input"][None])
    planes = backend.ops.convert_to_numpy(CrossCorrelation(6)(maps))[0]
    analysis = weights.load_analysis(folder / "analysis_weights.h5")
    kernel = analysis.estimate_kernel(recorded["image"] / np.float32(255))
    synthesis = weights.load_synthesis(folder / "synthesis_weights.h5")
    image = recorded["synthesis_image"] / np.float32(255)
    sharp = 255 * synthesis.deblur(image, recorded["synthesis_kernel"])
    wanted = np.clip(recorded["synthesis_output"], 0, 255)

    differences = {
        "correlation": np.abs(planes - recorded["correlation_output"]).max(),
        "kernel": np.abs(kernel - recorded["kernel"]).max(),
        "synthesis": np.abs(sharp - wanted).max(),
    }
    print("largest difference from the 2020 release:")
    for name, difference in differences.items():
        print(f"  {name:12} {difference:.1e}")
    picture = np.random.RandomState(0).rand(256, 368, 3).astype(np.float32)
    analysis.estimate_kernel(picture)
    _, wall, cpu, _ = measured(lambda: analysis.estimate_kernel(picture))
    print(f"kernel of a 256x368 picture: {cpu:.2f} s of CPU, {wall:.2f} s")
    return (
        differences["kernel"] <= KERNEL_TOLERANCE
        and differences["synthesis"] <= SYNTHESIS_TOLERANCE
    )


def measure_size(what: str, size: int) -> None:
    """Print wall and CPU seconds of a second call, and the peak memory of the first."""
    from deblurnets import backend
    from deblurnets.paper.analysis import PaperAnalysisConfig, build_paper_analysis
    from deblurnets.paper.correlation import cross_correlation
    from deblurnets.paper.pair import PaperAnalysis

    config = PaperAnalysisConfig()
    rng = np.random.RandomState(0)
    if what == "estimate":
        action, array = (
            PaperAnalysis(build_paper_analysis(config)).estimate_kernel,
            rng.rand(size, size, 3),
        )
    else:
        action = backend.numpy_function(
            lambda maps: cross_correlation(maps, config.max_shift),
            [(None, None, None, config.features)],
        )
        # The three unpadded 7x7 convolutions before the correlation take 18 pixels.
        array = rng.rand(1, size - 18, size - 18, config.features)
    array = array.astype(np.float32)
    if what == "correlation":  # inside the network, the maps are there already
        array = backend.ops.convert_to_tensor(array)
    _, _, _, memory = measured(lambda: action(array))
    _, wall, cpu, _ = measured(lambda: action(array))
    print(f" {cpu:.1f} s | {wall:.1f} s | {memory:.0f} MiB |", end="", flush=True)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    commands.add_parser("reference").add_argument("folder", type=Path)
    commands.add_parser("correlation")
    one = commands.add_parser("size")
    one.add_argument("what", choices=["correlation", "estimate"])
    one.add_argument("size", type=int)
    options = parser.parse_args()
    if options.command == "reference":
        return 0 if check_reference(options.folder) else 1
    if options.command == "size":
        measure_size(options.what, options.size)
        return 0
    print("| px | correlation: CPU | wall | memory | estimate: CPU | wall | memory |")
    print("|---|---|---|---|---|---|---|")
    for size in SIZES:
        print(f"| {size} |", end="", flush=True)
        for what in ("correlation", "estimate"):
            command = [sys.executable, __file__, "size", what, str(size)]
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
