"""Reading and writing picture files: kind, depth, alpha, faults of the files."""

import os
import signal
import stat
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import picture_files as files
import pytest
import pyvips
from PIL import Image

from deblurnets.pictures import formats
from deblurnets.pictures.files import ImageError, Picture, check_writable, read_image, write_image

EXTENSIONS = (".png", ".jpg", ".tif", ".bmp", ".webp")
LOSSLESS_16_BIT = {".png": files.png_bytes, ".tif": files.tiff_bytes}


def put(path, data):
    path.write_bytes(data)
    return str(path)


def with_alpha(picture):
    return picture if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])


@pytest.mark.parametrize("extension", sorted(LOSSLESS_16_BIT))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_kind_and_depth_are_read_and_kept(tmp_path, extension, dtype, channels):
    array = files.gradient(channels=channels, dtype=dtype)
    source = put(tmp_path / ("in" + extension), LOSSLESS_16_BIT[extension](array))
    picture = read_image(source)
    assert picture.pixels.shape == ((24, 32) if channels < 3 else (24, 32, 3))
    assert picture.pixels.dtype == dtype
    assert (picture.alpha is not None) == (channels in (2, 4))
    assert np.array_equal(np.atleast_3d(picture.bands()), np.atleast_3d(array))

    target = str(tmp_path / ("out" + extension))
    write_image(target, picture)
    again = read_image(target)
    assert again.pixels.dtype == dtype
    assert np.array_equal(again.bands(), np.atleast_3d(array))
    if extension == ".png":  # bit depth and colour type as the header itself tells
        assert (tmp_path / "out.png").read_bytes()[24:26] == files.png_bytes(array)[24:26]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_bmp_is_kept_exactly(tmp_path, mode):
    array = files.gradient(channels=1 if mode == "L" else 3)
    picture = read_image(put(tmp_path / "in.bmp", files.pillow_bytes(array, "BMP")))
    assert np.array_equal(picture.pixels, array)
    write_image(str(tmp_path / "out.bmp"), picture)
    with Image.open(str(tmp_path / "out.bmp")) as image:
        assert image.mode == mode
        assert np.array_equal(np.asarray(image), array)


def test_bmp_alpha_is_seen_by_another_reader(tmp_path):
    array = files.gradient(channels=4)
    path = str(tmp_path / "out.bmp")
    write_image(path, Picture(array[:, :, :3].copy(), array[:, :, 3].copy()))
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        assert np.array_equal(np.asarray(image), array)
    assert np.array_equal(with_alpha(read_image(path)), array)


@pytest.mark.parametrize("lossless", [True, False])
def test_webp_stays_lossy_or_lossless(tmp_path, lossless):
    array = files.gradient(channels=4)
    data = files.pillow_bytes(array, "WEBP", lossless=lossless, exact=True, quality=90)
    picture = read_image(put(tmp_path / "in.webp", data))
    assert picture.lossless == lossless
    assert np.array_equal(picture.alpha, array[:, :, 3])
    write_image(str(tmp_path / "out.webp"), picture)
    again = read_image(str(tmp_path / "out.webp"))
    assert again.lossless == lossless
    assert np.array_equal(again.alpha, picture.alpha)
    error = np.abs(again.pixels.astype(int) - picture.pixels).max()
    assert error == 0 if lossless else error < 40


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_written_at_high_quality(tmp_path, channels):
    array = files.gradient(64, 64, channels)
    picture = read_image(put(tmp_path / "in.jpg", files.pillow_bytes(array, "JPEG", quality=100)))
    assert picture.pixels.shape == array.shape
    path = str(tmp_path / "out.jpg")
    write_image(path, picture)
    with Image.open(path) as image:
        assert image.mode == ("L" if channels == 1 else "RGB")
        assert all(component[1:3] == (1, 1) for component in image.layer)  # 4:4:4
        assert max(image.quantization[0]) <= 12  # quality 95
        assert np.abs(np.asarray(image).astype(int) - array).max() <= 6


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_truncated_file_is_an_error(tmp_path, extension, kept):
    data = files.example_bytes(extension)
    path = put(tmp_path / ("cut" + extension), data[: int(len(data) * kept)])
    with pytest.raises(ImageError, match="damaged or cut short") as caught:
        read_image(path)
    assert caught.value.path == path
    assert "\n" not in str(caught.value)


