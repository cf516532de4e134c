"""Make the README's before and after pictures from the example pictures and their results.

python deblur_main.py -i blurry_input -o results
python tools/make_readme_pictures.py --results results
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 600, 400


def save_middle(source: Path, target: Path) -> None:
    """Write the middle of a picture, pixel for pixel, as JPEG."""
    with Image.open(source) as picture:
        left, top = (picture.width - WIDTH) // 2, (picture.height - HEIGHT) // 2
        middle = picture.convert("RGB").crop((left, top, left + WIDTH, top + HEIGHT))
    target.parent.mkdir(parents=True, exist_ok=True)
    middle.save(target, quality=88)


def main() -> None:
    """Write NAME_before.jpg and NAME_after.jpg for the examples named."""
    parser = argparse.ArgumentParser(description="Make the README's pictures.")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--names", nargs="+", default=["coffee", "raccoon"])
    arguments = parser.parse_args()
    images = ROOT / "docs" / "images"
    for name in arguments.names:
        blurry = next((ROOT / "blurry_input").glob(f"{name}.*"))
        result = arguments.results / f"{name}_deblurred{blurry.suffix}"
        save_middle(blurry, images / f"{name}_before.jpg")
        save_middle(result, images / f"{name}_after.jpg")


if __name__ == "__main__":
    main()
