"""Benchmarks: folders of blurry pictures whose sharp originals and kernels are known.

A folder holds triples NAME_blurry.png, NAME_sharp.png and NAME_kernel.png, with
blurry = convolve(sharp, kernel) and the kernel's values divided by their sum.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy as np

from deblurnets.imaging.metrics import Score, compare, kernel_similarity
from deblurnets.imaging.psf import normalise
from deblurnets.pictures.files import read_image
from deblurnets.pictures.kernel_files import read_kernel

PARTS = ("blurry", "sharp", "kernel")
LEVIN_SHAPE = (255, 255)
LEVIN_BORDER = 15
PSNR_CEILING = 100.0  # so that a perfect picture does not make a mean infinite

BLURRY, BLIND, TRUE_KERNEL, BASELINE = "blurry", "blind", "true_kernel", "hyper_laplacian"


class BenchmarkError(Exception):
    """A benchmark folder or file that cannot be used."""


@dataclass(frozen=True)
class Triple:
    """One picture of a benchmark: its name and its three files."""

    name: str
    blurry: Path
    sharp: Path
    kernel: Path


@dataclass(frozen=True, eq=False)
class Case:
    """One picture in memory, and how a result for it is scored.

    Attributes
    ----------
    name : str
    blurry : ndarray
        (H, W) or (H, W, 3), uint8, uint16 or floating in 0..1.
    score : callable
        ``score(image)`` returns the `Score` of a picture of the blurry one's shape.
    kernel : ndarray, optional
        (h, w), the true kernel, summing to 1; None where it is not known or not one for the whole
        picture. Methods that need it are then left out.
    """

    name: str
    blurry: np.ndarray
    score: Callable[[np.ndarray], Score]
    kernel: Optional[np.ndarray] = None


@dataclass(frozen=True)
class Methods:
    """What is measured; None leaves a column out.

    Attributes
    ----------
    blind : callable, optional
        ``blind(pixels)`` returns an object with ``image`` and ``kernel`` (a `Deblurrer`).
    true_kernel : callable, optional
        ``true_kernel(pixels, kernel)`` returns the picture (`Deblurrer.deblur`).
    baseline : callable, optional
        Likewise, a method without networks to compare with.
    """

    blind: Optional[Callable[[np.ndarray], Any]] = None
    true_kernel: Optional[Callable[[np.ndarray, np.ndarray], np.ndarray]] = None
    baseline: Optional[Callable[[np.ndarray, np.ndarray], np.ndarray]] = None

    def names(self) -> List[str]:
        """Columns of the result, the blurry picture itself first."""
        given = ((BLIND, self.blind), (TRUE_KERNEL, self.true_kernel), (BASELINE, self.baseline))
        return [BLURRY] + [name for name, method in given if method is not None]


@dataclass(frozen=True)
class Row:
    """Figures of one picture.

    Attributes
    ----------
    name : str
    psnr, ssim : dict
        By method; decibels (at most 100) and structural similarity at the best shift.
    seconds : dict
        Wall-clock time by method.
    kernel_similarity : float, optional
        Of the blind estimate with the true kernel, 0..1.
    """

    name: str
    psnr: Dict[str, float]
    ssim: Dict[str, float]
    seconds: Dict[str, float]
    kernel_similarity: Optional[float] = None


@dataclass(frozen=True)
class Summary:
    """Figures of one method over one folder; PSNR in dB.

    ``failures`` counts the pictures that came out worse than they went in.
    """

    method: str
    count: int
    mean: float
    median: float
    worst: float
    failures: int
    ssim: float
    seconds: float
    kernel_similarity: Optional[float] = None


def find_triples(folder: Path, limit: Optional[int] = None, every: int = 1) -> List[Triple]:
    """List a folder's pictures by name.

    Parameters
    ----------
    folder : Path
    limit : int, optional
        At most so many, after ``every``.
    every : int
        Take every so-manieth picture, from the first.

    Raises
    ------
    BenchmarkError
        When the folder is none, holds no triple, or one part of a triple is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BenchmarkError(f"{folder}: expected a folder of benchmark pictures, found none")
    names = sorted(p.name[: -len("_blurry.png")] for p in folder.glob("*_blurry.png"))
    if not names:
        raise BenchmarkError(f"{folder}: expected files NAME_blurry.png, found none")
    triples = []
    for name in names[::every][:limit]:
        paths = [folder / f"{name}_{part}.png" for part in PARTS]
        for path in paths:
            if not path.is_file():
                raise BenchmarkError(f"{path}: missing beside {name}_blurry.png")
        triples.append(Triple(name, *paths))
    return triples


