"""Command ``python -m deblurnets.evaluation``: benchmarks, and the score of one picture.

Exit status: 0 done, 1 something could not be read or loaded, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Type

from deblurnets.evaluation import benchmark, options, report, sharpness
from deblurnets.evaluation.camera import run as camera
from deblurnets.evaluation.literature import command as literature
from deblurnets.evaluation.options import load_deblurrer
from deblurnets.evaluation.speed import command as speed
from deblurnets.imaging.metrics import MAX_SHIFT, compare
from deblurnets.pictures.files import ImageError, read_image


def main(
    argv: Optional[Sequence[str]] = None,
    load: Optional[Callable[[argparse.Namespace], object]] = None,
) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments without the program's name; those of the process by default.
    load : callable, optional
        Makes the deblurrer from the parsed arguments; the one that they name by default.

    Returns
    -------
    int
        The exit status.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command == "literature" and literature.why_wrong(arguments):
        parser.error(literature.why_wrong(arguments))
    try:
        if arguments.command == "score":
            return run_score(arguments)
        if arguments.command == "speed":
            return speed.run(arguments)
        runs = {
            "benchmark": run_benchmark,
            "sharp": run_sharp,
            "literature": literature.run,
            "camera": camera.run,
        }
        return runs[arguments.command](arguments, load or load_deblurrer)
    except (benchmark.BenchmarkError, ImageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    except _loading_errors() as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m deblurnets.evaluation", description="Measure how well pictures come out."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    _add_benchmark(commands)
    _add_sharp(commands)
    literature.add_parser(commands)
    speed.add_parser(commands)
    camera.add_parser(commands)
    score = commands.add_parser("score", help="PSNR and SSIM of one picture at the best shift")
    score.add_argument("picture", help="picture to score")
    score.add_argument("reference", help="sharp picture to compare with")
    score.add_argument(
        "--border",
        type=options.count,
        default=15,
        metavar="N",
        help="pixels left out on each side (15)",
    )
    score.add_argument(
        "--max-shift",
        type=options.count,
        default=MAX_SHIFT,
        metavar="N",
        help="largest shift, pixels",
    )
    return parser


def _add_benchmark(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "benchmark",
        help="tables and summaries of benchmark folders",
        description="Folders hold NAME_blurry.png, NAME_sharp.png and NAME_kernel.png. Prints "
        "PSNR and SSIM at the best shift: blind, with the true kernel given, and (--baseline) of "
        "a hyper-Laplacian deconvolution with the true kernel.",
    )
    _add_folders(command, ("compact", "paper", "none"), "; none measures the baseline alone")
    add = command.add_argument
    add("--baseline", action="store_true", help="add the hyper-Laplacian deconvolution")
    add(
        "--border",
        type=options.border,
        default=None,
        metavar="auto|N",
        help="pixels left out on each side: auto is 15 for a grey picture of 255x255 (Levin), "
        "half of the kernel's grid for all others (auto)",
    )
    add("--output", type=Path, metavar="DIR", help="write pictures.csv, summary.json, psnr.png")


def _add_sharp(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "sharp",
        help="whether sharp pictures come out as they went in",
        description="Deblurs the sharp halves of benchmark folders and prints the PSNR of the "
        "results against these inputs.",
    )
    _add_folders(command, ("compact", "paper"))
    command.add_argument("--output", type=Path, metavar="FILE", help="write the rows as CSV")


def _add_folders(command: argparse.ArgumentParser, models: Sequence[str], note: str = "") -> None:
    """Add the folders and the arguments that choose pictures and networks."""
    command.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="benchmark folder")
    options.add_choices(command, models, note)


def run_score(arguments: argparse.Namespace) -> int:
    """Print the score of one picture."""
    picture = read_image(arguments.picture).pixels
    reference = read_image(arguments.reference).pixels
    try:
        score = compare(picture, reference, arguments.border, arguments.max_shift)
    except ValueError as error:
        raise benchmark.BenchmarkError(f"{arguments.picture}: {error}") from error
    down, right = score.shift
    print(
        f"PSNR {score.psnr:.2f} dB, SSIM {score.ssim:.4f} at a shift of {down:+g} down and "
        f"{right:+g} right"
    )
    return 0


def run_benchmark(arguments: argparse.Namespace, load: Callable) -> int:
    """Measure the folders, print tables and summaries, write the report."""
    triples = _chosen(arguments)
    methods = options.choose_methods(arguments, load)
    results: Dict[str, List[benchmark.Row]] = {}
    for name, chosen in triples.items():
        results[name] = report.print_table(
            f"{name}: PSNR in dB at the best shift",
            [triple.name for triple in chosen],
            methods.names(),
            benchmark.evaluate(chosen, methods, arguments.border),
        )
    print()
    for name, rows in results.items():
        for summary in benchmark.summarise(rows):
            print(report.summary_line(name, summary))
    if arguments.output is not None:
        report.write_report(arguments.output, results, _protocol(arguments))
        print(f"\nFigures written to {arguments.output}.")
    return 0


def run_sharp(arguments: argparse.Namespace, load: Callable) -> int:
    """Deblur the folders' sharp pictures, print and write what became of them."""
    triples = _chosen(arguments)
    deblurrer = load(arguments)
    rows: List[sharpness.SharpRow] = []
    for name, chosen in triples.items():
        mine = []
        for row in sharpness.evaluate_sharp(chosen, deblurrer):
            mine.append(row)
            found = "blur found" if row.blurred else "no blur found"
            print(f"{row.name}: {row.psnr:.2f} dB to the input, {found}", flush=True)
        kept = sum(row.kept for row in mine)
        print(f"{name}: {kept} of {len(mine)} at {sharpness.KEPT_PSNR:g} dB or more\n")
        rows += mine
    if arguments.output is not None:
        sharpness.write_rows(arguments.output, rows)
    return 0


def _chosen(arguments: argparse.Namespace) -> Dict[str, List[benchmark.Triple]]:
    """Pictures by their folder's last part, or its whole path where two folders have the same."""
    names = [folder.resolve().name for folder in arguments.folders]
    return {
        (name if names.count(name) == 1 else str(folder)): benchmark.find_triples(
            folder, arguments.limit, arguments.every
        )
        for name, folder in zip(names, arguments.folders)
    }


def _protocol(arguments: argparse.Namespace) -> Dict[str, object]:
    return {
        **options.describe_choices(arguments),
        "border": "auto" if arguments.border is None else arguments.border,
        "max_shift": MAX_SHIFT,
    }


def _loading_errors() -> Tuple[Type[Exception], ...]:
    """Errors of loading weights, without importing what loads them unless one was raised."""
    names = (
        ("deblurnets.weights.files", "WeightsError"),
        ("deblurnets.weights.download", "DownloadError"),
    )
    return tuple(getattr(sys.modules[m], name) for m, name in names if m in sys.modules)


if __name__ == "__main__":
    sys.exit(main())
