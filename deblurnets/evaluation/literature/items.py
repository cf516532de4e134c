"""What the readers of all sets share: items, searches for files, orientation of kernels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import numpy as np
from scipy.signal import fftconvolve

from deblurnets.evaluation.benchmark import BenchmarkError, Case, normalise_kernel
from deblurnets.imaging.metrics import MAX_SHIFT, compare
from deblurnets.imaging.pixels import unit_range
from deblurnets.pictures.files import read_image


@dataclass(frozen=True)
class Item:
    """One picture of a set, not yet read.

    Attributes
    ----------
    name : str
    load : callable
        Reads the files and returns the `Case`; raises `BenchmarkError` or `ImageError`.
    """

    name: str
    load: Callable[[], Case]


def folder_files(folder: Path, pattern: str) -> Dict[str, Path]:
    """Return the files below a folder that match a pattern, by name.

    A name that occurs more than once stands for the first file in the order of the paths.
    """
    files: Dict[str, Path] = {}
    for path in sorted(Path(folder).rglob(pattern)):
        files.setdefault(path.name, path)
    return files


def check_folder(folder: Path) -> None:
    """Raise `BenchmarkError` if there is no such folder."""
    if not Path(folder).is_dir():
        raise BenchmarkError(f"{folder}: expected the folder of a benchmark, found none")


def require(files: Dict[str, Path], name: str, folder: Path, where: str) -> Path:
    """Return a file by name, or say in which archive it is.

    Raises
    ------
    BenchmarkError
        When it is missing.
    """
    if name not in files:
        raise BenchmarkError(f"{folder}: expected {name} in it or below ({where}), found none")
    return files[name]


def read_kernel_picture(path: Path) -> np.ndarray:
    """Read a kernel, grey or stored as RGB, as float32 (h, w) that sums to 1.

    Raises
    ------
    BenchmarkError, deblurnets.pictures.files.ImageError
        When it is black or cannot be read.
    """
    values = read_image(str(path)).pixels.astype(np.float64)
    return normalise_kernel(values if values.ndim == 2 else values.mean(axis=2), str(path))


def read_case(
    name: str,
    files: Dict[str, Path],
    border_beside: Callable[[int], int],
    view: Callable[[np.ndarray], np.ndarray] = np.asarray,
    largest_shift: int = MAX_SHIFT,
) -> Case:
    """Read the picture files "blurry", "sharp" and "kernel" of one item.

    Parameters
    ----------
    name : str
        The item's.
    files : dict of str to Path
        The three files.
    border_beside : callable
        From the width of the sharp picture's frame (see `frame_sharp`) to that of the border which
        is not scored, in pixels.
    view : callable
        From a picture to what of it is scored.
    largest_shift : int
        See `deblurnets.imaging.metrics.compare`.

    Raises
    ------
    BenchmarkError, deblurnets.pictures.files.ImageError
        When the files do not fit or cannot be read.
    """
    blurry, sharp = (read_image(str(files[part])).pixels for part in ("blurry", "sharp"))
    sharp, frame = frame_sharp(sharp, blurry.shape, str(files["sharp"]))
    border = border_beside(frame)
    check_border(blurry.shape, border, str(files["blurry"]))
    truth = view(sharp)
    kernel = orient_kernel(read_kernel_picture(files["kernel"]), sharp, blurry)
    return Case(
        name, blurry, lambda image: compare(view(image), truth, border, largest_shift), kernel
    )


def check_border(shape: Tuple[int, ...], border: int, where: str) -> None:
    """Raise `BenchmarkError` if a border in pixels leaves nothing of a picture."""
    if min(shape[:2]) <= 2 * border:
        raise BenchmarkError(
            f"{where}: expected a blurry picture of more than {2 * border} pixels a side, found "
            f"{tuple(shape)}"
        )


def frame_sharp(sharp: np.ndarray, shape: Tuple[int, ...], where: str) -> Tuple[np.ndarray, int]:
    """Bring a sharp picture to its blurry picture's size, both middles on each other.

    Parameters
    ----------
    sharp : ndarray
        (H, W) or (H, W, 3).
    shape : tuple of int
        Of the blurry picture.
    where : str
        The sharp picture's file, for the message.

    Returns
    -------
    ndarray
        Cut where it was larger, framed by its border pixels where it was smaller.
    int
        Width of that frame in pixels, which no score may look at.

    Raises
    ------
    BenchmarkError
        When one of them is grey and the other is not.
    """
    if sharp.shape[2:] != tuple(shape[2:]):
        raise BenchmarkError(
            f"{where}: expected the same channels as in the blurry picture {tuple(shape)}, found "
            f"{sharp.shape}"
        )
    frame = 0
    for axis, (have, want) in enumerate(zip(sharp.shape[:2], shape[:2])):
        if have > want:
            first = (have - want) // 2
            sharp = sharp.take(range(first, first + want), axis=axis)
        elif have < want:
            before = (want - have) // 2
            after = want - have - before
            pads = [(0, 0)] * sharp.ndim
            pads[axis] = (before, after)
            sharp = np.pad(sharp, pads, mode="edge")
            frame = max(frame, before, after)
    return sharp, frame


def orient_kernel(kernel: np.ndarray, sharp: np.ndarray, blurry: np.ndarray) -> np.ndarray:
    """Return the kernel, or the kernel turned by half, whichever explains the blurry picture.

    Sets store kernels for a convolution or for a correlation, which are each other's half turn.
    Both are tried on the middle half of the picture, at the best shift: measured kernels are a few
    pixels off their pictures.
    """
    planes = [unit_range(picture) for picture in (sharp, blurry)]
    planes = [plane if plane.ndim == 2 else plane.mean(axis=2) for plane in planes]
    border = min(planes[1].shape) // 4

    def agreement(candidate: np.ndarray) -> float:
        return compare(fftconvolve(planes[0], candidate, mode="same"), planes[1], border).psnr

    turned = np.ascontiguousarray(kernel[::-1, ::-1])
    return turned if agreement(turned) > agreement(kernel) else kernel


def choose(items: List[Item], limit: Optional[int] = None, every: int = 1) -> List[Item]:
    """Take every so-manieth item, from the first, and at most so many of them."""
    return items[::every][:limit]
