"""The folder of a gallery: which one may be written to, and which of its files are ours.

A gallery is `index.html` and one folder `previews-<32 hex digits>` beside it. Every gallery gets a
new folder of previews, and the page is written last: until then an earlier gallery stays whole.
"""

from __future__ import annotations

import os
import re
import uuid

from deblurnets.batch.sources import GALLERY_PREVIEWS, InputError

PAGE = "index.html"
MARK = '<meta name="generator" content="deblurnets gallery">'
"""Stands near the top of every page; by it an earlier gallery is known again."""

_READ = 4096  # bytes of a page in which the mark must stand
_PREVIEW = re.compile(r"[0-9]{6,}_(before|after|kernel)\.(jpg|png)|\.deblur-[0-9a-f]{32}\.part")


def check_gallery_folder(folder: str) -> None:
    """Make sure that a gallery can be written to a folder without touching anything else.

    Parameters
    ----------
    folder : str
        Need not exist. Hidden files (`.DS_Store`) do not count.

    Raises
    ------
    InputError
        If it is a file, cannot be written to, or holds something but no earlier gallery.
    """
    if not os.path.lexists(folder):
        return
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: a gallery needs a folder, found a file")
    try:
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder}: the folder cannot be listed ({error.strerror})") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: the folder for the gallery cannot be written to")
    if names and not _holds_gallery(folder):
        raise InputError(
            f"{folder}: a gallery needs an empty folder or one with an earlier gallery, found "
            f"'{sorted(names)[0]}' and no page of an earlier gallery"
        )


def new_previews_name() -> str:
    """Return the name of a folder for previews that no gallery has had before."""
    return f"previews-{uuid.uuid4().hex}"


def remove_other_previews(folder: str, kept: str) -> None:
    """Remove the previews of earlier galleries, and nothing that a gallery does not write.

    Parameters
    ----------
    folder : str
        The gallery's folder.
    kept : str
        The folder of previews that stays.

    Raises
    ------
    OSError
        If something cannot be removed.
    """
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name == kept or not GALLERY_PREVIEWS.fullmatch(name) or os.path.islink(path):
            continue
        for preview in os.listdir(path):
            if _PREVIEW.fullmatch(preview):
                os.remove(os.path.join(path, preview))
        if not os.listdir(path):
            os.rmdir(path)


def _holds_gallery(folder: str) -> bool:
    try:
        with open(os.path.join(folder, PAGE), "rb") as file:
            return MARK.encode() in file.read(_READ)
    except OSError:
        return False
