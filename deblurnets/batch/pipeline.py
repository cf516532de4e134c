"""Run a deblurrer over picture files.

Each picture goes through three stages (read, deblur, write). While one is deblurred, the next is
read and the one before is written, in threads of their own: see `deblurnets.batch.overlap`.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Iterator, Optional, Tuple

import numpy as np

from deblurnets.batch.overlap import run_overlapped
from deblurnets.batch.plan import Job
from deblurnets.estimation.estimate import VERDICTS
from deblurnets.imaging.pixels import white_of
from deblurnets.pictures.conversion import fit_metadata
from deblurnets.pictures.files import (
    ImageError,
    Picture,
    SaveOptions,
    check_writable,
    read_image,
    write_image,
)
from deblurnets.pictures.inset import draw_inset, opaque_inset
from deblurnets.pictures.kernel_files import save_kernel

if TYPE_CHECKING:
    from deblurnets.deblurrer import Result

Deblur = Callable[..., "Result"]
"""Takes uint8, uint16 or float32 pixels, (H, W) or (H, W, 3), and of a picture that is not opaque
its alpha channel. The result must have `image`, of the same shape and type, and `kernel`,
and may have the rest of a `deblurnets.deblurrer.Result`."""

UNSURE = 0.5
"""Confidence under which a user is told."""

_LONGEST_NAME = 255  # bytes; the limit of every common file system


class Files:
    """How a job's picture files are read and written; this one takes paths of this computer."""

    def read(self, path: str, max_pixels: Optional[int]) -> Picture:
        """Read a picture, or raise an `ImageError`."""
        return read_image(path, max_pixels)

    def write(self, path: str, picture: Picture, save: SaveOptions) -> None:
        """Write a picture whole or not at all, its folder made, or raise an `ImageError`."""
        _make_folder(path)
        write_image(path, picture, save)

    def size(self, path: str) -> Optional[int]:
        """Return the number of bytes of a file, None where there is none."""
        with contextlib.suppress(OSError):
            return os.path.getsize(path)
        return None


LOCAL = Files()


@dataclass(frozen=True)
class Settings:
    """How pictures are read and written.

    Attributes
    ----------
    side_by_side : bool
        Write input and result next to each other instead of the result.
    inset_kernel : bool
        Draw the kernel into the result's half.
    save : SaveOptions
        Quality and metadata of the results.
    max_pixels : int, optional
        Larger pictures fail before they are decoded.
    overlap : bool
        Read and write in threads beside the deblurring.
    source, target : Files
        Where pictures are read and results are written.
    """

    side_by_side: bool = False
    inset_kernel: bool = False
    save: SaveOptions = field(default_factory=SaveOptions)
    max_pixels: Optional[int] = None
    overlap: bool = True
    source: Files = LOCAL
    target: Files = LOCAL


@dataclass(eq=False)
class Outcome:
    """What became of one job; filled stage by stage.

    Attributes
    ----------
    job : Job
        The files.
    error : str, optional
        Why there is no output, one clause; None when it was written.
    notes : tuple of str
        What the user should know about a picture that was written.
    before, after : Picture, optional
        The input and the plain result.
    result : Result, optional
        What the deblurrer returned.
    stages : dict of str to float
        Seconds of "decode", "analysis", "synthesis" and "encode", and their "total", waiting left
        out.
    """

    job: Job
    error: Optional[str] = None
    notes: Tuple[str, ...] = ()
    before: Optional[Picture] = None
    after: Optional[Picture] = None
    result: Optional[Result] = None
    stages: Dict[str, float] = field(default_factory=dict)

    @property
    def kernel(self) -> Optional[np.ndarray]:
        """(k, k) float, the blur kernel that was estimated or given."""
        return None if self.result is None else self.result.kernel


