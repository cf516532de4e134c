"""Make the example pictures: photographs blurred by camera shakes, and their sharp originals.

    python tools/make_examples.py --sources FOLDER

`blurry_input/README.md` says which files FOLDER must hold, where they come from and under which
licence. The result depends on nothing but those files and the seeds below; the blurred pictures
that are kept were made with the sRGB curve in double precision, and differ in a few values by 1.
"""

from __future__ import annotations

import argparse
import bz2
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
from scipy.signal import fftconvolve
from skimage import data

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.imaging import srgb  # noqa: E402
from deblurnets.imaging.pixels import eight_bits  # noqa: E402
from deblurnets.pictures.files import Picture, write_image  # noqa: E402
from deblurnets.simulation.trajectory import random_shake  # noqa: E402

NOISE = 1 / 255
JPEG = (
    *(cv2.IMWRITE_JPEG_QUALITY, 93),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)


@dataclass(frozen=True)
class Example:
    """A picture to make: its file, the photograph, and the shake."""

    file: str
    photograph: Callable[[Path], np.ndarray]
    extent: float
    seed: int


def raccoon(sources: Path) -> np.ndarray:
    """Read the raccoon that SciPy shipped until version 1.9 as ``scipy.misc.face``."""
    wheel = next(sources.glob("scipy-1.5.4-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        pixels = bz2.decompress(archive.read("scipy/misc/face.dat"))
    return np.frombuffer(pixels, np.uint8).reshape(768, 1024, 3)


def rocket(sources: Path) -> np.ndarray:
    """Read the rocket on its launch pad that scikit-image ships."""
    return data.rocket()


def coffee(sources: Path) -> np.ndarray:
    """Read the coffee cup that scikit-image ships, a tenth larger: 660 x 440."""
    from PIL import Image  # whose filter enlarged the picture that is kept

    picture = Image.fromarray(data.coffee())
    return np.asarray(picture.resize((660, 440), Image.Resampling.LANCZOS))


EXAMPLES = (
    Example("coffee.png", coffee, extent=20, seed=13),
    Example("raccoon.jpg", raccoon, extent=35, seed=3),
    Example("rocket.png", rocket, extent=15, seed=0),
)


def shake(sharp: np.ndarray, kernel: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Blur an 8-bit picture in linear light and add noise; only what the kernel fully covers."""
    linear = srgb.to_linear(sharp / 255)
    planes = [fftconvolve(linear[..., c], kernel, mode="valid") for c in range(3)]
    blurry = srgb.to_gamma(np.clip(np.stack(planes, axis=-1), 0, 1))
    return eight_bits(blurry + rng.normal(0, NOISE, blurry.shape))


def save(path: Path, pixels: np.ndarray) -> None:
    """Write a picture, as JPEG of high quality or as PNG by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), JPEG)
    else:
        write_image(str(path), Picture(pixels))


def make(example: Example, sources: Path, blurry_dir: Path, sharp_dir: Path) -> str:
    """Make one example and its sharp original, and say what was made."""
    rng = np.random.RandomState(example.seed)
    size = int(example.extent) // 2 * 4 + 9  # room for a path that is lopsided
    kernel = random_shake(rng, size, extent=(example.extent, example.extent))
    held = np.nonzero(kernel > 0.001 * kernel.max())
    margin = max(size // 2 - min(i.min() for i in held), max(i.max() for i in held) - size // 2)
    centre = slice(size // 2 - margin, size // 2 + margin + 1)
    kernel = kernel[centre, centre] / kernel[centre, centre].sum()
    sharp = example.photograph(sources)
    blurry = shake(sharp, kernel, rng)
    save(blurry_dir / example.file, blurry)
    save(sharp_dir / example.file, sharp[margin:-margin, margin:-margin])
    return f"{example.file}: {blurry.shape[1]}x{blurry.shape[0]}, kernel {2 * margin + 1} px"


def main() -> None:
    """Make all examples."""
    parser = argparse.ArgumentParser(description="Make the example pictures.")
    parser.add_argument("--sources", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--blurry", type=Path, default=ROOT / "blurry_input")
    parser.add_argument("--sharp", type=Path, default=ROOT / "tests" / "data" / "examples_sharp")
    arguments = parser.parse_args()
    for example in EXAMPLES:
        print(make(example, arguments.sources, arguments.blurry, arguments.sharp))


if __name__ == "__main__":
    main()
