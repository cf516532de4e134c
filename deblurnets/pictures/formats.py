"""The picture formats the tool reads and writes, and what each of them can hold.

Only the standard library is imported here, so that file names can be checked before anything
heavy is loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class PictureFormat:
    """What a file format can hold.

    Attributes
    ----------
    name : str
        The format's usual name.
    extensions : tuple of str
        Lower-case file extensions with their dot.
    depths : tuple of int
        Bits a sample can have; 32 are floating numbers.
    alpha : bool
        Whether a colour picture can carry an alpha channel.
    grey_alpha : bool
        Whether a grey picture can carry an alpha channel.
    largest_side : int
        Largest width and height in pixels.
    metadata : tuple of str
        Which of "exif", "xmp", "iptc" and "icc" are written into its files.
    has_quality : bool
        Whether it can be compressed with losses, to a quality of 1..100.
    """

    name: str
    extensions: Tuple[str, ...]
    depths: Tuple[int, ...]
    alpha: bool
    grey_alpha: bool
    largest_side: int
    metadata: Tuple[str, ...] = ()
    has_quality: bool = False


PNG = PictureFormat("PNG", (".png",), (8, 16), True, True, 2**31 - 1, ("exif", "xmp", "icc"))
JPEG = PictureFormat(
    "JPEG",
    (".jpg", ".jpeg", ".jpe", ".jfif"),
    (8,),
    False,
    False,
    65_500,
    ("exif", "xmp", "iptc", "icc"),
    has_quality=True,
)
TIFF = PictureFormat(
    "TIFF",
    (".tif", ".tiff"),
    (8, 16, 32),
    True,
    True,
    2**31 - 1,
    ("exif", "xmp", "iptc", "icc"),
)
BMP = PictureFormat("BMP", (".bmp", ".dib"), (8,), True, False, 2**31 - 1)
WEBP = PictureFormat(
    "WebP", (".webp",), (8,), True, True, 16_383, ("exif", "xmp", "icc"), has_quality=True
)

FORMATS = (PNG, JPEG, TIFF, BMP, WEBP)
FORMAT_NAMES = "PNG, JPEG, TIFF, BMP or WebP"

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),  # BigTIFF
    (b"MM\0+", TIFF),
    (b"BM", BMP),
)


def format_of_name(path: str) -> Optional[PictureFormat]:
    """Return the format that a file's extension promises, in any case, or None."""
    extension = os.path.splitext(path)[1].lower()
    for picture_format in FORMATS:
        if extension in picture_format.extensions:
            return picture_format
    return None


def format_of_content(data: bytes) -> Optional[PictureFormat]:
    """Return the format that a file's first bytes tell, or None."""
    for signature, picture_format in _SIGNATURES:
        if data.startswith(signature):
            return picture_format
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    return None
