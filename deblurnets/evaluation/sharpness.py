"""Does a sharp picture come out as it went in? Measured on the sharp halves of benchmarks."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Optional, Sequence

import numpy as np

from deblurnets.evaluation.benchmark import PSNR_CEILING, Triple
from deblurnets.imaging.metrics import psnr
from deblurnets.pictures.files import read_image

KEPT_PSNR = 38.0
"""From here on (dB against the input) a picture counts as unchanged."""


class SharpRow(NamedTuple):
    """What became of one sharp picture: PSNR of the result against the input, in dB."""

    name: str
    psnr: float
    blurred: bool
    confidence: Optional[float]

    @property
    def kept(self) -> bool:
        """Whether the picture came out as it went in, to the eye."""
        return self.psnr >= KEPT_PSNR


def evaluate_sharp(
    triples: Sequence[Triple], deblur: Callable[[np.ndarray], Any]
) -> Iterator[SharpRow]:
    """Deblur the sharp picture of each triple.

    Parameters
    ----------
    triples : sequence of Triple
    deblur : callable
        A `Deblurrer` or what acts like one.
    """
    for triple in triples:
        pixels = read_image(str(triple.sharp)).pixels
        result = deblur(pixels)
        value = min(psnr(result.image, pixels), PSNR_CEILING)
        yield SharpRow(
            triple.name,
            value,
            getattr(result, "blurred", True),
            getattr(result, "confidence", None),
        )


def write_rows(path: Path, rows: Sequence[SharpRow]) -> None:
    """Write the rows as CSV."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "psnr_to_input", "blur_found", "confidence", "kept"])
        for row in rows:
            confidence = "" if row.confidence is None else f"{row.confidence:.3f}"
            writer.writerow(
                [row.name, f"{row.psnr:.2f}", int(row.blurred), confidence, int(row.kept)]
            )