def test_damaged_strip_of_a_compressed_tiff_is_an_error(tmp_path):
    data = bytearray(files.pillow_bytes(files.gradient(128, 128), "TIFF", compression="tiff_lzw"))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    with pytest.raises(ImageError, match="damaged"):
        read_image(put(tmp_path / "x.tif", bytes(data)))


def test_doubtful_data_is_used_and_noted(tmp_path):
    """A stray byte before a JPEG marker: decoders warn, the picture is whole."""
    data = files.example_bytes(".jpg", progressive=True)
    marker = data.rindex(b"\xff\xda")  # the last of several scans
    path = put(tmp_path / "x.jpg", data[:marker] + b"\x12\x34" + data[marker:])
    sound = read_image(put(tmp_path / "sound.jpg", data))
    picture = read_image(path)
    assert np.array_equal(picture.pixels, sound.pixels)
    assert sound.notes == ()
    assert len(picture.notes) == 1
    assert "may be damaged" in picture.notes[0]


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "is empty"), (b"hello", "not PNG"), (b"GIF89a...", "not PNG")]
)
def test_what_is_no_picture_is_named(tmp_path, data, reason):
    with pytest.raises(ImageError, match=reason):
        read_image(put(tmp_path / "x.png", data))


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(ImageError, match="No such file"):
        read_image(str(tmp_path / "none.png"))
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(str(tmp_path))


@pytest.mark.parametrize("kind", ["P", "1"])
@pytest.mark.parametrize("extension", [".png", ".tif", ".bmp"])
def test_palette_and_bitmap_become_rgb_and_grey(tmp_path, kind, extension):
    image = Image.fromarray(files.gradient()).convert(kind)
    kinds = {".png": "PNG", ".tif": "TIFF", ".bmp": "BMP"}
    data = files.pillow_bytes(image, kinds[extension])
    picture = read_image(put(tmp_path / ("x" + extension), data))
    expected = np.asarray(image.convert("RGB" if kind == "P" else "L"))
    assert np.array_equal(picture.pixels, expected)


def test_palette_with_transparency_gets_alpha(tmp_path):
    image = Image.fromarray(files.gradient()).convert("P")
    index = int(np.asarray(image)[3, 4])
    data = files.pillow_bytes(image, "PNG", transparency=index)
    picture = read_image(put(tmp_path / "x.png", data))
    assert np.array_equal(picture.alpha == 0, np.asarray(image) == index)


def test_cmyk_becomes_rgb_and_says_so(tmp_path):
    image = Image.fromarray(files.gradient()).convert("CMYK")
    picture = read_image(put(tmp_path / "x.jpg", files.pillow_bytes(image, "JPEG")))
    assert picture.pixels.shape == (24, 32, 3)
    assert "icc-profile-data" not in picture.metadata
    assert any("CMYK" in note for note in picture.notes)
    rough = np.abs(picture.pixels.astype(int) - files.gradient()).mean()
    assert rough < 60  # right way round: an inverted picture is off by more


def test_first_page_of_several_is_taken_and_said(tmp_path):
    array = files.gradient()
    other = Image.fromarray(255 - array)
    for kind, name, options in (
        ("TIFF", "x.tif", {}),
        ("WEBP", "x.webp", {"lossless": True, "duration": 100}),
        ("PNG", "x.png", {}),
    ):
        data = files.pillow_bytes(array, kind, save_all=True, append_images=[other], **options)
        picture = read_image(put(tmp_path / name, data))
        assert np.array_equal(picture.pixels, array)
        assert len(picture.notes) == 1
        assert "is used" in picture.notes[0]


