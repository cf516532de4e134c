"""Pictures that change their format: what is kept, what is left out and said, what is refused."""

import functools

import numpy as np
import picture_files as files
import pytest
import pyvips
from PIL import Image, ImageCms

from deblurnets.pictures.conversion import fit_metadata
from deblurnets.pictures.files import ImageError, Picture, SaveOptions, read_image, write_image
from deblurnets.pictures.formats import BMP, FORMATS, JPEG, PNG, TIFF, WEBP, format_of_name
from deblurnets.pictures.picture import split_bands

MAKE, DATE, ORIENTATION = 0x10F, 0x132, 0x112
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:dc="x" dc:title="A title"></x:xmpmeta>'
IPTC = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0a" + b"\x1c\x02\x05\0\x05title"
EXTENSIONS = {"PNG": ".png", "JPEG": ".jpg", "TIFF": ".tif", "WebP": ".webp", "BMP": ".bmp"}
LOSSLESS = (".png", ".tif", ".webp")


@functools.lru_cache(maxsize=1)
def profile():
    """Return a colour profile, the same one in a second's time: it holds when it was made."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def jpeg_with_everything(orientation=6):
    """A JPEG from a camera: EXIF that turns it, XMP, IPTC and a colour profile."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE], exif[DATE] = orientation, "Maker", "2020:01:02 03:04:05"
    options = {"exif": exif, "icc_profile": profile(), "quality": 100, "subsampling": 0}
    data = bytearray(files.pillow_bytes(files.gradient(), "JPEG", **options))
    for packet in (b"http://ns.adobe.com/xap/1.0/\0" + XMP, IPTC):
        marker = b"\xff\xe1" if packet is not IPTC else b"\xff\xed"
        data[2:2] = marker + (len(packet) + 2).to_bytes(2, "big") + packet
    return bytes(data)


def convert(tmp_path, name, data, extension, strip=False, **save):
    """Read a file, write it with another extension; return the picture and the new path."""
    (tmp_path / name).write_bytes(data)
    path = str(tmp_path / ("out" + extension))
    picture = read_image(str(tmp_path / name))
    picture = fit_metadata(picture, format_of_name(path), strip)
    write_image(path, picture, SaveOptions(strip_metadata=strip, **save))
    return picture, path


def fields(path):
    image = pyvips.Image.new_from_file(path)
    present = {name.split("-")[0] for name in image.get_fields() if name.endswith("-data")}
    if path.endswith(".tif"):  # libvips does not see it
        with Image.open(path) as tiff:
            present |= {"exif"} if MAKE in tiff.getexif() else set()
    return present & {"exif", "xmp", "iptc", "icc"}


@pytest.mark.parametrize("picture_format", [PNG, JPEG, TIFF, WEBP], ids=lambda f: f.name)
def test_metadata_goes_along_and_what_cannot_is_said(tmp_path, picture_format):
    extension = EXTENSIONS[picture_format.name]
    picture, path = convert(tmp_path, "x.jpg", jpeg_with_everything(), extension)
    assert fields(path) == set(picture_format.metadata)
    lost = {"exif", "xmp", "iptc", "icc"} - set(picture_format.metadata)
    assert len(picture.notes) == (1 if lost else 0)
    for kind in lost:
        assert f"{kind.upper()} data" in picture.notes[0]
    with Image.open(path) as image:
        assert image.info["icc_profile"] == profile()
        assert image.size == (24, 32)  # upright
        assert image.getexif().get(ORIENTATION, 1) == 1  # and turned no more
        if "exif" in picture_format.metadata:
            assert image.getexif()[MAKE].strip() == "Maker"
            assert image.getexif()[DATE].strip() == "2020:01:02 03:04:05"
    if "xmp" in picture_format.metadata:
        assert read_image(path).metadata["xmp-data"].rstrip(b"\0") == XMP


def test_bmp_loses_all_metadata_and_says_so(tmp_path):
    picture, _ = convert(tmp_path, "x.jpg", jpeg_with_everything(), ".bmp")
    (note,) = picture.notes
    assert (
        note
        == "BMP files hold no EXIF data and XMP data and IPTC data and colour profile, left out"
    )


