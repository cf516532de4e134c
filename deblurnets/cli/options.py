"""The options of the command line.

Names, short forms and meanings of those of the 2020 release (`-i` to `-sbs`) are a contract.
"""

from __future__ import annotations

import argparse
import functools
import math
import os
from typing import Callable, Optional

from deblurnets import __version__
from deblurnets.batch.shards import Shard, parse_shard
from deblurnets.cli.networks import NetworkOptions
from deblurnets.pictures.formats import JPEG, PNG, TIFF, WEBP, PictureFormat
from deblurnets.runtime.memory import SMALLEST_TILE

MAX_PIXELS = 200_000_000

_FORMATS = {"same": None, "png": PNG, "jpeg": JPEG, "tiff": TIFF, "webp": WEBP}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser, its options grouped by task."""
    parser = argparse.ArgumentParser(
        description="Deblur photographs taken with a shaking camera: PNG, JPEG, TIFF, BMP, WebP.",
        epilog="Exit status: 0 all pictures deblurred, 1 some failed or the networks could not be "
        "loaded, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"deblurnets {__version__}")
    _add_input_and_output(parser.add_argument_group("input and output").add_argument)
    _add_format(parser.add_argument_group("format of the results").add_argument)
    _add_views(parser.add_argument_group("looking at the results").add_argument)
    _add_kernel(parser.add_argument_group("blur kernel").add_argument)
    add_networks(parser.add_argument_group("networks").add_argument)
    return parser


def chosen_format(arguments: argparse.Namespace) -> Optional[PictureFormat]:
    """Return the format that `--format` names; None for that of each input."""
    return _FORMATS[arguments.format]


def wrong_together(arguments: argparse.Namespace) -> Optional[str]:
    """Return why the options do not go together, one sentence, or None if they do."""
    wanted = chosen_format(arguments)
    if arguments.quality is not None and wanted is not None and not wanted.has_quality:
        return f"--quality is for JPEG and WebP, {wanted.name} has none"
    if arguments.inset_kernel and not arguments.side_by_side:
        return "--inset_kernel needs --side_by_side (-sbs), it draws into the result's half"
    return None


def _add_input_and_output(add: Callable[..., argparse.Action]) -> None:
    flag = functools.partial(add, action="store_true")
    add(
        "--input_path",
        "-i",
        required=True,
        help="a picture, a folder of pictures, or a pattern in quotes ('photos/**/*.jpg')",
    )
    add("--out_dir", "-o", default="results", help="folder for the results (default: %(default)s)")
    add(
        "--suffix",
        "-s",
        default="_deblurred",
        help="goes between a result's name and its extension (default: %(default)s)",
    )
    flag(
        "--recursive",
        help="take the pictures of subfolders too; the results lie in the same subfolders of "
        "--out_dir",
    )
    flag(
        "--skip_existing",
        help="pass over pictures whose result exists, without computing it again",
    )
    flag("--dry_run", help="list what would be read and written, and do nothing")
    add(
        "--report",
        metavar="FILE",
        type=file_with(".json", ".jsonl"),
        help="write what became of each picture to FILE: .jsonl, a line a picture as it is done, "
        "or .json, at the end",
    )
    add(
        "--shard",
        metavar="I/N",
        type=_shard,
        help="deblur only the I-th of N equal shares of the pictures, one for each computer or "
        "task",
    )
    add(
        "--max_pixels",
        metavar="N",
        type=positive,
        default=MAX_PIXELS,
        help="refuse larger pictures before they are decoded (default: %(default)s)",
    )


def _add_format(add: Callable[..., argparse.Action]) -> None:
    add(
        "--format",
        choices=tuple(_FORMATS),
        default="same",
        help="format of the results (default: %(default)s as each input)",
    )
    add(
        "--quality",
        metavar="N",
        type=whole_number("the quality is 1 to 100", 1, 100),
        help="1 to 100, for JPEG (default: 95) and WebP (default: 95, or without losses if the "
        "input is so)",
    )
    add(
        "--strip_metadata",
        action="store_true",
        help="leave out EXIF, XMP and IPTC; the colour profile stays, the colours need it",
    )


def _add_views(add: Callable[..., argparse.Action]) -> None:
    flag = functools.partial(add, action="store_true")
    flag("--side_by_side", "-sbs", help="write input and result next to each other in one picture")
    flag("--inset_kernel", help="with -sbs, draw the kernel into the result's upper right corner")
    add(
        "--gallery",
        metavar="DIR",
        help="write a page to DIR that shows every picture before and after, with its kernel and "
        "figures: a new or empty folder, or one with an earlier gallery",
    )
    flag("--plot", "-p", help="show input, result and kernel in a window")


def _add_kernel(add: Callable[..., argparse.Action]) -> None:
    add(
        "--save_kernel",
        action="store_true",
        help="write the blur kernel beside each result: NAME_kernel.png (16 bits, its maximum "
        "white) and NAME_kernel.npy (float32, sum 1)",
    )
    add(
        "--kernel",
        metavar="FILE",
        type=file_with(".npy", ".png", ".tif", ".tiff"),
        help="deblur with this kernel instead of estimating it: .npy, or a grey .png or .tif",
    )


def add_networks(add: Callable[..., argparse.Action]) -> None:
    """Add the options that say which networks deblur."""
    add(
        "--model",
        choices=("compact", "paper"),
        default="compact",
        help="pair of networks: compact (small, included) or paper (the official weights, "
        "downloaded on first use) (default: %(default)s)",
    )
    add(
        "--analysis_weights_path",
        "-amp",
        metavar="FILE",
        help="weights of the analysis network; given, the file decides which network it is, and "
        "the official file is downloaded to it if it does not exist (default for --model paper: "
        "models/analysis_weights.h5)",
    )
    add(
        "--synthesis_weights_path",
        "-smp",
        metavar="FILE",
        help="weights of the synthesis network, likewise (default for --model paper: "
        "models/synthesis_weights.h5)",
    )
    add(
        "--analysis_max_input_size",
        "-amis",
        metavar="N",
        type=whole_number("a side must be at least 1 pixel"),
        nargs="+",
        action=_SizeAction,
        help="largest picture for the analysis network, one value for a square or height and "
        "width; a larger picture is cropped around its centre to estimate the kernel, and "
        "deblurred whole",
    )
    add(
        "--tile_size",
        metavar="N",
        type=whole_number(
            f"a tile must have at least {SMALLEST_TILE} pixels a side", SMALLEST_TILE
        ),
        help="largest side in pixels of the tiles in which a network's convolutions see a picture, "
        f"{SMALLEST_TILE} or more: a smaller one takes less memory, the result is the same "
        "(default: what is fastest and fits half of the free memory)",
    )
    add(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="where the networks compute: auto takes a GPU if TensorFlow sees one, gpu insists on "
        "it, cpu leaves it alone (default: %(default)s)",
    )


def chosen_networks(arguments: argparse.Namespace, blind: bool = True) -> NetworkOptions:
    """Return what the options of `add_networks` choose."""
    return NetworkOptions(
        arguments.model,
        arguments.analysis_weights_path,
        arguments.synthesis_weights_path,
        arguments.analysis_max_input_size,
        arguments.tile_size,
        arguments.device,
        blind,
    )


class _SizeAction(argparse.Action):
    """Turn one or two sides into (height, width)."""

    def __call__(self, parser, namespace, values, option_string=None):
        if len(values) > 2:
            parser.error(
                f"argument {option_string}: expected 1 or 2 values, received {len(values)}"
            )
        setattr(namespace, self.dest, (values[0], values[-1]))


def whole_number(condition: str, least: int = 1, most: float = math.inf) -> Callable[[str], int]:
    """Return a parser of whole numbers; one out of range is refused with the condition."""

    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{condition}, received {value}")
        return value

    return number


positive = whole_number("must be at least 1")


def file_with(*extensions: str) -> Callable[[str], str]:
    """Return a parser of file names that end in one of some extensions."""

    def file(text: str) -> str:
        if os.path.splitext(text)[1].lower() not in extensions:
            expected = " or ".join(extensions)
            raise argparse.ArgumentTypeError(f"{text}: the extension must be {expected}")
        return text

    return file


def _shard(text: str) -> Shard:
    try:
        return parse_shard(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
