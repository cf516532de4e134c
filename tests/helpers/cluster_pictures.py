"""Pictures and stand-in deblurrers for the tests of a cluster."""

import os
import signal
from types import SimpleNamespace

import numpy as np
import picture_files as files
from PIL import Image

POISON = 7
"""Value of the first pixel of the picture that does something to its worker."""

RESULTS_BESIDE = 4
"""Pictures that `make_pictures` makes beside those that are counted, and that can be deblurred."""

MAKE = 0x10F  # EXIF


def make_pictures(folder, count=6):
    """A tree: depths, alpha, EXIF, a damaged file, one that is no picture, the poison amid."""
    (folder / "below" / "é").mkdir(parents=True)
    exif = Image.Exif()
    exif[MAKE] = "Maker"
    contents = {
        "deep.png": files.png_bytes(files.gradient(40, 36, 3, np.uint16)),
        "below/alpha.png": files.png_bytes(files.gradient(40, 36, 4)),
        "below/camera.jpg": files.example_bytes(".jpg", exif=exif),
        "below/é/grey.tif": files.tiff_bytes(files.gradient(40, 36, 1, np.uint16)),
        "below/damaged.png": files.example_bytes(".png")[:200],
        "notes.txt": b"no picture",
        ".hidden.png": files.example_bytes(".png"),
    }
    for number in range(count):
        pixels = files.gradient(40, 36 + number)
        pixels[0, 0] = POISON if number == count // 2 else 0
        contents[f"below/{number:03d}.png"] = files.png_bytes(pixels)
    for name, data in contents.items():
        (folder / name).write_bytes(data)


def loader(at_poison=lambda: None):
    """Return what makes a deblurrer that inverts; a closure, so that it travels by value."""
    kernel = np.full((3, 3), 1 / 9)
    poison = POISON

    def load():
        def deblur(pixels, alpha=None):
            if np.all(pixels[0, 0] == poison):
                at_poison()
            return SimpleNamespace(image=np.iinfo(pixels.dtype).max - pixels, kernel=kernel)

        return deblur

    return load


def killer(marks, times):
    """Return what kills its process, with no chance to tidy up, the first `times` times."""
    folder = str(marks)

    def kill():
        count = len(os.listdir(folder))
        if count < times:
            with open(os.path.join(folder, str(count)), "w") as file:
                file.write(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def contents(folder):
    """All files below a folder: name to bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
