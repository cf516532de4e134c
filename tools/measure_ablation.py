"""What each part of the training set brings: a small analysis network trained without it.

    python tools/measure_ablation.py PACK BENCHMARKS RUNS [--steps 1200] [--only NAME ...]

Trains a network of a tenth of the bundled one's size for each variant of `VARIANTS`, all from the
same first weights and for the same number of samples, into RUNS; one that is done already is not
trained again. Then prints a row of its table: the mean similarity of the kernels that
it finds, without any search, to the true ones, on `levin` and on `shake40` at half size, whose
pictures were blurred half in pixel values and half in linear light.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple
from unittest import mock

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets import kernels  # noqa: E402
from deblurnets.alternation import shrink  # noqa: E402
from deblurnets.alternation_kernel import resize  # noqa: E402
from deblurnets.alternation_latent import best_crop  # noqa: E402
from deblurnets.backend import ops  # noqa: E402
from deblurnets.deblurrer import to_unit_rgb  # noqa: E402
from deblurnets.evaluation.benchmark import find_triples, load_triple  # noqa: E402
from deblurnets.light import GREY  # noqa: E402
from deblurnets.training import __main__ as training  # noqa: E402
from deblurnets.training import loop  # noqa: E402
from deblurnets.training.kinds import build_network  # noqa: E402

NETWORK = {"grid": 33, "steps": [2, 2, 2], "widths": [12, 24, 36], "decoder_widths": [16, 24, 32]}
SAMPLES = {"grid": 33, "extent": [2, 31], "power": 1.0, "jpeg": 0.25}
CROP, WINDOW, DIVISOR, BATCH = 128, 240, 16, 8


def straight_path(rng: np.random.RandomState, steps: int = 2000) -> np.ndarray:
    """Draw a straight path at even speed, in place of `deblurnets.kernels.shake_path`."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.linspace(-0.5, 0.5, steps)[:, None] * [[np.cos(angle), np.sin(angle)]]


class Variant(NamedTuple):
    """A training set: what differs from `SAMPLES`, and how shakes are drawn."""

    samples: Dict[str, Any]
    path: Any = kernels.shake_path


VARIANTS = {
    "everything": Variant({}),
    "straight shakes only": Variant({}, straight_path),
    "no noise": Variant({"noise": [0.0, 0.0]}),
    "no linear light": Variant({"linear": 0.0}),
    "no JPEG": Variant({"jpeg": 0.0}),
    "no saturation": Variant({"saturation": 0.0}),
    "no reduced photographs": Variant({"shrink": 1.0}),
}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("benchmarks", type=Path, help="folder of levin/ and shake40/")
    parser.add_argument("runs", type=Path)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    cases = list(test_cases(options.benchmarks))
    names = list(dict.fromkeys(name for name, _, _ in cases))
    print("| training set |", " | ".join(names), "|")
    print("|---" * (len(names) + 1) + "|")
    for name in options.only:
        run = options.runs / name.replace(" ", "_")
        with contextlib.redirect_stdout(sys.stderr):
            train(VARIANTS[name], options.pack, run, options.steps)
        means = similarities(run, cases)
        print(f"| {name} |", " | ".join(f"{means[n]:.3f}" for n in names), "|", flush=True)


def train(variant: Variant, pack: Path, run: Path, steps: int) -> None:
    """Train a variant's network, as the command line does."""
    words = ["analysis", str(pack), str(run), "--steps", str(steps), "--batch", str(BATCH)]
    words += ["--crop", str(CROP), "--workers", "0", "--learning_rate", "2e-3"]
    words += ["--network", json.dumps(NETWORK)]
    words += ["--samples", json.dumps({**SAMPLES, **variant.samples})]
    with mock.patch.object(kernels, "shake_path", variant.path):
        training.main(words)


def test_cases(benchmarks: Path) -> Iterator[Tuple[str, np.ndarray, np.ndarray]]:
    """Yield (column, what the network sees (1, h, w, 1), true kernel (33, 33)) of each picture."""
    grid = NETWORK["grid"]
    for name, scale in (("levin", 1.0), ("shake40", 0.5)):
        for triple in find_triples(benchmarks / name):
            blurry, _, kernel = load_triple(triple)
            grey = shrink(to_unit_rgb(blurry) @ GREY, scale)
            kernel = kernels.fit_grid(kernel, max(kernel.shape) // 2 * 2 + 1)
            kernel = resize(kernel, scale, grid) if scale < 1 else kernels.fit_grid(kernel, grid)
            part = best_crop(grey, WINDOW)
            height, width = (n // DIVISOR * DIVISOR for n in part.shape)
            light = triple.name.rsplit("_", 1)[1] if name == "shake40" else "photographed"
            yield f"{name}, {light}", part[None, :height, :width, None], kernel


def similarities(run: Path, cases: List[Tuple[str, np.ndarray, np.ndarray]]) -> Dict[str, float]:
    """Return the mean similarity of a run's kernels to the true ones, by column."""
    settings = json.loads((run / "config.json").read_text())["network"]
    _, network = build_network("analysis", json.dumps({**settings, "dtype": "float32"}))
    loop.load_network(network, run)
    found: Dict[str, List[float]] = {}
    for name, picture, true in cases:
        kernel = ops.convert_to_numpy(network(picture)[-1]["kernel"])[0]
        found.setdefault(name, []).append(kernels.similarity(kernels.prune(kernel), true))
    return {name: float(np.mean(values)) for name, values in found.items()}


if __name__ == "__main__":
    main()
