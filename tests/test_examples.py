"""The example pictures, deblurred by the command line with the bundled weights, get sharper."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deblurnets.imaging.metrics import compare
from deblurnets.weights.paths import model_path

ROOT = Path(__file__).resolve().parent.parent
SHARP = ROOT / "tests" / "data" / "examples_sharp"
PICTURES = sorted(p for p in (ROOT / "blurry_input").iterdir() if p.suffix in (".jpg", ".png"))
WEIGHTS = ("compact_analysis.h5", "compact_synthesis.h5")
# About a decibel under docs/evaluation.md; which of several likely kernels is chosen depends on
# the processor a little.
MIN_GAIN = {"coffee": 8.5, "raccoon": 6.2, "rocket": 3.6}
BORDER = 24  # where the blur carried in what lies outside of the picture


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Folder of the results of one run over all examples."""
    if not all(model_path(name).is_file() for name in WEIGHTS):
        pytest.skip("the compact pair's weights are not there")
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, "deblur_main.py", "-i", "blurry_input", "-o", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder


def test_there_are_enough_examples():
    assert len(PICTURES) >= 3
    assert [p.name for p in PICTURES] == sorted(p.name for p in SHARP.iterdir())


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_an_example_and_its_original_fit(path):
    blurry, sharp = read(path), read(SHARP / path.name)
    assert blurry.dtype == sharp.dtype == np.uint8
    assert blurry.shape == sharp.shape
    assert blurry.ndim == 3 and max(blurry.shape) >= 600
    assert 15 < compare(blurry, sharp, BORDER, max_shift=0).psnr < 35


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_an_example_gets_sharper(path, results):
    blurry, sharp = read(path), read(SHARP / path.name)
    result = read(results / f"{path.stem}_deblurred{path.suffix}")
    assert result.shape == sharp.shape and result.dtype == np.uint8
    before, after = (compare(picture, sharp, BORDER).psnr for picture in (blurry, result))
    assert after >= before + MIN_GAIN[path.stem], f"{before:.2f} dB before, {after:.2f} dB after"
