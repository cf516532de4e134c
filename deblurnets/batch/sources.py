"""The pictures that an input path stands for: a file, a folder, a tree of folders, a pattern.

Only names and folders are looked at; no picture is opened.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Callable, Iterable, List, Optional, Sequence, Tuple

from deblurnets.pictures.formats import FORMAT_NAMES, format_of_name

KERNEL_SUFFIX = "_kernel"
"""Ends the names of saved kernels, `NAME_kernel.png` beside `NAME_kernel.npy`."""

GALLERY_PREVIEWS = re.compile(r"previews-[0-9a-f]{32}")
"""Name of the folder that holds the previews of a gallery: copies, no pictures to deblur."""


class InputError(Exception):
    """Paths that make no run, in one sentence."""


@dataclass(frozen=True)
class Found:
    """The pictures of an input path.

    Attributes
    ----------
    root : str
        The folder that the names start from; the output folder mirrors what is below it.
    names : tuple of str
        Paths of the pictures, relative to `root`, in order.
    listed : bool
        False where the user named one file: it is taken whatever it is called.
    unread : tuple of (str, str)
        Folders that could not be listed and why, one clause.
    """

    root: str
    names: Tuple[str, ...]
    listed: bool = True
    unread: Tuple[Tuple[str, str], ...] = ()

    @property
    def paths(self) -> List[str]:
        """Paths of the pictures, in order."""
        return [os.path.join(self.root, name) for name in self.names]


def find_pictures(input_path: str, recursive: bool = False, out_dir: Optional[str] = None) -> Found:
    """Return the picture at a path, or the pictures in a folder or of a pattern, sorted by name.

    What is passed over: see `is_picture` and `is_entered`; a file that the user named is taken.

    Parameters
    ----------
    input_path : str
        A picture; a folder; or, if nothing has that name, a pattern with `*`, `?`, `[...]`, and
        `**` for any depth of folders.
    recursive : bool
        Take the pictures of subfolders as well, links to folders followed, each folder once.
    out_dir : str, optional
        The folder for results: not read where it lies inside the input folder.

    Raises
    ------
    InputError
        If the path does not exist, cannot be listed, or holds no picture.
    """
    if os.path.isdir(input_path):
        return _of_folder(input_path, recursive, out_dir)
    if os.path.exists(input_path):
        if format_of_name(input_path) is None:
            raise InputError(f"{input_path}: the extension is not one of {FORMAT_NAMES}")
        folder, name = os.path.split(input_path)
        return Found(folder, (name,), listed=False)
    if glob.has_magic(input_path):
        return _of_pattern(input_path, recursive, out_dir)
    raise InputError(
        "{}: no such file or folder, --input_path expects a picture, a folder of pictures or a "
        "pattern".format(input_path or "''")
    )


def is_picture(path: str, exists: Callable[[str], bool]) -> bool:
    """Tell whether a file that a folder holds is a picture to deblur.

    Hidden files (`._*`, `.DS_Store`), files without a picture's extension (`Thumbs.db`) and saved
    kernels are none.

    Parameters
    ----------
    path : str
        Of the file.
    exists : callable
        Tells whether another path, named likewise, exists.
    """
    if os.path.basename(path).startswith(".") or format_of_name(path) is None:
        return False
    stem = os.path.splitext(path)[0]
    return not (stem.endswith(KERNEL_SUFFIX) and exists(stem + ".npy"))


def is_entered(name: str) -> bool:
    """Tell whether a folder of this name is looked into: none that is hidden, no previews."""
    return not name.startswith(".") and GALLERY_PREVIEWS.fullmatch(name) is None


def list_folder(folder: str) -> Tuple[List[str], List[str]]:
    """Return the names of the files and of the folders in a folder, in order.

    Raises
    ------
    OSError
        If it cannot be listed.
    """
    files: List[str] = []
    folders: List[str] = []
    with os.scandir(folder or os.curdir) as entries:
        for entry in entries:
            (folders if _is_folder(entry) else files).append(entry.name)
    return sorted(files), sorted(folders)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path lies inside a folder, both taken with links resolved."""
    path, folder = os.path.realpath(path), os.path.realpath(folder)
    return path != folder and path.startswith(os.path.join(folder, ""))


def _of_folder(folder: str, recursive: bool, out_dir: Optional[str]) -> Found:
    unread: List[Tuple[str, str]] = []
    if recursive:
        names, unread = _walk(folder, out_dir)
    else:
        names, _ = _listed(folder, "", unread)
    if unread and not unread[0][0]:
        raise InputError(f"{folder}: cannot be listed ({unread[0][1]})")
    pictures = _only_pictures(names, folder)
    if not pictures and not unread:
        where = "the folder and its subfolders hold" if recursive else "the folder holds"
        state = f"{where} no picture, expected {FORMAT_NAMES}" if names else "the folder is empty"
        raise InputError(f"{folder}: {state}")
    problems = tuple((os.path.join(folder, name), reason) for name, reason in unread)
    return Found(folder, pictures, unread=problems)


