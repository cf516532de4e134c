"""The commands of docs/training.md, exactly as they are written, on two frameworks."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import picture_files as files
import pytest

from deblurnets.pictures.files import read_image

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- run: (\w+) -->\n```bash\n(.*?)```", re.S)


def commands():
    return dict(BLOCK.findall((ROOT / "docs" / "training.md").read_text(encoding="utf-8")))


def photograph(seed, side):
    rng = np.random.RandomState(seed)
    pixels = np.kron(rng.randint(0, 256, (side // 6, side // 6, 3)), np.ones((6, 6, 1)))
    return files.pillow_bytes(pixels.astype(np.uint8), "PNG")


def test_the_tutorial_has_its_parts_in_order():
    parts = ["kernels", "samples", "train", "resume", "use", "evaluate", "pair", "device"]
    parts += ["cuda_graph"]
    assert list(commands()) == parts


OTHER = "torch" if importlib.util.find_spec("torch") else "jax"


@pytest.mark.tutorial
@pytest.mark.parametrize("backend", ["tensorflow", OTHER])
def test_the_tutorial_runs_as_written(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    (tmp_path / "photographs").mkdir()
    for number in range(3):
        picture = photograph(number, 150 + 6 * number)
        (tmp_path / "photographs" / f"{number}.png").write_bytes(picture)
    (tmp_path / "photo.png").write_bytes(photograph(7, 66))
    (tmp_path / "sharp").mkdir()
    (tmp_path / "sharp" / "a_sharp.png").write_bytes(photograph(8, 192))
    shutil.copy(str(ROOT / "deblur_main.py"), str(tmp_path))
    (tmp_path / "tools").mkdir()
    shutil.copy(str(ROOT / "tools" / "make_fresh_benchmark.py"), str(tmp_path / "tools"))
    (tmp_path / "bin").mkdir()
    # No link: an interpreter looks for its packages beside the name it was called by.
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    environment = {
        **os.environ,
        # Compiling takes JAX longer than all else.
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "KERAS_BACKEND": backend,
        "OMP_NUM_THREADS": "1",  # of PyTorch: more wait for each other where others compute too
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    blocks = commands()
    if backend != "torch":
        del blocks["cuda_graph"]
    script = "set -euo pipefail\n" + "".join(blocks.values())
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=str(tmp_path),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    for folder in ("results", "results_of_the_pair"):
        result = read_image(str(tmp_path / folder / "photo_deblurred.png"))
        assert result.pixels.shape == (66, 66, 3)
    figures = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert figures == ["pictures.csv", "psnr.png", "summary.json"]
    sheet = read_image(str(tmp_path / "kernels.png")).pixels
    assert sheet.ndim == 2
    assert "after 3 steps" in done.stdout
    assert backend in (tmp_path / "weights" / "analysis.md").read_text()
