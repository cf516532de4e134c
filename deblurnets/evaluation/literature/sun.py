"""Sun et al. 2013: 80 grey pictures under 8 kernels with 1 % of noise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List

from deblurnets.evaluation.benchmark import BenchmarkError, Case
from deblurnets.evaluation.literature.items import (
    Item,
    check_folder,
    folder_files,
    read_case,
    require,
)

BORDER = 50  # pixels; the authors' own, cut off their sharp pictures
_NAME = re.compile(r"(\d+)_(\d+)_blurred\.png")
_ARCHIVE = "it is in the archive of all results, folder all_deblur_results"


def find_items(folder: Path) -> List[Item]:
    """List the set's pictures.

    Parameters
    ----------
    folder : Path
        Holds, in it or below, `1_1_blurred.png` to `80_8_blurred.png` (picture, kernel),
        `img1_groundtruth_img.png` to 80, and `kernel1_groundtruth_kernel.png` to 8.

    Raises
    ------
    BenchmarkError
        When one of them is missing.
    """
    check_folder(folder)
    blurry = folder_files(folder, "*_blurred.png")
    matches = [match for match in map(_NAME.fullmatch, blurry) if match]
    if not matches:
        raise BenchmarkError(
            f"{folder}: expected 1_1_blurred.png to 80_8_blurred.png in it or below, found none"
        )
    truths = folder_files(folder, "*_groundtruth_*.png")
    items = []
    for match in sorted(matches, key=lambda match: (int(match.group(1)), int(match.group(2)))):
        files = {
            "blurry": blurry[match.group()],
            "sharp": require(truths, f"img{match.group(1)}_groundtruth_img.png", folder, _ARCHIVE),
            "kernel": require(
                truths, f"kernel{match.group(2)}_groundtruth_kernel.png", folder, _ARCHIVE
            ),
        }
        name = f"{match.group(1)}_{match.group(2)}"
        items.append(Item(name, lambda name=name, files=files: _case(name, files)))
    return items


def _case(name: str, files: Dict[str, Path]) -> Case:
    # The sharp pictures are smaller by 50 pixels on each side.
    return read_case(name, files, lambda frame: max(BORDER, frame))
