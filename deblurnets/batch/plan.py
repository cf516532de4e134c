"""Which files a run reads and which it writes, settled before anything is computed.

Only names and folders are looked at; no picture is opened and nothing is written.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple

from deblurnets.batch.sources import KERNEL_SUFFIX, Found, InputError, find_pictures
from deblurnets.pictures.formats import PictureFormat, format_of_name

__all__ = ["InputError", "Job", "Naming", "Plan", "plan_run", "target_path"]

EXISTS = "the output exists"

Key = Tuple[str, str]  # identifies a directory entry, see `_Files.key`


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
    if found.listed:
        found, earlier = _without_earlier_results(found, naming)
        found = _without_file(found, kernel_file)
        if not found.names and not found.unread:
            reason = f"all pictures are earlier results, their names end in '{naming.suffix}'"
            raise InputError(f"{input_path}: {reason if earlier else 'holds only the kernel'}")
    else:
        earlier = ()
    files = _Files(_folds_case(naming.out_dir))
    jobs = _name_outputs(found, naming, files)
    _check_outputs(jobs, files, kernel_file)
    skipped = tuple(job for job in jobs if skip_existing and os.path.isfile(job.target))
    left = set(skipped)
    return Plan(tuple(job for job in jobs if job not in left), earlier, skipped, found.unread)


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


def _without_earlier_results(found: Found, naming: Naming) -> Tuple[Found, Tuple[str, ...]]:
    """Leave out the pictures that have a result's name in the folder that results go to."""
    if not naming.suffix or os.path.realpath(found.root) != os.path.realpath(naming.out_dir):
        return found, ()
    earlier = [name for name in found.names if _stem(name).endswith(naming.suffix)]
    names = tuple(name for name in found.names if name not in set(earlier))
    paths = tuple(os.path.join(found.root, name) for name in earlier)
    return replace(found, names=names), paths


def _without_file(found: Found, path: Optional[str]) -> Found:
    if path is None or not os.path.exists(path):
        return found
    names = (n for n in found.names if not _is_same_file(os.path.join(found.root, n), path))
    return replace(found, names=tuple(names))


def _is_same_file(first: str, second: str) -> bool:
    return os.path.exists(first) and os.path.samefile(first, second)


class _Files:
    """Tells directory entries apart on the output folder's file system."""

    def __init__(self, folds_case: bool):
        self._folds_case = folds_case
        self._folders: Dict[str, str] = {}

    def key(self, path: str) -> Key:
        """Identify a directory entry: two paths with the same key are the same file."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            real = os.path.realpath(folder or os.curdir)
            self._folders[folder] = _folded(real) if self._folds_case else real
        return self._folders[folder], _folded(name) if self._folds_case else name


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _name_outputs(found: Found, naming: Naming, files: _Files) -> List[Job]:
    """Name the outputs; inputs that would share one keep their extension in its name.

    So `a.jpg` and `a.tif`, both to be PNG, become `a_jpg_deblurred.png` and
    `a_tif_deblurred.png`, whichever of them comes first.
    """
    targets = _told_apart(found.names, lambda name: target_path(name, naming), files)

    def kernel_picture(name: str) -> str:
        base = os.path.splitext(name)[0] + naming.suffix + KERNEL_SUFFIX
        return os.path.join(naming.out_dir, base + ".png")

    kernels: List[Optional[str]] = [None] * len(targets)
    if naming.kernels:
        paths = _told_apart(found.names, kernel_picture, files)
        kernels = [os.path.splitext(path)[0] for path in paths]
    return [Job(*paths) for paths in zip(found.paths, targets, kernels)]


def _told_apart(names: Sequence[str], output: Callable[[str], str], files: _Files) -> List[str]:
    """Return each name's output, of `NAME_EXTENSION` instead of `NAME` where they are shared."""
    outputs = [output(name) for name in names]
    count = Counter(files.key(path) for path in outputs)
    for index, name in enumerate(names):
        if count[files.key(outputs[index])] > 1:
            base, extension = os.path.splitext(name)
            outputs[index] = output(f"{base}_{extension[1:]}{extension}")
    return outputs


def _check_outputs(jobs: List[Job], files: _Files, kernel_file: Optional[str]) -> None:
    """Refuse outputs that fall on an input or on each other."""
    sources: Set[Key] = {files.key(job.source) for job in jobs}
    if kernel_file is not None:
        sources.add(files.key(kernel_file))
    owners: Dict[Key, Job] = {}
    for job in jobs:
        for output in job.outputs:
            key = files.key(output)
            if key in sources:
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
