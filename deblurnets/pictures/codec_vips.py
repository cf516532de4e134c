"""PNG, JPEG, TIFF and WebP through libvips, from bytes and to bytes.

Bytes rather than paths: libvips reads square brackets in a file name as options. Why libvips:
`docs/decisions/001-image-library.md`.
"""

from __future__ import annotations

import contextlib
import re
import struct
from typing import Any, Dict, Mapping, Optional, Tuple, Union

import numpy as np
import pyvips

from deblurnets.pictures.exif import add_exif_to_tiff, exif_of_png, exif_of_tiff, png_with_exif
from deblurnets.pictures.formats import JPEG, PNG, TIFF, WEBP, PictureFormat
from deblurnets.pictures.picture import (
    PLAIN_SAVE,
    CodecError,
    Picture,
    SaveOptions,
    check_pixels,
    split_bands,
)

_DTYPES: Dict[str, np.dtype] = {
    "uchar": np.dtype(np.uint8),
    "ushort": np.dtype(np.uint16),
    "float": np.dtype(np.float32),
}
_VIPS_FORMATS = {8: "uchar", 16: "ushort", 32: "float"}
_INTERPRETATIONS = {8: ("b-w", "srgb"), 16: ("grey16", "rgb16"), 32: ("b-w", "srgb")}
_SAMPLE_NAMES = {
    "double": "64-bit float",
    "uint": "32-bit",
    "int": "32-bit",
}
_PLAIN = ("b-w", "grey16", "srgb", "rgb16", "rgb", "multiband")
# What libvips takes all floating RGB for, though a file has gamma-encoded values as a rule.
_PLAIN_FLOAT = (*_PLAIN, "scrgb")
_MOST_PER_MM = 1e6  # of libvips; damaged files claim more
_KEPT_FIELDS = ("icc-profile-data", "xmp-data", "iptc-data", "exif-data", "resolution-unit")


def decode(data: bytes, picture_format: PictureFormat, max_pixels: Optional[int] = None) -> Picture:
    """Decode a whole file.

    Parameters
    ----------
    data : bytes
        The file's content.
    picture_format : PictureFormat
        What its first bytes tell.
    max_pixels : int, optional
        The largest picture that is decoded; None for no limit.

    Returns
    -------
    Picture
        Upright, grey or RGB, 8 or 16 bits or 32-bit floating numbers as in the file.

    Raises
    ------
    CodecError
        If the data is damaged, cut short, of a kind that is not handled, or too large.
    """
    notes: Tuple[str, ...] = ()
    try:
        image, kind_notes = _load(data, "warning", max_pixels)
    except pyvips.Error as warning:
        # "error" still refuses what is cut short; what passes it may be sound but for a detail.
        try:
            image, kind_notes = _load(data, "error", max_pixels)
        except pyvips.Error as error:
            raise CodecError(
                f"the {picture_format.name} data is damaged or cut short ({_first_line(error)})"
            ) from error
        notes = (f"the data may be damaged in places ({_first_line(warning)})",)
    bands = np.frombuffer(image.write_to_memory(), _DTYPES[image.format])
    if image.format == "float":
        _check_range(bands)
    notes += kind_notes + _page_notes(image, data, picture_format)
    pixels, alpha = split_bands(bands.reshape(image.height, image.width, image.bands))
    metadata = _metadata(image)
    if picture_format is TIFF:
        metadata.update(_exif_fields(data))
    return Picture(
        pixels,
        alpha,
        metadata=metadata,
        resolution=(image.xres, image.yres),
        source_format=picture_format,
        lossless=_is_lossless(data, picture_format),
        notes=notes,
    )


