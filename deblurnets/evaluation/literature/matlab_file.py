"""MATLAB files up to version 7.2; newer ones are HDF5."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

from scipy.io import loadmat

from deblurnets.evaluation.benchmark import BenchmarkError


def read_matlab_file(path: Path) -> Dict[str, Any]:
    """Return a file's variables by name.

    Raises
    ------
    BenchmarkError
        When it is no such file.
    """
    try:
        content = loadmat(str(path))
    except Exception as error:  # damaged files make SciPy's reader fail in many ways
        raise BenchmarkError(
            f"{path}: expected a MATLAB file up to version 7.2, it cannot be read ({error})"
        ) from error
    return {name: value for name, value in content.items() if not name.startswith("__")}
