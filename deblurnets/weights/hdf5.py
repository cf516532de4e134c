"""HDF5 weight files: opening and replacing them, and filling variables from what is in them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any, Iterator, Tuple

import h5py
import numpy as np

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class WeightsError(ValueError):
    """A weight file cannot be used; the message says which, where and why."""


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; whatever goes wrong with it is a WeightsError.

    Do nothing but read inside: other code's errors would be taken for the file's.
    """
    try:
        with open(str(path), "rb") as raw:
            start = raw.read(512)
    except FileNotFoundError:
        raise WeightsError(f"there is no weights file {path}") from None
    except OSError as error:
        raise WeightsError(f"cannot read the weights file {path}: {error.strerror}") from error
    if not start.startswith(HDF5_SIGNATURE):
        raise WeightsError(f"{path} is no HDF5 weights file but {_describe(start)}")
    try:
        with h5py.File(str(path), "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        # h5py reports truncation and damage so, at opening or at the first use of a lost part.
        raise WeightsError(f"{path} is damaged or cut short: {error}") from error


def _describe(start: bytes) -> str:
    if not start:
        return "an empty file"
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")) or b"<html" in text:
        return "a web page (HTML)"
    return f"a file that starts with {start[:8]!r}"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[h5py.File]:
    """Write an HDF5 file beside `path` and move it there once it is whole."""
    handle, part = tempfile.mkstemp(prefix=path.name + ".", suffix=".part", dir=str(path.parent))
    os.close(handle)
    try:
        with h5py.File(part, "w") as file:
            yield file
        os.chmod(part, 0o644)
        os.replace(part, str(path))
    except BaseException:
        os.unlink(part)
        raise


def check_shape(received: Tuple, expected: Tuple, path: Path, name: str) -> None:
    """Refuse a weight of another shape than the network's."""
    if tuple(received) != tuple(expected):
        raise WeightsError(
            f"{path}, weight {name}: expected shape {tuple(expected)}, received {tuple(received)}"
        )


def assign(variable: Any, values: np.ndarray, path: Path, name: str) -> None:
    """Fill a Keras variable, whose shape has been checked."""
    values = np.asarray(values, np.float32)
    if not np.isfinite(values).all():
        raise WeightsError(f"{path}, weight {name}: expected finite values, received NaN or inf")
    variable.assign(values)


def variable_path(variable: Any) -> str:
    """Name of a variable with its layers: Keras 3 calls it path, tf.keras name."""
    return (getattr(variable, "path", None) or variable.name).split(":")[0]


def variable_values(variable: Any) -> np.ndarray:
    """Values of a Keras variable of any framework."""
    from deblurnets.backend import ops

    return ops.convert_to_numpy(ops.convert_to_tensor(variable))
