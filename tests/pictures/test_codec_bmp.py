"""BMP files made by hand: each layout comes out as its definition says, or is refused."""

import struct

import numpy as np
import picture_files as files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.pictures.files import ImageError, decode_image

RGBA = np.random.RandomState(0).randint(0, 256, (5, 7, 4)).astype(np.uint8)
RGB = RGBA[:, :, :3]
INDICES = np.random.RandomState(1).randint(0, 256, (5, 7)).astype(np.uint8)
PALETTE = np.random.RandomState(2).randint(0, 256, (256, 3)).astype(np.uint8)
BYTES = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
HEADERS = (40, 52, 56, 108, 124)
REFUSED = "damaged or cut short, or of an unusual kind"


def bmp(rows, bits, compression=0, header=40, masks=(), palette=b"", upwards=True, colours=0):
    """A BMP file of rows of bytes, the top one first."""
    parts = [row + b"\0" * (-len(row) % 4) for row in rows]
    height = len(parts) if upwards else -len(parts)
    body = b"".join(parts[:: -1 if upwards else 1])
    return bmp_of_body(body, bits, compression, header, masks, palette, height, colours)


def bmp_of_body(body, bits, compression, header, masks, palette, height=5, colours=0):
    packed = struct.pack(f"<{len(masks)}I", *masks)
    head = struct.pack(
        "<IiiHHIIiiII", header, 7, height, 1, bits, compression, len(body), 0, 0, colours, 0
    )
    head += packed + bytes(max(0, header - 40 - len(packed))) + palette
    start = 14 + len(head)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + head + body


