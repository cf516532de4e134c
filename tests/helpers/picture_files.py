"""Picture files made without the code under test: BMP and 16 bits by hand, the rest by Pillow."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def gradient(height=24, width=32, channels=3, dtype=np.uint8):
    """A smooth picture without symmetries, (H, W) for one channel, else (H, W, channels)."""
    rows, columns = np.mgrid[0:height, 0:width]
    largest = np.iinfo(dtype).max
    planes = [
        largest * (rows / height * (c + 1) + columns / width) / (c + 2) for c in range(channels)
    ]
    picture = np.stack(planes, axis=-1).round().astype(dtype)
    return picture[:, :, 0] if channels == 1 else picture


def png_bytes(array):
    """A PNG of an (H, W, 1 to 4) array, unfiltered."""
    array = np.atleast_3d(array)
    height, width, channels = array.shape
    samples = array.astype(">u2" if array.dtype == np.uint16 else np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8 * array.dtype.itemsize, colour_type, 0, 0, 0)

    def chunk(name, data):
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff_bytes(array, orientation=1):
    """An uncompressed little-endian TIFF of an (H, W, 1 to 4) array in one strip."""
    array = np.atleast_3d(array)
    height, width, channels = array.shape
    pixels = array.astype("<u2" if array.dtype == np.uint16 else np.uint8).tobytes()
    bits = struct.pack(f"<{channels}H", *[8 * array.dtype.itemsize] * channels)
    extra = [(338, 3, 1, 2)] if channels in (2, 4) else []  # unassociated alpha
    count = 10 + len(extra)
    offset_bits = 8 + 2 + 12 * count + 4
    offset_pixels = offset_bits + len(bits)
    inline_bits = struct.unpack("<I", bits.ljust(4, b"\0")[:4])[0]
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, inline_bits if channels < 3 else offset_bits),
        (259, 3, 1, 1),
        (262, 3, 1, 1 if channels < 3 else 2),
        (273, 4, 1, offset_pixels),
        (274, 3, 1, orientation),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, len(pixels)),
        *extra,
    ]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", count)
    return head + directory + struct.pack("<I", 0) + bits + pixels


def bmp_bytes(body, size, bits, compression=0, header=40, masks=(), palette=b""):
    """A BMP file: its header of some length, masks in it or behind, a palette, the packed pixels.

    `size` is (height, width), the height negative where the top row comes first.
    """
    fields = (size[1], size[0], 1, bits, compression, len(body), 0, 0, len(palette) // 4, 0)
    head = struct.pack("<IiiHHIIiiII", header, *fields)
    head += struct.pack(f"<{len(masks)}I", *masks).ljust(header - 40, b"\0") + palette
    start = 14 + len(head)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + head + body


def bmp_body(rows, upwards=True):
    """Rows of packed pixels, the top one first, as a BMP file stores them."""
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows[:: -1 if upwards else 1])


def masked_bmp_bytes(channels, masks, bits, compression=3, header=40):
    """A BMP of little-endian words with each channel's (H, W, C) upper bits under its mask."""
    words = np.zeros(channels.shape[:2], np.uint64)
    for channel, mask in zip(np.moveaxis(channels, 2, 0), masks):
        lowest = mask & -mask or 1
        kept = np.rint(channel.astype(float) * (mask // lowest) / 255).astype(np.uint64)
        words |= kept * np.uint64(lowest)
    body = bmp_body([row.astype(f"<u{bits // 8}").tobytes() for row in words])
    told = masks if compression else ()
    return bmp_bytes(body, words.shape, bits, compression, header, told)


def pillow_bytes(image, kind, **options):
    """Bytes of a Pillow image (or of an array) in a format that Pillow writes."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def example_bytes(extension, **options):
    """A small RGB file of the format that an extension names."""
    kinds = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF", ".bmp": "BMP", ".webp": "WEBP"}
    return pillow_bytes(gradient(120, 160), kinds[extension], **options)
