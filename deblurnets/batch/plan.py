"""Which files a run reads and which it writes, settled before anything is computed.

Only names and folders are looked at; no picture is opened and nothing is written.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from deblurnets.batch.sources import KERNEL_SUFFIX, Found, InputError, find_pictures
from deblurnets.pictures.formats import PictureFormat, format_of_name

__all__ = ["InputError", "Job", "Naming", "Plan", "plan_run", "target_path"]

EXISTS = "the output exists"

Key = Tuple[str, str]  # identifies a directory entry, see `_Entries.key`


@dataclass(frozen=True)
class Naming:
    """How the outputs are named.

    Attributes
    ----------
    out_dir : str
        The folder for the results; need not exist.
    suffix : str
        Goes between name and extension.
    picture_format : PictureFormat, optional
        The format of all results; None for that of each input.
    kernels : bool
        Whether kernels are saved beside the results.
    """

    out_dir: str
    suffix: str
    picture_format: Optional[PictureFormat] = None
    kernels: bool = False


@dataclass(frozen=True)
class Job:
    """One picture to read and the files to write for it.

    Attributes
    ----------
    source, target : str
        The picture to read and the picture to write.
    kernel_base : str, optional
        Path without extension of the files for the kernel; None where it is not saved.
    """

    source: str
    target: str
    kernel_base: Optional[str] = None

    @property
    def outputs(self) -> Tuple[str, ...]:
        """Every file that the job writes."""
        if self.kernel_base is None:
            return (self.target,)
        return (self.target, self.kernel_base + ".png", self.kernel_base + ".npy")


@dataclass(frozen=True)
class Plan:
    """What a run does.

    Attributes
    ----------
    jobs : tuple of Job
        What is deblurred, in order.
    earlier_results : tuple of str
        Pictures left out because they are results of an earlier run.
    skipped : tuple of Job
        Jobs left out because their output exists.
    unread : tuple of (str, str)
        Folders that could not be listed and why, one clause.
    """

    jobs: Tuple[Job, ...]
    earlier_results: Tuple[str, ...] = ()
    skipped: Tuple[Job, ...] = ()
    unread: Tuple[Tuple[str, str], ...] = ()


def plan_run(
    input_path: str,
    naming: Naming,
    recursive: bool = False,
    skip_existing: bool = False,
    kernel_file: Optional[str] = None,
) -> Plan:
    """Settle what a run reads and writes.

    Parameters
    ----------
    input_path : str
        A picture, a folder or a pattern; see `deblurnets.batch.sources.find_pictures`.
    naming : Naming
        How the outputs are named. Where an output lies in the folder of its input, pictures whose
        names already end in the suffix are earlier results and left out.
    recursive : bool
        Take subfolders as well; the output folder mirrors them.
    skip_existing : bool
        Leave out the pictures whose outputs exist.
    kernel_file : str, optional
        A kernel that the user gives: neither a picture to deblur nor to be overwritten.

    Raises
    ------
    InputError
        If there is nothing to read, an output would overwrite an input, or two inputs would
        write the same output.
    """
    _check_naming(naming)
    found = find_pictures(input_path, recursive, naming.out_dir)
    names = list(found.names)
    earlier: List[str] = []
    if found.listed:
        names, earlier = _without_earlier_results(found, naming)
        names = [n for n in names if not _is_same_file(os.path.join(found.root, n), kernel_file)]
        if not names and not found.unread:
            reason = f"all pictures are earlier results, their names end in '{naming.suffix}'"
            raise InputError(f"{input_path}: {reason if earlier else 'holds only the kernel'}")
    entries = _Entries(_folds_case(naming.out_dir))
    jobs = _name_outputs(found.root, names, naming, entries)
    _check_outputs(jobs, entries, kernel_file)
    skipped = {job for job in jobs if skip_existing and os.path.isfile(job.target)}
    return Plan(
        tuple(job for job in jobs if job not in skipped),
        tuple(os.path.join(found.root, name) for name in earlier),
        tuple(job for job in jobs if job in skipped),
        found.unread,
    )


def target_path(name: str, naming: Naming) -> str:
    """Return where the result of a picture goes: `out_dir/NAME` + `suffix` + `.EXTENSION`.

    Parameters
    ----------
    name : str
        The picture's path relative to the input folder.
    naming : Naming
        The extension stays as it is where the picture has the wanted format already.
    """
    base, extension = os.path.splitext(name)
    wanted = naming.picture_format
    if wanted is not None and format_of_name(name) is not wanted:
        extension = wanted.extensions[0]
    return os.path.join(naming.out_dir, base + naming.suffix + extension)


def _check_naming(naming: Naming) -> None:
    suffix, out_dir = naming.suffix, naming.out_dir
    if os.sep in suffix or (os.altsep and os.altsep in suffix) or "\0" in suffix:
        raise InputError(
            f"--suffix is part of a file name and cannot hold '{os.sep}', received '{suffix}'"
        )
    if os.path.exists(out_dir) and not os.path.isdir(out_dir):
        raise InputError(f"{out_dir}: --out_dir is a file, expected a folder")


def _without_earlier_results(found: Found, naming: Naming) -> Tuple[List[str], List[str]]:
    """Part pictures from those with a result's name in the folder that results go to."""
    in_place = os.path.realpath(found.root) == os.path.realpath(naming.out_dir)
    pictures: List[str] = []
    earlier: List[str] = []
    for name in found.names:
        is_result = in_place and naming.suffix and _stem(name).endswith(naming.suffix)
        (earlier if is_result else pictures).append(name)
    return pictures, earlier


