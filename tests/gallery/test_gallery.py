"""The gallery: which folder it takes, what it writes, and that no file name can break its page."""

import gc
import html
import io
import os
import re
import subprocess
import sys
import time
import weakref
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import picture_files as files
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from deblurnets.batch.plan import InputError
from deblurnets.gallery import GalleryWriter, check_gallery_folder, write_gallery
from deblurnets.gallery.entry import Entry
from deblurnets.gallery.page import render_page
from deblurnets.gallery.previews import kernel_png, picture_jpeg
from deblurnets.gallery.text import address, escape

ROOT = Path(__file__).resolve().parents[2]
GROUNDS = ("ground", "raised")
ODD_NAMES = [
    '<script>alert("x")</script>.jpg',
    "a'b\"c&amp;d\n.png",
    os.fsdecode(b"caf\xe9.jpg"),
    "exe\u202egpj.txt",
    "$title ${cards}.png",
    "javascript:alert(1)",
]


def record(name="a.png", **changes):
    made = {
        "source": name,
        "target": f"out/{name}",
        "status": "done",
        "reason": None,
        "notes": [],
        "width": 32,
        "height": 24,
        "depth": 8,
        "source_bytes": 5_300_000,
        "target_bytes": 700,
        "kernel_size": 7,
        "kernel_centre": [0.5, -0.25],
        "confidence": 0.875,
        "blurred": True,
        "seconds": {"decode": 0.1, "analysis": 3.0, "synthesis": 1.5, "encode": 0.2, "total": 4.8},
    }
    made.update(changes)
    return made


def failed(name="bad.jpg"):
    nothing = dict.fromkeys(["target", "width", "height", "kernel_size", "confidence", "seconds"])
    return record(name, status="failed", reason="the file is empty", **nothing)


