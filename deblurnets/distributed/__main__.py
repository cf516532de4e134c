"""Deblur a folder or a bucket on a Ray cluster.

Exit status: 0 all pictures deblurred, 1 some failed or the networks could not be loaded, 2 wrong
usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import functools
import sys
from typing import TYPE_CHECKING, Callable, Optional, Sequence

from deblurnets.batch.exit_status import WRONG_USAGE
from deblurnets.batch.messages import one_line, say
from deblurnets.batch.sources import InputError
from deblurnets.cli.networks import load_deblurrer
from deblurnets.cli.options import MAX_PIXELS, add_networks, chosen_networks, file_with, positive

if TYPE_CHECKING:
    from deblurnets.batch.pipeline import Deblur
    from deblurnets.distributed.worker import Task

_INSTALL = "python -m pip install 'deblurnets[ray]'"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="python -m deblurnets.distributed",
        description="Deblur a folder or a bucket, with its subfolders, on a Ray cluster; pictures "
        "whose result exists are passed over.",
    )
    place = "a folder that every computer sees, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX"
    add = parser.add_argument_group("input and output").add_argument
    add("--input_path", "-i", required=True, metavar="INPUT", help=f"pictures: {place}")
    add("--out_dir", "-o", required=True, metavar="OUTPUT", help=f"results: {place}")
    add("--suffix", "-s", default="_deblurred", help="of a result's name (default: %(default)s)")
    reports = file_with(".jsonl", ".parquet")
    add("--report", metavar="FILE", type=reports, help=".jsonl or .parquet, on this computer")
    add(
        "--max_pixels",
        metavar="N",
        type=positive,
        default=MAX_PIXELS,
        help="refuse larger pictures",
    )
    add("--strip_metadata", action="store_true", help="leave out EXIF, XMP and IPTC")
    add = parser.add_argument_group("cluster").add_argument
    add(
        "--address",
        default="local",
        help="auto: the Ray cluster this computer belongs to; or its address; local (default): "
        "one on this computer, for this run",
    )
    add("--workers", metavar="N", type=positive, default=1, help="each loads the networks once")
    add("--cpus_per_worker", metavar="X", type=_amount, default=1, help="default: %(default)s")
    add("--gpus_per_worker", metavar="X", type=_amount, default=0, help="default: %(default)s")
    add_networks(parser.add_argument_group("networks").add_argument)
    return parser


def main(
    argv: Optional[Sequence[str]] = None,
    load: Optional[Callable[[], Deblur]] = None,
) -> int:
    """Run the command; return the exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments without the program's name.
    load : callable, optional
        Makes each worker's deblurrer; the networks that the arguments name by default.
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leave:  # argparse leaves so after -h and after a wrong option
        return leave.code if isinstance(leave.code, int) else WRONG_USAGE
    try:
        load = load or functools.partial(load_deblurrer, chosen_networks(arguments))
        return _run(arguments, argv, load)
    except InputError as error:
        say(f"{parser.prog}: error: {error}", sys.stderr)
        return WRONG_USAGE


def _run(arguments: argparse.Namespace, argv: Sequence[str], load: Callable[[], Deblur]) -> int:
    task = _task(arguments, load)
    # Imported here: they bring Ray, and a wrong path is told without it.
    try:
        from deblurnets.distributed import cluster
    except ImportError as error:
        raise InputError(f"Ray is needed ({one_line(error)}): {_INSTALL}") from error
    from deblurnets.batch.ledger import Ledger, open_sinks
    from deblurnets.batch.report import RunStart
    from deblurnets.distributed.run import follow, open_report

    workers = cluster.Workers(
        arguments.workers, arguments.cpus_per_worker, arguments.gpus_per_worker
    )
    sinks = open_sinks({"report": (arguments.report, open_report)})
    ledger = Ledger(RunStart.now(argv), sinks)
    try:
        joined = cluster.connect(arguments.address, workers)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"--address {arguments.address}: {one_line(error)}") from error
    try:
        return follow(cluster.records(task, workers), ledger, task.target.root)
    finally:
        if joined:
            cluster.leave()


def _task(arguments: argparse.Namespace, load: Callable[[], Deblur]) -> Task:
    """Settle where pictures are read and written."""
    if "/" in arguments.suffix:
        raise InputError(
            f"--suffix is part of a file name and cannot hold '/', received '{arguments.suffix}'"
        )
    from deblurnets.batch.pipeline import Settings
    from deblurnets.distributed.places import check_apart, open_place
    from deblurnets.distributed.worker import Task
    from deblurnets.pictures.files import SaveOptions

    try:
        source, target = open_place(arguments.input_path), open_place(arguments.out_dir)
    except ImportError as error:
        raise InputError(f"pyarrow is needed ({one_line(error)}): {_INSTALL}") from error
    check_apart(source, target)
    try:
        found = source.exists()
    except OSError as error:
        raise InputError(f"{source.root}: cannot be listed ({one_line(error)})") from error
    if not found:
        raise InputError(f"{source.root}: no such folder, or it is empty")
    save = SaveOptions(strip_metadata=arguments.strip_metadata)
    settings = Settings(save=save, max_pixels=arguments.max_pixels)
    return Task(source, target, load, arguments.suffix, settings)


def _amount(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be 0 or more, received {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
