"""EXIF of TIFF files: read from their directories, written into them, nothing else changed."""

import io
import struct

import numpy as np
import picture_files as files
import pytest
import tifftools
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deblurnets.pictures.exif import add_exif_to_tiff, exif_of_tiff
from deblurnets.pictures.files import decode_image, read_image, write_image

MAKE, DATE, COPYRIGHT, ORIENTATION = 0x10F, 0x132, 0x8298, 0x112
EXPOSURE, GPS = 0x8769, 0x8825
TIME, ISO, VERSION, BIAS, NOTE = 0x829A, 0x8827, 0x9000, 0x9204, 0x927C
ASCII, SHORT, RATIONAL, SIGNED, UNDEFINED, DIRECTORY = 2, 3, 5, 10, 7, 13


def entry(kind, data):
    return {"datatype": kind, "data": data}


def directory(tags):
    return {"datatype": DIRECTORY, "data": [0], "ifds": [[{"tags": tags}]]}


def camera_tags():
    """What a camera or a raw converter writes into a TIFF."""
    exposure = {
        TIME: entry(RATIONAL, [1, 125]),
        ISO: entry(SHORT, [400]),
        VERSION: entry(UNDEFINED, b"0232"),
        BIAS: entry(SIGNED, [-1, 3]),
        NOTE: entry(UNDEFINED, bytes(range(200))),
    }
    place = {1: entry(ASCII, "N"), 2: entry(RATIONAL, [48, 1, 30, 1, 25, 2])}
    return {
        MAKE: entry(ASCII, "Maker"),
        DATE: entry(ASCII, "2020:01:02 03:04:05"),
        COPYRIGHT: entry(ASCII, "Zoë"),
        ORIENTATION: entry(SHORT, [6]),
        EXPOSURE: directory(exposure),
        GPS: directory(place),
    }


def camera_tiff(array, big_endian=False, bigtiff=False):
    info = tifftools.read_tiff(io.BytesIO(files.tiff_bytes(array)))
    info["ifds"][0]["tags"].update(camera_tags())
    result = io.BytesIO()
    tifftools.write_tiff(info, result, bigEndian=big_endian, bigtiff=bigtiff)
    return result.getvalue()


def tags_of(data, number=None):
    """Return tag: raw data, of the first directory or of one in it."""
    tags = tifftools.read_tiff(io.BytesIO(data))["ifds"][0]["tags"]
    tags = tags[number]["ifds"][0][0]["tags"] if number else tags
    return {tag: value["data"] for tag, value in tags.items()}


def check_camera_tags(data):
    own, exposure, place = tags_of(data), tags_of(data, EXPOSURE), tags_of(data, GPS)
    assert (own[MAKE], own[DATE], own[COPYRIGHT]) == ("Maker", "2020:01:02 03:04:05", "Zoë")
    assert own.get(ORIENTATION, [1]) == [1]
    assert (exposure[TIME], exposure[ISO], exposure[BIAS]) == ([1, 125], [400], [-1, 3])
    assert (exposure[VERSION], exposure[NOTE]) == (b"0232", bytes(range(200)))
    assert (place[1], place[2]) == ("N", [48, 1, 30, 1, 25, 2])


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_to_tiff_keeps_everything(tmp_path, dtype, bigtiff):
    array = files.gradient(channels=4, dtype=dtype)
    (tmp_path / "x.tif").write_bytes(camera_tiff(array, bigtiff=bigtiff))
    picture = read_image(str(tmp_path / "x.tif"))
    write_image(str(tmp_path / "y.tif"), picture)
    check_camera_tags((tmp_path / "y.tif").read_bytes())
    assert np.array_equal(read_image(str(tmp_path / "y.tif")).bands(), np.rot90(array, -1))


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
def test_there_and_back_through_other_formats(tmp_path, extension):
    (tmp_path / "x.tif").write_bytes(camera_tiff(files.gradient()))
    paths = [str(tmp_path / name) for name in ("x.tif", "y" + extension, "z.tif")]
    for source, target in zip(paths, paths[1:]):
        write_image(target, read_image(source))
    with Image.open(paths[1]) as image:
        assert image.getexif()[MAKE] == "Maker"
        assert image.getexif().get_ifd(EXPOSURE)[ISO] == 400
        assert image.getexif().get(ORIENTATION, 1) == 1
    check_camera_tags((tmp_path / "z.tif").read_bytes())


@pytest.mark.parametrize("big_endian", [False, True])
def test_block_into_another_file_and_out_again(big_endian):
    block = exif_of_tiff(camera_tiff(files.gradient(), big_endian))
    assert block[6:8] == (b"MM" if big_endian else b"II")
    plain = files.tiff_bytes(files.gradient())
    result = add_exif_to_tiff(plain, block)
    check_camera_tags(result)
    kept = {tag: data for tag, data in tags_of(plain).items() if tag != 273}  # strips move
    assert kept.items() <= tags_of(result).items()
    assert exif_of_tiff(add_exif_to_tiff(plain, exif_of_tiff(result))) == exif_of_tiff(result)


def test_a_tag_that_is_there_stays():
    block = exif_of_tiff(camera_tiff(files.gradient()))
    once = add_exif_to_tiff(files.tiff_bytes(files.gradient()), block)
    other = exif_of_tiff(once.replace(b"Maker", b"Other"))
    assert tags_of(add_exif_to_tiff(once, other))[MAKE] == "Maker"


def test_text_that_is_no_utf8_harms_nothing():
    array = files.gradient()
    block = camera_tiff(array).replace("Zoë".encode(), "Zoeë".encode("latin-1"))
    data = add_exif_to_tiff(files.tiff_bytes(array), block)
    assert np.array_equal(decode_image("x.tif", data).pixels, array)
    assert tags_of(data).get(COPYRIGHT, b"Zoe\xeb").rstrip(b"\0") == b"Zoe\xeb"


def test_file_without_exif_has_none():
    assert exif_of_tiff(files.tiff_bytes(files.gradient())) is None


@pytest.mark.parametrize("number", [EXPOSURE, GPS])
def test_directories_that_go_round_in_circles_end(number):
    data = bytearray(camera_tiff(files.gradient()))
    info = tifftools.read_tiff(io.BytesIO(bytes(data)))
    inner = info["ifds"][0]["tags"][number]["ifds"][0][0]
    follows = inner["offset"] + 2 + 12 * inner["tagcount"]
    assert struct.unpack_from("<I", data, follows) == (0,)
    struct.pack_into("<I", data, follows, inner["offset"])
    assert exif_of_tiff(bytes(data)) is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_directories_give_a_block_or_none(data):
    sound = camera_tiff(files.gradient(8, 8), data.draw(st.booleans()), data.draw(st.booleans()))
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    block = exif_of_tiff(bytes(damaged[: data.draw(st.integers(8, len(sound)))]))
    assert block is None or block.startswith(b"Exif\0\0")
