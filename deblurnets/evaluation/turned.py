"""Command ``python -m deblurnets.evaluation rotation``: what kernels of regions bring.

Sharp pictures are blurred as by a camera that shakes and turns around their middle, and deblurred
with one kernel and with `estimation.local`. At 0 degrees one kernel is right, and nothing may get
lost.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

from deblurnets.deblurrer import Result
from deblurnets.evaluation import options
from deblurnets.evaluation.benchmark import BenchmarkError
from deblurnets.imaging.metrics import compare
from deblurnets.imaging.pixels import to_unit_rgb
from deblurnets.pictures.files import read_image
from deblurnets.simulation.motion import random_motion
from deblurnets.simulation.sensor import Sensor
from deblurnets.simulation.shot import Shot, take

Deblur = Callable[[np.ndarray], Result]


@dataclasses.dataclass(frozen=True)
class Shakes:
    """The shakes that pictures are blurred with.

    Attributes
    ----------
    degrees : angles between which the camera turns; 0 for a blur that is the same everywhere.
    extent : larger side of the shake's path in pixels.
    seed : of the first picture's shake; the next ones follow. A picture's path is the same at all
        angles.
    side : longest side in pixels; of larger pictures the middle is taken.
    border : pixels on each side that are not scored.
    """

    degrees: Tuple[float, ...] = (0, 0.5, 1, 1.5)
    extent: float = 14
    seed: int = 1
    side: int = 640
    border: int = 40


class Row(NamedTuple):
    """One picture at one angle: PSNR in dB, blurry, with one kernel, and with those of regions."""

    name: str
    degrees: float
    blurry: float
    one: float
    local: float
    own: int
    regions: int


def evaluate(paths: Sequence[Path], shakes: Shakes, one: Deblur, local: Deblur) -> Iterator[Row]:
    """Blur, deblur and score each picture at each angle.

    Parameters
    ----------
    paths : sharp pictures.
    shakes : Shakes
    one, local : callables that deblur (H, W, 3) uint8, with one kernel and with those of regions.
    """
    for number, path in enumerate(paths):
        sharp = middle(to_unit_rgb(read_image(str(path)).pixels), shakes.side)
        if min(sharp.shape[:2]) <= 2 * shakes.border:
            least = 2 * shakes.border
            raise BenchmarkError(f"{path}: expected a picture of more than {least} pixels a side")
        for degrees in shakes.degrees:
            blurry = blurred(sharp, shakes, shakes.seed + number, degrees)
            results = [one(blurry), local(blurry)]
            scores = [
                compare(picture, sharp, shakes.border).psnr
                for picture in (to_unit_rgb(blurry), *(to_unit_rgb(r.image) for r in results))
            ]
            yield Row(path.stem, degrees, *scores, *results[1].own_kernels)


def blurred(sharp: np.ndarray, shakes: Shakes, seed: int, degrees: float) -> np.ndarray:
    """Take a photograph of a picture (H, W, 3) in 0..1; returns uint8."""
    rng = np.random.RandomState(seed)
    motion = random_motion(rng, sharp.shape[:2], shakes.extent, (0, 0, degrees))
    return take(sharp, Shot(motion, sensor=Sensor(read=0.002)), rng).blurry


def middle(picture: np.ndarray, side: int) -> np.ndarray:
    """Cut out the middle of a picture, at most `side` pixels long on each side."""
    height, width = (min(n, side) for n in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "rotation",
        help="what kernels of regions bring where the camera turned",
        description="Blurs sharp pictures as a camera does that shakes and turns, and prints the "
        "PSNR of the blurry pictures, of the results with one kernel and of those with --local.",
    )
    default = Shakes()
    add = command.add_argument
    add("pictures", nargs="+", type=Path, metavar="PICTURE", help="sharp picture")
    add(
        "--degrees",
        nargs="+",
        type=float,
        default=default.degrees,
        metavar="X",
        help="angles between which the camera turns, 0 for none "
        f"({' '.join(map(str, default.degrees))})",
    )
    add("--extent", type=float, default=default.extent, metavar="N", help="shake, pixels (14)")
    add("--seed", type=options.count, default=default.seed, metavar="N", help="of the shakes (1)")
    add(
        "--side",
        type=options.positive,
        default=default.side,
        metavar="N",
        help="take the middle N pixels of each longer side (640)",
    )
    add("--output", type=Path, metavar="FILE", help="write the rows as CSV")


def run(arguments: argparse.Namespace) -> int:
    """Print the table, write the rows; return the exit status."""
    shakes = Shakes(tuple(arguments.degrees), arguments.extent, arguments.seed, arguments.side)
    print("| picture | degrees | blurry | one kernel | local | gain | own kernels |")
    print("|---|---|---|---|---|---|---|")
    rows: List[Row] = []
    for row in evaluate(arguments.pictures, shakes, load(False), load(True)):
        rows.append(row)
        print(line(row), flush=True)
    print()
    for degrees in shakes.degrees:
        print(summary(degrees, [row.local - row.one for row in rows if row.degrees == degrees]))
    if arguments.output is not None:
        with arguments.output.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([Row._fields, *rows])
    return 0


def load(local: bool) -> Deblur:
    """Load the compact pair."""
    from deblurnets.deblurrer import Deblurrer

    return Deblurrer.from_pretrained("compact", local=local)


def line(row: Row) -> str:
    """Return a row as a line of a Markdown table."""
    return (
        f"| {row.name} | {row.degrees:g} | {row.blurry:.2f} | {row.one:.2f} | {row.local:.2f} | "
        f"{row.local - row.one:+.2f} | {row.own} of {row.regions} |"
    )


def summary(degrees: float, gains: Sequence[float]) -> str:
    """Say in a line what local deblurring brought at an angle."""
    return (
        f"{degrees:g} degrees: mean {np.mean(gains):+.2f} dB, least {min(gains):+.2f}, most "
        f"{max(gains):+.2f}, {len(gains)} pictures"
    )
