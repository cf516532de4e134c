"""Files of a row a sample."""

import functools

import numpy as np
import pytest

from deblurnets.training.sample_store import open_rows, rows_done, write_rows


def row(number, offset=0):
    return {"a.npy": np.full(2, number + 10), "b.npy": np.array(number + 1 + offset)}


def test_rows_go_on_where_a_run_was_stopped(tmp_path):
    kinds = {"a.npy": ((2,), np.int32), "b.npy": ((), np.int16)}
    write_rows(tmp_path, kinds, 4, row, workers=1)
    written = open_rows(tmp_path / "b.npy", (4,), np.int16)
    assert written.tolist() == [1, 2, 3, 4]
    assert np.load(tmp_path / "a.npy")[3].tolist() == [13, 13]
    written[2:] = 0  # as if stopped before
    assert rows_done(written) == 2
    write_rows(tmp_path, kinds, 4, functools.partial(row, offset=70), workers=0)
    assert np.load(tmp_path / "b.npy").tolist() == [1, 2, 73, 74]
    with pytest.raises(ValueError, match=r"\(4,\), not \(5,\): name another folder"):
        write_rows(tmp_path, {"b.npy": kinds["b.npy"]}, 5, row, workers=0)
