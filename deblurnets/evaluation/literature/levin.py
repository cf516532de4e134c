"""Levin et al. 2009: 4 grey pictures of 255x255, each with 8 measured camera shakes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from deblurnets.evaluation.benchmark import LEVIN_BORDER, BenchmarkError, Case, normalise_kernel
from deblurnets.evaluation.literature.items import (
    Item,
    check_border,
    check_folder,
    folder_files,
    frame_sharp,
    orient_kernel,
)
from deblurnets.evaluation.literature.matlab_file import read_matlab_file
from deblurnets.imaging.metrics import compare

_NAME = re.compile(r"im\d+_flit\d+\.mat")  # "flit" as in the archive


def find_items(folder: Path) -> List[Item]:
    """List the set's pictures.

    Parameters
    ----------
    folder : Path
        Holds, in it or below, `im05_flit01.mat` to `im08_flit08.mat`.

    Raises
    ------
    BenchmarkError
        When there is no such folder or file.
    """
    check_folder(folder)
    files = folder_files(folder, "im*_flit*.mat")
    items = [
        Item(path.stem, lambda path=path: load_case(path))
        for name, path in files.items()
        if _NAME.fullmatch(name)
    ]
    if not items:
        raise BenchmarkError(
            f"{folder}: expected im05_flit01.mat to im08_flit08.mat in it or below, found none"
        )
    return items


def load_case(path: Path) -> Case:
    """Read one file: `y` blurry and `x` sharp in 0..1, `f` the kernel.

    Raises
    ------
    BenchmarkError
        When the file is no MATLAB file or lacks one of the three.
    """
    content = read_matlab_file(path)
    blurry, sharp, kernel = (_matrix(content, name, path) for name in ("y", "x", "f"))
    blurry, sharp = (np.clip(m, 0, 1).astype(np.float32) for m in (blurry, sharp))
    sharp, frame = frame_sharp(sharp, blurry.shape, str(path))
    kernel = orient_kernel(normalise_kernel(kernel, f"{path}, f"), sharp, blurry)
    border = LEVIN_BORDER + frame
    check_border(blurry.shape, border, str(path))
    return Case(path.stem, blurry, lambda image: compare(image, sharp, border), kernel)


def _matrix(content: Dict[str, Any], name: str, path: Path) -> np.ndarray:
    matrix = content.get(name)
    if matrix is None or matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
        held = ", ".join(sorted(content)) or "nothing"
        raise BenchmarkError(
            f"{path}: expected the matrices y, x and f, found {held}"
            + ("" if matrix is None else f" and {name} of shape {matrix.shape}")
        )
    return matrix.astype(np.float64)
