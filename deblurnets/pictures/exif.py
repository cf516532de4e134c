"""EXIF of TIFF files, which libvips neither reads nor writes.

Other formats hold EXIF as one block of bytes. A TIFF file has the same tags in its own directories,
among those of the pixels.

Reference: CIPA DC-008 (Exif 2.32), section 4.5 and annex C.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, Dict, Iterator, Optional, Tuple

import tifftools

PREFIX = b"Exif\0\0"

# What a picture's own directory can say of its origin; the rest of it describes the stored pixels.
_ORIGIN = (
    *(0x10D, 0x10E, 0x10F, 0x110),  # document's name, description, maker, model
    *(0x131, 0x132, 0x13B, 0x13C),  # software, date, artist, computer
    *(0x4746, 0x4749, 0x8298),  # rating, rating in percent, copyright
    *range(0x9C9B, 0x9CA0),  # title, comment, author, keywords, subject as Windows writes them
    *(0x8769, 0x8825),  # the directories of the exposure and of the place
)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A camera's block has less than 64 KiB (it fits a JPEG segment), a file of 100 pages 4,000 reads.
_LARGEST_BLOCK = 2**20
_MOST_READS = 50_000


def exif_of_tiff(data: bytes) -> Optional[bytes]:
    """Return the EXIF block of a TIFF file, or None.

    Parameters
    ----------
    data : bytes
        The whole file; it may be damaged.

    Returns
    -------
    bytes, beginning with `PREFIX`, without the orientation; None if the file has no EXIF, or if its
    directories cannot be read or are more than a photograph's can be.
    """
    source = _PatientReader(data)
    result = io.BytesIO()
    try:
        info = tifftools.read_tiff(source)
        kept = _origin(info)
        if not kept:
            return None
        directory = {"tags": kept, "path_or_fobj": source, "size": len(data)}
        tifftools.write_tiff([directory], result, bigEndian=info["bigEndian"], bigtiff=False)
    # tifftools checks little; these are what damaged directories make of it.
    except (tifftools.TifftoolsError, LookupError, OSError, RecursionError, TypeError, ValueError):
        return None
    except (AttributeError, OverflowError, struct.error):
        return None
    return PREFIX + result.getvalue() if result.tell() <= _LARGEST_BLOCK else None


def add_exif_to_tiff(data: bytes, block: bytes) -> bytes:
    """Return a TIFF file with the tags of an EXIF block beside those that it has.

    The file is returned as it is if the tags cannot be written.

    Parameters
    ----------
    data : bytes
        A sound TIFF file.
    block : bytes
        A sound EXIF block, with or without its `PREFIX`.
    """
    info = tifftools.read_tiff(io.BytesIO(data))
    present = info["ifds"][0]["tags"]
    given = _origin(tifftools.read_tiff(io.BytesIO(_without_prefix(block))))
    present.update({tag: entry for tag, entry in given.items() if tag not in present})
    result = io.BytesIO()
    try:
        tifftools.write_tiff(info, result)
    except AttributeError:  # before version 1.5 it cannot write text that is no UTF-8
        return data
    return result.getvalue()


def _origin(info: Dict[str, Any]) -> Dict[int, Dict[str, Any]]:
    """Return the tags of the first directory that tell where a picture comes from."""
    tags = info["ifds"][0]["tags"]
    # An entry without data points past the file's end.
    return {tag: tags[tag] for tag in _ORIGIN if "data" in tags.get(tag, ())}


class _PatientReader(io.BytesIO):
    """Bytes that can be read a limited number of times: damaged directories go round in circles."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MOST_READS

    def read(self, size: Optional[int] = -1) -> bytes:
        """Read as any stream, or raise OSError when it has been read too often."""
        self._left -= 1
        if self._left < 0:
            raise OSError("its directories do not end")
        return super().read(size)


def png_with_exif(block: bytes) -> bytes:
    """Return a PNG of one pixel that holds an EXIF block: something that libvips reads."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"eXIf", _without_prefix(block)),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    ]
    parts = [_PNG_SIGNATURE]
    for kind, content in chunks:
        parts.append(struct.pack(">I", len(content)) + kind + content)
        parts.append(struct.pack(">I", zlib.crc32(kind + content)))
    return b"".join(parts)


def exif_of_png(data: bytes) -> Optional[bytes]:
    """Return the EXIF block of a sound PNG file, without `PREFIX`, or None."""
    for kind, content in _png_chunks(data):
        if kind == b"eXIf":
            return _without_prefix(content)
    return None


def _png_chunks(data: bytes) -> Iterator[Tuple[bytes, bytes]]:
    at = len(_PNG_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _without_prefix(block: bytes) -> bytes:
    return block[len(PREFIX) :] if block.startswith(PREFIX) else block
