"""Command ``python -m deblurnets.evaluation``: benchmarks, and the score of one picture.

Exit status: 0 done, 1 something could not be read or loaded, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import deblurnets
from deblurnets.evaluation import benchmark, report, sharpness
from deblurnets.evaluation.scoring import MAX_SHIFT, compare, unit_range
from deblurnets.images import ImageError, read_image


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
    arguments = build_parser().parse_args(argv)
    try:
        if arguments.command == "score":
            return run_score(arguments)
        run = run_sharp if arguments.command == "sharp" else run_benchmark
        return run(arguments, load or load_deblurrer)
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
    score = commands.add_parser("score", help="PSNR and SSIM of one picture at the best shift")
    score.add_argument("picture", help="picture to score")
    score.add_argument("reference", help="sharp picture to compare with")
    score.add_argument(
        "--border", type=_count, default=15, metavar="N", help="pixels left out on each side (15)"
    )
    score.add_argument(
        "--max-shift", type=_count, default=MAX_SHIFT, metavar="N", help="largest shift, pixels"
    )
    return parser


def _add_benchmark(commands) -> None:
    command = commands.add_parser(
        "benchmark",
        help="tables and summaries of benchmark folders",
        description="Folders hold NAME_blurry.png, NAME_sharp.png and NAME_kernel.png. Prints "
        "PSNR and SSIM at the best shift: blind, with the true kernel given, and (--baseline) of "
        "a hyper-Laplacian deconvolution with the true kernel.",
    )
    _add_common(command, ("compact", "paper", "none"), "; none measures the baseline alone")
    add = command.add_argument
    add("--baseline", action="store_true", help="add the hyper-Laplacian deconvolution")
    add(
        "--border",
        type=_border,
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
    _add_common(command, ("compact", "paper"))
    command.add_argument("--output", type=Path, metavar="FILE", help="write the rows as CSV")


def _add_common(command: argparse.ArgumentParser, models: Sequence[str], note: str = "") -> None:
    """Add the arguments that choose pictures and networks."""
    add = command.add_argument
    add("folders", nargs="+", type=Path, metavar="FOLDER", help="benchmark folder")
    add("--model", choices=models, default="compact", help=f"pair of networks{note} (compact)")
    add("--analysis-weights", metavar="FILE", help="weights that replace the pair's analysis")
    add("--synthesis-weights", metavar="FILE", help="weights that replace the pair's synthesis")
    add("--limit", type=_positive, metavar="N", help="at most N pictures a folder")
    add("--every", type=_positive, default=1, metavar="N", help="every Nth picture of a folder")


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
    folders = _named(arguments.folders)
    triples = {
        name: benchmark.find_triples(folder, arguments.limit, arguments.every)
        for name, folder in folders.items()
    }
    methods = _methods(arguments, load)
    results: Dict[str, List[benchmark.Row]] = {}
    for name, chosen in triples.items():
        width = max(len(triple.name) for triple in chosen)
        print(f"\n{name}: PSNR in dB at the best shift")
        print(report.table_head(methods.names(), width), flush=True)
        results[name] = []
        for row in benchmark.evaluate(chosen, methods, arguments.border):
            results[name].append(row)
            print(report.table_row(row, width), flush=True)
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
    folders = _named(arguments.folders)
    triples = {
        name: benchmark.find_triples(folder, arguments.limit, arguments.every)
        for name, folder in folders.items()
    }
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


def load_deblurrer(arguments: argparse.Namespace) -> object:
    """Load the pair of networks that the arguments name."""
    from deblurnets.deblurrer import Deblurrer

    return Deblurrer.from_pretrained(
        arguments.model, arguments.analysis_weights, arguments.synthesis_weights
    )


def _methods(arguments: argparse.Namespace, load: Callable) -> benchmark.Methods:
    baseline = None
    if arguments.baseline or arguments.model == "none":
        from deblurnets.deconvolution import hyper_laplacian

        def baseline(pixels, kernel):
            return hyper_laplacian(unit_range(pixels), kernel)

    if arguments.model == "none":
        return benchmark.Methods(baseline=baseline)
    deblurrer = load(arguments)
    return benchmark.Methods(deblurrer, deblurrer.deblur, baseline)


def _named(folders: List[Path]) -> Dict[str, Path]:
    """Folders by their last part, or by the whole path where two have the same."""
    names = [folder.resolve().name for folder in folders]
    return {
        (name if names.count(name) == 1 else str(folder)): folder
        for name, folder in zip(names, folders)
    }


def _protocol(arguments: argparse.Namespace) -> Dict[str, object]:
    return {
        "deblurnets": deblurnets.__version__,
        "model": arguments.model,
        "analysis_weights": arguments.analysis_weights,
        "synthesis_weights": arguments.synthesis_weights,
        "border": "auto" if arguments.border is None else arguments.border,
        "every": arguments.every,
        "limit": arguments.limit,
        "max_shift": MAX_SHIFT,
    }


def _loading_errors():
    """Errors of loading weights, without importing what loads them unless one was raised."""
    names = ("deblurnets.weights", "WeightsError"), ("deblurnets.download", "DownloadError")
    return tuple(getattr(sys.modules[m], name) for m, name in names if m in sys.modules)


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, received {text}")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, received {text}")
    return value


def _border(text: str) -> Optional[int]:
    return None if text == "auto" else _count(text)


if __name__ == "__main__":
    sys.exit(main())
