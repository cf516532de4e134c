"""Command ``python -m deblurnets.evaluation camera``: the tool on simulated photographs."""

from __future__ import annotations

import argparse
import csv
import dataclasses
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import numpy as np

from deblurnets.evaluation import options
from deblurnets.evaluation.benchmark import BenchmarkError
from deblurnets.evaluation.camera.cases import FACTORS, Case, all_cases
from deblurnets.imaging.metrics import compare
from deblurnets.imaging.pixels import to_unit_rgb
from deblurnets.pictures.files import read_image
from deblurnets.simulation.shot import Photograph

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


def evaluate(
    cases: Sequence[Case], folder: Path, deblurrer: Any, seen: Optional[Callable] = None
) -> Iterator[Row]:
    """Take, deblur and score the photographs of cases.

    Parameters
    ----------
    cases : sequence of Case
    folder : of sharp pictures.
    deblurrer : deblurnets.Deblurrer, or what acts like one.
    seen : callable, optional
        Told of each case: (case, photograph, result).
    """
    paths = sharp_pictures(folder)
    for case in cases:
        sharp = to_unit_rgb(read_image(str(paths[case.number])).pixels)
        photograph = case.photograph(sharp)
        result = deblurrer(photograph.blurry)
        if seen is not None:
            seen(case, photograph, result)
        true = _with_true_kernel(photograph, deblurrer)
        scores = [
            None if picture is None else _psnr(picture, photograph)
            for picture in (photograph.blurry, result.image, true)
        ]
        yield Row(case, *scores, result.confidence, result.blurred)


def sharp_pictures(folder: Path) -> List[Path]:
    """Return the pictures of a folder, by name."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not paths:
        raise BenchmarkError(f"{folder}: expected sharp pictures (.jpg or .png), found none")
    return paths


def _with_true_kernel(photograph: Photograph, deblurrer: Any) -> Optional[np.ndarray]:
    """Return the result with the true kernel, that of the middle; None where nothing moved."""
    motion = photograph.motion
    shape = photograph.blurry.shape[:2]
    if motion is None:
        return None
    size = 2 * int(np.ceil(motion.length(shape))) + 5
    size = min(size, min(shape) // 2 * 2 - 1)
    kernel = motion.kernel(((shape[0] - 1) / 2, (shape[1] - 1) / 2), size)
    return deblurrer.deblur(photograph.blurry, kernel)


def _psnr(picture: np.ndarray, photograph: Photograph) -> float:
    border = min(40, min(picture.shape[:2]) // 8)
    sharp = np.rint(photograph.sharp * 255).astype(np.uint8)
    return min(compare(picture, sharp, border).psnr, 100.0)


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


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "camera",
        help="photographs of a simulated camera, factor by factor",
        description="Takes photographs of a folder's sharp pictures with a simulated camera, "
        "deblurs them, and prints a table by factor: PSNR in dB at the best shift of the blurry "
        "pictures, of the results and of those with the true kernel, how many are worse than "
        f"their input by more than {WORSE} dB, worse at a confidence of {CONFIDENT} or more, "
        "and unchanged.",
    )
    command.add_argument("folder", type=Path, metavar="FOLDER", help="sharp pictures")
    options.add_choices(command, ("compact", "paper"))
    command.add_argument(
        "--factors", nargs="+", choices=sorted(FACTORS), metavar="NAME", help="only these factors"
    )
    command.add_argument(
        "--output", type=Path, metavar="DIR", help="write cases.csv, table.txt, calibration.png"
    )


def run(arguments: argparse.Namespace, load: Callable) -> int:
    """Measure, print and write."""
    pictures = len(sharp_pictures(arguments.folder))
    cases = [c for c in all_cases(pictures) if c.factor in (arguments.factors or FACTORS)]
    cases = cases[:: arguments.every][: arguments.limit]
    rows: List[Row] = []
    for row in evaluate(cases, arguments.folder, load(arguments)):
        rows.append(row)
        true = "" if row.true is None else f", true kernel {row.true:.2f}"
        print(
            f"{row.case.name}: {row.blurry:.2f} -> {row.result:.2f}{true}, confidence "
            f"{row.confidence:.2f}",
            flush=True,
        )
    lines = [*table(rows), f"calibration error {calibration_error(rows):.3f}"]
    print("\n" + "\n".join(lines))
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
        write_rows(rows, arguments.output / "cases.csv")
        (arguments.output / "table.txt").write_text("\n".join(lines) + "\n")
        draw_calibration(rows, arguments.output / "calibration.png")
    return 0
