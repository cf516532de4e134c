"""What became of the cases: rows, table by factor, reliability diagram, contact sheet."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np

from deblurnets.evaluation.camera.cases import FACTORS, Case

WORSE = 0.1
"""dB under the blurry picture's PSNR from which a result is worse."""
CONFIDENT = 0.8
"""Confidence from which a worse result is a broken promise."""
UNCHANGED = 0.01


@dataclasses.dataclass(frozen=True)
class Row:
    """What became of one case: PSNR in dB of the blurry picture and of results."""

    case: Case
    blurry: float
    result: float
    true: Optional[float]
    confidence: Optional[float]
    blurred: bool

    @property
    def gain(self) -> float:
        """PSNR of the result over the blurry picture's, dB."""
        return self.result - self.blurry

    @property
    def worse(self) -> bool:
        """Whether the result is worse than the input."""
        return self.gain < -WORSE

    @property
    def confidently_worse(self) -> bool:
        """Whether it is so although the tool was sure."""
        return self.worse and (self.confidence or 0) >= CONFIDENT


def table(rows: Sequence[Row]) -> List[str]:
    """Return the table by factor, a line each, and one of all."""
    lines = [
        f"{'factor':12} {'cases':>5} {'blurry':>7} {'result':>7} {'true':>7} {'gain':>6} "
        f"{'worse':>5} {'conf.':>5} {'unch.':>5}"
    ]
    groups = [(name, [row for row in rows if row.case.factor == name]) for name in FACTORS]
    for name, group in [*groups, ("all", list(rows))]:
        if group:
            lines.append(_line(name, group))
    return lines


def _line(name: str, rows: Sequence[Row]) -> str:
    known = [row.true for row in rows if row.true is not None]
    true = f"{np.mean(known):7.2f}" if known else f"{'':>7}"
    blurry, result = (np.mean([getattr(row, n) for row in rows]) for n in ("blurry", "result"))
    counts = [
        sum(row.worse for row in rows),
        sum(row.confidently_worse for row in rows),
        sum(abs(row.gain) < UNCHANGED for row in rows),
    ]
    return (
        f"{name:12} {len(rows):5} {blurry:7.2f} {result:7.2f} {true} {result - blurry:6.2f} "
        f"{counts[0]:5} {counts[1]:5} {counts[2]:5}"
    )


def calibration(rows: Sequence[Row], bins: int = 10) -> List[Dict[str, float]]:
    """Return, for equal ranges of confidence, its mean and the share of results that are better.

    Results that are the input itself count neither way.
    """
    told = [row for row in rows if row.confidence is not None and abs(row.gain) >= UNCHANGED]
    groups = []
    for number in range(bins):
        mine = [row for row in told if min(int(row.confidence * bins), bins - 1) == number]
        if mine:
            better = float(np.mean([row.gain > 0 for row in mine]))
            mean = float(np.mean([row.confidence for row in mine]))
            groups.append({"confidence": mean, "better": better, "count": len(mine)})
    return groups


def calibration_error(rows: Sequence[Row]) -> float:
    """Return the expected calibration error: |confidence - share that is better|, by the count.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    groups = calibration(rows)
    total = sum(group["count"] for group in groups)
    return sum(abs(g["confidence"] - g["better"]) * g["count"] for g in groups) / max(total, 1)


def draw_calibration(rows: Sequence[Row], path: Path) -> None:
    """Write the reliability diagram as PNG."""
    from matplotlib.figure import Figure

    groups = calibration(rows)
    figure = Figure(figsize=(4.5, 4.5), dpi=120)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.plot([g["confidence"] for g in groups], [g["better"] for g in groups], "o-")
    for group in groups:
        axes.annotate(str(group["count"]), (group["confidence"], group["better"]), fontsize=7)
    axes.set(xlabel="confidence", ylabel="share of results better than the input")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), title=f"calibration error {calibration_error(rows):.3f}")
    figure.savefig(path)


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write all cases as CSV."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "blurry", "result", "true", "confidence", "blurred"])
        for row in rows:
            values = [
                "" if v is None else f"{v:.3f}"
                for v in (row.blurry, row.result, row.true, row.confidence)
            ]
            writer.writerow([row.case.name, *values, int(row.blurred)])


Sample = Tuple[str, np.ndarray, np.ndarray, np.ndarray]
"""Name of a case; blurry, result and sharp, uint8 (H, W, 3)."""


def draw_sheet(samples: Sequence[Sample], side: int = 200, columns: int = 3) -> np.ndarray:
    """Return a contact sheet, uint8 (h, w, 3): the middle of each case, blurry, result, sharp."""
    gap, line = 8, 16
    cell = np.array([side + line + gap, 3 * side + gap])
    rows = -(-len(samples) // columns)
    sheet = np.full((*(cell * (rows, columns)), 3), 255, np.uint8)
    for place, (name, *pictures) in enumerate(samples):
        top, left = cell * divmod(place, columns)
        cv2.putText(sheet, name, (left, top + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0))
        for number, picture in enumerate(pictures):
            low = [max(n - side, 0) // 2 for n in picture.shape[:2]]
            part = picture[low[0] : low[0] + side, low[1] : low[1] + side]
            x = left + number * side
            sheet[top + line : top + line + part.shape[0], x : x + part.shape[1]] = part
    return sheet
