"""Compare a large picture deblurred in tiles, and in parts, with the same picture deblurred whole.

    python tools/measure_tiles.py [--side 1600] [--shake 40]
    python tools/measure_tiles.py --pair paper --side 800

Prints the memory that the synthesis half takes per pixel, that of the U-Nets included. For the
compact pair, PSNR against the sharp picture, and the differences: in tiles only the U-Nets see
the picture bit by bit; in parts, which are left for want of memory, the Fourier steps do too. The
paper's pair has random weights where its files are absent, and PSNR would say nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Iterator

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets.evaluation.speed.networks import load_halves
from deblurnets.evaluation.speed.pictures import sharp_picture
from deblurnets.evaluation.speed.worker import peak_memory
from deblurnets.imaging.metrics import compare
from deblurnets.imaging.psf import random_shake
from deblurnets.imaging.srgb import to_encoded, to_linear
from deblurnets.runtime import fixed_tiles
from deblurnets.runtime.memory import available_memory, tune_heaps

NOISE = 0.005
BORDER = 60  # pixels that are not scored
WARM = 400  # side of a first picture, which compiles
WHOLE = 10**6  # a tile size that cuts nothing, of the paper's pair


def blurred(sharp: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Blur a picture in linear light and add noise."""
    light = ndimage.convolve(to_linear(sharp), kernel[:, :, None], mode="mirror")
    noise = NOISE * np.random.RandomState(0).standard_normal(sharp.shape)
    return np.clip(to_encoded(light) + noise, 0, 1).astype(np.float32)


@contextlib.contextmanager
def uncut() -> Iterator[None]:
    """Let the compact pair's U-Nets see whole maps."""
    shape = fixed_tiles.tile_shape
    fixed_tiles.tile_shape = lambda height, width, *_: (height, width)
    try:
        yield
    finally:
        fixed_tiles.tile_shape = shape


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pair", choices=("compact", "paper"), default="compact")
    parser.add_argument("--side", type=int, default=1600)
    parser.add_argument("--shake", type=float, default=40)
    arguments = parser.parse_args()
    tune_heaps()  # as the command line does
    side, extent = arguments.side, (arguments.shake, arguments.shake + 1)
    sharp = sharp_picture((side, side))
    kernel = random_shake(np.random.RandomState(0), 85, extent)
    blurry = blurred(sharp, kernel)
    _, synthesis, _ = load_halves(arguments.pair)
    paper = arguments.pair == "paper"
    synthesis.deblur(blurry[:WARM, :WARM], kernel, "linear")
    before = peak_memory() or 0
    with uncut():
        whole = synthesis.deblur(blurry, kernel, "linear", tile=WHOLE if paper else None)
    print(f"memory of the whole: {((peak_memory() or 0) - before) / side**2:.0f} bytes a pixel")
    if paper:
        return

    def report(name: str, result: np.ndarray) -> None:
        difference = 255 * np.abs(result - whole)
        print(
            f"{name}: {compare(result, sharp, BORDER).psnr:.2f} dB, differs from the whole by "
            f"{np.median(difference):.2f} grey levels (median), "
            f"{np.percentile(difference, 99):.2f} (99 %), {difference.max():.2f} at most"
        )

    report("blurry", blurry)
    report("whole", whole)
    report("default tiles", synthesis.deblur(blurry, kernel, "linear"))
    for tile in (640, 384):
        report(f"tiles of {tile}", synthesis.deblur(blurry, kernel, "linear", tile=tile))
    for part in (3 * side // 4, side // 2):
        # So much for each pixel that half of the memory suffices for such a part.
        synthesis.bytes_per_pixel = available_memory() / 2 / part**2
        report(f"parts of {part}", synthesis.deblur(blurry, kernel, "linear"))


if __name__ == "__main__":
    main()
