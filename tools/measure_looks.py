"""Kernels that analysis networks find in one look, by the size of the true one.

    python tools/measure_looks.py BENCHMARKS WEIGHTS [WEIGHTS ...]

Prints a row for each weights file: the mean similarity of its kernels, as the network gives them,
to the true ones on the pictures of `levin` and `shake40`, each in the light in which it was
blurred, by the size that the true kernel has in the look. Pictures are looked at in full and, where
they are large enough, at half size, if the network's grid holds the kernel so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.deblurrer import to_unit_rgb  # noqa: E402
from deblurnets.estimation.estimator import EstimateConfig  # noqa: E402
from deblurnets.estimation.search import Look  # noqa: E402
from deblurnets.evaluation.benchmark import find_triples, load_triple  # noqa: E402
from deblurnets.imaging.psf import fit_grid, similarity, support_size  # noqa: E402
from deblurnets.imaging.srgb import GREY  # noqa: E402
from deblurnets.weights.files import load_analysis  # noqa: E402

# Pixels in the look, from ... to below.
CLASSES = ((0, 12), (12, 24), (24, 50))


class Case(NamedTuple):
    """A picture (H, W), how it is looked at, its true kernel, and which of `CLASSES` that is of."""

    grey: np.ndarray
    look: Look
    kernel: np.ndarray
    size: int


def main() -> None:
    """Look and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmarks", type=Path, help="folder of levin/ and shake40/")
    parser.add_argument("weights", type=Path, nargs="+")
    options = parser.parse_args()
    cases = list(find_cases(options.benchmarks, EstimateConfig()))
    counts = [sum(case.size == n for case in cases) for n in range(len(CLASSES))]
    heads = [f"{low} to {high} px ({n})" for (low, high), n in zip(CLASSES, counts)]
    print("| weights |", " | ".join(heads), "| all |")
    print("|---" * (len(heads) + 2) + "|")
    for path in options.weights:
        analysis = load_analysis(path)
        found: Dict[int, List[float]] = {}
        for case in cases:
            (start,) = analysis.observe(case.grey, [case.look])
            kernel = start.kernel
            found.setdefault(case.size, []).append(similarity(kernel, case.kernel))
        means = [np.mean(found[n]) for n in range(len(CLASSES))]
        means.append(np.mean(np.concatenate(list(found.values()))))
        print(f"| {path.stem} |", " | ".join(f"{mean:.3f}" for mean in means), "|", flush=True)


def find_cases(benchmarks: Path, config: EstimateConfig) -> Iterator[Case]:
    """Yield the looks at all pictures whose kernels the network's grid can hold."""
    for name in ("levin", "shake40"):
        for triple in find_triples(benchmarks / name):
            blurry, _, kernel = load_triple(triple)
            grey = to_unit_rgb(blurry) @ GREY
            light = "linear" if triple.name.endswith("_linear") else "encoded"
            kernel = fit_grid(kernel, config.grid)
            for scale in (0.5, 1.0):
                size = support_size(kernel) * scale
                if size >= CLASSES[-1][1] or min(grey.shape) * scale < config.least_side:
                    continue
                number = next(n for n, (_, high) in enumerate(CLASSES) if size < high)
                yield Case(grey, Look(scale, config.looks[-1][1], light), kernel, number)


if __name__ == "__main__":
    main()
