"""Which files a run reads and writes."""

import os
import tempfile

import pytest

from deblurnets.batch import plan as names
from deblurnets.batch.plan import InputError, Job, Naming, plan_run
from deblurnets.batch.sources import find_pictures
from deblurnets.pictures.formats import JPEG, PNG

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st


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
    assert base_names(find_pictures(path).paths) == ["a.png", "b.JPG", "c.TiFf", "d.webp", "e.bmp"]


def test_system_files_and_subfolders_are_passed_over(folder):
    path = folder("a.png", "._a.png", "Thumbs.db", ".DS_Store", ".hidden.jpg")
    os.makedirs(os.path.join(path, "folder.png"))
    os.makedirs(os.path.join(path, "sub"))
    with open(os.path.join(path, "sub", "b.png"), "wb"):
        pass
    assert base_names(find_pictures(path).paths) == ["a.png"]


def test_suffix_goes_before_the_extension(folder):
    path = folder("a.b.png", "ü [1].JPG")
    plan = plan_run(path, Naming("out", "_x"))
    assert [job.target for job in plan.jobs] == [
        os.path.join("out", "a.b_x.png"),
        os.path.join("out", "ü [1]_x.JPG"),
    ]


def test_single_file(folder):
    path = os.path.join(folder("a.png", "b.png"), "a.png")
    assert plan_run(path, Naming("out", "")).jobs == (Job(path, os.path.join("out", "a.png")),)


@pytest.mark.parametrize(
    ("file_names", "reason"), [((), "is empty"), (("a.txt", ".DS_Store"), "holds no picture")]
)
def test_folder_without_pictures(folder, file_names, reason):
    with pytest.raises(InputError, match=reason):
        plan_run(folder(*file_names), Naming("out", "_x"))


def test_missing_input(tmp_path):
    with pytest.raises(InputError, match=r"none\.png: no such file or folder"):
        plan_run(str(tmp_path / "none.png"), Naming("out", "_x"))
    with pytest.raises(InputError, match="no such file or folder"):
        plan_run("", Naming("out", "_x"))


def test_single_file_of_another_kind(folder):
    with pytest.raises(InputError, match="extension is not one of PNG"):
        plan_run(os.path.join(folder("a.txt"), "a.txt"), Naming("out", "_x"))


def test_out_dir_that_is_a_file(folder):
    path = folder("a.png")
    with pytest.raises(InputError, match="expected a folder"):
        plan_run(path, Naming(os.path.join(path, "a.png"), "_x"))


@pytest.mark.parametrize("suffix", ["/x", f"..{os.sep}x", "a\0b"])
def test_suffix_stays_in_the_folder(folder, suffix):
    with pytest.raises(InputError, match="--suffix"):
        plan_run(folder("a.png"), Naming("out", suffix))


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
            plan_run(input_path, Naming(out, ""))


def test_input_folder_as_output_folder(folder):
    path = folder("a.png", "a_x.png", "gone_x.jpg", "b.png")
    plan = plan_run(path, Naming(path, "_x"))
    assert base_names(job.source for job in plan.jobs) == ["a.png", "b.png"]
    assert base_names(plan.earlier_results) == ["a_x.png", "gone_x.jpg"]


def test_earlier_results_elsewhere_are_pictures_like_others(folder):
    path = folder("a.png", "a_x.png")
    assert len(plan_run(path, Naming("out", "_x")).jobs) == 2
    assert len(plan_run(os.path.join(path, "a_x.png"), Naming(path, "_x")).jobs) == 1


def test_only_earlier_results(folder):
    path = folder("a_x.png")
    with pytest.raises(InputError, match="earlier results, their names end in '_x'"):
        plan_run(path, Naming(path, "_x"))


def test_same_output_where_case_does_not_count(folder, monkeypatch):
    path = folder("a.PNG", "a.png")
    if len(os.listdir(path)) == 2:  # a file system that tells them apart
        assert len(plan_run(path, Naming("out", "_x")).jobs) == 2
        monkeypatch.setattr(names, "_folds_case", lambda _: True)
        with pytest.raises(InputError, match="would write the same output"):
            plan_run(path, Naming("out", "_x"))


def test_case_of_the_file_system_is_asked_for(tmp_path):
    (tmp_path / "aB").mkdir()
    expected = (tmp_path / "Ab").exists()
    assert names._folds_case(str(tmp_path / "aB" / "not there")) == expected


def test_nothing_is_written(folder, tmp_path):
    before = sorted(os.listdir(str(tmp_path)))
    plan_run(folder("a.png"), Naming(str(tmp_path / "out"), "_x"))
    assert sorted(os.listdir(str(tmp_path))) == sorted([*before, "in"])


def targets(plan):
    return [job.target for job in plan.jobs]


def test_recursion_mirrors_the_tree(folder):
    path = folder("a.png")
    os.makedirs(os.path.join(path, "sub", "deep"))
    for name in ("sub/a.png", "sub/deep/b.png"):
        with open(os.path.join(path, *name.split("/")), "wb"):
            pass
    plan = plan_run(path, Naming("out", "_x"), recursive=True)
    expected = ["a_x.png", os.path.join("sub", "a_x.png"), os.path.join("sub", "deep", "b_x.png")]
    assert targets(plan) == [os.path.join("out", name) for name in expected]
    in_place = plan_run(path, Naming(path, "_x"), recursive=True)
    assert targets(in_place) == [os.path.join(path, name) for name in expected]
    for name in expected:
        with open(os.path.join(path, name), "wb"):
            pass
    again = plan_run(path, Naming(path, "_x"), recursive=True)
    assert again.jobs == in_place.jobs
    assert len(again.earlier_results) == 3


