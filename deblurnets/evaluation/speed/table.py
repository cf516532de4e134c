"""The figures as a Markdown table and as CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence

from deblurnets.evaluation.speed.worker import STAGES, Figures

HEAD = (
    "pair",
    "size",
    "start",
    "first",
    *STAGES,
    "CPU",
    "peak memory",
    "convolutions",
    "float32",
    "bfloat16",
)


@dataclass(frozen=True)
class Row:
    """One measurement: the pair's name, the picture's size as text, the figures."""

    pair: str
    size: str
    figures: Figures


def head_lines() -> List[str]:
    """Head of the table."""
    return [_line(HEAD), _line(["---"] * len(HEAD))]


def row_line(row: Row) -> str:
    """One row: seconds with two digits, memory in MiB, rates in GFLOP/s."""
    figures = row.figures
    seconds = [figures.start, figures.first, *(figures.stages[s] for s in STAGES), figures.cpu]
    memory = "-" if figures.peak_memory is None else f"{figures.peak_memory / 2**20:.0f} MiB"
    rates = [figures.convolutions, figures.products["float32"], figures.products["bfloat16"]]
    return _line(
        [
            row.pair,
            row.size,
            *(f"{value:.2f}" for value in seconds),
            memory,
            *(f"{rate:.0f}" for rate in rates),
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write all figures, unrounded, memory in bytes."""
    records = [_record(row) for row in rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)


def _record(row: Row) -> Dict[str, Any]:
    figures = row.figures
    return {
        "pair": row.pair,
        "size": row.size,
        "weights": figures.weights,
        "start_seconds": figures.start,
        "first_seconds": figures.first,
        **{f"{stage}_seconds": figures.stages[stage] for stage in STAGES},
        "cpu_seconds": figures.cpu,
        "peak_memory_bytes": figures.peak_memory,
        "convolutions_gflops": figures.convolutions,
        "float32_products_gflops": figures.products["float32"],
        "bfloat16_products_gflops": figures.products["bfloat16"],
    }
