"""Make a benchmark of new shakes from the sharp halves of another one.

    python tools/make_fresh_benchmark.py shake40 fresh --seed 78
    python -m deblurnets.evaluation benchmark fresh

Shakes of 31 to 75 pixels (`--extent`), every second picture blurred in linear light, two of three
with noise of 0.01. The result depends on the sharp pictures and the options alone: a seed that
nobody has looked at gives unseen shakes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Tuple

import numpy as np
from scipy import fft

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.imaging import srgb  # noqa: E402
from deblurnets.imaging.pixels import eight_bits, to_unit_rgb  # noqa: E402
from deblurnets.pictures.files import Picture, read_image, write_image  # noqa: E402
from deblurnets.simulation.trajectory import random_shake  # noqa: E402

GRID = 85
EXTENT = (31, 75)
NOISE = 0.01


def main() -> None:
    """Write the triples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmark", type=Path, help="folder with NAME_sharp.png files")
    parser.add_argument("output", type=Path, help="folder to write")
    parser.add_argument("--seed", type=int, default=77, help="of the shakes and the noise (77)")
    parser.add_argument(
        "--extent", type=float, nargs=2, default=EXTENT, help="bounds of the shakes, pixels (31 75)"
    )
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(options.benchmark.glob("*_sharp.png"))):
        write_triple(path, number, options.output, options.seed, tuple(options.extent))


def write_triple(
    path: Path, number: int, folder: Path, seed: int, extent: Tuple[float, float]
) -> None:
    """Blur one sharp picture and write blurry, sharp and kernel."""
    rng = np.random.RandomState([seed, number])
    sharp = to_unit_rgb(read_image(str(path)).pixels)
    kernel = random_shake(rng, GRID, extent, 1.0)
    linear = number % 2 == 0
    blurry = convolve_valid(srgb.to_linear(sharp) if linear else sharp, kernel)
    blurry = srgb.to_gamma(blurry) if linear else blurry
    blurry = blurry + rng.normal(0, NOISE, blurry.shape) * (number % 3 != 0)
    half = GRID // 2
    name = folder / f"f{number:02d}_{'lin' if linear else 'srgb'}"
    pictures = {
        "blurry": eight_bits(blurry),
        "sharp": eight_bits(sharp[half:-half, half:-half]),
        "kernel": np.rint(kernel / kernel.max() * 65535).astype(np.uint16),
    }
    for part, pixels in pictures.items():
        write_image(f"{name}_{part}.png", Picture(pixels))


def convolve_valid(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve (H, W, C) with (k, k); the part that needs no outside: (H - k + 1, W - k + 1, C)."""
    height, width = image.shape[:2]
    size = [fft.next_fast_len(n, True) for n in (height, width)]
    k = kernel.shape[0]
    otf = fft.rfft2(kernel, size)[None]
    spectrum = fft.rfft2(np.moveaxis(image, 2, 0), size, axes=(1, 2))
    blurry = fft.irfft2(spectrum * otf, size, axes=(1, 2))
    return np.moveaxis(blurry[:, k - 1 : height, k - 1 : width], 0, 2)


if __name__ == "__main__":
    main()