def _is_same_file(path: str, other: Optional[str]) -> bool:
    if other is None or not (os.path.exists(path) and os.path.exists(other)):
        return False
    return os.path.samefile(path, other)


class _Entries:
    """Tells directory entries apart on the output folder's file system."""

    def __init__(self, folds_case: bool):
        self._folds_case = folds_case
        self._folders: Dict[str, str] = {}

    def key(self, path: str) -> Key:
        """Identify a directory entry: two paths with the same key are the same file."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder or os.curdir)
        key = self._folders[folder], name
        return (_folded(key[0]), _folded(name)) if self._folds_case else key


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _name_outputs(root: str, names: Sequence[str], naming: Naming, entries: _Entries) -> List[Job]:
    """Name the outputs; inputs that would share one keep their extension in its name.

    So `a.jpg` and `a.tif`, both to be PNG, become `a_jpg_deblurred.png` and
    `a_tif_deblurred.png`, whichever of them comes first.
    """

    def kernel_picture(name: str) -> str:
        base = os.path.splitext(name)[0] + naming.suffix + KERNEL_SUFFIX
        return os.path.join(naming.out_dir, base + ".png")

    targets = _told_apart(names, lambda name: target_path(name, naming), entries)
    jobs = [Job(os.path.join(root, name), target) for name, target in zip(names, targets)]
    if not naming.kernels:
        return jobs
    kernels = _told_apart(names, kernel_picture, entries)
    return [replace(j, kernel_base=os.path.splitext(k)[0]) for j, k in zip(jobs, kernels)]


def _told_apart(names: Sequence[str], output: Callable[[str], str], entries: _Entries) -> List[str]:
    """Return each name's output, of `NAME_EXTENSION` instead of `NAME` where they are shared."""
    outputs = [output(name) for name in names]
    count = Counter(entries.key(path) for path in outputs)
    for index, name in enumerate(names):
        if count[entries.key(outputs[index])] > 1:
            base, extension = os.path.splitext(name)
            outputs[index] = output(f"{base}_{extension[1:]}{extension}")
    return outputs


def _check_outputs(jobs: List[Job], entries: _Entries, kernel_file: Optional[str]) -> None:
    """Refuse outputs that fall on an input or on each other."""
    inputs = [job.source for job in jobs] + ([kernel_file] if kernel_file is not None else [])
    input_keys = {entries.key(path) for path in inputs}
    owners: Dict[Key, Job] = {}
    for job in jobs:
        for output in job.outputs:
            key = entries.key(output)
            if key in input_keys:
                raise InputError(
                    f"{output}: the output would overwrite an input, choose another --out_dir or "
                    "a --suffix"
                )
            other = owners.setdefault(key, job)
            if other is not job:
                raise InputError(
                    f"{other.source} and {job.source} would write the same output {output}, "
                    "rename one of them"
                )


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


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
