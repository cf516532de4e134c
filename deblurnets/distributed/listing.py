"""The pictures of a place, folder by folder: never more than one folder's names in memory."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Iterator, List, Optional, Set, Tuple

from deblurnets.batch.messages import one_line
from deblurnets.batch.plan import Naming, target_path
from deblurnets.batch.sources import is_entered, is_picture
from deblurnets.distributed.places import Place

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


def list_pieces(source: Place, target: Place, suffix: str) -> Iterator[Piece]:
    """List the pictures of a place and its subfolders; the same ones as the command line.

    Parameters
    ----------
    source, target : Place
        Of the pictures and of their results.
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
        folders += [posixpath.join(folder, name) for name in reversed(below) if is_entered(name)]


def _pieces_of_folder(
    folder: str, files: List[str], results: Set[str], suffix: str
) -> Iterator[Piece]:
    done: List[str] = []
    present = set(files)
    for name in files:
        if not is_picture(name, present.__contains__):
            continue
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
