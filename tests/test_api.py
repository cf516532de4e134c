"""`import deblurnets`: what it offers, and that it costs nothing until it is used."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import deblurnets
from deblurnets import deblurrer
from deblurnets.deblurrer import Deblurrer, Result

ROOT = Path(deblurnets.__file__).resolve().parent


class Inverter:
    def __init__(self):
        self.kernels = []

    def __call__(self, image):
        return Result(255 - image, np.ones((1, 1)), {})

    def deblur(self, image, kernel):
        self.kernels.append(kernel)
        return 255 - image


@pytest.fixture
def loaded(monkeypatch):
    """Replace the networks; return the list of what was loaded."""
    made = []

    def from_pretrained(*arguments):
        made.append(Inverter())
        return made[-1]

    monkeypatch.setattr(Deblurrer, "from_pretrained", from_pretrained)
    deblurrer.default_deblurrer.cache_clear()
    yield made
    deblurrer.default_deblurrer.cache_clear()


PICTURE = np.arange(32 * 40, dtype=np.uint8).reshape(32, 40)


def test_importing_loads_nothing():
    code = "import sys, deblurnets; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=str(ROOT.parent),
        capture_output=True,
        text=True,
        timeout=60,
    )
    modules = set(found.stdout.split())
    assert "deblurnets" in modules
    assert not modules & {"numpy", "tensorflow", "keras", "pyvips", "deblurnets.deblurrer"}


def test_the_public_names():
    assert deblurnets.Deblurrer is Deblurrer
    assert deblurnets.Result is Result
    assert deblurnets.deblur is deblurrer.deblur
    assert set(deblurnets.__all__) <= set(dir(deblurnets))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        deblurnets.nonsense  # noqa: B018 - the access itself is the test


def test_type_hints_are_visible():
    assert (ROOT / "py.typed").is_file()


def test_the_networks_are_loaded_once(loaded):
    for _ in range(2):
        result = deblurnets.deblur(PICTURE)
        assert np.array_equal(result.image, 255 - PICTURE)
    assert len(loaded) == 1


def test_a_known_kernel_is_scaled_and_squared(loaded):
    result = deblurnets.deblur(PICTURE, kernel=[[1, 2, 1]])
    expected = np.zeros((3, 3))
    expected[1] = [0.25, 0.5, 0.25]
    assert np.allclose(result.kernel, expected)
    assert np.allclose(loaded[0].kernels[0], expected)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("photo.jpg",), "shape"),
        ((PICTURE[:5],), "32x32 pixels or more"),
        ((PICTURE, np.zeros((3, 3))), "not all zero"),
        ((PICTURE, np.ones((41, 41))), "larger than the picture"),
    ],
)
def test_wrong_arguments_are_named(loaded, arguments, message):
    with pytest.raises(ValueError, match=message):
        deblurnets.deblur(*arguments)


def test_a_wrong_picture_is_told_before_the_networks_are_loaded(loaded):
    with pytest.raises(ValueError, match="int64"):
        deblurnets.deblur(PICTURE.astype(np.int64))
    assert loaded == []


def test_a_deblurrer_of_one_s_own_needs_no_default(loaded):
    analysis = SimpleNamespace(estimate=None)
    assert isinstance(deblurnets.Deblurrer(analysis, None), Deblurrer)
    assert loaded == []