def test_format_changes_the_extension_where_it_is_another(folder):
    path = folder("a.png", "b.JPEG", "c.tif", "d.jpg")
    plan = plan_run(path, Naming("out", "_x", JPEG))
    assert base_names(targets(plan)) == ["a_x.jpg", "b_x.JPEG", "c_x.jpg", "d_x.jpg"]


def test_shared_names_keep_their_extension(folder):
    path = folder("a.jpg", "a.jpeg", "a.png", "b.tif", "c.JPG")
    expected = ["a_jpeg_x.png", "a_jpg_x.png", "a_png_x.png", "b_x.png", "c_x.png"]
    assert base_names(targets(plan_run(path, Naming("out", "_x", PNG)))) == expected
    plain = ["a_x.jpeg", "a_x.jpg", "a_x.png", "b_x.tif", "c_x.JPG"]
    assert base_names(targets(plan_run(path, Naming("out", "_x")))) == plain


def test_names_that_are_still_shared_are_refused(folder):
    path = folder("a.jpg", "a.tif", "a_jpg.webp")
    with pytest.raises(InputError, match=r"a\.jpg and .*a_jpg\.webp would write the same output"):
        plan_run(path, Naming("out", "_x", PNG))


def test_kernels_have_names_of_their_own(folder):
    path = folder("a.jpg", "a.png", "b.tif")
    jobs = plan_run(path, Naming("out", "_x", kernels=True)).jobs
    assert base_names(job.target for job in jobs) == ["a_x.jpg", "a_x.png", "b_x.tif"]
    kernels = base_names(job.kernel_base for job in jobs)
    assert kernels == ["a_jpg_x_kernel", "a_png_x_kernel", "b_x_kernel"]
    assert len({output for job in jobs for output in job.outputs}) == 9


def test_a_kernel_never_overwrites_an_input(folder):
    path = folder("a.png", "a_x_kernel.png")
    with pytest.raises(InputError, match=r"a_x_kernel\.png: the output would overwrite an input"):
        plan_run(path, Naming(path, "_x", kernels=True))
    plan_run(path, Naming(path, "_x"))


def test_saved_kernels_are_not_read_by_the_next_run(folder):
    path = folder("a.png", "a_x.png", "a_x_kernel.png", "a_x_kernel.npy")
    plan = plan_run(path, Naming(path, "_x", kernels=True))
    assert base_names(job.source for job in plan.jobs) == ["a.png"]
    assert base_names(plan.earlier_results) == ["a_x.png"]


def test_the_given_kernel_is_no_picture_and_is_not_overwritten(folder):
    path = folder("a.png", "k.png", "k.npy")
    given = os.path.join(path, "k.png")
    plan = plan_run(path, Naming("out", "_x"), kernel_file=given)
    assert base_names(job.source for job in plan.jobs) == ["a.png"]
    with pytest.raises(InputError, match=r"a_kernel\.npy: the output would overwrite an input"):
        plan_run(
            os.path.join(path, "a.png"),
            Naming(path, "", JPEG, kernels=True),
            kernel_file=os.path.join(path, "a_kernel.npy"),
        )
    only = folder("k.png")
    os.remove(os.path.join(only, "a.png"))
    with pytest.raises(InputError, match="holds only the kernel"):
        plan_run(only, Naming("out", "_x"), kernel_file=given)


def test_existing_outputs_are_skipped(folder, tmp_path):
    path = folder("a.png", "b.png", "c.png")
    out = tmp_path / "out"
    out.mkdir()
    (out / "b_x.png").write_bytes(b"")
    (out / "c_x.png").mkdir()  # no result: the run will say that it cannot be written
    naming = Naming(str(out), "_x")
    plan = plan_run(path, naming, skip_existing=True)
    assert base_names(job.source for job in plan.jobs) == ["a.png", "c.png"]
    assert base_names(job.source for job in plan.skipped) == ["b.png"]
    assert plan_run(path, naming).skipped == ()


@settings(max_examples=60, deadline=None)
@given(
    st.sets(
        st.tuples(
            st.sampled_from(["a", "b", "a_jpg", "a_x", "a_x_kernel"]),
            st.sampled_from([".jpg", ".png", ".tif", ".PNG"]),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([None, PNG, JPEG]),
    st.sampled_from(["", "_x"]),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_names_nothing_is_lost(names_in, wanted, suffix, kernels, same_folder):
    """No output falls on an input, none on another, and the order of files does not matter."""
    with tempfile.TemporaryDirectory() as base:
        path = os.path.join(base, "in")
        os.makedirs(path)
        for stem, extension in names_in:
            with open(os.path.join(path, stem + extension), "wb"):
                pass
        out = path if same_folder else os.path.join(base, "out")
        try:
            plan = plan_run(path, Naming(out, suffix, wanted, kernels))
        except InputError:
            return
        outputs = [output for job in plan.jobs for output in job.outputs]
        assert len(set(outputs)) == len(outputs)
        assert not set(outputs) & {job.source for job in plan.jobs}
        assert len(plan.jobs) + len(plan.earlier_results) == len(os.listdir(path))
