"""Which pictures an input path stands for: folders, trees, links, patterns."""

import os
import re

import pytest

from deblurnets.batch import sources
from deblurnets.batch.sources import InputError, find_pictures

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a function that makes empty files below the working directory."""
    monkeypatch.chdir(tmp_path)

    def make(*paths):
        for path in paths:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "wb"):
                pass

    return make


def test_recursion_takes_subfolders_in_order(tree):
    tree("in/b.png", "in/a/z.jpg", "in/a/b/c.tif", "in/c.webp", "in/a/notes.txt", "in/e/x.txt")
    found = find_pictures("in", recursive=True)
    assert found.root == "in"
    assert found.names == ("a/b/c.tif", "a/z.jpg", "b.png", "c.webp")
    assert find_pictures("in").names == ("b.png", "c.webp")


def test_system_files_and_hidden_folders_are_passed_over(tree):
    tree("in/a.png", "in/Thumbs.db", "in/.DS_Store", "in/x/._a.png", "in/.thumbnails/a.png")
    assert find_pictures("in", recursive=True).names == ("a.png",)
    assert find_pictures("in/**/*").names == ("a.png",)
    assert find_pictures("in/*").names == ("a.png",)


def test_saved_kernels_are_no_pictures(tree):
    tree("in/a_kernel.png", "in/a_kernel.npy", "in/b_kernel.png", "in/c.png", "in/c.npy")
    assert find_pictures("in").names == ("b_kernel.png", "c.png")
    assert find_pictures("in/*.png").names == ("b_kernel.png", "c.png")
    assert find_pictures("in/a_kernel.png").names == ("a_kernel.png",)  # named by the user


def test_a_tree_without_pictures(tree):
    tree("in/a/b.txt")
    with pytest.raises(InputError, match="folder and its subfolders hold no picture"):
        find_pictures("in", recursive=True)
    os.makedirs("empty/sub")
    with pytest.raises(InputError, match="the folder is empty"):
        find_pictures("empty", recursive=True)


def test_link_loops_end(tree):
    tree("in/a.png", "in/sub/b.png")
    os.symlink(os.path.abspath("in"), "in/sub/up")
    os.symlink(".", "in/here")
    os.symlink("here", "in/again")
    os.symlink("self", "in/self")
    expected = ("a.png", "sub/b.png")
    assert find_pictures("in", recursive=True).names == expected
    assert find_pictures("in/**/*.png").names == expected
    assert find_pictures("in/**/*.png", recursive=True).names == expected


def test_links_to_folders_are_followed_and_each_folder_read_once(tree):
    tree("in/z/a.png", "other/b.png")
    os.symlink("z", "in/a_link_to_z")
    os.symlink("z", "in/zz_link_to_z")
    os.symlink(os.path.abspath("other"), "in/other")
    assert find_pictures("in", recursive=True).names == ("other/b.png", "z/a.png")


def test_links_to_files_are_pictures(tree):
    tree("elsewhere.png", "in/a.png")
    os.symlink(os.path.abspath("elsewhere.png"), "in/b.png")
    assert find_pictures("in").names == ("a.png", "b.png")


@pytest.mark.parametrize("out_dir", ["in/out", "in/./x/../out", "in/out/deep", "link"])
def test_output_folder_inside_the_input_folder_is_not_read(tree, out_dir):
    tree("in/a.png", "in/out/deep/a_x.png", "in/outer/b.png", "in/x/c.png")
    os.symlink("in/out", "link")
    os.symlink(os.path.abspath("in/out/deep"), "in/back")
    names = find_pictures("in", True, out_dir).names
    assert names == ("a.png", "outer/b.png", "x/c.png")
    assert find_pictures("in/**/*.png", False, out_dir).names == names
    assert find_pictures("in/*", True, out_dir).names == names


@pytest.mark.parametrize("out_dir", ["in", ".", "elsewhere"])
def test_other_output_folders_leave_nothing_out(tree, out_dir):
    tree("in/a.png", "in/x/b.png")
    assert find_pictures("in", True, out_dir).names == ("a.png", "x/b.png")


def test_folder_that_cannot_be_listed_is_named_and_the_rest_taken(tree, monkeypatch):
    tree("in/a.png", "in/locked/b.png")
    scandir = os.scandir

    def refuse(path):
        if str(path).rstrip(os.sep).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_pictures("in", recursive=True)
    assert found.names == ("a.png",)
    assert found.unread == ((os.path.join("in", "locked"), "Permission denied"),)
    with pytest.raises(InputError, match="locked: cannot be listed"):
        find_pictures("in/locked", recursive=True)


@pytest.mark.parametrize(
    ("pattern", "root", "names"),
    [
        ("in/*.png", "in", ("a.png", "b.png")),
        ("in/[ab].*", "in", ("a.png", "b.png")),
        ("in/?.jpg", "in", ("c.jpg",)),
        ("in/*/*.png", "in", ("x/d.png",)),
        ("in/**/*.png", "in", ("a.png", "b.png", "x/d.png", "x/y/e.png")),
        ("in/**/y/*", "in", ("x/y/e.png",)),
        ("in/x/**", "in/x", ("d.png", "y/e.png")),
        ("*/a.png", "", ("in/a.png",)),
        ("**/e.png", "", ("in/x/y/e.png",)),
        ("./in/*.jpg", "in", ("c.jpg",)),
        ("i*/x/d.png", "", ("in/x/d.png",)),
    ],
)
def test_patterns(tree, pattern, root, names):
    tree("in/a.png", "in/b.png", "in/c.jpg", "in/x/d.png", "in/x/y/e.png", "in/n.txt")
    found = find_pictures(pattern)
    assert (found.root, found.names) == (root, names)
    assert all(os.path.isfile(path) for path in found.paths)
    absolute = find_pictures(os.path.join(os.getcwd(), pattern))
    assert absolute.names == names


def test_folders_of_a_pattern_are_taken_with_recursion_only(tree):
    tree("day1/a.png", "day1/x/b.png", "day2/a.png", "days.png")
    assert find_pictures("day*").names == ("days.png",)
    expected = ("day1/a.png", "day1/x/b.png", "day2/a.png", "days.png")
    assert find_pictures("day*", recursive=True).names == expected
    with pytest.raises(InputError, match=r"matches nothing \(folders are taken with --recursive\)"):
        find_pictures("day?")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [("in/*.png", "matches nothing"), ("in/*.txt", "matches no picture"), ("no/**", "matches no")],
)
def test_patterns_without_pictures(tree, pattern, reason):
    tree("in/a.txt")
    with pytest.raises(InputError, match=reason):
        find_pictures(pattern)


def test_a_path_that_exists_is_no_pattern(tree):
    tree("a[1].png", "a1.png", "[in]/b.png")
    assert find_pictures("a[1].png").names == ("a[1].png",)
    assert find_pictures("[in]").names == ("b.png",)
    assert find_pictures("a[0-9].png").names == ("a1.png",)


@pytest.mark.parametrize("name", [b"caf\xe9.png", b"new\nline.png", "日本 \t.png".encode()])
def test_odd_names(tree, name):
    os.makedirs("in")
    try:
        with open(os.path.join(b"in", name), "wb"):
            pass
    except OSError:
        pytest.skip("the file system does not take this name")
    for path in ("in", "in/*.png", "in/**"):
        assert find_pictures(path, recursive=True).names == (os.fsdecode(name),)


PARTS = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=4)


@given(PARTS, st.lists(st.sampled_from(["a", "*", "?", "**"]), max_size=4))
def test_double_star_is_any_number_of_folders(names, pattern):
    """Against the regular expression that the pattern means."""
    meaning = {"a": "a/", "*": "[^/]+/", "?": "[^/]/", "**": "([^/]+/)*"}
    expression = "".join(meaning[part] for part in pattern)
    expected = re.fullmatch(expression, "".join(name + "/" for name in names)) is not None
    assert sources._matches(names, pattern) == expected
