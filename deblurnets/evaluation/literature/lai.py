"""Lai et al. 2016: 25 pictures under 4 large kernels, and 100 real ones without a truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import numpy as np

from deblurnets.evaluation.benchmark import BenchmarkError, Case
from deblurnets.evaluation.literature.items import (
    Item,
    check_folder,
    folder_files,
    read_case,
)
from deblurnets.imaging.pixels import unit_range
from deblurnets.pictures.formats import format_of_name

BORDER = 15  # pixels; that of the published figures, as is the largest shift
LARGEST_SHIFT = 10
_NAME = re.compile(r"(.+)_(kernel_\d+)\.png")
_PARTS = ("uniform", "ground_truth", "kernel")
# Luma of ITU-R BT.601 over its nominal range 16..235, as MATLAB's rgb2ycbcr has it. The published
# figures are measured on it, and are 1.3 dB higher for it than on a luma of the full range.
_LUMA = np.array([65.481, 128.553, 24.966]) / 255
_BLACK = 16 / 255


class RealPicture(NamedTuple):
    """A real picture of the set; there is no sharp one."""

    name: str
    path: Path


def find_items(folder: Path) -> List[Item]:
    """List the synthetic pictures with uniform blur.

    Parameters
    ----------
    folder : Path
        Holds the folders `uniform`, `ground_truth` and `kernel`, itself or in
        `synthetic_dataset`: `uniform/manmade_01_kernel_01.png`, `ground_truth/manmade_01.png`,
        `kernel/kernel_01.png`.

    Raises
    ------
    BenchmarkError
        When a folder or file is missing.
    """
    check_folder(folder)
    parts = _find_parts(folder)
    names = sorted(path.name for path in parts["uniform"].glob("*_kernel_*.png"))
    matches = [match for match in map(_NAME.fullmatch, names) if match]
    if not matches:
        raise BenchmarkError(f"{parts['uniform']}: expected files NAME_kernel_NN.png, found none")
    items = []
    for match in matches:
        files = {
            "blurry": parts["uniform"] / match.group(),
            "sharp": parts["ground_truth"] / f"{match.group(1)}.png",
            "kernel": parts["kernel"] / f"{match.group(2)}.png",
        }
        for path in files.values():
            if not path.is_file():
                raise BenchmarkError(f"{path}: missing for {match.group()}")
        name = match.group()[: -len(".png")]
        items.append(Item(name, lambda name=name, files=files: _case(name, files)))
    return items


def find_real(folder: Path) -> List[RealPicture]:
    """List the real pictures: those in `real_dataset`, or in the folder itself.

    Raises
    ------
    BenchmarkError
        When there is none.
    """
    check_folder(folder)
    inner = Path(folder) / "real_dataset"
    where = inner if inner.is_dir() else Path(folder)
    files = folder_files(where, "*.*")
    found = [RealPicture(path.stem, path) for path in files.values() if format_of_name(path.name)]
    if not found:
        raise BenchmarkError(f"{where}: expected the pictures of real_dataset, found none")
    return found


def _case(name: str, files: Dict[str, Path]) -> Case:
    return read_case(name, files, lambda frame: BORDER + frame, luma, LARGEST_SHIFT)


def luma(picture: np.ndarray) -> np.ndarray:
    """Return the luma plane (H, W), float32 in 16/255..235/255; a grey picture in 0..1 as it is."""
    unit = unit_range(picture)
    if unit.ndim == 2:
        return unit
    return (unit @ _LUMA + _BLACK).astype(np.float32)


def _find_parts(folder: Path) -> Dict[str, Path]:
    for root in (Path(folder), Path(folder) / "synthetic_dataset"):
        parts = {part: root / part for part in _PARTS}
        if all(path.is_dir() for path in parts.values()):
            return parts
    held: Optional[str] = ", ".join(sorted(path.name for path in Path(folder).iterdir())[:5])
    raise BenchmarkError(
        f"{folder}: expected the folders uniform, ground_truth and kernel, in it or in "
        f"synthetic_dataset, found {held or 'nothing'}"
    )
