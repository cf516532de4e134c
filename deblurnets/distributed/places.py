"""Where pictures lie: a folder of the computers, or an object store (s3://, gs://).

Object stores through `pyarrow.fs`: see `docs/decisions/011-cluster.md`.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from typing import Dict, List, Optional, Tuple
from urllib.parse import urlsplit

from deblurnets.batch.messages import one_line
from deblurnets.batch.pipeline import Files
from deblurnets.batch.sources import InputError, list_folder
from deblurnets.pictures.files import (
    ImageError,
    Picture,
    SaveOptions,
    decode_image,
    encode_image,
)

SCHEMES = ("s3", "gs")

Names = Tuple[List[str], List[str]]  # files and folders of a folder


class Place(Files):
    """A tree of folders in which pictures lie.

    Attributes
    ----------
    root : str
        What messages and reports call it, absolute.
    """

    root: str

    def path(self, name: str) -> str:
        """Return the path of a name relative to the root."""
        return f"{self.root}/{name}" if name else self.root

    def identity(self) -> str:
        """Return what two spellings of one place share."""
        return self.root

    def exists(self) -> bool:
        """Tell whether the root is there; `OSError` where that cannot be found out."""
        raise NotImplementedError

    def real(self, folder: str) -> str:
        """Identify a folder below the root, reached through links or not."""
        return folder

    def list(self, folder: str) -> Names:
        """Return the names of files and folders in a folder, in order; none if it is not there.

        Raises
        ------
        OSError
            If it cannot be listed.
        """
        raise NotImplementedError


class Folder(Place):
    """A folder that every computer of the cluster sees under one path."""

    def __init__(self, root: str):
        self.root = os.path.abspath(root)

    def identity(self) -> str:
        """Return the path without links."""
        return os.path.realpath(self.root)

    def exists(self) -> bool:
        """Tell whether the folder is there."""
        return os.path.isdir(self.root)

    def real(self, folder: str) -> str:
        """Return the path without links."""
        return os.path.realpath(self.path(folder))

    def list(self, folder: str) -> Names:
        """List a folder."""
        try:
            return list_folder(self.path(folder))
        except FileNotFoundError:
            return [], []


class Store(Place):
    """A bucket, or a prefix in one; its root is the URI without the query.

    Parameters
    ----------
    uri : str
        ``s3://bucket/prefix`` or ``gs://bucket/prefix``; a query sets options of `pyarrow.fs`, for
        instance ``?endpoint_override=http://127.0.0.1:9000``.
    """

    def __init__(self, uri: str):
        import pyarrow.fs

        try:
            self._system, base = pyarrow.fs.FileSystem.from_uri(uri)
        except (OSError, ValueError) as error:
            parts = urlsplit(uri)  # no query and no key in messages
            shown = f"{parts.scheme}://{parts.netloc.split('@')[-1]}{parts.path}"
            raise InputError(f"{shown}: cannot be opened ({one_line(error)})") from error
        self._base = base.rstrip("/")
        self.root = f"{urlsplit(uri).scheme}://{self._base}"

    def exists(self) -> bool:
        """Tell whether the root holds anything."""
        import pyarrow.fs

        info = self._system.get_file_info(self._base)
        return info.type == pyarrow.fs.FileType.Directory

    def list(self, folder: str) -> Names:
        """Return the names of objects and prefixes below a prefix."""
        import pyarrow.fs

        selector = pyarrow.fs.FileSelector(self._inner(self.path(folder)), allow_not_found=True)
        found = self._system.get_file_info(selector)
        files = [info.base_name for info in found if info.is_file]
        folders = [info.base_name for info in found if not info.is_file]
        return sorted(files), sorted(folders)

    def size(self, path: str) -> Optional[int]:
        """Return the size of an object."""
        with contextlib.suppress(OSError):
            return self._system.get_file_info(self._inner(path)).size
        return None

    def read(self, path: str, max_pixels: Optional[int]) -> Picture:
        """Read a picture, or raise an `ImageError`."""
        try:
            with self._system.open_input_stream(self._inner(path), compression=None) as stream:
                data = stream.read()
        except OSError as error:
            raise ImageError(path, f"cannot be read ({one_line(error)})") from error
        return decode_image(path, data, max_pixels)

    def write(self, path: str, picture: Picture, save: SaveOptions) -> None:
        """Write a picture: an object appears when all of it was sent, or not at all."""
        data = encode_image(path, picture, save)
        try:
            with self._system.open_output_stream(self._inner(path), compression=None) as stream:
                stream.write(data)
        except OSError as error:
            raise ImageError(path, f"cannot be written ({one_line(error)})") from error

    def _inner(self, path: str) -> str:
        """Return what pyarrow calls a path: without the scheme."""
        return self._base + path[len(self.root) :]


class GoogleStore(Store):
    """A bucket of Google Cloud Storage, or a prefix in one.

    `pyarrow.fs` does not name a folder there that is no object of its own, as hardly any is, unless
    it names all that lies below (issue 35993 of apache/arrow). So it is asked for all names at
    once when the root is listed, and they are sorted into folders here.
    """

    def __init__(self, uri: str):
        super().__init__(uri)
        self._folders: Dict[str, Names] = {}

    def list(self, folder: str) -> Names:
        """Return the names of objects and prefixes below a prefix, as when the root was listed."""
        if not folder:
            self._folders = self._all_folders()
        return self._folders.get(folder, ([], []))

    def _all_folders(self) -> Dict[str, Names]:
        import pyarrow.fs

        selector = pyarrow.fs.FileSelector(self._base, allow_not_found=True, recursive=True)
        folders: Dict[str, Names] = {"": ([], [])}

        def names_of(folder: str) -> Names:
            if folder not in folders:
                folders[folder] = [], []
                parent, name = posixpath.split(folder)
                names_of(parent)[1].append(name)
            return folders[folder]

        for info in self._system.get_file_info(selector):
            if info.is_file:
                folder, name = posixpath.split(info.path[len(self._base) + 1 :])
                names_of(folder)[0].append(name)
        return {folder: (sorted(f), sorted(below)) for folder, (f, below) in folders.items()}


def open_place(text: str) -> Place:
    """Return the place that a path or URI names.

    Raises
    ------
    InputError
        If the scheme is unknown or the store cannot be reached.
    """
    scheme = text.split("://")[0] if "://" in text else None
    if scheme is None:
        return Folder(text)
    if scheme not in SCHEMES:
        raise InputError(f"{text}: expected a folder, s3:// or gs://, received {scheme}://")
    return GoogleStore(text) if scheme == "gs" else Store(text)


def check_apart(source: Place, target: Place) -> None:
    """Refuse places of which one lies in the other: results would be taken for pictures.

    Raises
    ------
    InputError
        If they are not apart.
    """
    first, second = (place.identity().rstrip("/") + "/" for place in (source, target))
    if first.startswith(second) or second.startswith(first):
        raise InputError(
            f"{target.root}: --out_dir must lie outside of --input_path {source.root}, and the "
            "other way round"
        )