def encode(
    picture: Picture, picture_format: PictureFormat, save: SaveOptions = PLAIN_SAVE
) -> bytes:
    """Encode a picture as the bytes of a file.

    JPEG is written at quality 95 without chroma subsampling; PNG and TIFF without losses; WebP
    as it was read or, if a quality is given, with losses, its alpha channel always without.

    Raises
    ------
    CodecError
        If libvips refuses the picture.
    """
    bands = picture.bands()
    height, width, count = bands.shape
    image = pyvips.Image.new_from_memory(
        bands.tobytes(), width, height, count, _VIPS_FORMATS[picture.depth]
    )
    settings: Dict[str, Any] = {"interpretation": _INTERPRETATIONS[picture.depth][count >= 3]}
    if picture.resolution is not None:
        settings["xres"], settings["yres"] = np.clip(picture.resolution, 0, _MOST_PER_MM).tolist()
    image = image.copy(**settings)
    _set_metadata(image, picture.metadata)
    try:
        options = _save_options(picture, picture_format, save.quality)
        if save.strip_metadata:
            options["keep"] = "icc"
        data = image.write_to_buffer(picture_format.extensions[0], **options)
        if picture_format is TIFF and not save.strip_metadata:
            block = _exif_block(picture.metadata)
            data = add_exif_to_tiff(data, block) if block else data
        return data
    except pyvips.Error as error:
        raise CodecError(
            f"the picture cannot be written as {picture_format.name} ({_first_line(error)})"
        ) from error


def _save_options(
    picture: Picture, picture_format: PictureFormat, quality: Optional[int]
) -> Dict[str, Any]:
    if picture_format is JPEG:
        return {"Q": quality or 95, "subsample_mode": "off", "optimize_coding": True}
    if picture_format is PNG:
        # Half the size of the default (no filter) for a photograph, at the same speed.
        return {"filter": "up"}
    if picture_format is TIFF:
        size = picture.pixels.nbytes
        predictor = "float" if picture.depth == 32 else "horizontal"
        return {"compression": "lzw", "predictor": predictor, "bigtiff": size > 2**31}
    if picture_format is WEBP:
        # exact: colours under transparent pixels are kept too.
        lossless = picture.lossless and quality is None
        return {"lossless": lossless, "exact": True, "Q": quality or 95, "alpha_q": 100}
    raise CodecError(f"{picture_format.name} is not written by libvips")


def _load(
    data: bytes, fail_on: str, max_pixels: Optional[int]
) -> Tuple[pyvips.Image, Tuple[str, ...]]:
    # This reads the header only.
    image = pyvips.Image.new_from_buffer(data, "", fail_on=fail_on, access="sequential")
    check_pixels(image.width, image.height, max_pixels)
    image, notes = _to_grey_or_rgb(image)
    return image.copy_memory().autorot().copy_memory(), notes


def _page_notes(image: pyvips.Image, data: bytes, picture_format: PictureFormat) -> Tuple[str, ...]:
    pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
    if pages > 1:
        return (f"only the first of its {pages} pages or frames is used",)
    # libvips does not tell that a PNG is animated.
    if picture_format is PNG and b"acTL" in data[: data.find(b"IDAT")]:
        return ("only the still picture of this animated PNG is used",)
    return ()


def _to_grey_or_rgb(image: pyvips.Image) -> Tuple[pyvips.Image, Tuple[str, ...]]:
    """Check the samples and convert the colour spaces that need it (CMYK, Lab)."""
    if image.format not in _DTYPES:
        raise CodecError(
            "its samples are {}, expected 8 or 16 bit unsigned integers or 32-bit float".format(
                _SAMPLE_NAMES.get(image.format, "of the kind " + image.format)
            )
        )
    notes: Tuple[str, ...] = ()
    if image.format == "float":
        if image.interpretation not in _PLAIN_FLOAT:
            raise CodecError(
                f"its floating numbers are {image.interpretation.upper()} colours, expected grey "
                "or RGB"
            )
    elif image.interpretation not in _PLAIN:
        name = image.interpretation.upper()
        deep = image.format == "ushort"
        image = image.colourspace("rgb16" if deep else "srgb").copy()
        image.remove("icc-profile-data")  # it described the old colours
        notes = (f"its {name} colours were converted to RGB",)
    if image.bands not in (1, 3, 2, 4) or (image.bands in (2, 4) and not image.hasalpha()):
        raise CodecError(
            f"it has {image.bands} channels, expected grey or RGB, with or without alpha"
        )
    return image, notes


