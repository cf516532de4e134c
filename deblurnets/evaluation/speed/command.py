"""Command ``python -m deblurnets.evaluation speed``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import List, Sequence, Tuple

from deblurnets.evaluation import options
from deblurnets.evaluation.benchmark import BenchmarkError
from deblurnets.evaluation.speed.pictures import PHOTOGRAPHS, write_blurry
from deblurnets.evaluation.speed.table import Row, head_lines, row_line, write_csv
from deblurnets.evaluation.speed.worker import Figures, Request

PAIRS = ("compact", "paper")
SIZES = ((256, 368), (800, 800), (4000, 3000), (6000, 4000))  # width, height; 12 and 24 megapixels
WORKER = (sys.executable, "-m", "deblurnets.evaluation.speed.worker")

_EXPLANATION = """
Seconds are of the wall clock, except CPU (user and system, of one picture). start: from the start
of the process until the networks are loaded; first: the first picture; decode to total: the best of
{repeat} pictures after it. Memory is resident, at its peak. GFLOP/s of the synthesis network's
convolutions, and of products of matrices in float32 and bfloat16."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "speed",
        help="seconds, memory and use of the processor, from start-up to the written picture",
        description="Measures each pair on each size of picture, in a new process each time, and "
        "prints a Markdown table.",
    )
    add = command.add_argument
    add("--pairs", nargs="+", choices=PAIRS, default=PAIRS, help="pairs of networks (all)")
    add(
        "--sizes",
        nargs="+",
        type=picture_size,
        default=SIZES,
        metavar="WxH",
        help=f"sizes of pictures, width x height in pixels ({' '.join(map(size_text, SIZES))})",
    )
    add(
        "--repeat",
        type=options.positive,
        default=3,
        metavar="N",
        help="pictures after the first one, of which the best is taken (3)",
    )
    add(
        "--pictures",
        type=Path,
        default=PHOTOGRAPHS,
        metavar="FOLDER",
        help="sharp photographs to make the pictures from (the examples in tests/)",
    )
    add("--csv", type=Path, metavar="FILE", help="write all figures, unrounded")


def picture_size(text: str) -> Tuple[int, int]:
    """Parse "800x600" to (800, 600)."""
    parts = text.lower().split("x")
    if len(parts) == 2 and all(part.isdigit() and int(part) >= 32 for part in parts):
        return int(parts[0]), int(parts[1])
    raise argparse.ArgumentTypeError(
        f"expected WIDTHxHEIGHT in pixels, 32 or more each, received {text}"
    )


def size_text(size: Tuple[int, int]) -> str:
    """Return (800, 600) as "800x600"."""
    return f"{size[0]}x{size[1]}"


def run(arguments: argparse.Namespace, worker: Sequence[str] = WORKER) -> int:
    """Measure, print the table, write the CSV file.

    Parameters
    ----------
    arguments : argparse.Namespace
    worker : sequence of str
        Command that answers a request, see `deblurnets.evaluation.speed.worker`.
    """
    rows: List[Row] = []
    print(*head_lines(), sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            source = Path(folder) / f"{size_text(size)}.jpg"
            write_blurry(source, size, arguments.pictures)
            for pair in arguments.pairs:
                figures = measure_apart(pair, source, arguments.repeat, worker)
                rows.append(Row(pair, size_text(size), figures))
                print(row_line(rows[-1]), flush=True)
                if arguments.csv is not None:  # after each: the long ones come last
                    write_csv(arguments.csv, rows)
    print(_EXPLANATION.format(repeat=arguments.repeat))
    if any(row.figures.weights == "random" for row in rows):
        print("The paper pair's official files are absent: it ran with random weights.")
    return 0


def measure_apart(pair: str, source: Path, repeat: int, worker: Sequence[str] = WORKER) -> Figures:
    """Measure a pair on a picture in a process of its own.

    Raises
    ------
    BenchmarkError
        The process failed, or answered something else than figures.
    """
    target = source.with_name(f"deblurred{source.suffix}")
    request = Request(pair, str(source), str(target), repeat, time.time())
    answer = subprocess.run(
        list(worker),
        input=json.dumps(asdict(request)),
        capture_output=True,
        text=True,
    )
    name = f"{pair}, {source.stem}"
    if answer.returncode != 0:
        last = (answer.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BenchmarkError(
            f"{name}: the measuring process ended with status {answer.returncode}: {last}"
        )
    try:
        return Figures(**json.loads(answer.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError) as error:
        raise BenchmarkError(
            f"{name}: expected figures from the measuring process, received {answer.stdout!r}"
        ) from error