def shake(size=85):
    kernel = np.zeros((size, size))
    kernel[size // 2, size // 2 - 3 : size // 2 + 4] = 1 / 7
    return kernel


def read_page(folder):
    return (Path(folder) / "index.html").read_text(encoding="utf-8")


def render(*records):
    return render_page(
        "Gallery", [Entry(made, "b.jpg", "a.jpg", "k.png", (24, 32)) for made in records], {}, "."
    )


class Structure(HTMLParser):
    """A page's tags and attribute names in order, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.text = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, *sorted(name for name, _ in attributes)))

    def handle_endtag(self, tag):
        self.tags.append(("/" + tag,))

    def handle_data(self, data):
        self.text.append(data)


def test_a_gallery_holds_every_picture(tmp_path):
    folder = str(tmp_path / "gallery")
    writer = GalleryWriter(folder, title="A & B")
    before = files.gradient()
    writer.add(record("in/one.png"), before, 255 - before, shake())
    writer.add(failed())
    writer.add(record("three.png", confidence=0.25, notes=["a note"]), before, before)
    run = {"deblurnets": "9.8.7", "backend": "stub 1", "started": "2026-01-02T03:04:05+00:00"}
    path = writer.close(run)
    page = read_page(folder)
    assert path == os.path.join(folder, "index.html")
    text = " ".join("".join(Structure(page).text).split())
    for part in ("A & B", "2 deblurred", "1 failed", "4.8 s a picture", "2026-01-02 03:04 UTC"):
        assert part in text
    for part in (
        "deblurnets 9.8.7",
        "stub 1",
        "the file is empty",
        "a note",
        "Uncertain",
        "32 \u00d7 24 px",
    ):
        assert part in text
    assert page.count('role="slider"') == 2
    (previews,) = [name for name in os.listdir(folder) if name.startswith("previews-")]
    names = ["000001_after.jpg", "000001_before.jpg", "000001_kernel.png"]
    names += ["000003_after.jpg", "000003_before.jpg"]
    assert sorted(os.listdir(os.path.join(folder, previews))) == names
    assert all(f'src="{previews}/{name}"' in page for name in names)
    assert page.count('loading="lazy"') == len(names)
    shown = np.asarray(Image.open(os.path.join(folder, previews, names[0])), int)
    assert np.abs(shown - (255 - before.astype(int))).mean() < 4


def test_pictures_are_not_kept_in_memory(tmp_path):
    writer = GalleryWriter(str(tmp_path))
    before, after, kernel = files.gradient(), files.gradient(), shake()
    kept = [weakref.ref(array) for array in (before, after, kernel)]
    writer.add(record(), before, after, kernel)
    del before, after, kernel
    gc.collect()
    assert [reference() for reference in kept] == [None] * 3


def test_a_folder_with_other_things_is_refused(tmp_path):
    check_gallery_folder(str(tmp_path / "new"))
    check_gallery_folder(str(tmp_path))
    (tmp_path / ".DS_Store").write_bytes(b"x")
    check_gallery_folder(str(tmp_path))
    (tmp_path / "index.html").write_text("<html>someone's home page</html>")
    with pytest.raises(InputError, match=r"an earlier gallery, found 'index.html'"):
        GalleryWriter(str(tmp_path))
    with pytest.raises(InputError, match="found a file"):
        GalleryWriter(str(tmp_path / "index.html"))
    assert sorted(os.listdir(tmp_path)) == [".DS_Store", "index.html"]


def test_an_earlier_gallery_is_whole_until_the_new_one_is(tmp_path):
    folder = str(tmp_path)
    first = GalleryWriter(folder)
    first.add(record("first.png"), files.gradient(), files.gradient())
    first.close()
    (tmp_path / "notes.txt").write_text("mine")
    earlier = sorted(str(path) for path in tmp_path.rglob("*"))
    old_page = read_page(folder)
    (old_previews,) = tmp_path.glob("previews-*")
    (old_previews / "mine.jpg").write_text("mine too")

    second = GalleryWriter(folder)
    second.add(record("second.png"), files.gradient(), files.gradient())
    assert read_page(folder) == old_page
    assert set(earlier) <= {str(path) for path in tmp_path.rglob("*")}

    second.close()
    assert "second.png" in read_page(folder) and "first.png" not in read_page(folder)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert [path.name for path in old_previews.iterdir()] == ["mine.jpg"]


def test_a_run_that_was_killed_can_be_repeated(tmp_path):
    folder = str(tmp_path)
    GalleryWriter(folder).add(record(), files.gradient(), files.gradient())
    assert "has not finished" in read_page(folder)
    GalleryWriter(folder).close()
    assert len(list(tmp_path.glob("previews-*"))) == 1


def test_arrays_that_cannot_be_shown_are_said_and_the_picture_is_listed(tmp_path):
    writer = GalleryWriter(str(tmp_path))
    small = files.gradient()
    with pytest.raises(ValueError, match=r"one size, received \(24, 32\) and \(24, 64\)"):
        writer.add(record("wide.png"), small, np.concatenate([small, small], axis=1))
    with pytest.raises(ValueError, match="received float64"):
        writer.add(record("float.png"), small / 255.0, small)
    with pytest.raises(ValueError, match=r"kernel \(h, w\), received shape \(3,\)"):
        writer.add(record("kernel.png"), small, small, np.ones(3))
    writer.close()
    page = read_page(tmp_path)
    assert all(name in page for name in ("wide.png", "float.png", "kernel.png"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_previews_are_small_eight_bit_pictures(dtype, channels):
    pixels = files.gradient(40, 1700, channels, dtype)
    with Image.open(io.BytesIO(picture_jpeg(pixels))) as picture:
        assert picture.size == (1600, 38)
        assert picture.mode == ("L" if channels == 1 else "RGB")
        scale = 255 / np.iinfo(dtype).max
        assert np.mean(np.asarray(picture)) == pytest.approx(pixels.mean() * scale, abs=1.5)


def test_a_kernel_is_cut_to_what_it_fills():
    with Image.open(io.BytesIO(kernel_png(shake(), 25))) as picture:
        assert picture.size == (31, 31)
        values = np.asarray(picture)
    assert values.max() == 255 and np.all(values[15, 12:19] == 255) and values.sum() == 7 * 255
    with Image.open(io.BytesIO(kernel_png(np.zeros((5, 5))))) as picture:
        assert picture.size == (5, 5) and np.asarray(picture).max() == 0


def test_figures_that_are_missing_are_left_out():
    page = render({"source": "a.png"}, record(confidence=float("nan"), seconds={"total": None}))
    text = "".join(Structure(page).text)
    assert "nan" not in text and "None" not in text and "Confidence" not in text


def test_nothing_comes_from_elsewhere():
    page = render(*[record(name) for name in ODD_NAMES])
    assert "default-src 'none'" in page
    for word in ("http://", "https://", "//cdn", "@import"):
        assert word not in page.replace("http://www.w3.org/2000/svg", "")


def contrast(first, second):
    """Contrast of two colours #rrggbb as WCAG 2 defines it, 1..21."""

    def luminance(colour):
        parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        domain = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return domain @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_from_its_ground_in_light_and_dark():
    style = (ROOT / "deblurnets" / "gallery" / "assets" / "style.css").read_text(encoding="utf-8")
    schemes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root {[^}]*--ground[^}]*}", style)
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for text, ground in (
            *((text, ground) for text in ("text", "muted", "accent") for ground in GROUNDS),
            *((kind, f"{kind}-ground") for kind in ("warn", "bad", "quiet")),
            ("ground", "text"),
            ("bad", "ground"),
        ):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        assert contrast(colours["edge"], colours["ground"]) >= 3  # buttons


