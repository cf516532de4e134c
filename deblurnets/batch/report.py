"""What became of each picture, in a file for other programs: JSON Lines or JSON.

The fields of records and runs: `docs/batch.md`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from deblurnets import __version__
from deblurnets.batch.pipeline import LOCAL, Files, Outcome
from deblurnets.imaging.psf import centroid, middle_square_size
from deblurnets.pictures.files import replace_file

if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object  # Python 3.7 has none

STAGES = ("decode", "analysis", "synthesis", "encode", "total")
DONE, FAILED, SKIPPED, NOT_DONE = "done", "failed", "skipped", "not_done"


class Sink(Protocol):
    """What a run tells of its pictures: a report, a gallery. Calls never overlap.

    Attributes
    ----------
    name : str
        What messages call it.
    """

    name: str

    def add(
        self,
        record: Dict[str, Any],
        before: Optional[np.ndarray],
        after: Optional[np.ndarray],
        kernel: Optional[np.ndarray],
    ) -> None:
        """Take in one picture, right after it is settled; calls come from two threads.

        Parameters
        ----------
        record : dict
            A `Record` as JSON knows it.
        before, after, kernel : ndarray, optional
            (H, W) or (H, W, 3), uint8, uint16 or float32, and (k, k); None unless the picture was
            deblurred by this process.
        """

    def close(self, run: Dict[str, Any]) -> Any:
        """Take in the whole run, see `RunStart.finish`; called once, interrupted or not."""


@dataclass(frozen=True)
class Record:
    """What became of one picture.

    Attributes
    ----------
    source : str
        The input, as the run found it.
    target : str, optional
        The result's file; None where there is none.
    status : str
        "done", "failed", "skipped" or "not_done" (interrupted before it).
    reason : str, optional
        Why it is not done, one clause.
    notes : tuple of str
        What a user should know of a result.
    width, height, depth : int, optional
        Of the upright input, in pixels and bits a sample; None where it could not be read.
    source_bytes, target_bytes : int, optional
        Sizes of the files.
    kernel_size : int, optional
        Side of the smallest odd square around the middle of the kernel's grid that holds 99.8 %
        of it, in pixels.
    kernel_centre : pair of float, optional
        Offset (row, column) of the kernel's centroid from the middle of its grid, in pixels.
    confidence : float, optional
        0..1, see `deblurnets.deblurrer.Result`.
    blurred : bool, optional
        False where no blur was found.
    verdict : str, optional
        One of `deblurnets.estimation.estimate.VERDICTS`.
    seconds : dict, optional
        Seconds of "decode", "analysis", "synthesis", "encode", and the work in "total".
    """

    source: str
    target: Optional[str] = None
    status: str = DONE
    reason: Optional[str] = None
    notes: Tuple[str, ...] = ()
    width: Optional[int] = None
    height: Optional[int] = None
    depth: Optional[int] = None
    source_bytes: Optional[int] = None
    target_bytes: Optional[int] = None
    kernel_size: Optional[int] = None
    kernel_centre: Optional[Tuple[float, float]] = None
    confidence: Optional[float] = None
    blurred: Optional[bool] = None
    verdict: Optional[str] = None
    seconds: Optional[Dict[str, float]] = None

    def to_dict(self) -> Dict[str, Any]:
        """Return the fields as JSON knows them."""
        fields = asdict(self)
        fields["notes"] = list(self.notes)
        if self.kernel_centre is not None:
            fields["kernel_centre"] = list(self.kernel_centre)
        return fields


def record_of(outcome: Outcome, sources: Files = LOCAL, targets: Files = LOCAL) -> Record:
    """Return the record of a job's outcome; given where its files lie."""
    source, target, before = outcome.job.source, outcome.job.target, outcome.before
    fields: Dict[str, Any] = {"notes": outcome.notes, "source_bytes": sources.size(source)}
    if before is not None:
        height, width = before.pixels.shape[:2]
        fields.update(width=int(width), height=int(height), depth=before.depth)
    result = outcome.result
    if result is None or outcome.error is not None:
        return Record(source, None, FAILED, outcome.error, **fields)
    confidence = getattr(result, "confidence", None)
    return Record(
        source,
        target,
        target_bytes=targets.size(target),
        kernel_size=middle_square_size(result.kernel),
        kernel_centre=_centre(result.kernel),
        confidence=None if confidence is None else float(confidence),
        blurred=bool(getattr(result, "blurred", True)),
        verdict=getattr(result, "verdict", "blurred"),
        seconds={name: round(outcome.stages[name], 4) for name in STAGES},
        **fields,
    )


def open_report(path: str) -> Sink:
    """Return the sink for a report file: JSON Lines for `.jsonl`, JSON for other names.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    is_lines = os.path.splitext(path)[1].lower() == ".jsonl"
    return JsonLinesReport(path) if is_lines else JsonReport(path)


class JsonLinesReport:
    """A line a picture, written as it is done: a run that is killed keeps what it has done."""

    def __init__(self, path: str):
        self.name = f"the report {path}"
        self._path = path
        with open(path, "w", encoding="ascii"):
            pass  # an older report goes, as older results do

    def add(self, record: Dict[str, Any], before: Any, after: Any, kernel: Any) -> None:
        """Append a record, all of its line or nothing."""
        line = (json.dumps(record) + "\n").encode("ascii")
        with open(self._path, "ab", buffering=0) as file:
            whole = os.path.getsize(self._path)
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(whole)
                raise

    def close(self, run: Dict[str, Any]) -> None:
        """Do nothing: the file is whole after every picture."""


class JsonReport:
    """One object with the run and its pictures, put in its place in one step at the end."""

    def __init__(self, path: str):
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.TemporaryFile(dir=os.path.dirname(path) or os.curdir):
            pass  # its folder takes files; the report itself comes at the end
        self.name = f"the report {path}"
        self._path = path
        self._records: List[Dict[str, Any]] = []

    def add(self, record: Dict[str, Any], before: Any, after: Any, kernel: Any) -> None:
        """Keep a record for the end."""
        self._records.append(record)

    def close(self, run: Dict[str, Any]) -> None:
        """Write the file."""
        text = json.dumps({"run": run, "pictures": self._records}, indent=1)
        replace_file(self._path, (text + "\n").encode("ascii"))


@dataclass(frozen=True)
class RunStart:
    """When a run began and how it was called."""

    started: str
    arguments: Tuple[str, ...]

    @classmethod
    def now(cls, arguments: Sequence[str]) -> RunStart:
        """Take the time."""
        return cls(_utc_now(), tuple(arguments))

    def finish(self, done: int, failed: int, skipped: int, exit_status: int) -> Dict[str, Any]:
        """Return what a report says of the whole run."""
        return {
            "deblurnets": __version__,
            "python": platform.python_version(),
            "backend": _backend(),
            "started": self.started,
            "finished": _utc_now(),
            "arguments": list(self.arguments),
            "done": done,
            "failed": failed,
            "skipped": skipped,
            "exit_status": exit_status,
        }


def _backend() -> Optional[str]:
    """Return the framework below the networks and its version; None if none was loaded."""
    backend = sys.modules.get("deblurnets.backend")
    return backend.description() if backend is not None else None


def _centre(kernel: np.ndarray) -> Tuple[float, float]:
    offsets = (c - n // 2 for c, n in zip(centroid(kernel), kernel.shape))
    row, column = (round(float(offset), 3) for offset in offsets)
    return row, column


def _utc_now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
