"""The report of a run as a Parquet file, for data frames."""

from __future__ import annotations

import os
from typing import Any, Dict, List

import pyarrow as pa
import pyarrow.parquet

from deblurnets.batch.report import STAGES

_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
SCHEMA = pa.schema(
    [
        ("source", _TEXT),
        ("target", _TEXT),
        ("status", _TEXT),
        ("reason", _TEXT),
        ("notes", pa.list_(_TEXT)),
        ("width", _WHOLE),
        ("height", _WHOLE),
        ("depth", _WHOLE),
        ("source_bytes", _WHOLE),
        ("target_bytes", _WHOLE),
        ("kernel_size", _WHOLE),
        ("kernel_centre", pa.list_(_REAL)),
        ("confidence", _REAL),
        ("blurred", pa.bool_()),
        ("verdict", pa.string()),
        ("seconds", pa.struct([(name, _REAL) for name in STAGES])),
    ]
)
"""The fields of `deblurnets.batch.report.Record`."""

_ROWS = 1000  # of a row group, and kept in memory


class ParquetReport:
    """A sink as in `deblurnets.batch.report`; the file takes its place in one step at the end."""

    def __init__(self, path: str):
        self.name = f"the report {path}"
        self._path = path
        self._part = path + ".part"
        self._rows: List[Dict[str, Any]] = []
        self._writer = pa.parquet.ParquetWriter(self._part, SCHEMA)

    def add(self, record: Dict[str, Any], before: Any, after: Any, kernel: Any) -> None:
        """Keep a record; write those kept when they are many."""
        self._rows.append(record)
        if len(self._rows) >= _ROWS:
            self._flush()

    def close(self, run: Dict[str, Any]) -> None:
        """Write the rest and finish the file."""
        self._flush()
        self._writer.close()
        os.replace(self._part, self._path)

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, SCHEMA))
        self._rows = []
