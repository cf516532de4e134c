"""Compare results with convolutions in bfloat16 and in float32, on the example pictures.

    python tools/measure_bfloat16.py

Prints, for each example, the PSNR of both results against the sharp picture, and how much the
results differ when both get the same kernel. Needs a processor with bfloat16 instructions.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets import backend
from deblurnets.deblurrer import Deblurrer
from deblurnets.imaging.metrics import compare
from deblurnets.pictures.files import read_image

ROOT = Path(__file__).resolve().parent.parent
BORDER = 24  # pixels that are not scored


def main() -> None:
    """Measure and print."""
    fastest = backend.inference_dtype()
    if fastest == "float32":
        raise SystemExit("this processor or backend has no bfloat16: there is nothing to compare")
    deblurrers = []
    for dtype in ("float32", fastest):
        backend.inference_dtype = lambda dtype=dtype: dtype
        deblurrers.append(Deblurrer.from_pretrained("compact"))
    for path in sorted((ROOT / "tests" / "data" / "examples_sharp").iterdir()):
        blurry = read_image(str(ROOT / "blurry_input" / path.name)).pixels / np.float32(255)
        sharp = read_image(str(path)).pixels
        blind = [deblurrer(blurry) for deblurrer in deblurrers]
        scores = [compare(result.image, sharp, BORDER).psnr for result in blind]
        known = [deblurrer.deblur(blurry, blind[0].kernel) for deblurrer in deblurrers]
        difference = np.abs(known[1] - known[0])
        print(
            f"{path.name}: float32 {scores[0]:.2f} dB, bfloat16 {scores[1]:.2f} dB; with one "
            f"kernel they differ by {difference.max():.4f} at most, "
            f"{difference.mean():.5f} on average"
        )


if __name__ == "__main__":
    main()
