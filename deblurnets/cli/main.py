"""The command line: arguments in, a run, an exit status out.

Exit status
-----------
0    every picture was deblurred
1    some pictures failed, or the networks could not be loaded
2    wrong usage; nothing was computed, no picture was written
130  interrupted with Ctrl-C or SIGTERM
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
from typing import TYPE_CHECKING, Callable, Optional, Sequence

from deblurnets.batch.exit_status import ALL_DONE, INTERRUPTED, WRONG_USAGE
from deblurnets.batch.messages import say
from deblurnets.batch.plan import EXISTS, InputError, Naming, Plan, plan_run
from deblurnets.batch.shards import take_shard
from deblurnets.cli.networks import NetworkOptions, load_deblurrer
from deblurnets.cli.options import build_parser, chosen_format, chosen_networks, wrong_together
from deblurnets.pictures.formats import format_of_name
from deblurnets.runtime.glibc import tune_heaps

if TYPE_CHECKING:
    import numpy as np

    from deblurnets.batch.pipeline import Deblur
    from deblurnets.cli.run import Run

Loader = Callable[[NetworkOptions], "Deblur"]


def main(argv: Optional[Sequence[str]] = None, load: Loader = load_deblurrer) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments without the program's name; those of the process by default.
    load : callable
        Makes the deblurrer; with `--kernel` one that has ``.deblur(pixels, kernel)``.

    Returns
    -------
    int
        The exit status.
    """
    argv = sys.argv[1:] if argv is None else argv
    parser = build_parser()
    _complete(parser)
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as leave:  # argparse leaves so after -h and after a wrong option
        return leave.code if isinstance(leave.code, int) else WRONG_USAGE
    try:
        plan = _settle_plan(arguments)
        if arguments.dry_run:
            _list_plan(plan)
            return ALL_DONE
        tune_heaps()
        run = _prepare_run(plan, arguments, argv, load)
    except InputError as error:
        say(f"{parser.prog}: error: {error}", sys.stderr)
        return WRONG_USAGE
    if plan.earlier_results:
        say(
            f"{len(plan.earlier_results)} earlier results, with names ending in "
            f"'{arguments.suffix}', are left out.",
            sys.stderr,
        )
    try:
        return run.execute()
    except KeyboardInterrupt:  # pressed once more while the run was ending
        return INTERRUPTED


def _complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how the line could go on, and leave; see `docs/shell.md`."""
    if "_ARGCOMPLETE" in os.environ:
        with contextlib.suppress(ImportError):  # an extra; without it the shell gets no answer
            import argcomplete

            argcomplete.autocomplete(parser)


def _settle_plan(arguments: argparse.Namespace) -> Plan:
    """Decide which files are read and written, by names alone."""
    problem = wrong_together(arguments)
    if problem is not None:
        raise InputError(problem)
    naming = Naming(
        arguments.out_dir, arguments.suffix, chosen_format(arguments), arguments.save_kernel
    )
    plan = plan_run(
        arguments.input_path,
        naming,
        arguments.recursive,
        arguments.skip_existing,
        arguments.kernel,
    )
    targets = [job.target for job in (*plan.jobs, *plan.skipped)]
    formats = [format_of_name(target) for target in targets]
    if arguments.quality is not None and not any(f and f.has_quality for f in formats):
        raise InputError("--quality is for JPEG and WebP, none of the results is one of them")
    if arguments.gallery is not None:
        from deblurnets.gallery import check_gallery_folder

        check_gallery_folder(arguments.gallery)
    return plan if arguments.shard is None else take_shard(plan, arguments.shard)


def _list_plan(plan: Plan) -> None:
    """Print what a run would do."""
    for job in plan.jobs:
        say(f"{job.source} -> {', '.join(job.outputs)}", sys.stdout)
    for job in plan.skipped:
        say(f"{job.source}: skipped, {EXISTS} ({job.target})", sys.stdout)
    for path in plan.earlier_results:
        say(f"{path}: left out, an earlier result", sys.stdout)
    for folder, reason in plan.unread:
        say(f"{folder}: the folder cannot be listed ({reason})", sys.stdout)
    counts = f"{len(plan.jobs)} to deblur, {len(plan.skipped)} skipped"
    say(f"{counts}; nothing was done (--dry_run)", sys.stdout)


def _prepare_run(
    plan: Plan, arguments: argparse.Namespace, argv: Sequence[str], load: Loader
) -> Run:
    """Find what is wrong with the other files before the long work; return the run."""
    # Imported here: they bring NumPy, and a wrong path is told without it.
    from deblurnets.batch.ledger import Ledger, open_sinks
    from deblurnets.batch.pipeline import Settings
    from deblurnets.batch.report import RunStart, open_report
    from deblurnets.cli.run import Run
    from deblurnets.gallery import GalleryWriter
    from deblurnets.pictures.files import ImageError, SaveOptions
    from deblurnets.pictures.kernel_files import read_kernel

    kernel = None
    if arguments.kernel is not None:
        try:
            kernel = read_kernel(arguments.kernel)
        except ImageError as error:
            raise InputError(f"--kernel {error}") from error
    _prepare_folder(arguments.out_dir)
    gallery = (arguments.gallery, GalleryWriter)  # first: the report may lie in its folder
    sinks = open_sinks({"gallery": gallery, "report": (arguments.report, open_report)})
    settings = Settings(
        arguments.side_by_side,
        arguments.inset_kernel,
        SaveOptions(arguments.quality, arguments.strip_metadata),
        arguments.max_pixels,
    )
    networks = chosen_networks(arguments, blind=kernel is None)
    load_them = functools.partial(_load, load, networks, kernel)
    ledger = Ledger(RunStart.now(argv), sinks)
    return Run(plan, load_them, ledger, settings, arguments.out_dir, arguments.plot)


def _load(load: Loader, networks: NetworkOptions, kernel: Optional[np.ndarray]) -> Deblur:
    deblurrer = load(networks)
    if kernel is None:
        return deblurrer
    from deblurnets.deblurrer import KnownKernel

    return KnownKernel(deblurrer, kernel)


def _prepare_folder(out_dir: str) -> None:
    """Make the folder for the results, so that a wrong one is found before the long work."""
    try:
        os.makedirs(out_dir, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out_dir}: --out_dir cannot be made ({error.strerror})") from error
    if not os.access(out_dir, os.W_OK | os.X_OK):
        raise InputError(f"{out_dir}: --out_dir cannot be written to")
