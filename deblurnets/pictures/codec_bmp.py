"""BMP through OpenCV: the libvips wheel has no BMP. Why: `docs/decisions/001-image-library.md`."""

from __future__ import annotations

import struct
from typing import NamedTuple, Optional, Tuple

import cv2
import numpy as np

from deblurnets.pictures.formats import BMP, PictureFormat
from deblurnets.pictures.picture import (
    PLAIN_SAVE,
    CodecError,
    Picture,
    SaveOptions,
    check_pixels,
    split_bands,
)

# What it refuses is told by an exception, and would go to stderr as well.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

_OS2_HEADER = 12  # bytes; the one of OS/2 1.x has short sizes and no resolution
_ALPHA_HEADER = 56  # bytes; from here on a header has a mask of alpha
_BIT_FIELDS, _ALPHA_BIT_FIELDS = 3, 6  # kinds of compression
_RESOLUTION_AT, _MASKS_AT = 38, 54  # bytes from the file's start
_MASKS_555 = (0x7C00, 0x03E0, 0x001F)


class _Header(NamedTuple):
    """What a file says of its pixels; a negative height stores the top row first."""

    size: int
    width: int
    height: int
    bits: int
    compression: int
    per_metre: Tuple[int, int] = (0, 0)


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
        header = _read_header(data)
        check_pixels(header.width, abs(header.height), max_pixels)
        words = header.bits in (16, 32) and (header.bits == 16 or header.compression != 0)
        bands = _decode_words(data, header) if words else _decode_bytes(data, header)
    except (struct.error, ValueError, cv2.error) as error:
        raise CodecError("the BMP data is damaged or cut short, or of an unusual kind") from error
    pixels, alpha = split_bands(bands)
    across, down = header.per_metre
    resolution = (across / 1000, down / 1000) if min(header.per_metre) > 0 else None
    return Picture(pixels, alpha, resolution=resolution, source_format=picture_format)


def encode(
    picture: Picture, picture_format: PictureFormat = BMP, save: SaveOptions = PLAIN_SAVE
) -> bytes:
    """Encode an 8-bit grey, RGB or RGBA picture as a BMP file; it has no metadata to strip.

    Raises
    ------
    CodecError
        If OpenCV refuses the picture.
    """
    try:
        data = bytearray(cv2.imencode(".bmp", _swap_red_and_blue(picture.bands()))[1])
    except cv2.error as error:
        raise CodecError("the picture cannot be written as BMP") from error
    if picture.resolution is not None:
        per_metre = (round(min(1000 * side, 2**31 - 1)) for side in picture.resolution)
        struct.pack_into("<ii", data, _RESOLUTION_AT, *per_metre)
    return bytes(data)


def _read_header(data: bytes) -> _Header:
    (size,) = struct.unpack_from("<I", data, 14)
    if size == _OS2_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        return _Header(size, width, height, bits, 0)
    width, height, _, bits, kind, _, across, down = struct.unpack_from("<iiHHIIii", data, 18)
    if width <= 0 or height == 0:
        raise ValueError(f"size {width}x{height}")
    return _Header(size, width, height, bits, kind, (across, down))


def _decode_bytes(data: bytes, header: _Header) -> np.ndarray:
    """Decode palettes, run lengths and pixels of whole bytes; (H, W, 1 or 3)."""
    # As they are stored OpenCV takes pictures of OS/2 for grey ones.
    flag = cv2.IMREAD_COLOR if header.size == _OS2_HEADER else cv2.IMREAD_UNCHANGED
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if image is None:
        raise ValueError("OpenCV cannot read it")
    return _swap_red_and_blue(np.atleast_3d(image)[:, :, :3])


def _decode_words(data: bytes, header: _Header) -> np.ndarray:
    """Decode pixels of 16 or 32 bits whose parts are told apart by masks; (H, W, 3 or 4).

    OpenCV makes 248 of 5 white bits, takes a fourth byte without a mask for alpha, and reads masks
    of other than whole bytes wrong without a word.
    """
    masks = _MASKS_555
    if header.compression != 0:
        if header.compression not in (_BIT_FIELDS, _ALPHA_BIT_FIELDS):
            raise ValueError(f"compression {header.compression}")
        has_alpha = header.size >= _ALPHA_HEADER or header.compression == _ALPHA_BIT_FIELDS
        # They follow the shortest header, and lie at the same place within all longer ones.
        masks = struct.unpack_from("<IIII" if has_alpha else "<III", data, _MASKS_AT)
        masks = masks if masks[-1] else masks[:3]
    (start,) = struct.unpack_from("<I", data, 10)
    size, rows = header.bits // 8, abs(header.height)
    stride = -(-header.width * size // 4) * 4 // size  # a row fills whole groups of 4 bytes
    words = np.frombuffer(data, f"<u{size}", rows * stride, start).reshape(rows, stride)
    words = words[:: 1 if header.height < 0 else -1, : header.width].astype(np.uint32)
    return np.stack([_samples(words, mask) for mask in masks], axis=-1)


def _samples(words: np.ndarray, mask: int) -> np.ndarray:
    """Scale the bits under a mask to 0..255."""
    lowest = mask & -mask
    largest = mask // lowest if lowest else 0
    if not largest or largest & (largest + 1):
        raise ValueError(f"mask {mask:#x} is empty or has gaps")
    values = (words & mask) // lowest
    return (values if largest == 255 else np.rint(values * (255 / largest))).astype(np.uint8)


def _swap_red_and_blue(bands: np.ndarray) -> np.ndarray:
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    channels = bands.shape[2]
    return cv2.cvtColor(bands, codes[channels]) if channels in codes else bands
