"""A pack of training photographs: decoded once, mapped into memory by every worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deblurnets.deblurrer import to_unit_rgb
from deblurnets.imaging.pixels import eight_bits
from deblurnets.pictures.files import read_image
from deblurnets.pictures.formats import FORMAT_NAMES, format_of_name

PIXELS, SHAPES = "pixels.npy", "shapes.npy"


def pack_photographs(folder: Path, destination: Path, limit: int = 0) -> int:
    """Decode the photographs of a folder into two NumPy files.

    Parameters
    ----------
    folder : path
        Photographs, sRGB; files with other extensions are passed over.
    destination : path
        Folder for ``pixels.npy`` (all pictures' uint8 RGB values in one row) and ``shapes.npy``
        (int64, (number, 2)), made if missing.
    limit : int
        At most so many photographs, evenly spread; 0 for all.

    Returns
    -------
    int, the number packed.

    Raises
    ------
    ValueError
        The folder has no photograph.
    """
    paths = sorted(p for p in Path(folder).iterdir() if format_of_name(str(p)))
    if not paths:
        raise ValueError(f"{folder} has no photographs ({FORMAT_NAMES})")
    if limit and len(paths) > limit:
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, limit).astype(int)]
    pictures = [eight_bits(to_unit_rgb(read_image(str(p)).pixels)) for p in paths]
    Path(destination).mkdir(parents=True, exist_ok=True)
    np.save(Path(destination) / PIXELS, np.concatenate([p.ravel() for p in pictures]))
    np.save(Path(destination) / SHAPES, np.array([p.shape[:2] for p in pictures], np.int64))
    return len(pictures)


class Photographs:
    """Read-only access to a pack: ``photographs[i]`` is uint8 (H, W, 3)."""

    def __init__(self, folder: Path) -> None:
        self._pixels = np.load(Path(folder) / PIXELS, mmap_mode="r")
        self._shapes = np.load(Path(folder) / SHAPES)
        self._starts = np.concatenate([[0], np.cumsum(self._shapes.prod(1) * 3)])

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, index: int) -> np.ndarray:
        height, width = self._shapes[index]
        flat = self._pixels[self._starts[index] : self._starts[index + 1]]
        return flat.reshape(height, width, 3)
