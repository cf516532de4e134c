"""How sharp photographs and small shakes of them look to the search: what tells them apart.

    python tools/measure_leads.py PHOTOGRAPHS [--every 24]

Prints, for the middle of every Nth photograph of a folder as it is and blurred by a shake of 3.5 to
8 pixels, what `EstimateConfig` decides by: the kernel's mass within 3x3 pixels, the predicted
gain, and by how much the kernel leads no deblurring.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.signal import fftconvolve

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.estimation import estimator  # noqa: E402
from deblurnets.estimation.search import SearchResult, search_kernel  # noqa: E402
from deblurnets.imaging.srgb import GREY  # noqa: E402
from deblurnets.simulation.trajectory import random_shake  # noqa: E402
from deblurnets.weights.files import load_analysis  # noqa: E402
from deblurnets.weights.paths import model_path  # noqa: E402

SIDE = 480
NOISE = 0.004


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--every", type=int, default=24)
    options = parser.parse_args()
    findings = []
    estimator.search_kernel = lambda *given: findings.append(search_kernel(*given)) or findings[-1]
    analysis = load_analysis(model_path("compact_analysis.h5"))
    rng = np.random.RandomState(5)
    kinds = (".jpg", ".jpeg", ".png")
    paths = [p for p in sorted(options.photographs.iterdir()) if p.suffix.lower() in kinds]
    for path in paths[7 :: options.every]:
        sharp = middle(path)
        extent = rng.uniform(3.5, 8)
        blurry = fftconvolve(sharp, random_shake(rng, 17, (extent, extent)), "valid")
        blurry = np.rint((blurry + rng.normal(0, NOISE, blurry.shape)) * 255) / 255
        for name, grey in (("sharp", sharp), (f"{extent:.1f} px", np.clip(blurry, 0, 1))):
            picture = np.repeat(grey.astype(np.float32)[..., None], 3, 2)
            blurred = analysis.estimate(picture).blurred
            print(path.name, name, describe(findings[-1]), "blurred" if blurred else "no blur")


def middle(path: Path) -> np.ndarray:
    """Read the middle of a photograph as grey values in 0..1."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert("RGB"), np.float32) / 255 @ GREY
    side = min(SIDE, *grey.shape)
    top, left = ((n - side) // 2 for n in grey.shape)
    return grey[top : top + side, left : left + side]


def describe(finding: SearchResult) -> str:
    """Say what the decision rests on."""
    kernel, centre = finding.kernel, finding.kernel.shape[0] // 2
    mass = kernel[centre - 1 : centre + 2, centre - 1 : centre + 2].sum()
    return f"mass {mass:.2f} gain {finding.quality.gain:.1f} lead {finding.lead:.1f}"


if __name__ == "__main__":
    main()
