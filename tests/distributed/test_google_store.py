"""Folders of Google Cloud Storage, which has names alone: as a folder on the disk has them."""

import gs_server as gs
import pytest

pytest.importorskip("pyarrow.fs", reason="pyarrow is not installed")

from deblurnets.distributed.listing import list_pieces
from deblurnets.distributed.places import Folder, open_place

pytestmark = pytest.mark.cluster

NAMES = ("a.png", "below/b.png", "below/deep/er/c.png", "below.png", "é/d.png", "below/.hidden.png")


@pytest.fixture(scope="module")
def server(google_store):
    store, _ = google_store
    gs.put_files(store, "in", dict.fromkeys(NAMES, b"x"))
    gs.put_files(store, "inside", {"other.png": b"x"})
    gs.put_files(store, "out", {"below/b_deblurred.png": b"x"})
    return google_store


def listed(source, target):
    pieces = list(list_pieces(source, target, "_deblurred"))
    return [(piece.names, piece.done) for piece in pieces]


def test_all_folders_are_found(server, tmp_path):
    _, query = server
    for name in NAMES:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    (tmp_path / "out" / "below").mkdir(parents=True)
    (tmp_path / "out" / "below" / "b_deblurred.png").touch()
    store = listed(open_place(gs.place("in", query)), open_place(gs.place("out", query)))
    assert store == listed(Folder(str(tmp_path / "in")), Folder(str(tmp_path / "out")))
    assert (("below/b.png",), True) in store and (("below/deep/er/c.png",), False) in store


def test_what_came_later_is_seen_when_the_root_is_listed_again(server):
    bucket, query = server
    place = open_place(gs.place("out", query))
    assert place.list("") == ([], ["below"])
    gs.put_files(bucket, "out", {"new.png": b"x"})
    assert place.list("") == (["new.png"], ["below"])
    assert place.exists() and not open_place(gs.place("nothing", query)).exists()