def _of_pattern(pattern: str, recursive: bool, out_dir: Optional[str]) -> Found:
    root, parts = _split_pattern(pattern)
    if "**" in parts:
        names, unread = _walk(root or os.curdir, out_dir)
        names = [name for name in names if _matches(PurePath(name).parts, parts)]
    else:
        names, unread = _of_flat_pattern(pattern, root, recursive, out_dir)
    pictures = _only_pictures(names, root)
    if not pictures:
        state = f"matches no picture, expected {FORMAT_NAMES}" if names else "matches nothing"
        hint = "" if recursive else " (folders are taken with --recursive)"
        raise InputError(f"{pattern}: the pattern {state}{hint}")
    problems = tuple((os.path.join(root, name), reason) for name, reason in unread)
    return Found(root, pictures, unread=problems)


def _of_flat_pattern(
    pattern: str, root: str, recursive: bool, out_dir: Optional[str]
) -> Tuple[List[str], List[Tuple[str, str]]]:
    """Expand a pattern without `**`; folders that match are walked with `recursive`."""
    names: List[str] = []
    unread: List[Tuple[str, str]] = []
    for path in glob.glob(pattern):
        name = os.path.relpath(path, root or os.curdir)
        if not os.path.isdir(path):
            names.append(name)
        elif recursive and not _is_result_folder(path, root or os.curdir, out_dir):
            inner, problems = _walk(path, out_dir)
            names += [os.path.join(name, below) for below in inner]
            unread += [(os.path.join(name, below), reason) for below, reason in problems]
    return names, unread


def _split_pattern(pattern: str) -> Tuple[str, Tuple[str, ...]]:
    """Split a pattern into the folder before its first wildcard and the parts from there on."""
    parts = PurePath(pattern).parts
    fixed = 0
    while fixed < len(parts) - 1 and not glob.has_magic(parts[fixed]):
        fixed += 1
    return os.path.join(*parts[:fixed]) if fixed else "", parts[fixed:]


def _matches(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether the parts of a path match the parts of a pattern; `**` is any number of them."""
    if not pattern:
        return not names
    if pattern[0] == "**":
        return _matches(names, pattern[1:]) or (bool(names) and _matches(names[1:], pattern))
    return (
        bool(names) and fnmatch.fnmatch(names[0], pattern[0]) and _matches(names[1:], pattern[1:])
    )


def _walk(root: str, out_dir: Optional[str]) -> Tuple[List[str], List[Tuple[str, str]]]:
    """List the files of a tree, relative to its root, and the folders that cannot be listed.

    Every folder is read once, under its own name rather than under that of a link to it; so a
    link to a folder above ends.
    """
    files: List[str] = []
    unread: List[Tuple[str, str]] = []
    seen = set()
    folders: List[str] = [""]
    links: List[str] = []
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        path = os.path.join(root, folder)
        real = os.path.realpath(path)
        if real in seen or (folder and _is_result_folder(path, root, out_dir)):
            continue
        seen.add(real)
        names, subfolders = _listed(path, folder, unread)
        files += [os.path.join(folder, name) for name in names]
        for name in filter(is_entered, subfolders):
            is_link = os.path.islink(os.path.join(path, name))
            (links if is_link else folders).append(os.path.join(folder, name))
    return files, unread


def _listed(path: str, name: str, unread: List[Tuple[str, str]]) -> Tuple[List[str], List[str]]:
    """List a folder; where that fails add its name and the reason to those unread."""
    try:
        return list_folder(path)
    except OSError as error:
        unread.append((name, str(error.strerror)))
        return [], []


def _is_result_folder(path: str, root: str, out_dir: Optional[str]) -> bool:
    """Tell whether a folder is, or is in, the output folder inside the input folder."""
    if out_dir is None or not is_below(out_dir, root):
        return False
    return os.path.realpath(path) == os.path.realpath(out_dir) or is_below(path, out_dir)


def _only_pictures(names: Iterable[str], root: str) -> Tuple[str, ...]:
    """Keep the pictures, in order."""

    def exists(name: str) -> bool:
        return os.path.exists(os.path.join(root, name))

    pictures = (name for name in set(names) if is_picture(name, exists))
    return tuple(sorted(pictures, key=lambda name: PurePath(name).parts))
