"""Make the pictures of README.md and docs/when-it-works.md.

python tools/make_guide_pictures.py

README: the middle of two example pictures, before and after. The guide: a success, a failure and a
sharp picture, each input and result side by side, pixel for pixel; its PSNR is printed.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import deblurnets  # noqa: E402
from deblurnets.imaging.metrics import compare  # noqa: E402
from deblurnets.imaging.pixels import unit_range  # noqa: E402
from deblurnets.pictures.files import Picture, SaveOptions, read_image, write_image  # noqa: E402
from deblurnets.simulation.motion import random_motion  # noqa: E402
from deblurnets.simulation.shot import Shot, take  # noqa: E402

README_NAMES, README_SIZE = ("coffee.png", "raccoon.jpg"), (400, 600)
GUIDE_SIZE, GAP = (300, 300), 6
BORDER = 32  # pixels that are not scored


def main() -> None:
    """Deblur the pictures and write them."""
    for name in README_NAMES:
        blurry = read(ROOT / "blurry_input" / name)
        for when, pixels in (("before", blurry), ("after", deblurnets.deblur(blurry).image)):
            write(f"{Path(name).stem}_{when}", middle(pixels, README_SIZE), quality=88)
    sharp = ROOT / "tests" / "data" / "examples_sharp"
    coffee, rocket = read(sharp / "coffee.png"), read(sharp / "rocket.png")
    show("success", read(ROOT / "blurry_input" / "coffee.png"), coffee)
    show("failure", turned(coffee), coffee)
    show("sharp", rocket, rocket)


def turned(sharp: np.ndarray) -> np.ndarray:
    """Blur a picture as a camera does that turns by two degrees around a corner."""
    rng = np.random.RandomState(4)
    motion = random_motion(rng, sharp.shape[:2], 6, (0, 0, 2.0))
    motion = dataclasses.replace(motion, centre=(80, 190))
    return take(unit_range(sharp), Shot(motion), rng).blurry


def show(name: str, blurry: np.ndarray, sharp: np.ndarray) -> None:
    """Deblur a picture, write it beside the result, print the scores of both."""
    result = deblurnets.deblur(blurry)
    before, after = (compare(p, sharp, BORDER, 16).psnr for p in (blurry, result.image))
    found = f"confidence {result.confidence:.2f}" if result.blurred else "no blur found"
    print(f"{name}: {before:.1f} dB, deblurred {after:.1f} dB, {found}")
    gap = np.full((GUIDE_SIZE[0], GAP, 3), 255, np.uint8)
    halves = (middle(blurry, GUIDE_SIZE), gap, middle(result.image, GUIDE_SIZE))
    write(f"guide_{name}", np.concatenate(halves, axis=1), quality=85)


def middle(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut out the middle of a picture, (height, width)."""
    top, left = ((n - m) // 2 for n, m in zip(pixels.shape, size))
    return pixels[top : top + size[0], left : left + size[1]]


def read(path: Path) -> np.ndarray:
    """Read the pixels of a picture file."""
    return read_image(str(path)).pixels


def write(name: str, pixels: np.ndarray, quality: int) -> None:
    """Write a picture among those of the documentation."""
    path = ROOT / "docs" / "images" / f"{name}.jpg"
    write_image(str(path), Picture(np.ascontiguousarray(pixels)), SaveOptions(quality))


if __name__ == "__main__":
    main()
