"""The pictures of a place, folder by folder: never more than one folder's names in memory."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Tuple

from deblurnets.batch.plan import Naming, target_path
from deblurnets.batch.sources import KERNEL_SUFFIX
from deblurnets.cli.messages import one_line
from deblurnets.pictures.formats import format_of_name

DONE_TOGETHER = 500
"""How many pictures that are done already travel through the cluster as one piece."""


@dataclass(frozen=True)
class Piece:
    """What a worker is given at a time.

    Attributes
    ----------
    names : tuple of str
        One picture to deblur, or many that are done; paths relative to the source.
    done : bool
        Whether their results exist.
    problem : str, optional
        Why the only name, that of a folder, cannot be listed.
    """

    names: Tuple[str, ...]
    done: bool = False
    problem: Optional[str] = None


def result_name(name: str, suffix: str) -> str:
    """Return the name of a picture's result, relative to the target."""
    return target_path(name, Naming("", suffix))


def list_pieces(source: Any, target: Any, suffix: str) -> Iterator[Piece]:
    """List the pictures of a place and its subfolders.

    Passed over are, as on the command line, hidden files and folders, other files, saved kernels.

    Parameters
    ----------
    source, target : Folder or Store
        See `deblurnets.distributed.places`.
    suffix : str
        Goes between the name and the extension of a result.

    Yields
    ------
    Piece
        In an order that depends on the names alone: a list begun anew goes the same way.
    """
    folders = [""]
    seen = set()
    while folders:
        folder = folders.pop()
        real = source.real(folder)
        if real in seen:  # a link to a folder above
            continue
        seen.add(real)
        try:
            files, below = source.list(folder)
            results = set(target.list(folder)[0])
        except OSError as error:
            reason = error.strerror or one_line(error)
            yield Piece((folder,), problem=f"the folder cannot be listed ({reason})")
            continue
        yield from _pieces_of_folder(folder, files, results, suffix)
        visible = [name for name in below if not name.startswith(".")]
        folders += [posixpath.join(folder, name) for name in reversed(visible)]


def _pieces_of_folder(folder: str, files: List[str], results: set, suffix: str) -> Iterator[Piece]:
    done: List[str] = []
    for name in _pictures(files):
        path = posixpath.join(folder, name)
        if result_name(name, suffix) not in results:
            yield Piece((path,))
            continue
        done.append(path)
        if len(done) == DONE_TOGETHER:
            yield Piece(tuple(done), done=True)
            done = []
    if done:
        yield Piece(tuple(done), done=True)


def _pictures(files: List[str]) -> Iterator[str]:
    present = set(files)
    for name in files:
        stem = os.path.splitext(name)[0]
        is_kernel = stem.endswith(KERNEL_SUFFIX) and stem + ".npy" in present
        if not name.startswith(".") and format_of_name(name) is not None and not is_kernel:
            yield name
