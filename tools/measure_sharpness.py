"""What tells sharp, noisy and edgeless pictures: sharp edges, noise over deviation, steepest slope.

    python tools/measure_sharpness.py FOLDER... [--match "*_sharp.png"]

Prints for each folder the percentiles 0, 10, 50, 90 and 100 of each over its pictures. The limits
`EstimateConfig.sharp_edges`, `noisy` and `steep` lie between what sharp and blurry folders have.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from deblurnets.estimation.observation import sharp_share, steepness
from deblurnets.imaging.noise import estimate_noise
from deblurnets.imaging.pixels import to_unit_rgb
from deblurnets.imaging.srgb import GREY
from deblurnets.pictures.files import read_image


def facts(path: Path) -> tuple:
    """Return the share of sharp edges, noise over deviation, and the steepness."""
    grey = np.ascontiguousarray(to_unit_rgb(read_image(str(path)).pixels) @ GREY)
    noise = estimate_noise(grey) / max(float(grey.std()), 1e-6)
    return sharp_share(grey), noise, steepness(grey)


def main() -> None:
    """Print the percentiles."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--match", default="*.*", help='names, such as "*_blurry.png"')
    options = parser.parse_args()
    for folder in options.folders:
        found = np.array([facts(path) for path in sorted(folder.glob(options.match))])
        print(f"{folder}: {len(found)} pictures")
        for name, values in zip(("sharp edges", "noise", "slope"), found.T):
            print(
                f"  {name:12}", *(f"{v:.4f}" for v in np.percentile(values, (0, 10, 50, 90, 100)))
            )


if __name__ == "__main__":
    main()
