"""The pictures of the golden results, cut from the examples; run as a program, it stores them.

    PYTHONPATH=. python tests/helpers/golden_pictures.py

Networks compute in float32 here, so that processors with and without bfloat16 agree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Tuple
from unittest import mock

import numpy as np
from PIL import Image

from deblurnets.deblurrer import Deblurrer
from deblurnets.weights.files import load_analysis, load_synthesis
from deblurnets.weights.paths import model_path

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


def bundled_pair() -> Tuple[Any, Any, Deblurrer]:
    """Return both halves of the bundled pair, in float32, and their deblurrer."""
    with mock.patch("deblurnets.backend.has_bfloat16", return_value=False):
        analysis = load_analysis(model_path("compact_analysis.h5"))
        synthesis = load_synthesis(model_path("compact_synthesis.h5"))
    return analysis, synthesis, Deblurrer(analysis, synthesis)


def main() -> None:
    """Write the results of the version at hand."""
    analysis, _, deblur = bundled_pair()
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        pixels = picture()
        unit = pixels / np.float32(np.iinfo(pixels.dtype).max)
        unit = unit if unit.ndim == 3 else np.repeat(unit[..., None], 3, axis=2)
        domain, result = analysis.estimate(unit).domain, deblur(pixels)
        np.savez_compressed(
            FOLDER / f"{name}.npz", image=result.image, kernel=result.kernel, domain=domain
        )


if __name__ == "__main__":
    main()