def run_jobs(
    jobs: Iterable[Job],
    deblur: Deblur,
    finished: Callable[[Outcome], None],
    settings: Settings = Settings(),
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Deblur files.

    A job that fails does not stop the others, whatever the reason.

    Parameters
    ----------
    jobs : iterable of Job
        What to read and write; the folders of the outputs are made.
    deblur : callable
        See `Deblur`; called in the caller's thread.
    finished : callable
        Given the outcome of each job, in order, right after its output was written; called in
        another thread if `settings.overlap`.
    settings : Settings
        How pictures are read and written.
    stop : callable
        Asked before each picture is deblurred; True leaves it and the rest.
    """
    run_overlapped(
        jobs,
        lambda job: _read(job, settings),
        lambda outcome: _deblur(outcome, deblur),
        lambda outcome: _write(outcome, settings, finished),
        stop,
        settings.overlap,
    )


def _read(job: Job, settings: Settings) -> Outcome:
    outcome = Outcome(job)
    with _stage(outcome, "decode"):
        outcome.before = _decoded(job, settings)
        outcome.notes = outcome.before.notes
    return outcome


def _deblur(outcome: Outcome, deblur: Deblur) -> Outcome:
    before = outcome.before
    if before is None:
        return outcome
    with _stage(outcome, "synthesis"):
        alpha = before.alpha
        if alpha is None or alpha.min() == white_of(alpha.dtype):
            outcome.result = result = deblur(before.pixels)
        else:
            outcome.result = result = deblur(before.pixels, alpha)
            alpha = getattr(result, "alpha", alpha)
        _check_kind(result.image, before.pixels)
        outcome.notes += describe_doubts(result)
        outcome.after = replace(before, pixels=result.image, alpha=alpha)
    # The deblurrer itself knows how its time divides.
    known = getattr(outcome.result, "seconds", None) or {}
    for name in ("analysis", "synthesis"):
        outcome.stages[name] = float(known.get(name, outcome.stages.get(name, 0.0)))
    return outcome


def _write(outcome: Outcome, settings: Settings, finished: Callable[[Outcome], None]) -> None:
    before, after = outcome.before, outcome.after
    if before is not None and after is not None:
        with _stage(outcome, "encode"):
            outcome.notes += _encode(outcome.job, before, after, outcome.kernel, settings)
    if outcome.error is not None:
        outcome.after = None
    outcome.stages["total"] = sum(outcome.stages.values())
    finished(outcome)


@contextlib.contextmanager
def _stage(outcome: Outcome, name: str) -> Iterator[None]:
    """Time a stage; its error becomes the outcome's."""
    start = time.perf_counter()
    try:
        yield
    except Exception as error:  # a picture must not cost the user the rest of the folder
        outcome.error = _describe(error)
    outcome.stages[name] = time.perf_counter() - start


def _decoded(job: Job, settings: Settings) -> Picture:
    """Read a job's input and check, before the long work, that its output can be written."""
    picture = settings.source.read(job.source, settings.max_pixels)
    written = join_side_by_side(picture, picture) if settings.side_by_side else picture
    picture_format = check_writable(job.target, written)
    for path in job.outputs:
        if len(os.fsencode(os.path.basename(path))) > _LONGEST_NAME:
            raise ImageError(path, "the output's name is longer than 255 bytes")
    return fit_metadata(picture, picture_format, settings.save.strip_metadata)


def _check_kind(image: np.ndarray, expected: np.ndarray) -> None:
    if image.shape != expected.shape or image.dtype != expected.dtype:
        raise ValueError(
            f"the deblurrer returned {image.dtype} {image.shape}, expected "
            f"{expected.dtype} {expected.shape} as the input"
        )


def describe_doubts(result: Result) -> Tuple[str, ...]:
    """Say in a clause what a user should know of a result that is not just a sharp picture."""
    why = VERDICTS[getattr(result, "verdict", "blurred")]
    if why:
        return (why,)
    notes = []
    confidence = getattr(result, "confidence", None)
    if confidence is not None and confidence < UNSURE:
        notes.append(
            f"the blur kernel is uncertain (confidence {confidence:.2f}), the result is kept "
            "close to the input"
        )
    kept = getattr(result, "kept", 0.0)
    if kept:
        notes.append(f"{kept:.1%} of it lies over or beside what was shaken and is kept as it is")
    return tuple(notes)


def _encode(
    job: Job, before: Picture, after: Picture, kernel: Optional[np.ndarray], settings: Settings
) -> Tuple[str, ...]:
    """Write a job's outputs, the picture last: where it exists, the others do. Return notes."""
    if job.kernel_base is not None and kernel is not None:
        _make_folder(job.target)
        try:
            save_kernel(job.kernel_base, kernel)
        except ImageError as error:
            name = os.path.basename(error.path)
            raise ImageError(error.path, f"the kernel file {name} {error.reason}") from error
    notes: Tuple[str, ...] = ()
    shown = after
    if settings.inset_kernel and kernel is not None:
        shown, notes = _with_inset(shown, kernel)
    if settings.side_by_side:
        shown = join_side_by_side(before, shown)
    settings.target.write(job.target, shown, settings.save)
    return notes


def _with_inset(picture: Picture, kernel: np.ndarray) -> Tuple[Picture, Tuple[str, ...]]:
    pixels = draw_inset(picture.pixels, kernel)
    if pixels is None:
        return picture, ("the picture is too small for the kernel in its corner",)
    alpha = None if picture.alpha is None else opaque_inset(picture.alpha, kernel)
    return replace(picture, pixels=pixels, alpha=alpha), ()


def _make_folder(path: str) -> None:
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder or os.curdir, exist_ok=True)
    except OSError as error:
        raise ImageError(path, f"the folder {folder} cannot be made ({error.strerror})") from error


def join_side_by_side(left: Picture, right: Picture) -> Picture:
    """Return one picture of twice the width; alpha and metadata follow the inputs."""
    alpha = None
    if left.alpha is not None and right.alpha is not None:
        alpha = np.concatenate([left.alpha, right.alpha], axis=1)
    return replace(right, pixels=np.concatenate([left.pixels, right.pixels], axis=1), alpha=alpha)


def _describe(error: BaseException) -> str:
    """Say in one clause what went wrong with a picture."""
    if isinstance(error, ImageError):
        return error.reason
    if isinstance(error, MemoryError):
        return "not enough memory for a picture of this size"
    lines = str(error).strip().splitlines()
    if isinstance(error, ValueError) and lines:
        return lines[0]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
