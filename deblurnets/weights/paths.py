"""Where the weights that come with the project lie."""

from __future__ import annotations

from pathlib import Path
from typing import Union

PathLike = Union[str, Path]

_PACKAGE = Path(__file__).resolve().parents[1]


def model_path(name: str) -> Path:
    """Path of a weight file, in an installed package as well as in a clone.

    An installed package holds the weights in ``deblurnets/models``, a clone beside the package in
    ``models``.

    Parameters
    ----------
    name : str
        File name, for instance ``"compact_analysis.h5"``.

    Returns
    -------
    path : pathlib.Path
        The existing file; when there is none, the place where it belongs.
    """
    installed = _PACKAGE / "models"
    cloned = _PACKAGE.parent / "models"
    for folder in (installed, cloned):
        if (folder / name).is_file():
            return folder / name
    is_clone = (_PACKAGE.parent / "setup.py").is_file()
    return (cloned if is_clone else installed) / name