def float_tiff(channels=3):
    """A float TIFF in the values of a gradient scaled to 0..1, and the values."""
    array = (files.gradient(channels=channels) / 255).astype(np.float32)
    names = {1: "b-w", 3: "srgb", 4: "srgb"}
    height, width = array.shape[:2]
    image = pyvips.Image.new_from_memory(array.tobytes(), width, height, channels, "float")
    image = image.copy(interpretation=names[channels])
    return image.write_to_buffer(".tif"), array


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_float_tiff_is_kept_exactly(tmp_path, channels):
    data, array = float_tiff(channels)
    picture = read_image(put(tmp_path / "x.tif", data))
    assert picture.depth == 32
    assert np.array_equal(picture.bands(), np.atleast_3d(array))
    write_image(str(tmp_path / "out.tif"), picture)
    assert np.array_equal(read_image(str(tmp_path / "out.tif")).bands(), np.atleast_3d(array))
    with pytest.raises(ImageError, match="PNG cannot hold 32-bit floating numbers, TIFF can"):
        check_writable("out.png", picture)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.nan, "holds NaN or infinite values"),
        (np.inf, "holds NaN or infinite values"),
        (-np.inf, "holds NaN or infinite values"),
        (255.0, "values reach from 0 to 255, expected floating numbers in 0..1"),
        (-0.5, "values reach from -0.5 to 0"),
    ],
)
def test_float_samples_that_are_no_picture_are_refused(tmp_path, value, reason):
    array = np.zeros((24, 32), np.float32)
    array[3, 4] = value
    with pytest.raises(ImageError, match=reason):
        read_image(put(tmp_path / "x.tif", files.pillow_bytes(array, "TIFF")))


