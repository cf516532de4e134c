"""One run on a cluster: what is shown on the way, what is counted, what is reported."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import Any, Dict, Iterable, Optional

from deblurnets.batch.report import DONE, FAILED, SKIPPED, JsonLinesReport, RunStart
from deblurnets.cli.exit_status import ALL_DONE, INTERRUPTED, SOME_FAILED
from deblurnets.cli.messages import one_line, say, say_beside_bar
from deblurnets.distributed.worker import NOT_LOADED


def open_report(path: str) -> Any:
    """Return the sink for a report file: Parquet for `.parquet`, else JSON Lines.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if os.path.splitext(path)[1].lower() == ".parquet":
        from deblurnets.distributed.parquet import ParquetReport

        return ParquetReport(path)
    return JsonLinesReport(path)


class ClusterRun:
    """Counts and tells what becomes of the pictures.

    Parameters
    ----------
    start : RunStart
        When the run began and how it was called.
    report : object, optional
        A sink, see `deblurnets.batch.report`.
    """

    def __init__(self, start: RunStart, report: Optional[Any] = None):
        self._start = start
        self._report = report
        self._counts: Counter = Counter()
        self._report_failed = False

    def follow(self, records: Iterable[Dict[str, Any]], out_dir: str) -> int:
        """Take the records to their end, print the summary, return the exit status.

        Parameters
        ----------
        records : iterable of dict
            See `deblurnets.distributed.cluster.records`.
        out_dir : str
            Where the results are, for the summary.
        """
        from tqdm import tqdm

        status, problem = ALL_DONE, None
        try:
            # No total: pictures are listed while others are deblurred.
            with tqdm(unit="picture", disable=None, leave=False) as bar:
                for record in records:
                    problem = record.get(NOT_LOADED)
                    if problem is not None:
                        break
                    bar.update()
                    self._take(record)
        except KeyboardInterrupt:
            status = INTERRUPTED
        if problem is not None:
            say(f"The networks cannot be loaded: {problem}", sys.stderr)
            status = SOME_FAILED
        self._summarise(status == INTERRUPTED, out_dir)
        if status == ALL_DONE and (self._counts[FAILED] or self._report_failed):
            status = SOME_FAILED
        return self._close(status)

    def _take(self, record: Dict[str, Any]) -> None:
        self._counts[record["status"]] += 1
        if record["status"] == FAILED:
            say_beside_bar(f"{record['source']}: {record['reason']}")
        for note in record["notes"]:
            say_beside_bar(f"{record['source']}: {note}")
        if self._report is not None and not self._report_failed:
            try:
                self._report.add(record, None, None, None)
            except Exception as error:  # the pictures are worth more
                self._tell_report_failed(error)

    def _close(self, status: int) -> int:
        if self._report is None or self._report_failed:
            return status
        counts = (self._counts[name] for name in (DONE, FAILED, SKIPPED))
        try:
            self._report.close(self._start.finish(*counts, exit_status=status))
        except Exception as error:
            self._tell_report_failed(error)
        return SOME_FAILED if self._report_failed and status == ALL_DONE else status

    def _tell_report_failed(self, error: Exception) -> None:
        self._report_failed = True
        say_beside_bar(f"{self._report.name} cannot be written ({one_line(error)})")

    def _summarise(self, interrupted: bool, out_dir: str) -> None:
        parts = [f"{self._counts[DONE]} deblurred", f"{self._counts[FAILED]} failed"]
        if self._counts[SKIPPED]:
            parts.append(f"{self._counts[SKIPPED]} skipped")
        if self._counts[DONE]:
            parts.append(f"results in {out_dir}")
        if interrupted:
            parts.insert(0, "interrupted")
        say(", ".join(parts), sys.stdout)
