"""A benchmark's figures as text, CSV, JSON and a plot."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Dict, Iterable, List, Sequence

import numpy as np

from deblurnets.evaluation.benchmark import BLIND, BLURRY, Row, Summary, summarise

TITLES = {
    "blurry": "blurry",
    "blind": "blind",
    "true_kernel": "true kernel",
    "hyper_laplacian": "hyper-Laplacian, true kernel",
}
# Column heads of the table: PSNR by method, then what only the blind result has.
_HEADS = {
    "blurry": "blurry",
    "blind": "blind",
    "true_kernel": "true k.",
    "hyper_laplacian": "hyp.-L.",
}


def print_table(
    title: str, names: Sequence[str], methods: Sequence[str], rows: Iterable[Row]
) -> List[Row]:
    """Print a table row by row as the rows come in; return them.

    Parameters
    ----------
    title : str
        Printed above the head.
    names : sequence of str
        Of all pictures, for the width of their column.
    methods : sequence of str
        Columns.
    rows : iterable of Row
    """
    width = max(len(name) for name in names)
    print(f"\n{title}")
    print(table_head(methods, width), flush=True)
    kept = []
    for row in rows:
        kept.append(row)
        print(table_row(row, width), flush=True)
    return kept


def table_head(methods: Sequence[str], width: int) -> str:
    """Head of the table for some methods; ``width`` is that of the names' column."""
    cells = [f"{'picture':<{width}}"] + [f"{_HEADS[method]:>8}" for method in methods]
    if BLIND in methods:
        cells += [f"{'SSIM':>7}", f"{'kernel':>7}"]
    return " ".join([*cells, f"{'seconds':>8}"])


def table_row(row: Row, width: int) -> str:
    """One line of the table: PSNR in dB by method; SSIM, kernel similarity, time of the blind."""
    cells = [f"{row.name:<{width}}"] + [f"{value:8.2f}" for value in row.psnr.values()]
    if BLIND in row.psnr:
        similarity = row.kernel_similarity
        cells += [
            f"{row.ssim[BLIND]:7.3f}",
            f"{'-':>7}" if similarity is None else f"{similarity:7.3f}",
        ]
        seconds = row.seconds[BLIND]
    else:
        seconds = sum(row.seconds.values())
    return " ".join([*cells, f"{seconds:8.2f}"])


def summary_line(folder: str, summary: Summary) -> str:
    """One method over one folder in one line."""
    line = (
        f"{folder}, {TITLES[summary.method]}: mean {summary.mean:.2f} dB, "
        f"median {summary.median:.2f}, worst {summary.worst:.2f}, SSIM {summary.ssim:.3f}"
    )
    if summary.method == BLURRY:
        return f"{line} ({summary.count} pictures)"
    line += f", failures {summary.failures} of {summary.count}"
    if summary.kernel_similarity is not None:
        line += f", kernel similarity {summary.kernel_similarity:.3f}"
    return f"{line}, {summary.seconds:.2f} s a picture"


def write_report(output: Path, results: Dict[str, List[Row]], protocol: Dict[str, object]) -> None:
    """Write pictures.csv, summary.json and psnr.png into a folder, which is made if needed.

    Parameters
    ----------
    output : Path
    results : dict
        Rows by the benchmark's name.
    protocol : dict
        How the figures came about: arguments, versions; goes into the JSON file as it is.
    """
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    _write_csv(output / "pictures.csv", results)
    content = {
        "protocol": protocol,
        "benchmarks": {
            folder: {
                "summary": [asdict(summary) for summary in summarise(rows)],
                "pictures": [asdict(row) for row in rows],
            }
            for folder, rows in results.items()
        },
    }
    (output / "summary.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    plot_curves(output / "psnr.png", results)


def _write_csv(path: Path, results: Dict[str, List[Row]]) -> None:
    methods = list(next(iter(results.values()))[0].psnr)
    heads = ["benchmark", "picture"]
    heads += [f"psnr_{method}" for method in methods] + [f"ssim_{method}" for method in methods]
    heads += [f"seconds_{method}" for method in methods if method != BLURRY]
    heads += ["kernel_similarity"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        for folder, rows in results.items():
            for row in rows:
                figures = [*row.psnr.values(), *row.ssim.values(), *row.seconds.values()]
                cells = [f"{value:.4f}" for value in figures]
                similarity = row.kernel_similarity
                cells.append("" if similarity is None else f"{similarity:.4f}")
                writer.writerow([folder, row.name, *cells])


def plot_curves(path: Path, results: Dict[str, List[Row]]) -> None:
    """Plot the sorted PSNR of every method, one panel a benchmark, without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6 * len(results), 4.5))
    FigureCanvasAgg(figure)
    for position, (folder, rows) in enumerate(results.items(), 1):
        axes = figure.add_subplot(1, len(results), position)
        share = 100 * (np.arange(len(rows)) + 0.5) / len(rows)
        for method in rows[0].psnr:
            values = np.sort([row.psnr[method] for row in rows])
            axes.plot(share, values, marker=".", label=f"{TITLES[method]} ({values.mean():.2f} dB)")
        axes.set_title(folder)
        axes.set_xlabel("pictures, worst first (%)")
        axes.set_ylabel("PSNR at the best shift (dB)")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(str(path), dpi=120, bbox_inches="tight")
