"""The bundled weights are found in a clone and in an installed package."""

from deblurnets.weights import paths


def make_package(folder, monkeypatch):
    package = folder / "deblurnets"
    package.mkdir(parents=True)
    monkeypatch.setattr(paths, "_PACKAGE", package)
    return package


def test_clone(tmp_path, monkeypatch):
    make_package(tmp_path, monkeypatch)
    (tmp_path / "setup.py").touch()
    assert paths.model_path("a.h5") == tmp_path / "models" / "a.h5"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.h5").touch()
    assert paths.model_path("a.h5").is_file()


def test_installed(tmp_path, monkeypatch):
    package = make_package(tmp_path, monkeypatch)
    assert paths.model_path("a.h5") == package / "models" / "a.h5"


def test_an_installed_package_prefers_its_own_weights(tmp_path, monkeypatch):
    package = make_package(tmp_path, monkeypatch)
    for folder in (package / "models", tmp_path / "models"):
        folder.mkdir()
        (folder / "a.h5").touch()
    assert paths.model_path("a.h5") == package / "models" / "a.h5"
