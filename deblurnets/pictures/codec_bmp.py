"""BMP through Pillow: the libvips wheel has no BMP. Why: `docs/decisions/001-image-library.md`."""

from __future__ import annotations

import io
import struct
from typing import Optional

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile

from deblurnets.pictures.formats import BMP, PictureFormat
from deblurnets.pictures.picture import (
    PLAIN_SAVE,
    CodecError,
    Picture,
    SaveOptions,
    check_pixels,
    split_bands,
)

_MM_PER_INCH = 25.4


def decode(
    data: bytes, picture_format: PictureFormat = BMP, max_pixels: Optional[int] = None
) -> Picture:
    """Decode a whole BMP file; palettes become grey or RGB.

    Raises
    ------
    CodecError
        If the data is damaged, cut short, of a kind that is not handled, or of more than
        `max_pixels` pixels.
    """
    try:
        # Not Image.open: its own limit of pixels is a global variable.
        with BmpImageFile(io.BytesIO(data)) as image:
            check_pixels(*image.size, max_pixels)
            image.load()
            resolution = image.info.get("dpi")
            if image.mode not in ("L", "RGB", "RGBA"):
                image = image.convert("L" if image.mode == "1" else "RGB")
            bands = np.atleast_3d(np.array(image))
    # Pillow reports damage in many ways: a header's numbers are used before they are checked.
    except (OSError, ValueError, IndexError, SyntaxError, struct.error) as error:
        raise CodecError(f"the BMP data is damaged or cut short ({_first_line(error)})") from error
    pixels, alpha = split_bands(bands)
    if resolution is not None:
        resolution = (resolution[0] / _MM_PER_INCH, resolution[1] / _MM_PER_INCH)
    return Picture(pixels, alpha, resolution=resolution, source_format=picture_format)


def encode(
    picture: Picture, picture_format: PictureFormat = BMP, save: SaveOptions = PLAIN_SAVE
) -> bytes:
    """Encode an 8-bit grey, RGB or RGBA picture as a BMP file; it has no metadata to strip."""
    bands = picture.bands()
    if bands.shape[2] == 4:
        return _encode_with_alpha(bands)
    options = {}
    if picture.resolution is not None:
        options["dpi"] = tuple(round(side * _MM_PER_INCH) for side in picture.resolution)
    stream = io.BytesIO()
    Image.fromarray(bands[:, :, 0] if bands.shape[2] == 1 else bands).save(stream, "BMP", **options)
    return stream.getvalue()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _encode_with_alpha(bands: np.ndarray) -> bytes:
    """Write a 32-bit BMP with a version 4 header, whose masks say that there is an alpha channel.

    Pillow writes the alpha bytes under the old header, where every reader ignores them.
    """
    height, width = bands.shape[:2]
    rows = np.ascontiguousarray(bands[::-1, :, [2, 1, 0, 3]]).tobytes()
    header_size, bits_offset = 108, 14 + 108
    header = struct.pack("<2sIHHI", b"BM", bits_offset + len(rows), 0, 0, bits_offset)
    bit_fields = 3
    header += struct.pack(
        "<IiiHHIIiiII", header_size, width, height, 1, 32, bit_fields, len(rows), 2835, 2835, 0, 0
    )
    header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header += b"BGRs" + bytes(48)  # sRGB: end points and gammas are not used
    return header + rows
