"""What OpenCV, libvips and Pillow make of picture files: docs/decisions/001-image-library.md.

python tools/measure_image_libraries.py

Needs Pillow (requirements-dev.txt). What OpenCV's own decoders print on stderr is no fault.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Tuple

import cv2
import numpy as np
import pyvips
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import picture_files as files  # noqa: E402

from deblurnets.pictures.files import ImageError, decode_image  # noqa: E402

Reader = Callable[[bytes], Optional[np.ndarray]]
BYTES = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
LEVELS = ("none", "truncated", "error", "warning")  # of libvips, how strict it is


def opencv(data: bytes) -> Optional[np.ndarray]:
    """Read with OpenCV alone, as it is stored; None where it refuses."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim == 2:
        return pixels
    return pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]


def pillow(data: bytes) -> Optional[np.ndarray]:
    """Read with Pillow; None where it refuses."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return np.asarray(image.convert("RGB") if image.mode == "P" else image)
    except (OSError, ValueError, SyntaxError):
        return None


def vips(level: str) -> Reader:
    """Return a reader by libvips at a level of strictness."""

    def read(data: bytes) -> Optional[np.ndarray]:
        try:
            return pyvips.Image.new_from_buffer(data, "", fail_on=level).numpy()
        except pyvips.Error:
            return None

    return read


def ours(data: bytes) -> Optional[np.ndarray]:
    """Read as this package does; None where it refuses."""
    try:
        bands = decode_image("x", data).bands()
    except ImageError:
        return None
    return bands[:, :, 0] if bands.shape[2] == 1 else bands


def layouts() -> Iterator[Tuple[str, bytes, np.ndarray]]:
    """Yield layouts of BMP files: name, file, what it shows."""
    rgba = files.gradient(24, 32, 4)
    rgb = np.ascontiguousarray(rgba[:, :, :3])

    def masked(masks: Tuple[int, ...], bits: int, *how: int) -> Tuple[bytes, np.ndarray]:
        tops = [mask // (mask & -mask) for mask in masks]
        kept = [np.rint(np.rint(rgba[:, :, c] * (t / 255)) * 255 / t) for c, t in enumerate(tops)]
        stored = rgba[:, :, : len(masks)]
        return files.masked_bmp_bytes(stored, masks, bits, *how), np.stack(kept, axis=-1)

    rows = files.bmp_body([row[:, [2, 1, 0, 3]].tobytes() for row in rgba])
    palette = Image.fromarray(rgb).quantize(64)
    yield "8-bit palette", files.pillow_bytes(palette, "BMP"), np.asarray(palette.convert("RGB"))
    yield "24 bits", files.pillow_bytes(rgb, "BMP"), rgb
    yield "32 bits, no masks", files.bmp_bytes(rows, (24, 32), 32), rgb
    yield "32 bits, no mask of alpha", files.bmp_bytes(rows, (24, 32), 32, 3, 40, BYTES[:3]), rgb
    yield ("32 bits, alpha", *masked(BYTES, 32, 3, 124))
    yield ("32 bits, alpha first", *masked((0xFF00, 0xFF0000, 0xFF000000, 0xFF), 32, 3, 124))
    yield ("32 bits, 10 a colour", *masked((0x3FF00000, 0xFFC00, 0x3FF), 32))
    yield ("16 bits, 5 a colour", *masked((0x7C00, 0x3E0, 0x1F), 16, 0))
    yield ("16 bits, 5-6-5", *masked((0xF800, 0x7E0, 0x1F), 16))
    yield ("16 bits, 4 each, alpha", *masked((0xF00, 0xF0, 0xF, 0xF000), 16, 3, 124))


def verdict(found: Optional[np.ndarray], expected: np.ndarray) -> str:
    """Say in a word or two how a picture differs from what its file shows."""
    if found is None:
        return "refused"
    if found.shape != expected.shape:
        return "alpha made up" if found.shape[2:] == (4,) else "alpha lost"
    off = np.abs(found.astype(int) - expected).max()
    return "exact" if off == 0 else f"off by {off:.0f}"


def sound_files() -> Dict[str, bytes]:
    """Return a noisy photograph-like picture in the formats that compress."""
    noise = np.random.RandomState(0).normal(0, 6, (300, 400, 3))
    pixels = np.clip(files.gradient(300, 400) + noise, 0, 255).astype(np.uint8)
    image = pyvips.Image.new_from_array(pixels)
    kinds: Dict[str, Tuple[str, dict]] = {
        "PNG": (".png", {}),
        "JPEG": (".jpg", {}),
        "progressive JPEG": (".jpg", {"interlace": True}),
        "LZW TIFF": (".tif", {"compression": "lzw"}),
        "deflate TIFF": (".tif", {"compression": "deflate", "tile": True}),
        "lossy WebP": (".webp", {}),
    }
    return {name: image.write_to_buffer(kind, **how) for name, (kind, how) in kinds.items()}


def refused(data: bytes, read: Reader) -> str:
    """Count refusals: of 5 cut files and of 20 with a changed byte."""
    cut = [data[: int(share * len(data))] for share in (0.3, 0.5, 0.7, 0.9, 0.99)]
    rng = np.random.RandomState(1)
    changed = []
    for place in rng.randint(len(data) // 10, len(data), 20):
        changed.append(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
    return " ".join(str(sum(read(part) is None for part in parts)) for parts in (cut, changed))


def main() -> None:
    """Print the tables."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    print(f"OpenCV {cv2.__version__}, pyvips {pyvips.__version__}, Pillow {Image.__version__}\n")
    print("| BMP | OpenCV | Pillow | deblurnets |\n|---|---|---|---|")
    for name, data, expected in layouts():
        cells = [verdict(read(data), expected) for read in (opencv, pillow, ours)]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\nRefused of 5 cut files and of 20 with a changed byte:")
    print(f"| | OpenCV | Pillow | {' | '.join('libvips ' + level for level in LEVELS)} |")
    print(f"|{'---|' * 7}")
    for name, data in sound_files().items():
        cells = [refused(data, read) for read in (opencv, pillow, *map(vips, LEVELS))]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
