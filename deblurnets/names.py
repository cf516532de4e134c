"""Which files a run reads and which it writes, settled before anything is computed.

Only names and folders are looked at; no picture is opened and nothing is written.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import Dict, List, Tuple

from deblurnets.formats import FORMAT_NAMES, format_of_name


class InputError(Exception):
    """Paths that make no run, in one sentence."""


@dataclass(frozen=True)
class Job:
    """One picture to read and the file to write for it."""

    source: str
    target: str


@dataclass(frozen=True)
class Plan:
    """The jobs of a run and the files left out because they are earlier results."""

    jobs: Tuple[Job, ...]
    earlier_results: Tuple[str, ...]


def plan_run(input_path: str, out_dir: str, suffix: str) -> Plan:
    """Settle what a run reads and writes.

    Parameters
    ----------
    input_path : str
        A picture file, or a folder whose pictures are taken (its subfolders are not).
    out_dir : str
        The folder for the results; need not exist.
    suffix : str
        Goes between name and extension. Where `out_dir` is the input folder itself, pictures
        whose names already end in it are earlier results and left out.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If there is nothing to read, an output would overwrite an input, or two inputs would
        write the same output.
    """
    if os.sep in suffix or (os.altsep and os.altsep in suffix) or "\0" in suffix:
        raise InputError(
            f"--suffix is part of a file name and cannot hold '{os.sep}', received '{suffix}'"
        )
    if os.path.exists(out_dir) and not os.path.isdir(out_dir):
        raise InputError(f"{out_dir}: --out_dir is a file, expected a folder")
    sources = find_pictures(input_path)
    earlier: List[str] = []
    if suffix and os.path.isdir(input_path) and _same_folder(input_path, out_dir):
        earlier = [path for path in sources if _stem(path).endswith(suffix)]
        sources = [path for path in sources if path not in earlier]
        if not sources:
            raise InputError(
                f"{input_path}: all pictures are earlier results, their names end in '{suffix}'"
            )
    jobs = tuple(Job(source, target_path(source, out_dir, suffix)) for source in sources)
    _check_targets(jobs, out_dir)
    return Plan(jobs, tuple(earlier))


def find_pictures(input_path: str) -> List[str]:
    """Return the picture at a path, or the pictures in a folder sorted by name.

    Hidden files (`._*`, `.DS_Store`) and files without a picture's extension (`Thumbs.db`) are
    passed over in a folder.

    Raises
    ------
    InputError
        If the path does not exist, cannot be listed, or holds no picture.
    """
    if not os.path.exists(input_path):
        raise InputError(
            "{}: no such file or folder, --input_path expects a picture or a folder of "
            "pictures".format(input_path or "''")
        )
    if not os.path.isdir(input_path):
        if format_of_name(input_path) is None:
            raise InputError(f"{input_path}: the extension is not one of {FORMAT_NAMES}")
        return [input_path]
    try:
        names = sorted(os.listdir(input_path))
    except OSError as error:
        raise InputError(f"{input_path}: cannot be listed ({error.strerror})") from error
    paths = [
        os.path.join(input_path, name)
        for name in names
        if not name.startswith(".") and format_of_name(name) is not None
    ]
    paths = [path for path in paths if not os.path.isdir(path)]
    if not paths:
        state = f"holds no picture, expected {FORMAT_NAMES}" if names else "is empty"
        raise InputError(f"{input_path}: the folder {state}")
    return paths


def target_path(source: str, out_dir: str, suffix: str) -> str:
    """Return where the result of a picture goes: `out_dir/NAME` + `suffix` + `.EXTENSION`."""
    extension = os.path.splitext(source)[1]
    return os.path.join(out_dir, _stem(source) + suffix + extension)


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _check_targets(jobs: Tuple[Job, ...], out_dir: str) -> None:
    """Refuse outputs that fall on an input or on each other."""
    folds = _folds_case(out_dir)
    sources = {_file_key(job.source, folds) for job in jobs}
    owners: Dict[Tuple[str, str], Job] = {}
    for job in jobs:
        key = _file_key(job.target, folds)
        if key in sources:
            raise InputError(
                f"{job.target}: the output would overwrite an input, choose another --out_dir or a "
                "--suffix"
            )
        other = owners.setdefault(key, job)
        if other is not job:
            raise InputError(
                f"{other.source} and {job.source} would write the same output {job.target}, "
                "rename one of them"
            )


def _file_key(path: str, folds_case: bool) -> Tuple[str, str]:
    """Identify a directory entry: two paths with the same key are the same file."""
    folder, name = os.path.split(path)
    if folds_case:
        name = unicodedata.normalize("NFC", name).casefold()
    return os.path.realpath(folder or os.curdir), name


def _same_folder(first: str, second: str) -> bool:
    return os.path.realpath(first) == os.path.realpath(second)


def _folds_case(folder: str) -> bool:
    """Tell whether a folder's file system takes `A.png` and `a.png` for one file.

    Asks for the nearest existing parent under a name in swapped case.
    """
    path = os.path.realpath(folder)
    while True:
        parent, name = os.path.split(path)
        if not name:
            return False
        swapped = os.path.join(parent, name.swapcase())
        if os.path.exists(path) and swapped != path:
            return os.path.exists(swapped) and os.path.samefile(path, swapped)
        path = parent