def words(channels, masks, size):
    """Rows of little-endian words with each channel's upper bits under its mask."""
    total = np.zeros(channels.shape[:2], np.uint64)
    for channel, mask in zip(np.moveaxis(channels, 2, 0), masks):
        low = mask & -mask
        kept = np.rint(channel.astype(float) * (mask // low) / 255).astype(np.uint64)
        total |= kept * np.uint64(low)
    return [row.astype(f"<u{size}").tobytes() for row in total]


def through(channels, masks):
    """What is left of channels whose values were rounded to the bits of their masks."""
    tops = [mask // (mask & -mask) for mask in masks]
    return np.stack(
        [
            np.rint(np.rint(channel.astype(float) * top / 255) * 255 / top)
            for channel, top in zip(np.moveaxis(channels, 2, 0), tops)
        ],
        axis=-1,
    )


def decoded(data):
    bands = decode_image("x.bmp", data).bands()
    return bands[:, :, 0] if bands.shape[2] == 1 else bands


def entries(colours):
    return b"".join(bytes([*colour[::-1], 0]) for colour in colours)


def packed(indices, bits):
    """Rows of palette indices, several a byte, the first in the highest bits."""
    planes = np.unpackbits(indices[:, :, None], axis=2)[:, :, -bits:]
    return [np.packbits(row.ravel()).tobytes() for row in planes]


@pytest.mark.parametrize("upwards", [True, False])
@pytest.mark.parametrize("bits", [24, 32])
def test_bytes(bits, upwards):
    """The fourth byte of a pixel has no meaning without a mask."""
    rows = [row[:, [2, 1, 0, 3][: bits // 8]].tobytes() for row in RGBA]
    assert np.array_equal(decoded(bmp(rows, bits, upwards=upwards)), RGB)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 1, 0, 3), (3, 2, 1, 0)])
def test_bytes_with_masks_in_any_order(header, order):
    masks = [BYTES[at] for at in order]
    data = bmp(words(RGBA, masks, 4), 32, 3, header, masks[: 4 if header >= 56 else 3])
    assert np.array_equal(decoded(data), RGBA if header >= 56 else RGB)
    alpha_after_all = bmp(words(RGBA, masks, 4), 32, 6, 40, masks)
    assert np.array_equal(decoded(alpha_after_all), RGBA)


@pytest.mark.parametrize("header", [56, 124])
def test_an_empty_mask_of_alpha_is_no_alpha(header):
    data = bmp(words(RGB, BYTES, 4), 32, 3, header, (*BYTES[:3], 0))
    assert np.array_equal(decoded(data), RGB)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("masks", [(0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)])
def test_sixteen_bits(header, masks):
    data = bmp(words(RGB, masks, 2), 16, 3, header, masks)
    assert np.array_equal(decoded(data), through(RGB, masks))
    white = bmp(words(np.full_like(RGB, 255), masks, 2), 16, 3, header, masks)
    assert (decoded(white) == 255).all()


def test_sixteen_bits_without_masks():
    masks = (0x7C00, 0x3E0, 0x1F)
    assert np.array_equal(decoded(bmp(words(RGB, masks, 2), 16)), through(RGB, masks))


@st.composite
def masks_of_a_word(draw):
    """Four masks side by side in any order, and the size of the word in bytes."""
    size = draw(st.sampled_from([2, 4]))
    widths = draw(st.lists(st.integers(1, 2 * size), min_size=4, max_size=4))
    shifts = np.cumsum([0, *widths[:-1]])
    masks = [((1 << width) - 1) << int(shift) for width, shift in zip(widths, shifts)]
    return draw(st.permutations(masks)), size


@settings(max_examples=60, deadline=None)
@given(masks_of_a_word())
def test_any_masks(masks_and_size):
    masks, size = masks_and_size
    data = bmp(words(RGBA, masks, size), 8 * size, 3, 108, masks)
    assert np.array_equal(decoded(data), through(RGBA, masks))


@pytest.mark.parametrize("masks", [(0xFF0000, 0, 0xFF), (0xF0F000, 0xFF0000, 0xFF)])
def test_masks_without_bits_or_with_gaps_are_refused(masks):
    with pytest.raises(ImageError, match=REFUSED):
        decoded(bmp(words(RGB, BYTES, 4), 32, 3, 40, masks))


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palettes(bits):
    indices = INDICES >> (8 - bits)
    data = bmp(packed(indices, bits), bits, palette=entries(PALETTE[: 2**bits]))
    assert np.array_equal(decoded(data), PALETTE[indices])
    greys = np.repeat(PALETTE[: 2**bits, :1], 3, axis=1)
    data = bmp(packed(indices, bits), bits, palette=entries(greys))
    assert np.array_equal(decoded(data), greys[indices][:, :, 0])


def test_a_short_palette():
    indices = INDICES % 100
    data = bmp(packed(indices, 8), 8, palette=entries(PALETTE[:100]), colours=100)
    assert np.array_equal(decoded(data), PALETTE[indices])


def test_run_lengths():
    """Rows of a run of two, five pixels one by one and the row's end; then the picture's end."""
    indices = INDICES.copy()
    indices[:, 1] = indices[:, 0]
    rows = [bytes([2, row[0], 0, 5, *row[2:], 0, 0, 0]) for row in indices]
    data = bmp_of_body(b"".join(rows[::-1]) + b"\0\1", 8, 1, 40, (), entries(PALETTE))
    assert np.array_equal(decoded(data), PALETTE[indices])

    small = INDICES >> 4
    rows = [
        bytes([2, row[0] << 4 | row[1], 0, 5, row[2] << 4 | row[3], row[4] << 4 | row[5]])
        + bytes([row[6] << 4, 0, 0, 0])
        for row in small.astype(int)
    ]
    data = bmp_of_body(b"".join(rows[::-1]) + b"\0\1", 4, 2, 40, (), entries(PALETTE[:16]))
    assert np.array_equal(decoded(data), PALETTE[small])


@pytest.mark.parametrize("bits", [8, 24])
def test_files_of_os2(bits):
    rows = [row.tobytes() for row in (INDICES if bits == 8 else RGB[:, :, ::-1])]
    palette = PALETTE[:, ::-1].tobytes() if bits == 8 else b""
    body = b"".join(row + b"\0" * (-len(row) % 4) for row in rows[::-1])
    start = 26 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
    head += struct.pack("<IHHHH", 12, 7, 5, 1, bits) + palette
    assert np.array_equal(decoded(head + body), PALETTE[INDICES] if bits == 8 else RGB)


@pytest.mark.parametrize(("bits", "compression"), [(2, 0), (0, 4), (0, 5), (32, 1), (16, 9)])
def test_what_is_not_read_is_said(bits, compression, capfd):
    rows = [row.tobytes() for row in RGBA]
    with pytest.raises(ImageError, match=REFUSED):
        decoded(bmp(rows, bits, compression, palette=entries(PALETTE[:4])))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("kept", [0.1, 0.4, 0.9, 0.99])
def test_cut_files_with_masks_are_refused(bits, kept):
    masks = BYTES if bits == 32 else (0xF00, 0xF0, 0xF, 0xF000)
    data = bmp(words(RGBA, masks, bits // 8), bits, 3, 124, masks)
    with pytest.raises(ImageError, match=REFUSED):
        decoded(data[: int(kept * len(data))])


def test_a_file_says_its_resolution_or_does_not():
    data = bytearray(files.example_bytes(".bmp"))
    data[38:46] = struct.pack("<ii", 11811, 5906)
    assert decode_image("x.bmp", bytes(data)).resolution == (11.811, 5.906)
    data[38:46] = bytes(8)
    assert decode_image("x.bmp", bytes(data)).resolution is None