def normalise_kernel(values: np.ndarray, where: str) -> np.ndarray:
    """Return a kernel as float32 (h, w) that sums to 1.

    Parameters
    ----------
    values : ndarray
        (h, w), of any factor.
    where : str
        The file it comes from, for the message.

    Raises
    ------
    BenchmarkError
        When it has another shape or is all black.
    """
    values = np.asarray(values)
    if values.ndim != 2 or not values.sum() > 0:
        raise BenchmarkError(
            f"{where}: expected a grey kernel that is not all black, received shape "
            f"{values.shape} and sum {values.sum():g}"
        )
    return normalise(values)


def load_triple(triple: Triple) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of the blurry and the sharp picture as stored, and the kernel.

    Raises
    ------
    BenchmarkError
        When the two pictures differ in shape.
    deblurnets.pictures.files.ImageError
        When a file cannot be read, or the kernel's is no kernel.
    """
    blurry, sharp = read_image(str(triple.blurry)).pixels, read_image(str(triple.sharp)).pixels
    if blurry.shape != sharp.shape:
        raise BenchmarkError(
            f"{triple.blurry}: shape {blurry.shape} differs from the sharp picture's {sharp.shape}"
        )
    return blurry, sharp, read_kernel(str(triple.kernel))


def evaluate(
    triples: List[Triple], methods: Methods, border: Optional[int] = None
) -> Iterator[Row]:
    """Measure picture by picture.

    Parameters
    ----------
    triples : list of Triple
    methods : Methods
    border : int, optional
        Pixels left out on each side; `automatic_border` when not given.

    Yields
    ------
    Row

    Raises
    ------
    BenchmarkError
        When a file is not what it should be, or the border leaves nothing of a picture.
    deblurnets.pictures.files.ImageError
        When a file cannot be read.
    """
    for triple in triples:
        yield measure(load_case(triple, border), methods)


def load_case(triple: Triple, border: Optional[int] = None) -> Case:
    """Read a triple; parameters and errors as of `evaluate`."""
    blurry, sharp, kernel = load_triple(triple)
    cut = automatic_border(blurry.shape, kernel.shape) if border is None else border
    if min(blurry.shape[:2]) <= 2 * cut:
        raise BenchmarkError(
            f"{triple.blurry}: a border of {cut} pixels leaves nothing of {blurry.shape}"
        )
    return Case(triple.name, blurry, lambda image: compare(image, sharp, cut), kernel)


def automatic_border(shape: Tuple[int, ...], kernel_shape: Tuple[int, ...]) -> int:
    """Pixels a benchmark leaves out on each side when nobody says otherwise.

    15 for a grey picture of 255x255 pixels (the custom for the set of Levin et al. 2009), half of
    the kernel's grid for all others: as far as the blur can carry something in from outside.
    """
    if tuple(shape) == LEVIN_SHAPE:
        return LEVIN_BORDER
    return min(max(kernel_shape[:2]) // 2, (min(shape[:2]) - 1) // 2)


def measure(case: Case, methods: Methods) -> Row:
    """Run the methods on one picture and score what comes out."""
    blurry, kernel = case.blurry, case.kernel
    results, seconds, similarity = {BLURRY: blurry}, {}, None

    def timed(method: str, function: Callable[..., Any], *arguments: Any) -> Any:
        begin = time.perf_counter()
        result = function(*arguments)
        seconds[method] = time.perf_counter() - begin
        return result

    if methods.blind is not None:
        result = timed(BLIND, methods.blind, blurry)
        results[BLIND] = result.image
        if kernel is not None:
            similarity = kernel_similarity(result.kernel, kernel)
    if kernel is not None and methods.true_kernel is not None:
        results[TRUE_KERNEL] = timed(TRUE_KERNEL, methods.true_kernel, blurry, kernel)
    if kernel is not None and methods.baseline is not None:
        results[BASELINE] = timed(BASELINE, methods.baseline, blurry, kernel)
    scores = {method: case.score(image) for method, image in results.items()}
    return Row(
        case.name,
        {method: min(score.psnr, PSNR_CEILING) for method, score in scores.items()},
        {method: score.ssim for method, score in scores.items()},
        seconds,
        similarity,
    )


def summarise(rows: List[Row]) -> List[Summary]:
    """Sum up a folder's rows, one summary a method, the blurry pictures first."""
    summaries = []
    for method in rows[0].psnr:
        psnr = np.array([row.psnr[method] for row in rows])
        known = [row.kernel_similarity for row in rows if row.kernel_similarity is not None]
        blurry = np.array([row.psnr[BLURRY] for row in rows])
        summaries.append(
            Summary(
                method,
                len(rows),
                float(psnr.mean()),
                float(np.median(psnr)),
                float(psnr.min()),
                int(np.sum(psnr < blurry)),
                float(np.mean([row.ssim[method] for row in rows])),
                float(np.mean([row.seconds.get(method, 0.0) for row in rows])),
                float(np.mean(known)) if method == BLIND and known else None,
            )
        )
    return summaries
