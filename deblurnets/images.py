"""Read and write picture files: PNG, JPEG, TIFF, BMP and WebP.

The only module that opens picture files. The kind (grey, RGB, with or without alpha) and the
depth (8 or 16 bits) of a file are kept; pixels are turned upright; a file is written whole or
not at all.
"""

from __future__ import annotations

import contextlib
import os
import uuid

from deblurnets.formats import BMP, FORMAT_NAMES, PictureFormat, format_of_content, format_of_name
from deblurnets.picture import CodecError, ImageError, Picture

__all__ = ["ImageError", "Picture", "check_writable", "read_image", "write_image"]


def read_image(path: str) -> Picture:
    """Read one picture file.

    The format is told by the content, not by the extension.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    Picture
        Upright pixels, uint8 or uint16, with alpha and metadata.

    Raises
    ------
    ImageError
        If the file cannot be opened, is no picture, is damaged or cut short, or holds samples
        other than 8 or 16 bit integers.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror})") from error
    if not data:
        raise ImageError(path, "the file is empty")
    picture_format = format_of_content(data)
    if picture_format is None:
        raise ImageError(path, f"the content is not {FORMAT_NAMES}")
    try:
        return _codec(picture_format).decode(data, picture_format)
    except CodecError as error:
        raise ImageError(path, str(error)) from error


def write_image(path: str, picture: Picture) -> None:
    """Write one picture in the format that the path's extension names.

    The bytes go to a temporary file in the same folder, which then takes the path's place: a
    reader never meets half a file, whatever happens.

    Raises
    ------
    ImageError
        If the format cannot hold the picture or the file cannot be written.
    """
    picture_format = check_writable(path, picture)
    try:
        replace_file(path, _codec(picture_format).encode(picture, picture_format))
    except CodecError as error:
        raise ImageError(path, str(error)) from error
    except OSError as error:
        raise ImageError(path, f"cannot be written ({error.strerror})") from error


def check_writable(path: str, picture: Picture) -> PictureFormat:
    """Return the format for a path, or say why it cannot hold the picture.

    Raises
    ------
    ImageError
        If the extension is unknown, or the format lacks the depth, the alpha channel or the
        size.
    """
    picture_format = format_of_name(path)
    if picture_format is None:
        raise ImageError(path, f"the extension is not one of {FORMAT_NAMES}")
    name = picture_format.name
    hint = ""
    if picture.source_format is not picture_format:
        hint = f"; the input is a {picture.source_format.name} file in spite of its name"
    if picture.depth not in picture_format.depths:
        raise ImageError(path, f"{name} cannot hold {picture.depth} bits{hint}")
    if picture.alpha is not None:
        grey = picture.pixels.ndim == 2
        if not (picture_format.grey_alpha if grey else picture_format.alpha):
            kind = "a grey picture with alpha" if grey else "an alpha channel"
            raise ImageError(path, f"{name} cannot hold {kind}{hint}")
    height, width = picture.pixels.shape[:2]
    if max(height, width) > picture_format.largest_side:
        raise ImageError(
            path,
            f"{name} holds at most {picture_format.largest_side} pixels a side, "
            f"received {width}x{height}",
        )
    return picture_format


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


def _codec(picture_format: PictureFormat):
    # Imported where they are used: each loads a large library.
    if picture_format is BMP:
        from deblurnets import codec_bmp as codec
    else:
        from deblurnets import codec_vips as codec
    return codec
