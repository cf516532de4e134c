"""Write a gallery picture by picture while a run goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional

from deblurnets.gallery.entry import Entry
from deblurnets.gallery.folder import (
    PAGE,
    check_gallery_folder,
    new_previews_name,
    remove_other_previews,
)

if TYPE_CHECKING:
    import numpy as np

TITLE = "Deblurred pictures"


class GalleryWriter:
    """A gallery in the making.

    `add` writes the previews of a picture and keeps its record only; `close` writes the page. An
    earlier gallery in the folder stays whole until then. One run at a time may write to a folder,
    one call after the other. It is a sink of a run, see `deblurnets.batch.report`.

    Parameters
    ----------
    folder : str
        Made if needed. The gallery is its `index.html` and a folder of previews beside it.
    title : str
        Heading of the page.

    Raises
    ------
    InputError
        If the folder is not for a gallery, see `check_gallery_folder`.
    OSError
        If it cannot be made or written to.
    """

    def __init__(self, folder: str, title: str = TITLE) -> None:
        check_gallery_folder(folder)
        self.folder = folder
        self.name = f"the gallery {folder}"
        self.title = title
        self._previews = new_previews_name()
        self._entries: List[Entry] = []
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(os.path.join(folder, PAGE)):
            self._write_page(None)  # marks the folder as ours, should the run be killed
        os.mkdir(os.path.join(folder, self._previews))

    def add(
        self,
        record: Dict[str, Any],
        before: Optional[np.ndarray] = None,
        after: Optional[np.ndarray] = None,
        kernel: Optional[np.ndarray] = None,
    ) -> None:
        """Take in one picture.

        Parameters
        ----------
        record : dict
            One record of a run's report: source, target, status ("done", "failed", "skipped" or
            "not_done"), reason, notes, width, height, depth, source_bytes, target_bytes,
            kernel_size, confidence, blurred, seconds. What is missing or None is not shown.
        before, after : ndarray, optional
            (H, W) or (H, W, 3), uint8, uint16 or float32 in 0..1, of one size. None where there
            is no picture.
        kernel : ndarray, optional
            (h, w), the blur.

        Raises
        ------
        ValueError
            If an array is not what it should be. The picture is listed without previews.
        OSError
            If a preview cannot be written. Likewise.
        """
        number = len(self._entries) + 1
        self._entries.append(Entry(record))
        self._entries[-1] = self._with_previews(number, record, before, after, kernel)

    def close(self, run: Optional[Dict[str, Any]] = None) -> str:
        """Write the page, remove the previews of earlier galleries; return the page's path.

        Parameters
        ----------
        run : dict, optional
            The run's own record: deblurnets, backend, started, finished, arguments and the
            numbers of pictures done, failed, skipped.

        Raises
        ------
        OSError
            If the page cannot be written; an earlier gallery is then still whole.
        """
        path = self._write_page({} if run is None else run)
        remove_other_previews(self.folder, self._previews)
        return path

    def _with_previews(
        self,
        number: int,
        record: Dict[str, Any],
        before: Optional[np.ndarray],
        after: Optional[np.ndarray],
        kernel: Optional[np.ndarray],
    ) -> Entry:
        # Imported where it is used: it loads NumPy and OpenCV.
        from deblurnets.gallery.previews import kernel_png, picture_jpeg, preview_size

        if before is not None and after is not None and before.shape[:2] != after.shape[:2]:
            raise ValueError(
                "before and after must have one size, received "
                f"{before.shape[:2]} and {after.shape[:2]}"
            )
        files: Dict[str, str] = {}
        size = None
        for part, pixels in (("before", before), ("after", after)):
            if pixels is not None:
                files[part] = self._write(f"{number:06d}_{part}.jpg", picture_jpeg(pixels))
                size = preview_size(*pixels.shape[:2])
        if kernel is not None:
            data = kernel_png(kernel, record.get("kernel_size"))
            files["kernel"] = self._write(f"{number:06d}_kernel.png", data)
        return Entry(record, size=size, **files)

    def _write(self, name: str, data: bytes) -> str:
        from deblurnets.pictures.files import replace_file

        replace_file(os.path.join(self.folder, self._previews, name), data)
        return f"{self._previews}/{name}"

    def _write_page(self, run: Optional[Dict[str, Any]]) -> str:
        # Imported where it is used: what tells an unsure result loads numpy.
        from deblurnets.gallery.page import render_page
        from deblurnets.pictures.files import replace_file

        path = os.path.join(self.folder, PAGE)
        page = render_page(self.title, self._entries, run, self.folder)
        replace_file(path, page.encode("utf-8"))
        return path


def write_gallery(
    folder: str,
    records: Iterable[Dict[str, Any]],
    title: str = TITLE,
    run: Optional[Dict[str, Any]] = None,
) -> str:
    """Write a gallery from pictures that lie on the disk.

    Parameters
    ----------
    folder : str
        As for `GalleryWriter`.
    records : iterable of dict
        As for `GalleryWriter.add`; the pictures are read from each record's source and target. One
        that cannot be shown is listed with the reason in its notes.
    title : str
        Heading of the page.
    run : dict, optional
        As for `GalleryWriter.close`.

    Returns
    -------
    str
        Path of the page.

    Raises
    ------
    InputError, OSError
        As for `GalleryWriter`.
    """
    writer = GalleryWriter(folder, title)
    for record in records:
        notes = list(record.get("notes") or ())
        done = record.get("status") == "done"
        # A failed picture has its reason already; its input is shown if it can be.
        before = _pixels(record.get("source"), notes if done else [])
        after = _pixels(record.get("target"), notes) if done else None
        if before is not None and after is not None and before.shape[:2] != after.shape[:2]:
            notes.append("the result is not shown, its size is not the input's")
            after = None
        shown = {**record, "notes": notes}
        if before is not None and record.get("width") is None:
            shown["height"], shown["width"] = before.shape[:2]
        writer.add(shown, before, after)
    return writer.close(run)


def _pixels(path: Optional[str], notes: List[str]) -> Optional[np.ndarray]:
    from deblurnets.pictures.files import ImageError, read_image

    if path is None:
        return None
    try:
        return read_image(path).pixels
    except ImageError as error:
        notes.append(f"{path} is not shown: {error.reason}")
        return None
