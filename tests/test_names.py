"""Which files a run reads and writes."""

import os

import pytest

from deblurnets import names
from deblurnets.names import InputError, Job, find_pictures, plan_run


@pytest.fixture
def folder(tmp_path):
    """Return a function that fills a folder with empty files and gives its path."""

    def fill(*file_names):
        path = tmp_path / "in"
        path.mkdir(exist_ok=True)
        for name in file_names:
            (path / name).write_bytes(b"")
        return str(path)

    return fill


def base_names(paths):
    return [os.path.basename(path) for path in paths]


def test_folder_gives_its_pictures_in_order(folder):
    path = folder("b.JPG", "a.png", "c.TiFf", "d.webp", "e.bmp", "notes.txt", "raw.cr2")
    assert base_names(find_pictures(path)) == ["a.png", "b.JPG", "c.TiFf", "d.webp", "e.bmp"]


def test_system_files_and_subfolders_are_passed_over(folder):
    path = folder("a.png", "._a.png", "Thumbs.db", ".DS_Store", ".hidden.jpg")
    os.makedirs(os.path.join(path, "folder.png"))
    os.makedirs(os.path.join(path, "sub"))
    with open(os.path.join(path, "sub", "b.png"), "wb"):
        pass
    assert base_names(find_pictures(path)) == ["a.png"]


def test_suffix_goes_before_the_extension(folder):
    path = folder("a.b.png", "ü [1].JPG")
    plan = plan_run(path, "out", "_x")
    assert [job.target for job in plan.jobs] == [
        os.path.join("out", "a.b_x.png"),
        os.path.join("out", "ü [1]_x.JPG"),
    ]


def test_single_file(folder):
    path = os.path.join(folder("a.png", "b.png"), "a.png")
    assert plan_run(path, "out", "").jobs == (Job(path, os.path.join("out", "a.png")),)


@pytest.mark.parametrize(
    ("file_names", "reason"), [((), "is empty"), (("a.txt", ".DS_Store"), "holds no picture")]
)
def test_folder_without_pictures(folder, file_names, reason):
    with pytest.raises(InputError, match=reason):
        plan_run(folder(*file_names), "out", "_x")


def test_missing_input(tmp_path):
    with pytest.raises(InputError, match=r"none\.png: no such file or folder"):
        plan_run(str(tmp_path / "none.png"), "out", "_x")
    with pytest.raises(InputError, match="no such file or folder"):
        plan_run("", "out", "_x")


def test_single_file_of_another_kind(folder):
    with pytest.raises(InputError, match="extension is not one of PNG"):
        plan_run(os.path.join(folder("a.txt"), "a.txt"), "out", "_x")


def test_out_dir_that_is_a_file(folder):
    path = folder("a.png")
    with pytest.raises(InputError, match="expected a folder"):
        plan_run(path, os.path.join(path, "a.png"), "_x")


@pytest.mark.parametrize("suffix", ["/x", f"..{os.sep}x", "a\0b"])
def test_suffix_stays_in_the_folder(folder, suffix):
    with pytest.raises(InputError, match="--suffix"):
        plan_run(folder("a.png"), "out", suffix)


@pytest.mark.parametrize("way", ["plain", "dots", "link"])
def test_output_never_overwrites_an_input(folder, tmp_path, way):
    path = folder("a.png")
    out = path
    if way == "dots":
        out = os.path.join(path, "..", "in")
    elif way == "link":
        out = str(tmp_path / "link")
        os.symlink(path, out)
    for input_path in (path, os.path.join(path, "a.png")):
        with pytest.raises(InputError, match="would overwrite an input"):
            plan_run(input_path, out, "")


def test_input_folder_as_output_folder(folder):
    path = folder("a.png", "a_x.png", "gone_x.jpg", "b.png")
    plan = plan_run(path, path, "_x")
    assert base_names(job.source for job in plan.jobs) == ["a.png", "b.png"]
    assert base_names(plan.earlier_results) == ["a_x.png", "gone_x.jpg"]


def test_earlier_results_elsewhere_are_pictures_like_others(folder):
    path = folder("a.png", "a_x.png")
    assert len(plan_run(path, "out", "_x").jobs) == 2
    assert len(plan_run(os.path.join(path, "a_x.png"), path, "_x").jobs) == 1


def test_only_earlier_results(folder):
    path = folder("a_x.png")
    with pytest.raises(InputError, match="earlier results, their names end in '_x'"):
        plan_run(path, path, "_x")


def test_same_output_where_case_does_not_count(folder, monkeypatch):
    path = folder("a.PNG", "a.png")
    if len(os.listdir(path)) == 2:  # a file system that tells them apart
        assert len(plan_run(path, "out", "_x").jobs) == 2
        monkeypatch.setattr(names, "_folds_case", lambda _: True)
        with pytest.raises(InputError, match="would write the same output"):
            plan_run(path, "out", "_x")


def test_case_of_the_file_system_is_asked_for(tmp_path):
    (tmp_path / "aB").mkdir()
    expected = (tmp_path / "Ab").exists()
    assert names._folds_case(str(tmp_path / "aB" / "not there")) == expected


def test_nothing_is_written(folder, tmp_path):
    before = sorted(os.listdir(str(tmp_path)))
    plan_run(folder("a.png"), str(tmp_path / "out"), "_x")
    assert sorted(os.listdir(str(tmp_path))) == sorted([*before, "in"])
