"""The pictures of the golden results, cut from the examples; run as a program, it stores them.

    python tests/helpers/golden_pictures.py

Networks compute in float32 here, so that processors with and without bfloat16 agree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict
from unittest import mock

import numpy as np
from PIL import Image

import deblurnets

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parents[1] / "golden"


def _example(name: str) -> np.ndarray:
    return np.asarray(Image.open(ROOT / "blurry_input" / name).convert("RGB"))


def _grey(rgb: np.ndarray) -> np.ndarray:
    # Integers: the same on every machine.
    return ((rgb.astype(np.uint32) @ np.array([77, 150, 29], np.uint32)) >> 8).astype(np.uint8)


PICTURES: Dict[str, Callable[[], np.ndarray]] = {
    "uniform": lambda: _example("coffee.png")[6:406, 120:520],
    "grey": lambda: _grey(_example("raccoon.jpg"))[300:556, 500:756],
    "sixteen_bits": lambda: _example("rocket.png")[140:396, 180:436].astype(np.uint16) * 257,
}


def deblurrer() -> deblurnets.Deblurrer:
    """Return the bundled pair, in float32."""
    with mock.patch("deblurnets.backend.has_bfloat16", return_value=False):
        return deblurnets.Deblurrer.from_pretrained("compact")


def main() -> None:
    """Write the results of the version at hand."""
    deblur = deblurrer()
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        result = deblur(picture())
        np.savez_compressed(FOLDER / f"{name}.npz", image=result.image, kernel=result.kernel)


if __name__ == "__main__":
    main()
