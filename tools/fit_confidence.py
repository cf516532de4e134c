"""Fit confidence: how often a result is better than its input, by the gain that was predicted.

    python tools/fit_confidence.py PHOTOGRAPHS [--count 200] [--seed 1] [--output rows.csv]

Takes photographs of random parts of sharp pictures with the simulated camera, every kind of shot
among them, deblurs them, and fits a logistic curve to "the result is better" over the predicted
gain: `EstimateConfig.unsure_gain` and `unsure_slope`. Results that are the input count neither way.
"""

from __future__ import annotations

import argparse
import csv
import math
from pathlib import Path
from typing import Iterator, Tuple

import numpy as np
from scipy import optimize

from deblurnets import Deblurrer
from deblurnets.estimation.estimator import EstimateConfig
from deblurnets.imaging.metrics import compare
from deblurnets.imaging.pixels import eight_bits, to_unit_rgb
from deblurnets.pictures.files import read_image
from deblurnets.simulation.camera import CameraConfig, random_scale, random_shot
from deblurnets.simulation.shot import take

SHAPE = (600, 720)
CONFIG = CameraConfig(extent=(4, 75), power=1.3, still=0.05, overlay=0.1, medium=0.12, turning=0.25)
BORDER = 40


def results(paths: list, count: int, seed: int) -> Iterator[Tuple[str, float, float, str]]:
    """Yield (picture, predicted gain, true gain, verdict), gains in dB."""
    deblurrer, config = Deblurrer.from_pretrained(), EstimateConfig()
    for number in range(count):
        rng = np.random.RandomState([seed, number])
        path = paths[rng.randint(len(paths))]
        scale = random_scale(rng, CONFIG)
        sharp = to_unit_rgb(read_image(str(path)).pixels)
        sides = [min(math.ceil(n / scale), m) for n, m in zip(SHAPE, sharp.shape)]
        top, left = (rng.randint(m - n + 1) for n, m in zip(sides, sharp.shape))
        sharp = np.ascontiguousarray(sharp[top : top + sides[0], left : left + sides[1]])
        taken = take(sharp, random_shot(rng, sharp.shape[:2], CONFIG, scale), rng)
        result = deblurrer(taken.blurry)
        pictures = (result.image, taken.blurry)
        scores = [compare(p, eight_bits(taken.sharp), BORDER).psnr for p in pictures]
        odds = math.log(max(result.confidence, 1e-6) / max(1 - result.confidence, 1e-6))
        predicted = config.unsure_gain + config.unsure_slope * odds
        yield path.name, predicted, scores[0] - scores[1], result.verdict


def fit(predicted: np.ndarray, better: np.ndarray) -> Tuple[float, float]:
    """Return the gain at which as many are better as worse, and the slope in dB: most likely."""

    def cost(parameters: np.ndarray) -> float:
        even, slope = parameters[0], math.exp(parameters[1])
        signed = np.where(better, 1, -1) * (predicted - even) / slope
        return float(np.logaddexp(0, -signed).mean())

    found = optimize.minimize(cost, [0.0, 0.0], method="Nelder-Mead").x
    return float(found[0]), math.exp(found[1])


def main() -> None:
    """Take, deblur, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="CSV of all results")
    options = parser.parse_args()
    paths = sorted(
        p for p in options.photographs.rglob("*") if p.suffix.lower() in {".jpg", ".png"}
    )
    rows = []
    for row in results(paths, options.count, options.seed):
        rows.append(row)
        print(f"{row[0]}: predicted {row[1]:.2f}, gained {row[2]:.2f} dB, {row[3]}", flush=True)
    if options.output:
        with open(options.output, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    told = [(p, g) for _, p, g, _ in rows if abs(g) >= 0.01]
    predicted, gained = np.array(told).T
    even, slope = fit(predicted, gained > 0)
    print(f"{len(told)} results: unsure_gain {even:.2f} dB, unsure_slope {slope:.2f} dB")


if __name__ == "__main__":
    main()
