"""Read and write picture files: PNG, JPEG, TIFF, BMP and WebP.

The only module that opens picture files. The kind (grey, RGB, with or without alpha) and the
depth (8 or 16 bits, or 32-bit float in TIFF) of a file are kept; pixels are turned upright; a file
is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from dataclasses import replace
from types import ModuleType
from typing import Optional, Tuple

from deblurnets.pictures.formats import (
    BMP,
    FORMAT_NAMES,
    FORMATS,
    PictureFormat,
    format_of_content,
    format_of_name,
)
from deblurnets.pictures.picture import PLAIN_SAVE, CodecError, ImageError, Picture, SaveOptions

__all__ = [
    "ImageError",
    "Picture",
    "SaveOptions",
    "check_writable",
    "decode_image",
    "encode_image",
    "read_image",
    "replace_file",
    "write_image",
]

_SIGNATURE_BYTES = 16


def read_image(path: str, max_pixels: Optional[int] = None) -> Picture:
    """Read one picture file.

    The format is told by the content, not by the extension.

    Parameters
    ----------
    path : str
        The file.
    max_pixels : int, optional
        A picture with more is refused by its header, before memory is taken for it.

    Returns
    -------
    Picture
        Upright pixels, uint8, uint16 or float32, with alpha and metadata.

    Raises
    ------
    ImageError
        If the file cannot be opened, is no picture, is damaged or cut short, too large, or holds
        samples other than 8 or 16 bit integers or 32 bit floating numbers in 0..1.
    """
    return _decode(path, *_read_data(path), max_pixels)


def decode_image(name: str, data: bytes, max_pixels: Optional[int] = None) -> Picture:
    """Decode the content of a picture file that lies elsewhere; see `read_image`.

    Parameters
    ----------
    name : str
        What the file is called, for messages and for the format that its extension promises.
    data : bytes
        All of its content.
    max_pixels : int, optional
        A picture with more is refused.
    """
    return _decode(name, data, _format_of(name, data), max_pixels)


def _decode(
    path: str, data: bytes, picture_format: PictureFormat, max_pixels: Optional[int]
) -> Picture:
    try:
        picture = _codec(picture_format).decode(data, picture_format, max_pixels)
    except CodecError as error:
        raise ImageError(path, str(error)) from error
    return replace(picture, named_format=format_of_name(path))


def _read_data(path: str) -> Tuple[bytes, PictureFormat]:
    try:
        # Opening a pipe or a device would wait for somebody to write to it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ImageError(path, "cannot be read (not a regular file)")
        with open(path, "rb") as file:
            data = file.read(_SIGNATURE_BYTES)
            picture_format = _format_of(path, data)
            return data + file.read(), picture_format
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror})") from error


def _format_of(path: str, data: bytes) -> PictureFormat:
    """Tell the format by the first bytes of a file."""
    if not data:
        raise ImageError(path, "the file is empty")
    picture_format = format_of_content(data)
    if picture_format is None:
        raise ImageError(path, f"the content is not {FORMAT_NAMES}")
    return picture_format


def write_image(path: str, picture: Picture, save: SaveOptions = PLAIN_SAVE) -> None:
    """Write one picture in the format that the path's extension names.

    The bytes go to a temporary file in the same folder, which then takes the path's place: a
    reader never meets half a file, whatever happens.

    Raises
    ------
    ImageError
        If the format cannot hold the picture or the file cannot be written.
    """
    data = encode_image(path, picture, save)
    try:
        replace_file(path, data)
    except OSError as error:
        raise ImageError(path, f"cannot be written ({error.strerror})") from error


def encode_image(name: str, picture: Picture, save: SaveOptions = PLAIN_SAVE) -> bytes:
    """Return the content of a picture file of the format that a name's extension tells.

    Raises
    ------
    ImageError
        If the format cannot hold the picture.
    """
    picture_format = check_writable(name, picture)
    try:
        return _codec(picture_format).encode(picture, picture_format, save)
    except CodecError as error:
        raise ImageError(name, str(error)) from error


def check_writable(path: str, picture: Picture) -> PictureFormat:
    """Return the format for a path, or say why it cannot hold the picture.

    Raises
    ------
    ImageError
        If the extension is unknown, or the format lacks the depth, the alpha channel or the
        size; the reason names formats that have them.
    """
    picture_format = format_of_name(path)
    if picture_format is None:
        raise ImageError(path, f"the extension is not one of {FORMAT_NAMES}")
    name = picture_format.name
    lack = _what_it_lacks(picture_format, picture)
    if lack is not None:
        able = [other.name for other in FORMATS if _what_it_lacks(other, picture) is None]
        reason = f"{name} cannot hold {lack}, {' and '.join(able)} can"
        source = picture.source_format
        if picture.named_format is picture_format and source is not picture_format:
            reason += f"; the input is a {source.name} file in spite of its name"
        raise ImageError(path, reason)
    height, width = picture.pixels.shape[:2]
    if max(height, width) > picture_format.largest_side:
        raise ImageError(
            path,
            f"{name} holds at most {picture_format.largest_side} pixels a side, "
            f"received {width}x{height}",
        )
    return picture_format


def _what_it_lacks(picture_format: PictureFormat, picture: Picture) -> Optional[str]:
    """Return what of a picture a format cannot hold, or None if it can hold it."""
    if picture.depth not in picture_format.depths:
        return "32-bit floating numbers" if picture.depth == 32 else f"{picture.depth} bits"
    if picture.alpha is None:
        return None
    if picture.pixels.ndim == 2:
        return None if picture_format.grey_alpha else "a grey picture with alpha"
    return None if picture_format.alpha else "an alpha channel"


def replace_file(path: str, data: bytes) -> None:
    """Put a file at a path in one step, over an older one if there is one.

    A run killed half way leaves at most a hidden `.deblur-*.part` file.
    """
    folder = os.path.dirname(path)
    # Not tempfile: its files can be read by their owner only, whatever the user's umask.
    temporary = os.path.join(folder, f".deblur-{uuid.uuid4().hex}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise


def _codec(picture_format: PictureFormat) -> ModuleType:
    # Imported where they are used: each loads a large library.
    if picture_format is BMP:
        from deblurnets.pictures import codec_bmp

        return codec_bmp
    from deblurnets.pictures import codec_vips

    return codec_vips
