"""The account of a run, on this computer or on a cluster."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from deblurnets.batch.exit_status import ALL_DONE, INTERRUPTED, SOME_FAILED
from deblurnets.batch.messages import one_line, say, say_beside_bar
from deblurnets.batch.report import DONE, FAILED, SKIPPED, Record, RunStart, Sink
from deblurnets.batch.sources import InputError


def open_sinks(wanted: Dict[str, Tuple[Optional[str], Callable[[str], Sink]]]) -> List[Sink]:
    """Open the sinks that options name; given for each option its path, if any, and what opens it.

    Raises
    ------
    InputError
        If one cannot be written.
    """
    sinks = []
    for option, (path, open_sink) in wanted.items():
        if path is not None:
            try:
                sinks.append(open_sink(path))
            except OSError as error:
                reason = f"--{option} cannot be written ({error.strerror})"
                raise InputError(f"{path}: {reason}") from error
    return sinks


class Ledger:
    """Counts what becomes of the pictures, and tells the user and the sinks.

    Parameters
    ----------
    start : RunStart
        When the run began and how it was called.
    sinks : sequence of Sink
        Told of every picture. What fails there is said once a sink and counts as a failure of the
        run, but stops nothing: the pictures are worth more.
    """

    def __init__(self, start: RunStart, sinks: Sequence[Sink] = ()):
        self._start = start
        self._sinks = tuple(sinks)
        self._failed_sinks: List[Sink] = []
        self._counts: Counter = Counter()
        self._seconds = 0.0

    def add(
        self,
        record: Record,
        before: Optional[np.ndarray] = None,
        after: Optional[np.ndarray] = None,
        kernel: Optional[np.ndarray] = None,
    ) -> None:
        """Take in what became of a picture, and its pixels, see `Sink.add`."""
        self._counts[record.status] += 1
        if record.seconds is not None:
            self._seconds += record.seconds["total"]
        for text in [record.reason] if record.status == FAILED else record.notes:
            say_beside_bar(f"{record.source}: {text}")
        for sink in self._sinks:
            with self._errors_said(sink):
                sink.add(record.to_dict(), before, after, kernel)

    def summarise(self, out_dir: str, interrupted: bool = False, left: Optional[int] = None) -> int:
        """Print the summary of a run's end.

        Parameters
        ----------
        out_dir : str
            Where the results are.
        interrupted : bool
            Whether the user ended the run.
        left : int, optional
            How many pictures that leaves undone, if that is known.

        Returns
        -------
        int
            The exit status as it is before `close`.
        """
        done, failed, skipped = self._totals()
        parts = [f"{done} deblurred", f"{failed} failed"]
        if left is not None:
            parts.insert(0, f"{left} not deblurred")
        if interrupted:
            parts.insert(0, "interrupted")
        if skipped:
            parts.append(f"{skipped} skipped")
        if self._seconds:
            parts.append(f"{self._seconds / done:.2f} seconds per picture")
        if done:
            parts.append(f"results in {out_dir}")
        say(", ".join(parts), sys.stdout)
        if interrupted:
            return INTERRUPTED
        return SOME_FAILED if failed or self._failed_sinks else ALL_DONE

    def close(self, status: int) -> int:
        """Close the sinks; return the exit status, which a failure here changes."""
        for sink in self._sinks:
            with self._errors_said(sink):
                sink.close(self._start.finish(*self._totals(), exit_status=status))
        return SOME_FAILED if self._failed_sinks and status == ALL_DONE else status

    def _totals(self) -> Tuple[int, int, int]:
        return self._counts[DONE], self._counts[FAILED], self._counts[SKIPPED]

    @contextlib.contextmanager
    def _errors_said(self, sink: Sink) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if sink not in self._failed_sinks:
                self._failed_sinks.append(sink)
                say_beside_bar(f"{sink.name} cannot be written ({one_line(error)})")
