"""How far scores move when OpenCV shifts pictures by parts of a pixel, in place of cubic splines.

python tools/measure_shifts.py FOLDER [FOLDER ...]

Scores the blurry pictures of benchmark folders: docs/decisions/001-image-library.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import List
from unittest import mock

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deblurnets.evaluation import benchmark
from deblurnets.imaging import metrics


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    for folder in parser.parse_args().folders:
        cases = [benchmark.load_case(triple) for triple in benchmark.find_triples(folder)]
        splines = scores(cases)
        for name in ("INTER_CUBIC", "INTER_LANCZOS4"):
            off = np.abs(np.subtract(scores_by_opencv(cases, getattr(cv2, name)), splines))
            print(f"{folder.name}, {name}: {off.max():.3f} dB at most, {off.mean():.3f} on average")


def scores(cases: List[benchmark.Case]) -> List[float]:
    """PSNR in dB of the blurry pictures."""
    return [case.score(case.blurry).psnr for case in cases]


def scores_by_opencv(cases: List[benchmark.Case], interpolation: int) -> List[float]:
    """PSNR in dB of the blurry pictures, shifted by one of OpenCV's interpolations."""

    def shift(planes: np.ndarray, start: float, length: int, axis: int) -> np.ndarray:
        height, width = planes.shape[1:]
        down, right = (start, 0) if axis == 1 else (0, start)
        size = (width, length) if axis == 1 else (length, height)
        matrix = np.array([[1, 0, right], [0, 1, down]], float)
        flags = interpolation | cv2.WARP_INVERSE_MAP
        moved = [
            cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
            for plane in planes
        ]
        return np.stack(moved)

    pixels = mock.patch.object(metrics.ndimage, "spline_filter", lambda plane, *_, **__: plane)
    with pixels, mock.patch.object(metrics, "_spline_shift", shift):
        return scores(cases)


if __name__ == "__main__":
    main()
