"""Where the networks compute, how large a tile is, and which half a known kernel needs."""

import sys
from types import SimpleNamespace

import numpy as np
import picture_files as files
import pytest

from deblurnets import backend
from deblurnets.cli import main as cli
from deblurnets.deblurrer import Deblurrer
from deblurnets.weights import files as weights

tensorflow = pytest.importorskip("tensorflow")
if not backend.description().startswith("tensorflow"):
    pytest.skip("another backend than TensorFlow", allow_module_level=True)


@pytest.fixture
def devices(monkeypatch):
    """Replace TensorFlow's devices by two GPUs; return what is asked of them."""
    asked = []
    experimental = SimpleNamespace(
        list_physical_devices=lambda kind: ["gpu 0", "gpu 1"],
        set_visible_devices=lambda chosen, kind: asked.append((kind, chosen)),
        set_memory_growth=lambda gpu, grows: asked.append((gpu, grows)),
    )
    stub = SimpleNamespace(config=SimpleNamespace(experimental=experimental), __version__="2x")
    monkeypatch.setattr(sys.modules["deblurnets.backend.tensorflow"], "tf", stub)
    return SimpleNamespace(asked=asked, tf=experimental)


@pytest.mark.parametrize("name", ["auto", "gpu"])
def test_gpus_take_memory_as_they_need_it(devices, name):
    backend.select_device(name)
    assert devices.asked == [("gpu 0", True), ("gpu 1", True)]


def test_cpu_hides_gpus(devices):
    backend.select_device("cpu")
    assert devices.asked == [("GPU", [])]


def test_without_a_gpu(devices, monkeypatch):
    monkeypatch.setattr(devices.tf, "list_physical_devices", lambda kind: [])
    backend.select_device("auto")
    backend.select_device("cpu")
    assert devices.asked == [("GPU", [])]
    with pytest.raises(ValueError, match="no GPU that TensorFlow 2x sees"):
        backend.select_device("gpu")


def test_no_gpu_is_said_in_one_sentence(tmp_path, monkeypatch, devices, capsys):
    monkeypatch.setattr(devices.tf, "list_physical_devices", lambda kind: [])
    (tmp_path / "a.png").write_bytes(files.example_bytes(".png"))
    arguments = ["-i", str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "--device", "gpu"]
    assert cli.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The networks cannot be loaded: there is no GPU")


def test_other_frameworks_choose_their_device_themselves(monkeypatch):
    monkeypatch.setattr(backend, "_native", SimpleNamespace(__name__="deblurnets.backend.numpy"))
    backend.select_device("auto")
    with pytest.raises(ValueError, match=r"for TensorFlow only, this is numpy \d"):
        backend.select_device("cpu")


def test_the_old_tensorflow_is_named_as_the_new(monkeypatch):
    old = SimpleNamespace(__name__="deblurnets.backend.old_tensorflow")
    monkeypatch.setattr(backend, "_native", old)
    assert backend.description() == f"tensorflow {tensorflow.__version__}"


def test_the_tile_size_reaches_the_deblurrer(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        Deblurrer, "from_pretrained", lambda *_, **options: made.append(options) or 1 / 0
    )
    (tmp_path / "a.png").write_bytes(files.example_bytes(".png"))
    with pytest.raises(ZeroDivisionError):
        cli.main(["-i", str(tmp_path), "-o", str(tmp_path / "out"), "--tile_size", "500"])
    assert made[0]["tile_size"] == 500


def test_a_known_kernel_needs_no_analysis_network(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("the analysis network was loaded or downloaded")

    monkeypatch.setattr(weights, "load_analysis", refuse)
    monkeypatch.setattr(weights, "load_quality", refuse)
    monkeypatch.setattr("deblurnets.weights.download.ensure_weights", refuse)
    source = tmp_path / "a.png"
    source.write_bytes(files.example_bytes(".png"))
    kernel = tmp_path / "k.npy"
    np.save(str(kernel), np.full((1, 5), 0.2, np.float32))
    # A weight file that does not exist would be downloaded if it were needed.
    arguments = ["-i", str(source), "-o", str(tmp_path / "out"), "-amp", str(tmp_path / "no.h5")]
    assert cli.main([*arguments, "--kernel", str(kernel)]) == 0


def test_without_its_analysis_half_a_deblurrer_says_what_it_cannot_do():
    deblurrer = Deblurrer(None, None)
    picture = np.zeros((40, 40), np.uint8)
    for estimate in (deblurrer, deblurrer.estimate_kernel):
        with pytest.raises(ValueError, match="known kernels only"):
            estimate(picture)
