"""What belongs to a picture beside its pixels: orientation, EXIF, ICC, XMP, resolution."""

import struct

import numpy as np
import picture_files as files
import pytest
from PIL import Image, ImageCms

from deblurnets.pictures.files import read_image, write_image

ORIENTATION, MAKE, DATE = 0x112, 0x10F, 0x132

# What a viewer does to the stored pixels, from the EXIF standard: where row 0 and column 0 lie.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def exif(orientation):
    block = Image.Exif()
    block[ORIENTATION] = orientation
    block[MAKE] = "Maker"
    block[DATE] = "2020:01:02 03:04:05"
    return block


def write_and_read(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    picture = read_image(str(tmp_path / name))
    write_image(str(tmp_path / ("out_" + name)), picture)
    return picture, tmp_path / ("out_" + name)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("x.png", "PNG", {}),
        ("x.jpg", "JPEG", {"quality": 100, "subsampling": 0}),
        ("x.webp", "WEBP", {"lossless": True}),
    ],
)
def test_orientation_is_applied_and_reset(tmp_path, orientation, name, kind, options):
    array = files.gradient()
    data = files.pillow_bytes(array, kind, exif=exif(orientation), **options)
    picture, out = write_and_read(tmp_path, name, data)
    expected = UPRIGHT[orientation](array)
    assert picture.pixels.shape == expected.shape
    assert np.abs(picture.pixels.astype(int) - expected).max() <= (4 if kind == "JPEG" else 0)
    with Image.open(str(out)) as image:  # no viewer turns the result once more
        assert image.getexif().get(ORIENTATION, 1) == 1
        assert image.size == expected.shape[1::-1]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_tiff_with_alpha_and_16_bits(tmp_path, orientation):
    array = files.gradient(channels=4, dtype=np.uint16)
    picture, out = write_and_read(tmp_path, "x.tif", files.tiff_bytes(array, orientation))
    expected = UPRIGHT[orientation](array)
    assert np.array_equal(picture.bands(), expected)
    again = read_image(str(out))
    assert np.array_equal(again.bands(), expected)


@pytest.mark.parametrize(
    ("name", "kind"), [("x.jpg", "JPEG"), ("x.png", "PNG"), ("x.webp", "WEBP")]
)
def test_exif_and_icc_are_kept(tmp_path, name, kind):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = files.pillow_bytes(files.gradient(), kind, exif=exif(6), icc_profile=profile)
    _, out = write_and_read(tmp_path, name, data)
    with Image.open(str(out)) as image:
        assert image.getexif()[MAKE].strip() == "Maker"
        assert image.getexif()[DATE].strip() == "2020:01:02 03:04:05"
        assert image.info["icc_profile"] == profile


def test_icc_of_tiff_is_kept(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = files.pillow_bytes(files.gradient(), "TIFF", icc_profile=profile)
    _, out = write_and_read(tmp_path, "x.tif", data)
    with Image.open(str(out)) as image:
        assert image.info["icc_profile"] == profile


def test_exif_text_that_is_not_utf8_does_no_harm(tmp_path):
    block = exif(1)
    block[MAKE] = b"caf\xe9\xff"
    data = files.pillow_bytes(files.gradient(), "JPEG", exif=block)
    _, out = write_and_read(tmp_path, "x.jpg", data)
    with Image.open(str(out)) as image:
        assert image.getexif()[DATE].strip() == "2020:01:02 03:04:05"


@pytest.mark.parametrize("order", ["<", ">"])
def test_thumbnail_of_the_blurry_picture_goes(tmp_path, order):
    thumbnail = files.pillow_bytes(files.gradient(30, 40), "JPEG")
    first = struct.pack(order + "HHHIHHI", 1, ORIENTATION, 3, 1, 6, 0, 26)
    second = struct.pack(
        order + "HHHIHHHHIIHHIII",
        *(3, 0x103, 3, 1, 6, 0, 0x201, 4, 1, 26 + 2 + 36 + 4, 0x202, 4, 1, len(thumbnail), 0),
    )
    head = b"II*\0" if order == "<" else b"MM\0*"
    block = b"Exif\0\0" + head + struct.pack(order + "I", 8) + first + second + thumbnail
    data = files.pillow_bytes(files.gradient(), "JPEG", exif=block)
    assert data.count(b"\xff\xd8\xff") == 2
    picture, out = write_and_read(tmp_path, "x.jpg", data)
    assert picture.pixels.shape == (32, 24, 3)
    assert out.read_bytes().count(b"\xff\xd8\xff") == 1


def test_orientation_repeated_in_xmp_is_reset(tmp_path):
    data = bytearray(files.pillow_bytes(files.gradient(), "JPEG", exif=exif(6)))
    packet = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/" '
    packet += b'tiff:Orientation="6"></x:xmpmeta>'
    data[2:2] = b"\xff\xe1" + (len(packet) + 2).to_bytes(2, "big") + packet
    _, out = write_and_read(tmp_path, "x.jpg", bytes(data))
    written = out.read_bytes()
    assert b'tiff:Orientation="1"' in written
    assert b'tiff:Orientation="6"' not in written


@pytest.mark.parametrize(
    ("name", "kind"), [("x.jpg", "JPEG"), ("x.png", "PNG"), ("x.tif", "TIFF"), ("x.bmp", "BMP")]
)
def test_resolution_is_kept(tmp_path, name, kind):
    _, out = write_and_read(
        tmp_path, name, files.pillow_bytes(files.gradient(), kind, dpi=(300, 300))
    )
    with Image.open(str(out)) as image:
        assert [round(float(value)) for value in image.info["dpi"]] == [300, 300]


def test_absurd_resolution_is_limited_in_silence(tmp_path, capfd):
    data = files.pillow_bytes(files.gradient(), "TIFF", resolution=2e9)
    _, out = write_and_read(tmp_path, "x.tif", data)
    assert read_image(str(out)).resolution[0] <= 1e6
    assert capfd.readouterr().err == ""
