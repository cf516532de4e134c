"""Command ``python -m deblurnets.evaluation camera``: the tool on simulated photographs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Sequence

import numpy as np

from deblurnets.evaluation import options
from deblurnets.evaluation.benchmark import BenchmarkError
from deblurnets.evaluation.camera import report
from deblurnets.evaluation.camera.cases import FACTORS, MIDDLE, Case, all_cases
from deblurnets.evaluation.camera.report import CONFIDENT, WORSE, Row
from deblurnets.imaging.metrics import compare
from deblurnets.imaging.pixels import eight_bits, to_unit_rgb
from deblurnets.pictures.files import Picture, read_image, write_image
from deblurnets.pictures.picture import SaveOptions
from deblurnets.simulation.shot import Photograph


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
        "--output",
        type=Path,
        metavar="DIR",
        help="write cases.csv, table.txt, calibration.png, sheet.jpg",
    )


def run(arguments: argparse.Namespace, load: Callable) -> int:
    """Measure, print and write."""
    pictures = len(sharp_pictures(arguments.folder))
    cases = [c for c in all_cases(pictures) if c.factor in (arguments.factors or FACTORS)]
    cases = cases[:: arguments.every][: arguments.limit]
    rows: List[Row] = []
    samples: List[report.Sample] = []
    # Of each factor one picture is shown: of the middle strength, where there is one.
    by_strength = sorted(cases, key=lambda case: case.level == MIDDLE)
    shown = {case.factor: case for case in by_strength}

    def seen(case: Case, photograph: Photograph, result: Any) -> None:
        if case == shown[case.factor]:
            sharp = eight_bits(photograph.sharp)
            samples.append((case.name, photograph.blurry, result.image, sharp))

    for row in evaluate(cases, arguments.folder, load(arguments), seen):
        rows.append(row)
        true = "" if row.true is None else f", true kernel {row.true:.2f}"
        print(
            f"{row.case.name}: {row.blurry:.2f} -> {row.result:.2f}{true}, confidence "
            f"{row.confidence:.2f}",
            flush=True,
        )
    lines = [*report.table(rows), f"calibration error {report.calibration_error(rows):.3f}"]
    print("\n" + "\n".join(lines))
    if arguments.output is not None:
        _write(arguments.output, rows, lines, samples)
    return 0


def _write(
    folder: Path, rows: Sequence[Row], lines: Sequence[str], samples: Sequence[report.Sample]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    report.write_rows(rows, folder / "cases.csv")
    (folder / "table.txt").write_text("\n".join(lines) + "\n")
    report.draw_calibration(rows, folder / "calibration.png")
    save = SaveOptions(quality=80)
    write_image(str(folder / "sheet.jpg"), Picture(report.draw_sheet(samples)), save)
