"""Run a deblurrer over picture files, one after the other.

The three stages of a picture (decode, deblur, encode) are functions of their own without shared
state, so that they can be overlapped.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Iterable, Iterator, Optional, Tuple

import numpy as np

from deblurnets.images import ImageError, Picture, check_writable, read_image, write_image
from deblurnets.names import Job

# Takes uint8 or uint16 pixels, (H, W) or (H, W, 3); returns an object with `.image` (same shape
# and dtype) and `.kernel`, and perhaps `.confidence` and `.blurred` (see `deblurrer.Result`).
Deblur = Callable[[np.ndarray], Any]

UNSURE = 0.5
"""Confidence under which a user is told."""

_LONGEST_NAME = 255  # bytes; the limit of every common file system


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one job.

    Attributes
    ----------
    job : Job
        The files.
    seconds : float
        From opening the input to closing the output.
    error : str, optional
        Why there is no output, one clause; None when it was written.
    notes : tuple of str
        What the user should know about a picture that was written.
    before, after : Picture, optional
        The input and the plain result.
    kernel : ndarray, optional
        (k, k) float, the estimated blur kernel.
    """

    job: Job
    seconds: float
    error: Optional[str] = None
    notes: Tuple[str, ...] = ()
    before: Optional[Picture] = None
    after: Optional[Picture] = None
    kernel: Optional[np.ndarray] = None


def run_jobs(jobs: Iterable[Job], deblur: Deblur, side_by_side: bool = False) -> Iterator[Outcome]:
    """Deblur files; yield one outcome a job, in order.

    A job that fails does not stop the others, whatever the reason.

    Parameters
    ----------
    jobs : iterable of Job
        What to read and write; the output folders must exist.
    deblur : callable
        See `Deblur`.
    side_by_side : bool
        Write input and result next to each other instead of the result.
    """
    for job in jobs:
        start = time.perf_counter()
        try:
            before = decode(job, side_by_side)
            after, result = deblur_picture(before, deblur)
            encode(job, before, after, side_by_side)
        except Exception as error:  # a picture must not cost the user the rest of the folder
            yield Outcome(job, time.perf_counter() - start, error=describe(error))
        else:
            seconds = time.perf_counter() - start
            notes = (*before.notes, *describe_doubts(result))
            yield Outcome(job, seconds, None, notes, before, after, result.kernel)


def decode(job: Job, side_by_side: bool = False) -> Picture:
    """Read a job's input and check, before the long work, that its output can be written."""
    picture = read_image(job.source)
    check_writable(job.target, join_side_by_side(picture, picture) if side_by_side else picture)
    if len(os.fsencode(os.path.basename(job.target))) > _LONGEST_NAME:
        raise ImageError(job.target, "the output's name is longer than 255 bytes")
    return picture


def deblur_picture(picture: Picture, deblur: Deblur) -> Tuple[Picture, Any]:
    """Return the deblurred picture, all but the pixels kept, and the deblurrer's result."""
    result = deblur(picture.pixels)
    image = result.image
    if image.shape != picture.pixels.shape or image.dtype != picture.pixels.dtype:
        raise ValueError(
            f"the deblurrer returned {image.dtype} {image.shape}, expected "
            f"{picture.pixels.dtype} {picture.pixels.shape} as the input"
        )
    return replace(picture, pixels=image), result


def describe_doubts(result: Any) -> Tuple[str, ...]:
    """Say in a clause what a user should know of a result that is not just a sharp picture."""
    if not getattr(result, "blurred", True):
        return ("no blur was found, the picture is kept as it is",)
    confidence = getattr(result, "confidence", None)
    if confidence is not None and confidence < UNSURE:
        return (
            f"the blur kernel is uncertain (confidence {confidence:.2f}), the result is kept "
            "close to the input",
        )
    return ()


def encode(job: Job, before: Picture, after: Picture, side_by_side: bool = False) -> None:
    """Write a job's output."""
    write_image(job.target, join_side_by_side(before, after) if side_by_side else after)


def join_side_by_side(left: Picture, right: Picture) -> Picture:
    """Return one picture of twice the width; alpha and metadata follow the inputs."""
    alpha = None
    if left.alpha is not None and right.alpha is not None:
        alpha = np.concatenate([left.alpha, right.alpha], axis=1)
    return replace(right, pixels=np.concatenate([left.pixels, right.pixels], axis=1), alpha=alpha)


def describe(error: BaseException) -> str:
    """Say in one clause what went wrong with a picture."""
    if isinstance(error, ImageError):
        return error.reason
    if isinstance(error, MemoryError):
        return "not enough memory for a picture of this size"
    lines = str(error).strip().splitlines()
    if isinstance(error, ValueError) and lines:
        return lines[0]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