def _check_range(samples: np.ndarray) -> None:
    """Refuse floating samples that are no picture from black, 0, to white, 1."""
    low, high = float(samples.min()), float(samples.max())
    if not np.isfinite([low, high]).all():  # a NaN anywhere makes both of them NaN
        raise CodecError("it holds NaN or infinite values, expected numbers in 0..1")
    if low < 0 or high > 1:
        raise CodecError(
            f"its values reach from {low:g} to {high:g}, expected floating numbers in 0..1"
        )


def _metadata(image: pyvips.Image) -> Dict[str, Union[str, bytes]]:
    """Collect what goes into the result; the thumbnail does not, it shows the blurry picture."""
    kept: Dict[str, Union[str, bytes]] = {}
    for name in image.get_fields():
        is_exif = name.startswith("exif-ifd") and not name.startswith("exif-ifd1")
        if is_exif or name in _KEPT_FIELDS:
            # A text field in another encoding than UTF-8 cannot be read, and goes.
            with contextlib.suppress(UnicodeDecodeError):
                value = image.get(name)
                kept[name] = value if isinstance(value, str) else _of_result(name, bytes(value))
    return kept


def _of_result(name: str, block: bytes) -> bytes:
    """Return what of a block holds for the result, which is upright and no longer blurry."""
    if name == "exif-data":
        return _without_thumbnail(block)
    if name == "xmp-data":
        # It may repeat the orientation that EXIF gave.
        return re.sub(rb"(tiff:Orientation\s*(?:=\s*[\"']|>))[2-8]", rb"\g<1>1", block)
    return block


def _set_metadata(image: pyvips.Image, metadata: Mapping[str, Union[str, bytes]]) -> None:
    for name, value in metadata.items():
        kind = pyvips.GValue.blob_type if isinstance(value, bytes) else pyvips.GValue.refstr_type
        image.set_type(kind, name, value)
    if "exif-data" in metadata:
        # Without it libvips writes the orientation that is still inside the EXIF block.
        image.set_type(pyvips.GValue.gint_type, "orientation", 1)


def _exif_fields(tiff: bytes) -> Dict[str, Union[str, bytes]]:
    """Return the EXIF of a TIFF file as the fields that libvips has for it in other formats."""
    block = exif_of_tiff(tiff)
    if block is None:
        return {}
    try:
        carrier = pyvips.Image.new_from_buffer(png_with_exif(block), "")
    except pyvips.Error:  # a block that libexif cannot read
        return {}
    return {name: value for name, value in _metadata(carrier).items() if name.startswith("exif-")}


def _exif_block(metadata: Mapping[str, Union[str, bytes]]) -> Optional[bytes]:
    """Return the EXIF block that libvips makes of fields, or None if they are not EXIF."""
    exif = {name: value for name, value in metadata.items() if name.startswith("exif-")}
    if "exif-data" not in exif:
        return None
    carrier = pyvips.Image.black(1, 1).copy()
    _set_metadata(carrier, exif)
    return exif_of_png(carrier.write_to_buffer(".png"))


def _without_thumbnail(exif: bytes) -> bytes:
    """Cut an EXIF block's link from its first directory to the second, the thumbnail's."""
    start = 6 if exif.startswith(b"Exif\0\0") else 0
    order = ">" if exif[start : start + 2] == b"MM" else "<"
    try:
        (offset,) = struct.unpack_from(order + "I", exif, start + 4)
        (count,) = struct.unpack_from(order + "H", exif, start + offset)
        changed = bytearray(exif)
        struct.pack_into(order + "I", changed, start + offset + 2 + 12 * count, 0)
    except struct.error:  # a block too short for its own directory is kept as it is
        return exif
    return bytes(changed)


def _is_lossless(data: bytes, picture_format: PictureFormat) -> bool:
    if picture_format is WEBP:
        return b"VP8L" in data  # a chance match in lossy data costs file size only
    return picture_format is not JPEG


def _first_line(error: pyvips.Error) -> Optional[str]:
    """Return the first line that libvips itself reported."""
    lines = [line.strip() for line in str(error.detail).splitlines() if line.strip()]
    return lines[0] if lines else error.message
