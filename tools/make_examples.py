"""Make the example pictures: photographs blurred by camera shakes, and their sharp originals.

    python tools/make_examples.py --sources FOLDER

`blurry_input/README.md` says which files FOLDER must hold, where they come from and under which
licence. The result depends on nothing but those files and the seeds below.
"""

from __future__ import annotations

import argparse
import bz2
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
from PIL import Image
from scipy.signal import fftconvolve
from skimage import data

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.simulation.trajectory import random_shake  # noqa: E402

NOISE = 1 / 255
JPEG = {"quality": 93, "subsampling": 0}


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
    picture = Image.fromarray(data.coffee())
    return np.asarray(picture.resize((660, 440), Image.Resampling.LANCZOS))


EXAMPLES = (
    Example("coffee.png", coffee, extent=20, seed=13),
    Example("raccoon.jpg", raccoon, extent=35, seed=3),
    Example("rocket.png", rocket, extent=15, seed=0),
)


def to_linear(picture: np.ndarray) -> np.ndarray:
    """Decode sRGB, 0..1, to linear light (IEC 61966-2-1)."""
    return np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)


def to_srgb(picture: np.ndarray) -> np.ndarray:
    """Encode linear light, 0..1, as sRGB (IEC 61966-2-1)."""
    picture = np.clip(picture, 0, 1)
    return np.where(picture <= 0.0031308, picture * 12.92, 1.055 * picture ** (1 / 2.4) - 0.055)


def shake(sharp: np.ndarray, kernel: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Blur an 8-bit picture in linear light and add noise; only what the kernel fully covers."""
    light = to_linear(sharp / 255)
    blurry = np.stack([fftconvolve(light[..., c], kernel, mode="valid") for c in range(3)], axis=-1)
    noisy = to_srgb(blurry) + rng.normal(0, NOISE, blurry.shape)
    return np.uint8(np.clip(np.round(noisy * 255), 0, 255))


def save(path: Path, pixels: np.ndarray) -> None:
    """Write a picture, as JPEG of high quality or as PNG by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = JPEG if path.suffix == ".jpg" else {"optimize": True}
    Image.fromarray(pixels).save(path, **options)


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
