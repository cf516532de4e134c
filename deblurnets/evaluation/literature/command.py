"""Command ``python -m deblurnets.evaluation literature SET FOLDER``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Callable, Dict, List

from deblurnets.evaluation import benchmark, options, report
from deblurnets.evaluation.literature import kohler, lai, levin, sun
from deblurnets.evaluation.literature.items import Item, choose
from deblurnets.evaluation.literature.published import published_lines
from deblurnets.pictures.files import read_image

SETS = ("levin", "kohler", "lai", "sun")
TITLES: Dict[str, str] = {
    "levin": "PSNR in dB at the best shift, 15 px off each side",
    "kohler": "PSNR of the luminance in dB, best of all frames; SSIM is multi-scale",
    "lai": "PSNR of the luma in dB at the best shift, 15 px off each side",
    "sun": "PSNR in dB at the best shift, 50 px off each side",
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "literature",
        help="tables of the literature's benchmarks, as they are downloaded",
        description="Reads a published set in its own layout and measures it by the protocol of "
        "the published figures; docs/evaluation.md says where each set is to be had.",
    )
    add = command.add_argument
    add("set", choices=SETS, help="which set")
    add("folder", type=Path, metavar="FOLDER", help="where its archives are unpacked")
    options.add_choices(command, ("compact", "paper", "none"), "; none measures the baseline alone")
    add("--baseline", action="store_true", help="add the hyper-Laplacian deconvolution")
    add(
        "--frames",
        type=options.positive,
        default=1,
        metavar="N",
        help="kohler: score by every Nth frame of a shake (1: all, as published)",
    )
    add(
        "--real",
        action="store_true",
        help="lai: the real pictures; they have no truth and get no score",
    )
    add("--output", type=Path, metavar="DIR", help="write pictures.csv, summary.json, psnr.png")


def why_wrong(arguments: argparse.Namespace) -> str:
    """Return why the arguments do not go together, or an empty text."""
    if arguments.set != "kohler" and arguments.frames != 1:
        return f"--frames is for kohler, received it for {arguments.set}"
    if arguments.real and arguments.set != "lai":
        return f"--real is for lai, received it for {arguments.set}"
    if arguments.set == "kohler" and (arguments.baseline or arguments.model == "none"):
        return "kohler has no kernels that a deconvolution could be given"
    if arguments.real and (arguments.baseline or arguments.output or arguments.model == "none"):
        return "--real scores nothing: it goes without --baseline, --output and --model none"
    return ""


def run(arguments: argparse.Namespace, load: Callable) -> int:
    """Measure the set; print the table, the summary and published figures; write the report."""
    if arguments.real:
        return _run_real(arguments, load)
    items = choose(_find(arguments), arguments.limit, arguments.every)
    methods = options.choose_methods(arguments, load)
    if arguments.set == "kohler":  # no kernel to give
        methods = benchmark.Methods(methods.blind)
    rows = report.print_table(
        f"{arguments.set}: {TITLES[arguments.set]}",
        [item.name for item in items],
        methods.names(),
        (benchmark.measure(item.load(), methods) for item in items),
    )
    print()
    for summary in benchmark.summarise(rows):
        print(report.summary_line(arguments.set, summary))
    for line in published_lines(arguments.set):
        print(line)
    if arguments.output is not None:
        protocol = {**options.describe_choices(arguments), "frames": arguments.frames}
        report.write_report(arguments.output, {arguments.set: rows}, protocol)
        print(f"\nFigures written to {arguments.output}.")
    return 0


def _find(arguments: argparse.Namespace) -> List[Item]:
    if arguments.set == "kohler":
        return kohler.find_items(arguments.folder, arguments.frames)
    return {"levin": levin, "lai": lai, "sun": sun}[arguments.set].find_items(arguments.folder)


def _run_real(arguments: argparse.Namespace, load: Callable) -> int:
    """Say of each real picture what the deblurrer thinks of its result."""
    pictures = lai.find_real(arguments.folder)[:: arguments.every][: arguments.limit]
    deblurrer = load(arguments)
    for picture in pictures:
        result = deblurrer(read_image(str(picture.path)).pixels)
        confidence = getattr(result, "confidence", None)
        found = "blur found" if getattr(result, "blurred", True) else "no blur found"
        guess = "" if confidence is None else f", confidence {confidence:.2f}"
        print(f"{picture.name}: {found}{guess}", flush=True)
    print(f"lai, real: {len(pictures)} pictures, which have no truth and get no score")
    return 0
