"""Compare a large picture deblurred in tiles with the same picture deblurred whole.

    python tools/measure_tiles.py [--side 1600] [--shake 40]

Prints PSNR against the sharp picture both ways, the difference between the two, and the memory
that the work takes per pixel, which `bytes_per_pixel` of the compact synthesis half states.
"""

from __future__ import annotations

import argparse
import resource
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets import weights
from deblurnets.evaluation.scoring import compare
from deblurnets.images import read_image
from deblurnets.kernels import random_shake
from deblurnets.light import to_encoded, to_linear
from deblurnets.paths import model_path

EXAMPLES = Path(__file__).resolve().parent.parent / "tests" / "data" / "examples_sharp"


def large_picture(side: int) -> np.ndarray:
    """Return the sharp examples side by side, mirrored on, (side, side, 3), 0..1."""
    parts = [read_image(str(path)).pixels[:400, :600] for path in sorted(EXAMPLES.iterdir())]
    strip = np.concatenate(parts, axis=1).astype(np.float32) / 255
    padding = [(0, max(side - n, 0)) for n in strip.shape[:2]]
    return np.pad(strip, [*padding, (0, 0)], mode="symmetric")[:side, :side]


def peak_memory() -> int:
    """Return the most memory that this process has held so far, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1600)
    parser.add_argument("--shake", type=float, default=40)
    arguments = parser.parse_args()
    rng = np.random.RandomState(0)
    sharp = large_picture(arguments.side)
    kernel = random_shake(rng, 85, (arguments.shake, arguments.shake + 1))
    light = ndimage.convolve(to_linear(sharp), kernel[:, :, None], mode="mirror")
    blurry = to_encoded(light) + 0.005 * rng.standard_normal(sharp.shape)
    blurry = np.clip(blurry, 0, 1).astype(np.float32)
    synthesis = weights.load_synthesis(model_path("compact_synthesis.h5"))
    synthesis.deblur(blurry[:400, :400], kernel, "linear")
    before = peak_memory()
    whole = synthesis.deblur(blurry, kernel, "linear", tile=10**6)
    print(
        f"memory of the whole: {(peak_memory() - before) / blurry[..., 0].size:.0f} bytes a pixel"
    )
    print(f"blurry: {compare(blurry, sharp, 60).psnr:.2f} dB")
    print(f"whole: {compare(whole, sharp, 60).psnr:.2f} dB")
    for tile in (arguments.side * 3 // 4, arguments.side // 2):
        tiled = synthesis.deblur(blurry, kernel, "linear", tile=tile)
        difference = 255 * np.abs(tiled - whole)
        print(
            f"tiles of {tile}: {compare(tiled, sharp, 60).psnr:.2f} dB, differs by "
            f"{np.median(difference):.2f} grey levels (median), "
            f"{np.percentile(difference, 99):.1f} (99 %)"
        )


if __name__ == "__main__":
    main()
