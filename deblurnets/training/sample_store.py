"""Samples that take long, made ahead: files of a row a sample, which a stopped run goes on with."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import multiprocessing
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np

PICTURES, STARTS, KERNELS, DESCRIPTION = "pictures.npy", "starts.npy", "kernels.npy", "config.json"


class Estimates:
    """Read-only access to a folder written by `deblurnets.training.estimates.estimate_samples`.

    Attributes
    ----------
    crop : side of the pictures in pixels.
    """

    def __init__(self, folder: Path) -> None:
        self._pictures, self._kernels, self._starts = (
            np.load(Path(folder) / name, mmap_mode="r") for name in (PICTURES, KERNELS, STARTS)
        )
        self._length = rows_done(self._kernels)
        self.crop = self._pictures.shape[2]

    def __len__(self) -> int:
        return self._length

    def kernels(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return the estimated and the true kernel (grid, grid) of a sample."""
        estimated, true = self._kernels[index].astype(np.float32)
        return estimated / estimated.sum(), true / true.sum()

    def pictures(self, index: int) -> Tuple[np.ndarray, np.ndarray]:
        """Return a sample's blurry and sharp picture (crop, crop, 3), uint8."""
        return tuple(self._pictures[index])

    def start(self, index: int, exact: bool) -> np.ndarray:
        """Return a sample's deconvolution by the estimated or by the true kernel, uint8."""
        return self._starts[index, int(exact)]


def describe(folder: Path, config: Any, seed: int) -> None:
    """Begin a folder of samples: make it where missing and write which `SampleConfig` it is of."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {"seed": seed, "samples": dataclasses.asdict(config)}
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")


def write_rows(
    folder: Path,
    rows: Dict[str, Tuple[Tuple[int, ...], Any]],
    count: int,
    make: Callable[[int], Dict[str, np.ndarray]],
    workers: int,
) -> None:
    """Write rows 0 .. count - 1 of several files side by side, from the first that is missing on.

    Parameters
    ----------
    folder : where the files are.
    rows : shape and type of a row of each file, by the file's name. The last file's rows say what
        is done: they are written last, and hold not only zeros.
    count : rows in all.
    make : returns the rows of a number, by file.
    workers : processes that call it; 0 calls it in this process.
    """
    arrays = {
        name: open_rows(folder / name, (count, *shape), dtype)
        for name, (shape, dtype) in rows.items()
    }
    numbers = range(rows_done(arrays[list(rows)[-1]]), count)
    with contextlib.ExitStack() as stack:
        each = map
        if workers:
            context = multiprocessing.get_context("spawn")
            pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=context)
            each = stack.enter_context(pool).map
        for number, made in zip(numbers, each(make, numbers)):
            for name, values in arrays.items():
                values[number] = made[name]


def open_rows(path: Path, shape: Tuple[int, ...], dtype: Any) -> np.ndarray:
    """Open a file of rows to write, made of zeros where missing; ValueError if it has others."""
    mode = "r+" if path.exists() else "w+"
    rows = np.lib.format.open_memmap(path, mode, dtype, shape)
    if (rows.shape, rows.dtype) != (shape, np.dtype(dtype)):
        raise ValueError(f"{path} has rows {rows.shape}, not {shape}: name another folder")
    return rows


def rows_done(rows: np.ndarray) -> int:
    """Return the number of rows before the first one that holds only zeros."""
    done = np.fromiter((row.any() for row in rows), bool, len(rows))
    return len(rows) if done.all() else int(np.argmin(done))
