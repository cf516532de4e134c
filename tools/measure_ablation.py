"""What each part of the training set brings: a small analysis network trained without it.

    python tools/measure_ablation.py PACK BENCHMARKS RUNS [--steps N] [--seconds N] [--only NAMES]

Trains a small network for each variant of `VARIANTS`, all for the same number of samples or of
seconds, into RUNS; one that is done already is not trained again. Prints a row of its table then:
the mean similarity of the kernels that it finds, without any search, to the true ones, on `levin`
and on `shake40` at half size, whose pictures were blurred half in pixel values and half in linear
light. The last variant is another network: the paper's, which finds the kernel in one shot. Where
it and "everything" are asked for, a last row says what the latter's last steps make of its kernels.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple
from unittest import mock

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.backend import ops  # noqa: E402
from deblurnets.deblurrer import to_unit_rgb  # noqa: E402
from deblurnets.estimation.alternation_kernel import resize  # noqa: E402
from deblurnets.estimation.alternation_latent import best_crop  # noqa: E402
from deblurnets.estimation.refinement import shrink  # noqa: E402
from deblurnets.evaluation.benchmark import find_triples, load_triple  # noqa: E402
from deblurnets.imaging import psf as kernels  # noqa: E402
from deblurnets.imaging.srgb import GREY  # noqa: E402
from deblurnets.training import __main__ as training  # noqa: E402
from deblurnets.training import loop  # noqa: E402
from deblurnets.training.kinds import build_network  # noqa: E402

UNROLLED = {"grid": 33, "steps": [2, 2, 2], "widths": [12, 24, 36], "decoder_widths": [16, 24, 32]}
SINGLE_SHOT = {"max_shift": 16, "levels": 3, "filters": 24, "features": 16, "head": [16, 8]}
SAMPLES = {"grid": 33, "extent": [2, 31], "power": 1.0, "jpeg": 0.25}
CROP, WINDOW, DIVISOR, BATCH = 128, 240, 16, 8
EVERYTHING, SINGLE = "everything", "everything, single shot"

Case = Tuple[str, np.ndarray, np.ndarray]
Estimate = Callable[[np.ndarray], Any]


def straight_path(rng: np.random.RandomState, steps: int = 2000) -> np.ndarray:
    """Draw a straight path at even speed, in place of `deblurnets.imaging.psf.shake_path`."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.linspace(-0.5, 0.5, steps)[:, None] * [[np.cos(angle), np.sin(angle)]]


class Variant(NamedTuple):
    """A training set and network: what differs from `SAMPLES`, and how shakes are drawn."""

    samples: Dict[str, Any]
    path: Callable[..., np.ndarray] = kernels.shake_path
    seed: int = 1
    kind: str = "analysis"
    network: Dict[str, Any] = UNROLLED


VARIANTS = {
    EVERYTHING: Variant({}),
    # How much of the differences is chance.
    "everything, other samples": Variant({}, seed=2),
    "straight shakes only": Variant({}, straight_path),
    "no noise": Variant({"noise": [0.0, 0.0]}),
    "no linear light": Variant({"linear": 0.0}),
    "no JPEG": Variant({"jpeg": 0.0}),
    "no saturation": Variant({"saturation": 0.0}),
    "no reduced photographs": Variant({"shrink": 1.0}),
    SINGLE: Variant({}, kind="paper_analysis", network=SINGLE_SHOT),
}


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("benchmarks", type=Path, help="folder of levin/ and shake40/")
    parser.add_argument("runs", type=Path)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    cases = list(test_cases(options.benchmarks))
    names = list(dict.fromkeys(name for name, _, _ in cases))
    print("| training set |", " | ".join(names), "|")
    print("|---" * (len(names) + 1) + "|")
    networks = {}
    for name in options.only:
        run = options.runs / name.replace(" ", "_")
        with contextlib.redirect_stdout(sys.stderr):
            train(VARIANTS[name], options.pack, run, options.steps, options.seconds)
        networks[name] = load(VARIANTS[name].kind, run)
        print_row(name, ESTIMATES[VARIANTS[name].kind](networks[name]), cases)
    if EVERYTHING in networks and SINGLE in networks:
        first = ESTIMATES["paper_analysis"](networks[SINGLE])
        improve = networks[EVERYTHING].improve
        print_row(f"{SINGLE}, refined", lambda picture: improve(picture, first(picture)), cases)


def train(variant: Variant, pack: Path, run: Path, steps: int, seconds: float) -> None:
    """Train a variant's network, as the command line does."""
    words = [*variant.kind.split("_"), str(pack), str(run)]
    words += ["--steps", str(steps), "--seconds", str(seconds), "--batch", str(BATCH)]
    words += ["--crop", str(CROP), "--workers", "0"]
    words += ["--learning_rate", "2e-3", "--seed", str(variant.seed)]
    words += ["--network", json.dumps(variant.network)]
    words += ["--samples", json.dumps({**SAMPLES, **variant.samples})]
    with mock.patch.object(kernels, "shake_path", variant.path):
        training.main(words)


def test_cases(benchmarks: Path) -> Iterator[Case]:
    """Yield (column, what the network sees (1, h, w, 1), true kernel (33, 33)) of each picture."""
    grid = SAMPLES["grid"]
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


def load(kind: str, run: Path) -> Any:
    """Return a run's network."""
    settings = json.loads((run / "config.json").read_text())["network"]
    settings.pop("dtype", None)  # that of the training
    _, network = build_network(kind, json.dumps(settings), "float32")
    loop.load_network(network, run)
    return network


# How each kind of network is asked for the kernels (1, 33, 33) of a picture (1, h, w, 1).
ESTIMATES: Dict[str, Callable[[Any], Estimate]] = {
    "analysis": lambda network: lambda picture: network(picture)[-1]["kernel"],
    "paper_analysis": lambda network: lambda picture: network(255 * np.repeat(picture, 3, axis=3)),
}


def print_row(name: str, estimate: Estimate, cases: List[Case]) -> None:
    """Print the mean similarity of estimated kernels to the true ones, by column."""
    found: Dict[str, List[float]] = {}
    for column, picture, true in cases:
        kernel = ops.convert_to_numpy(estimate(picture))[0]
        found.setdefault(column, []).append(kernels.similarity(kernels.prune(kernel), true))
    means = (f"{np.mean(values):.3f}" for values in found.values())
    print(f"| {name} |", " | ".join(means), "|", flush=True)


if __name__ == "__main__":
    main()
