"""Make the pictures of docs/when-it-works.md: a success, a failure and a sharp picture.

python tools/make_guide_pictures.py

Each is input and result side by side, the middle pixel for pixel, and its PSNR is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import deblurnets  # noqa: E402
from deblurnets.imaging.metrics import compare  # noqa: E402
from deblurnets.simulation.rotation import blur_by_shake, random_shake  # noqa: E402

WIDTH, HEIGHT, GAP = 300, 300, 6
BORDER = 32  # pixels that are not scored


def main() -> None:
    """Deblur the three pictures and write them."""
    coffee, rocket = (
        np.asarray(Image.open(ROOT / "tests" / "data" / "examples_sharp" / name).convert("RGB"))
        for name in ("coffee.png", "rocket.png")
    )
    shaken = np.asarray(Image.open(ROOT / "blurry_input" / "coffee.png").convert("RGB"))
    show("success", shaken, coffee)
    show("failure", turned(coffee), coffee)
    show("sharp", rocket, rocket)


def turned(sharp: np.ndarray) -> np.ndarray:
    """Blur a picture as a camera does that turns by two degrees around a corner."""
    shake = random_shake(np.random.RandomState(4), 6, 2.0, (80, 190))
    return blur_by_shake(sharp.astype(np.float32) / 255, shake)


def show(name: str, blurry: np.ndarray, sharp: np.ndarray) -> None:
    """Deblur a picture, write it beside the result, print the scores of both."""
    result = deblurnets.deblur(blurry)
    before, after = (compare(p, sharp, BORDER, 16).psnr for p in (blurry, result.image))
    found = f"confidence {result.confidence:.2f}" if result.blurred else "no blur found"
    print(f"{name}: {before:.1f} dB, deblurred {after:.1f} dB, {found}")
    joined = np.full((HEIGHT, 2 * WIDTH + GAP, 3), 255, np.uint8)
    joined[:, :WIDTH], joined[:, WIDTH + GAP :] = middle(blurry), middle(result.image)
    Image.fromarray(joined).save(ROOT / "docs" / "images" / f"guide_{name}.jpg", quality=85)


def middle(pixels: np.ndarray) -> np.ndarray:
    """Cut out the middle of a picture."""
    top, left = (pixels.shape[0] - HEIGHT) // 2, (pixels.shape[1] - WIDTH) // 2
    return pixels[top : top + HEIGHT, left : left + WIDTH]


if __name__ == "__main__":
    main()
