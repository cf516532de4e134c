"""Compare a large picture deblurred in tiles with the same picture deblurred whole.

    python tools/measure_tiles.py [--side 1600] [--shake 40]
    python tools/measure_tiles.py --pair paper --side 800

Prints the memory that the synthesis half takes per pixel, which its `bytes_per_pixel` states. For
the compact pair, PSNR against the sharp picture both ways, and the difference between the two; the
paper's pair has random weights where its files are absent, and PSNR would say nothing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets.evaluation.scoring import compare
from deblurnets.evaluation.speed.networks import load_halves
from deblurnets.evaluation.speed.pictures import sharp_picture
from deblurnets.evaluation.speed.worker import peak_memory
from deblurnets.kernels import random_shake
from deblurnets.light import to_encoded, to_linear

NOISE = 0.005
BORDER = 60  # pixels that are not scored
WARM = 400  # side of a first picture, which compiles
WHOLE = 10**6  # a tile size that cuts nothing


def blurred(sharp: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Blur a picture in linear light and add noise."""
    light = ndimage.convolve(to_linear(sharp), kernel[:, :, None], mode="mirror")
    noise = NOISE * np.random.RandomState(0).standard_normal(sharp.shape)
    return np.clip(to_encoded(light) + noise, 0, 1).astype(np.float32)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pair", choices=("compact", "paper"), default="compact")
    parser.add_argument("--side", type=int, default=1600)
    parser.add_argument("--shake", type=float, default=40)
    arguments = parser.parse_args()
    side, extent = arguments.side, (arguments.shake, arguments.shake + 1)
    sharp = sharp_picture((side, side))
    kernel = random_shake(np.random.RandomState(0), 85, extent)
    blurry = blurred(sharp, kernel)
    _, synthesis, _ = load_halves(arguments.pair)
    synthesis.deblur(blurry[:WARM, :WARM], kernel, "linear")
    before = peak_memory() or 0
    whole = synthesis.deblur(blurry, kernel, "linear", tile=WHOLE)
    print(f"memory of the whole: {((peak_memory() or 0) - before) / side**2:.0f} bytes a pixel")
    if arguments.pair == "paper":
        return
    print(f"blurry: {compare(blurry, sharp, BORDER).psnr:.2f} dB")
    print(f"whole: {compare(whole, sharp, BORDER).psnr:.2f} dB")
    for tile in (3 * side // 4, side // 2):
        tiled = synthesis.deblur(blurry, kernel, "linear", tile=tile)
        difference = 255 * np.abs(tiled - whole)
        print(
            f"tiles of {tile}: {compare(tiled, sharp, BORDER).psnr:.2f} dB, differs by "
            f"{np.median(difference):.2f} grey levels (median), "
            f"{np.percentile(difference, 99):.1f} (99 %)"
        )


if __name__ == "__main__":
    main()