def test_32_bit_integers_are_refused(tmp_path):
    data = files.pillow_bytes(np.full((24, 32), 70_000, np.int32), "TIFF")
    with pytest.raises(ImageError, match="samples are 32-bit, expected 8 or 16 bit unsigned"):
        read_image(put(tmp_path / "x.tif", data))


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_too_many_pixels_are_refused_by_the_header(tmp_path, extension):
    data = files.example_bytes(extension)
    if extension != ".webp":  # whose header is not read in a file that is cut
        data = data[: 3 * len(data) // 4]
    cut = put(tmp_path / "cut", data)
    with pytest.raises(ImageError, match=r"160x120 pixels, at most 19199 are taken"):
        read_image(cut, max_pixels=160 * 120 - 1)  # not "cut short": nothing was decoded
    whole = put(tmp_path / "whole", files.example_bytes(extension))
    assert read_image(whole, max_pixels=160 * 120).depth == 8


def test_a_bomb_is_refused_in_no_time_and_memory(tmp_path):
    """A PNG whose header promises 10 000 megapixels, a BMP of a million."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")
    bmp = bytearray(files.example_bytes(".bmp"))
    bmp[18:26] = struct.pack("<ii", 1_000_000, 1_000_000)
    for name, data in (("x.png", png), ("x.bmp", bytes(bmp))):
        with pytest.raises(ImageError, match="0000 pixels, at most 200000000 are taken"):
            read_image(put(tmp_path / name, data), max_pixels=200_000_000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX pipes")
def test_a_pipe_is_no_file_to_wait_for(tmp_path):
    os.mkfifo(str(tmp_path / "x.png"))
    with pytest.raises(ImageError, match="not a regular file"):
        read_image(str(tmp_path / "x.png"))


def test_content_counts_not_the_extension(tmp_path):
    path = put(tmp_path / "x.jpg", files.png_bytes(files.gradient(dtype=np.uint16)))
    picture = read_image(path)
    assert picture.pixels.dtype == np.uint16
    assert picture.source_format is formats.PNG
    with pytest.raises(
        ImageError, match="JPEG cannot hold 16 bits, PNG and TIFF can; the input is"
    ):
        check_writable(path, picture)


@pytest.mark.parametrize(
    ("name", "picture", "reason"),
    [
        ("x.jpg", Picture(np.zeros((4, 4, 3), "u1"), np.zeros((4, 4), "u1")), "alpha channel"),
        ("x.bmp", Picture(np.zeros((4, 4), "u1"), np.zeros((4, 4), "u1")), "grey picture with"),
        ("x.webp", Picture(np.zeros((4, 4), "u2")), "cannot hold 16 bits"),
        ("x.webp", Picture(np.zeros((1, 16384), "u1")), "at most 16383"),
        ("x.gif", Picture(np.zeros((4, 4), "u1")), "extension is not one of"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, name, picture, reason):
    path = tmp_path / name
    with pytest.raises(ImageError, match=reason):
        write_image(str(path), picture)
    assert not path.exists()


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("stem", ["straße 日本語 🙂", "a[1].b %d", "-i", "x" * 240, "e\u0301"])
def test_odd_names(tmp_path, extension, stem):
    path = str(tmp_path / (stem + extension))
    with open(path, "wb") as file:
        file.write(files.example_bytes(extension))
    picture = read_image(path)
    out = tmp_path / "ö [n=-1]"
    out.mkdir()
    write_image(str(out / (stem + extension)), picture)
    assert read_image(str(out / (stem + extension))).pixels.shape == picture.pixels.shape


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_one_pixel(tmp_path, extension):
    path = str(tmp_path / ("x" + extension))
    write_image(path, Picture(np.full((1, 1, 3), 200, np.uint8)))
    assert read_image(path).pixels.shape == (1, 1, 3)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_killed_write_leaves_the_old_file(tmp_path, monkeypatch, extension):
    path = tmp_path / ("x" + extension)
    path.write_bytes(b"old")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_image(str(path), Picture(np.zeros((8, 8, 3), np.uint8)))
    assert path.read_bytes() == b"old"
    assert os.listdir(str(tmp_path)) == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_killed_process_leaves_no_half_file(tmp_path):
    code = (
        "import os, signal, sys, numpy as np\n"
        "from deblurnets.pictures.files import Picture, write_image\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_image(sys.argv[1], Picture(np.zeros((64, 64, 3), np.uint8)))\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    path = str(tmp_path / "x.png")
    killed = subprocess.run([sys.executable, "-c", code, path], cwd=root, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    left = os.listdir(str(tmp_path))
    assert len(left) == 1
    assert left[0].startswith(".")  # passed over by the next run
    assert left[0].endswith(".part")


def test_final_path_appears_in_one_step(tmp_path, monkeypatch):
    """At every moment before the last step the final path does not exist."""
    path = tmp_path / "x.png"
    moments = []
    rename = os.replace

    def watch(source, target):
        moments.append((os.path.dirname(source), path.exists(), os.path.getsize(source)))
        rename(source, target)

    monkeypatch.setattr(os, "replace", watch)
    write_image(str(path), Picture(np.zeros((8, 8, 3), np.uint8)))
    assert moments == [(str(tmp_path), False, path.stat().st_size)]


def test_unwritable_target_is_named(tmp_path):
    with pytest.raises(ImageError, match="cannot be written"):
        write_image(str(tmp_path / "none" / "x.png"), Picture(np.zeros((8, 8), np.uint8)))
    (tmp_path / "y.png").mkdir()
    with pytest.raises(ImageError, match="cannot be written"):
        write_image(str(tmp_path / "y.png"), Picture(np.zeros((8, 8), np.uint8)))
    assert os.listdir(str(tmp_path)) == ["y.png"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o022)
    try:
        write_image(str(tmp_path / "x.png"), Picture(np.zeros((8, 8), np.uint8)))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.png").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (np.zeros((4, 4), np.float64), None),
        (np.zeros((4, 4, 4), np.uint8), None),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint16)),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)),
    ],
)
def test_wrong_arrays_make_no_picture(pixels, alpha):
    with pytest.raises(ValueError, match="must"):
        Picture(pixels, alpha)
