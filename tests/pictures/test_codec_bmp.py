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
INDICES = np.random.RandomState(1).randint(0, 256, (5, 7))
PALETTE = np.random.RandomState(2).randint(0, 256, (256, 3)).astype(np.uint8)
BYTES = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
RGB555 = (0x7C00, 0x3E0, 0x1F)
HEADERS = (40, 52, 56, 108, 124)
REFUSED = "damaged or cut short, or of an unusual kind"


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
    planes = np.unpackbits(indices.astype(np.uint8)[:, :, None], axis=2)[:, :, -bits:]
    return [np.packbits(row.ravel()).tobytes() for row in planes]


@pytest.mark.parametrize("height", [5, -5])
@pytest.mark.parametrize("bits", [24, 32])
def test_bytes(bits, height):
    """The fourth byte of a pixel has no meaning without a mask."""
    rows = [row[:, [2, 1, 0, 3][: bits // 8]].tobytes() for row in RGBA]
    body = files.bmp_body(rows, upwards=height > 0)
    assert np.array_equal(decoded(files.bmp_bytes(body, (height, 7), bits)), RGB)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 1, 0, 3), (3, 2, 1, 0)])
def test_bytes_with_masks_in_any_order(header, order):
    masks = [BYTES[at] for at in order]
    if header < 56:  # such a header has no mask of alpha
        assert np.array_equal(decoded(files.masked_bmp_bytes(RGB, masks[:3], 32, 3, header)), RGB)
    else:
        assert np.array_equal(decoded(files.masked_bmp_bytes(RGBA, masks, 32, 3, header)), RGBA)
    assert np.array_equal(decoded(files.masked_bmp_bytes(RGBA, masks, 32, 6)), RGBA)


def test_a_byte_without_a_mask_is_no_alpha():
    rows = [row[:, [2, 1, 0, 3]].tobytes() for row in RGBA]
    for header, masks in ((40, BYTES[:3]), (52, BYTES[:3]), (56, (*BYTES[:3], 0))):
        data = files.bmp_bytes(files.bmp_body(rows), (5, 7), 32, 3, header, masks)
        assert np.array_equal(decoded(data), RGB)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("masks", [RGB555, (0xF800, 0x7E0, 0x1F)])
def test_sixteen_bits(header, masks):
    data = files.masked_bmp_bytes(RGB, masks, 16, 3, header)
    assert np.array_equal(decoded(data), through(RGB, masks))
    white = files.masked_bmp_bytes(np.full_like(RGB, 255), masks, 16, 3, header)
    assert (decoded(white) == 255).all()


def test_sixteen_bits_without_masks():
    data = files.masked_bmp_bytes(RGB, RGB555, 16, compression=0)
    assert np.array_equal(decoded(data), through(RGB, RGB555))


@st.composite
def masks_of_a_word(draw):
    """Four masks side by side in any order, and the bits of the word."""
    bits = draw(st.sampled_from([16, 32]))
    widths = draw(st.lists(st.integers(1, bits // 4), min_size=4, max_size=4))
    shifts = np.cumsum([0, *widths[:-1]])
    masks = [((1 << width) - 1) << int(shift) for width, shift in zip(widths, shifts)]
    return draw(st.permutations(masks)), bits


@settings(max_examples=60, deadline=None)
@given(masks_of_a_word())
def test_any_masks(masks_and_bits):
    masks, bits = masks_and_bits
    data = files.masked_bmp_bytes(RGBA, masks, bits, 3, 108)
    assert np.array_equal(decoded(data), through(RGBA, masks))


@pytest.mark.parametrize("masks", [(0xFF0000, 0, 0xFF), (0xF0F000, 0xFF0000, 0xFF)])
def test_masks_without_bits_or_with_gaps_are_refused(masks):
    with pytest.raises(ImageError, match=REFUSED):
        decoded(files.masked_bmp_bytes(RGB, masks, 32))


@pytest.mark.parametrize(("bits", "count"), [(1, 2), (4, 16), (8, 256), (8, 100)])
def test_palettes(bits, count):
    indices = (INDICES >> (8 - bits)) % count
    body = files.bmp_body(packed(indices, bits))
    data = files.bmp_bytes(body, (5, 7), bits, palette=entries(PALETTE[:count]))
    assert np.array_equal(decoded(data), PALETTE[indices])
    greys = np.repeat(PALETTE[:count, :1], 3, axis=1)
    data = files.bmp_bytes(body, (5, 7), bits, palette=entries(greys))
    assert np.array_equal(decoded(data), greys[indices][:, :, 0])


def test_run_lengths():
    """Rows of a run of two, five pixels one by one and the row's end; then the picture's end."""
    indices = INDICES.copy()
    indices[:, 1] = indices[:, 0]
    rows = [bytes([2, row[0], 0, 5, *row[2:], 0, 0, 0]) for row in indices]
    body = b"".join(rows[::-1]) + b"\0\1"
    data = files.bmp_bytes(body, (5, 7), 8, 1, palette=entries(PALETTE))
    assert np.array_equal(decoded(data), PALETTE[indices])

    small = INDICES >> 4
    pairs = [packed(np.append(row[2:], [0])[None], 4)[0] for row in small]
    rows = [
        bytes([2, row[0] << 4 | row[1], 0, 5, *pair, 0, 0, 0])
        for row, pair in zip(small.tolist(), pairs)
    ]
    body = b"".join(rows[::-1]) + b"\0\1"
    data = files.bmp_bytes(body, (5, 7), 4, 2, palette=entries(PALETTE[:16]))
    assert np.array_equal(decoded(data), PALETTE[small])


@pytest.mark.parametrize("bits", [8, 24])
def test_files_of_os2(bits):
    rows = packed(INDICES, 8) if bits == 8 else [row.tobytes() for row in RGB[:, :, ::-1]]
    palette = PALETTE[:, ::-1].tobytes() if bits == 8 else b""
    body, start = files.bmp_body(rows), 26 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start)
    head += struct.pack("<IHHHH", 12, 7, 5, 1, bits) + palette
    assert np.array_equal(decoded(head + body), PALETTE[INDICES] if bits == 8 else RGB)


@pytest.mark.parametrize(("bits", "compression"), [(2, 0), (0, 4), (0, 5), (32, 1), (16, 9)])
def test_what_is_not_read_is_said(bits, compression, capfd):
    body = RGBA.tobytes()
    with pytest.raises(ImageError, match=REFUSED):
        decoded(files.bmp_bytes(body, (5, 7), bits, compression, palette=entries(PALETTE[:4])))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("bits", "masks"), [(32, BYTES), (16, (0xF00, 0xF0, 0xF, 0xF000))])
@pytest.mark.parametrize("kept", [0.1, 0.4, 0.9, 0.99])
def test_cut_files_with_masks_are_refused(bits, masks, kept):
    data = files.masked_bmp_bytes(RGBA, masks, bits, 3, 124)
    with pytest.raises(ImageError, match=REFUSED):
        decoded(data[: int(kept * len(data))])


def test_a_file_says_its_resolution_or_does_not():
    data = bytearray(files.example_bytes(".bmp"))
    data[38:46] = struct.pack("<ii", 11811, 5906)
    assert decode_image("x.bmp", bytes(data)).resolution == (11.811, 5.906)
    data[38:46] = bytes(8)
    assert decode_image("x.bmp", bytes(data)).resolution is None