@given(st.text() | st.sampled_from(ODD_NAMES))
def test_escaped_text_is_plain_text(text):
    escaped = escape(text)
    escaped.encode("utf-8")
    assert not set("<>\"'\n\r\0\u202e") & set(escaped)
    if text.isprintable():
        assert html.unescape(escaped) == text


@given(st.text(), st.text(), st.text())
@example(ODD_NAMES[0], ODD_NAMES[1], ODD_NAMES[2])
@example(ODD_NAMES[4], "</style><img src=x onerror=y>", "-->")
@settings(max_examples=60, deadline=None)
def test_no_text_changes_the_structure_of_the_page(name, reason, note):
    plain = record("in/a.png", reason="reason", notes=["note"])
    odd = record("in/" + name.replace("/", "_") + ".png", reason=reason + "!", notes=[note])
    assert Structure(render(odd)).tags == Structure(render(plain)).tags


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name and b"/" not in name))
@example(b"a:b?c#d%20.jpg")
@example(b"caf\xe9.jpg")
def test_an_address_leads_back_to_its_file(name):
    link = address(os.path.join("pictures", os.fsdecode(name)), "gallery")
    assert all(character.isalnum() or character in "/._-~%" for character in link)
    assert link.isascii() and ":" not in link
    back = os.path.normpath(os.path.join(b"gallery", unquote_to_bytes(link)))
    assert back == os.path.normpath(os.path.join(b"pictures", name))


def test_two_thousand_pictures_make_a_small_page():
    records = [record(f"holiday/IMG_{number:04d}.jpg") for number in range(2000)]
    start = time.process_time()
    page = render(*records)
    assert time.process_time() - start < 5.0  # 0.2 s on one idle core
    assert len(page.encode()) < 5_000_000
    assert page.count('role="slider"') == 2000


def test_a_gallery_of_files(tmp_path):
    source, target = tmp_path / "a b.png", tmp_path / "out.png"
    source.write_bytes(files.png_bytes(files.gradient()))
    target.write_bytes(files.png_bytes(files.gradient(12, 16)))
    records = [
        {"source": str(source), "target": str(source), "status": "done"},
        {"source": str(source), "target": str(target), "status": "done"},
        {"source": str(tmp_path / "no.png"), "status": "failed", "reason": "it is not there"},
    ]
    folder = tmp_path / "gallery"
    write_gallery(str(folder), records)
    page = read_page(folder)
    assert page.count('role="slider"') == 1 and 'href="../a%20b.png"' in page
    assert "its size is not the input" in page and "it is not there" in page
    assert page.count("32 &times; 24 px") == 2


def test_the_tool_pairs_two_folders(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    for name in ("a", "b"):
        (before / f"{name}.png").write_bytes(files.png_bytes(files.gradient()))
    (after / "a_deblurred.png").write_bytes(files.png_bytes(files.gradient()))
    tool = [sys.executable, str(ROOT / "tools" / "make_gallery.py")]
    arguments = ["--before", str(before), "--after", str(after), "--output"]
    done = subprocess.run([*tool, *arguments, str(tmp_path / "gallery")], timeout=60)
    refused = subprocess.run([*tool, *arguments, str(before)], stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0 and refused.returncode == 1
    assert b"a gallery needs an empty folder" in refused.stderr
    page = read_page(tmp_path / "gallery")
    assert page.count('role="slider"') == 1 and "b_deblurred.png" in page


def test_checking_a_folder_loads_nothing_heavy():
    code = (
        "import sys, deblurnets.gallery as g; g.check_gallery_folder('no such folder'); "
        "sys.exit(any(name in sys.modules for name in ('numpy', 'cv2', 'pyvips', 'tensorflow')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=str(ROOT), timeout=60).returncode == 0