@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".webp"])
def test_strip_keeps_the_colours_only(tmp_path, extension):
    data = jpeg_with_everything()
    picture, path = convert(tmp_path, "x.jpg", data, extension, strip=True)
    assert picture.notes == ()
    assert fields(path) == {"icc"}
    with open(path, "rb") as file:
        written = file.read()
    for secret in (b"Maker", b"2020:01:02", b"A title", b"\x1c\x02\x05"):
        assert secret in data
        assert secret not in written
    with Image.open(path) as image:
        assert image.info["icc_profile"] == profile()
        assert image.size == (24, 32)


@pytest.mark.parametrize("source", LOSSLESS)
@pytest.mark.parametrize("target", LOSSLESS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lossless_formats_give_the_same_pixels_or_refuse(tmp_path, source, target, channels, dtype):
    array = files.gradient(channels=channels, dtype=dtype)
    start = Picture(*split_bands(np.atleast_3d(array)))
    first, second = str(tmp_path / ("a" + source)), str(tmp_path / ("b" + target))
    if dtype == np.uint16 and ".webp" in (source, target):
        with pytest.raises(ImageError, match="WebP cannot hold 16 bits, PNG and TIFF can"):
            write_image(first if source == ".webp" else second, start)
        return
    write_image(first, start)
    write_image(second, fit_metadata(read_image(first), format_of_name(second)))
    expected, received = read_image(first), read_image(second)
    assert received.pixels.dtype == dtype
    grey_to_webp = target == ".webp" and expected.pixels.ndim == 2
    pixels = np.dstack([expected.pixels] * 3) if grey_to_webp else expected.pixels
    assert np.array_equal(received.pixels, pixels)
    assert (received.alpha is None) == (expected.alpha is None)
    if expected.alpha is not None:
        assert np.array_equal(received.alpha, expected.alpha)


@pytest.mark.parametrize("picture_format", FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("depth", [8, 16, 32])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_refusals_name_formats_that_can(tmp_path, picture_format, depth, grey, alpha):
    dtype = {8: np.uint8, 16: np.uint16, 32: np.float32}[depth]
    shape = (8, 8) if grey else (8, 8, 3)
    picture = Picture(np.zeros(shape, dtype), np.zeros((8, 8), dtype) if alpha else None)
    path = str(tmp_path / ("x" + EXTENSIONS[picture_format.name]))
    try:
        write_image(path, picture)
    except ImageError as error:
        able = error.reason.split(", ", 1)[1]
        assert able.endswith(" can")
        for name in able[: -len(" can")].split(" and "):
            write_image(str(tmp_path / ("y" + EXTENSIONS[name])), picture)
    else:
        again = read_image(path)
        assert again.depth == depth
        assert picture_format is WEBP or (again.alpha is not None) == alpha


@pytest.mark.parametrize("extension", [".jpg", ".webp"])
def test_quality_changes_the_size(tmp_path, extension):
    rng = np.random.RandomState(0)
    picture = Picture(rng.randint(0, 255, (64, 64, 3)).astype(np.uint8))
    sizes = []
    for quality in (10, 60, 100):
        path = tmp_path / f"{quality}{extension}"
        write_image(str(path), picture, SaveOptions(quality=quality))
        sizes.append(path.stat().st_size)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 3
    assert read_image(str(path)).lossless is False  # a quality means losses, in WebP too


def test_grey_profile_does_not_go_into_webp():
    grey = b"\0" * 12 + b"mntrGRAYXYZ " + b"\0" * 100
    picture = Picture(np.zeros((8, 8), np.uint8), metadata={"icc-profile-data": grey})
    assert fit_metadata(picture, PNG).metadata == picture.metadata
    fitted = fit_metadata(picture, WEBP)
    assert fitted.metadata == {}
    assert fitted.notes == ("WebP files hold no grey colour profile, left out",)


def test_resolution_unit_and_pixels_are_not_touched():
    picture = Picture(np.ones((8, 8), np.uint8), metadata={"resolution-unit": "in"})
    fitted = fit_metadata(picture, BMP, strip_metadata=True)
    assert fitted.metadata == picture.metadata
    assert fitted.pixels is picture.pixels
    assert fitted.notes == ()
