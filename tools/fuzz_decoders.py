"""Damage picture files at random and read them: a picture or one sentence must come out.

python tools/fuzz_decoders.py --count 2000

Prints how many were read and how many refused, format by format, and the peak memory. A traceback
or a sentence of several lines ends the run with its file kept in `fuzz_failure`; a crash or a hang
ends it with the stack.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Counter, Dict, Iterator, Tuple

import cv2
import numpy as np
import pyvips

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from deblurnets.cli.options import MAX_PIXELS  # noqa: E402
from deblurnets.pictures.files import (  # noqa: E402
    ImageError,
    Picture,
    decode_image,
    encode_image,
    read_image,
    write_image,
)

HANG_SECONDS = 60
SMALL = 100_000


def samples(folder: str) -> Dict[str, bytes]:
    """Return small sound files of every kind that is read, by name."""
    rows, columns = np.mgrid[0:60, 0:80]
    rgb = np.stack([rows * 4, columns * 3, (rows * columns) % 256], axis=-1).astype(np.uint8)
    deep = (rgb.astype(np.uint16) << 8) | rgb
    pictures = {
        "rgb.png": Picture(rgb),
        "grey16.png": Picture(deep[:, :, 0].copy()),
        "alpha.png": Picture(rgb, rgb[:, :, 0].copy()),
        "rgb.jpg": Picture(rgb),
        "grey.jpg": Picture(rgb[:, :, 0].copy()),
        "rgb16.tif": Picture(deep),
        "float.tif": Picture((rgb / np.float32(255)).astype(np.float32)),
        "rgb.webp": Picture(rgb, lossless=False),
        "alpha.webp": Picture(rgb, rgb[:, :, 1].copy()),
        "rgb.bmp": Picture(rgb),
        "alpha.bmp": Picture(rgb, rgb[:, :, 2].copy()),
    }
    files = {}
    for name, picture in pictures.items():
        path = os.path.join(folder, name)
        write_image(path, picture)
        files[name] = Path(path).read_bytes()
    image = pyvips.Image.new_from_array(rgb)
    camera = image.copy()
    camera.set_type(pyvips.GValue.gint_type, "orientation", 6)
    camera.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Make", "Maker")
    pages = image.join(image.invert(), "vertical").copy()
    pages.set_type(pyvips.GValue.gint_type, "page-height", image.height)
    bits = image.colourspace("b-w") > 128
    others: Tuple[Tuple[str, pyvips.Image, dict], ...] = (
        ("progressive.jpg", camera, {"interlace": True}),
        ("cmyk.jpg", image.colourspace("cmyk"), {"keep": "none"}),
        ("palette.png", image, {"palette": True}),
        ("exif.png", camera, {}),
        ("deflate.tif", image, {"compression": "deflate"}),
        ("jpeg.tif", image, {"compression": "jpeg"}),
        ("bits.tif", bits, {"compression": "ccittfax4", "bitdepth": 1}),
        ("pages.tif", pages, {}),
        ("animated.webp", pages, {}),
    )
    for name, other, options in others:
        files[name] = other.write_to_buffer(os.path.splitext(name)[1], **options)
    coloured = bytearray(cv2.imencode(".bmp", rgb[:, :, 0])[1])
    coloured[54 : 54 + 1024 : 4] = range(255, -1, -1)  # the blue of each entry of the palette
    files["palette.bmp"] = bytes(coloured)
    camera = decode_image("exif.png", files["exif.png"])
    files["exif.tif"] = encode_image("exif.tif", camera)
    return files


def damaged(data: bytes, rng: np.random.RandomState) -> bytes:
    """Return a file with flipped bits, changed bytes, a part cut off, left out or repeated."""
    changed = bytearray(data)
    # Half of the damage goes to the first bytes: headers lead further astray than pixels.
    reach = len(changed) if rng.rand() < 0.5 else min(len(changed), 200)
    kind = rng.randint(5)
    if kind == 0:
        for _ in range(rng.randint(1, 9)):
            changed[rng.randint(reach)] ^= 1 << rng.randint(8)
    elif kind == 1:
        for _ in range(rng.randint(1, 9)):
            changed[rng.randint(reach)] = rng.choice([0, 1, 127, 128, 255, rng.randint(256)])
    elif kind == 2:
        del changed[rng.randint(reach) :]
    else:
        start = rng.randint(reach)
        part = changed[start : start + rng.randint(1, 64)]
        changed[start : start + (len(part) if kind == 3 else 0)] = b"" if kind == 3 else part
    return bytes(changed)


def cases(count: int, seed: int, folder: str) -> Iterator[Tuple[str, bytes]]:
    """Yield names and contents of damaged files, the samples in turn."""
    rng = np.random.RandomState(seed)
    sound = sorted(samples(folder).items())
    for number in range(count):
        name, data = sound[number % len(sound)]
        yield name, damaged(data, rng)


def check(path: str, max_pixels: int) -> str:
    """Read a file, write a small picture and what belongs to it; return "read" or "refused".

    Raises
    ------
    AssertionError
        The refusal is not one sentence, or the picture is not what the reader promises.
    Exception
        Anything but an `ImageError` is a fault of the reader.
    """
    try:
        picture = read_image(path, max_pixels)
    except ImageError as error:
        assert error.reason, "the reason is empty"
        assert "\n" not in error.reason, f"more than one line: {error.reason!r}"
        assert len(error.reason) < 300, f"more than a sentence: {error.reason!r}"
        return "refused"
    assert min(picture.pixels.shape) > 0, f"shape {picture.pixels.shape}"
    assert np.isfinite(picture.pixels).all(), "values that are no numbers"
    if picture.pixels.size < SMALL:
        for name in ("x.png", "x.tif"):  # both hold all kinds of pictures but floating ones
            if picture.depth != 32 or name == "x.tif":
                assert decode_image(name, encode_image(name, picture)).bands().size
    return "read"


def fuzz(
    count: int, seed: int, max_pixels: int, watch: Callable[[], None] = lambda: None
) -> Counter[Tuple[str, str]]:
    """Check damaged files; return the counts of (format, "read" or "refused")."""
    counts: Counter[Tuple[str, str]] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, data in cases(count, seed, folder):
            extension = os.path.splitext(name)[1]
            path = os.path.join(folder, "damaged" + extension)
            Path(path).write_bytes(data)
            watch()
            try:
                counts[extension, check(path, max_pixels)] += 1
            except BaseException:
                Path("fuzz_failure" + extension).write_bytes(data)
                raise
    return counts


def main() -> None:
    """Run the fuzzing and print its figures."""
    parser = argparse.ArgumentParser(description="Read damaged pictures of every format.")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max_pixels", type=int, default=MAX_PIXELS)
    arguments = parser.parse_args()
    start = time.perf_counter()

    def watch() -> None:
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)

    faulthandler.enable()
    counts = fuzz(arguments.count, arguments.seed, arguments.max_pixels, watch)
    faulthandler.cancel_dump_traceback_later()
    for extension in sorted({extension for extension, _ in counts}):
        read, refused = (counts[extension, state] for state in ("read", "refused"))
        print(f"{extension:6} {read:5} read, {refused:5} refused")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - start
    print(f"{sum(counts.values())} files, {seconds:.0f} s, peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
