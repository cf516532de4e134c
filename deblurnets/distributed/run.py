"""One run on a cluster, with what is shown on the way."""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, Iterable

from tqdm import tqdm

from deblurnets.batch.exit_status import SOME_FAILED
from deblurnets.batch.ledger import Ledger
from deblurnets.batch.messages import say
from deblurnets.batch.report import JsonLinesReport, Record, Sink
from deblurnets.distributed.worker import NOT_LOADED


def open_report(path: str) -> Sink:
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


def follow(records: Iterable[Dict[str, Any]], ledger: Ledger, out_dir: str) -> int:
    """Take records to their end, print the summary, return the exit status.

    Parameters
    ----------
    records : iterable of dict
        See `deblurnets.distributed.cluster.records`.
    ledger : Ledger
        Told of every picture.
    out_dir : str
        Where the results are, for the summary.
    """
    interrupted, problem = False, None
    try:
        # No total: pictures are listed while others are deblurred.
        with tqdm(unit="picture", disable=None, leave=False) as bar:
            for record in records:
                problem = record.get(NOT_LOADED)
                if problem is not None:
                    break
                bar.update()
                ledger.add(Record(**record))
    except KeyboardInterrupt:
        interrupted = True
    if problem is not None:
        say(f"The networks cannot be loaded: {problem}", sys.stderr)
    status = ledger.summarise(out_dir, interrupted)
    return ledger.close(status if problem is None else SOME_FAILED)
