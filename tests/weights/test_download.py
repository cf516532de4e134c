"""Official weights from a local HTTP server that plays Google Drive and a mirror, good and bad."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import h5py
import numpy as np
import pytest

from deblurnets.cli import main as cli
from deblurnets.deblurrer import Deblurrer
from deblurnets.weights import download, files
from deblurnets.weights.download import (
    MIRROR_VARIABLE,
    OFFICIAL_FILES,
    DownloadError,
    ensure_weights,
)
from deblurnets.weights.files import WeightsError

CHUNK = 1024
WRONG = "the shape is wrong"


class Server:
    """A server that answers with the given steps, one a request; the last one stays."""

    def __init__(self):
        self.steps = []
        self.requests = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests.append((self.path, dict(self.headers)))
                step = server.steps.pop(0) if len(server.steps) > 1 else server.steps[0]
                step(self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def play(self, *steps):
        self.steps = list(steps)

    def query(self, index):
        return {k: v[0] for k, v in parse_qs(urlsplit(self.requests[index][0]).query).items()}

    def ranges(self):
        return [headers.get("Range") for _, headers in self.requests]

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def send(handler, body, status=200, kind="application/octet-stream", stop_after=None, **headers):
    """Answer; with `stop_after` promise the whole body and cut the connection before its end."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body[:stop_after])
    handler.close_connection = True


def file_step(body, stop_after=None, ranges=True):
    """Give the file, from where the Range header says when `ranges`."""

    def step(handler):
        wanted = handler.headers.get("Range")
        if not (wanted and ranges):
            return send(handler, body, stop_after=stop_after)
        start = int(wanted[len("bytes=") : -1])
        if start >= len(body):
            return send(handler, b"", 416, Content_Range=f"bytes */{len(body)}")
        place = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return send(handler, body[start:], 206, Content_Range=place)

    return step


def page_step(html, status=200, **headers):
    def step(handler):
        send(handler, html.encode(), status, "text/html; charset=utf-8", **headers)

    return step


def status_step(status):
    return lambda handler: send(handler, b"no", status, "text/plain")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    server = Server()
    monkeypatch.setattr(download, "DRIVE_URL", server.url + "/uc")
    yield server
    server.close()


@pytest.fixture
def waits():
    return []


@pytest.fixture(autouse=True)
def three_attempts_without_waiting(waits, monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 3)
    monkeypatch.setattr(download, "CHUNK", CHUNK)
    monkeypatch.setattr(download, "sleep", waits.append)


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Bytes of a small weight file, and a layout check that knows it by its shape."""
    source = tmp_path / "source.h5"
    with h5py.File(source, "w") as file:
        file["w"] = np.random.RandomState(0).randint(0, 256, 5 * CHUNK).astype(np.uint8)
        file.attrs["shape"] = (3, 4)

    def check(path, which):
        assert which in OFFICIAL_FILES
        if not h5py.is_hdf5(str(path)):
            raise WeightsError("no HDF5 file")
        with h5py.File(str(path), "r") as file:
            if tuple(file.attrs["shape"]) != (3, 4):
                raise WeightsError(WRONG)

    monkeypatch.setattr(files, "check_official_file", check)
    body = source.read_bytes()
    source.unlink()
    return body


@pytest.fixture
def path(tmp_path):
    return tmp_path / "models" / "analysis_weights.h5"


def left_in(path):
    return sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []


def assert_explained(error, path, url):
    text = str(error.value)
    for part in ("analysis_weights.h5", url, str(path), MIRROR_VARIABLE):
        assert part in text
    assert "\n" not in text


def test_plain_success(server, weights, path):
    server.play(file_step(weights))
    assert ensure_weights(str(path), "analysis") == path
    assert path.read_bytes() == weights
    assert left_in(path) == [path.name]
    assert server.query(0) == {"export": "download", "id": OFFICIAL_FILES["analysis"].drive_id}


def test_an_existing_file_is_left_alone(server, path):
    path.parent.mkdir()
    path.write_bytes(b"mine")
    ensure_weights(path, "analysis")
    assert path.read_bytes() == b"mine"
    assert not server.requests


SENTENCE = "{} does not exist: the official {} weights are downloaded to it"


def test_a_sentence_comes_first(server, weights, path, caplog):
    told = []

    def step(handler):
        told.extend(caplog.messages)
        file_step(weights)(handler)

    server.play(step)
    for _ in range(2):  # the second time the file is there
        ensure_weights(path, "analysis")
    assert told == caplog.messages == [SENTENCE.format(path, "analysis")]


@pytest.mark.parametrize("which", ["analysis", "synthesis"])
def test_the_library_warns_of_a_download(tmp_path, monkeypatch, caplog, which):
    monkeypatch.setenv(MIRROR_VARIABLE, "no address")
    path = tmp_path / "typo.h5"
    with pytest.raises(DownloadError):
        Deblurrer.from_pretrained(blind=which == "analysis", **{which + "_path": path})
    assert caplog.messages == [SENTENCE.format(path, which)]
    assert left_in(path) == []


def test_the_warning_is_seen_where_no_log_is_set_up(tmp_path):
    code = (
        "from deblurnets.weights.download import ensure_weights\n"
        "try:\n    ensure_weights('my.h5', 'synthesis')\nexcept OSError:\n    pass\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": root, MIRROR_VARIABLE: "no address"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=str(tmp_path),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stderr == SENTENCE.format("my.h5", "synthesis") + "\n"


def test_the_command_says_what_it_downloads_and_why_it_cannot(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(MIRROR_VARIABLE, "no address")
    (tmp_path / "a.png").write_bytes(b"")
    for model in ("compact", "paper"):
        assert cli.main(["-i", "a.png", "--model", model, "-amp", "my\nweights.h5"]) == 1
        sentence, error = capsys.readouterr().err.splitlines()
        assert sentence == SENTENCE.format("my\\nweights.h5", "analysis")
        assert error.startswith("The networks cannot be loaded: cannot download the official")


def test_mirror(server, weights, path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, server.url + "/some/folder/")
    server.play(file_step(weights))
    ensure_weights(path.with_name("my.h5"), "synthesis")
    assert [p for p, _ in server.requests] == ["/some/folder/synthesis_weights.h5"]


def test_confirm_form(server, weights, path):
    form = """<html><head><title>Google Drive - Virus scan warning</title></head><body>
        <form id="download-form" action="/download?old=1" method="get">
        <input type="submit" value="Download anyway"/>
        <input type="hidden" name="id" value="abc"><input type="hidden" name="confirm" value="t">
        <input type="hidden" name="uuid" value="u-1&amp;2"></form></body></html>"""
    server.play(page_step(form), file_step(weights))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights
    assert server.requests[1][0].startswith("/download?")
    assert server.query(1) == {"old": "1", "id": "abc", "confirm": "t", "uuid": "u-1&2"}


@pytest.mark.parametrize("status", [200, 403])
def test_quota_page(server, waits, path, status):
    html = "<title>Google Drive - Quota exceeded</title><p>Too many users have viewed this</p>"
    server.play(page_step(html, status))
    with pytest.raises(DownloadError, match="closed the file for some hours") as error:
        ensure_weights(path, "analysis")
    assert_explained(error, path, server.url)
    assert not waits and left_in(path) == []


def test_pages_without_end(server, path):
    server.play(page_step('<form id="download-form" action="/uc"></form>'))
    with pytest.raises(DownloadError, match="one page after the other"):
        ensure_weights(path, "analysis")
    assert len(server.requests) == 3


@pytest.mark.parametrize("step", [status_step(404), page_step("<title>Not found</title>", 404)])
def test_not_found_is_not_asked_again(server, waits, path, step):
    server.play(step)
    with pytest.raises(DownloadError, match="answered 404") as error:
        ensure_weights(path, "analysis")
    assert_explained(error, path, server.url)
    assert len(server.requests) == 1 and not waits


def test_server_error_then_success(server, waits, weights, path):
    server.play(status_step(500), status_step(503), file_step(weights))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights
    assert waits == [1, 2]


def test_server_error_that_stays(server, waits, path):
    server.play(status_step(500))
    with pytest.raises(DownloadError, match=r"answered 500 .*\(3 attempts\)"):
        ensure_weights(path, "analysis")
    assert len(server.requests) == 3 and waits == [1, 2]


def test_cut_connection_is_continued(server, weights, path):
    server.play(file_step(weights, stop_after=2 * CHUNK), file_step(weights))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights
    start = int(server.ranges()[1][len("bytes=") : -1])
    assert 0 < start <= 2 * CHUNK


def test_cut_connection_and_a_server_without_ranges(server, weights, path):
    server.play(file_step(weights, stop_after=2 * CHUNK), file_step(weights, ranges=False))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights


def test_next_call_continues_what_the_last_one_left(server, weights, path):
    server.play(file_step(weights, stop_after=2 * CHUNK), status_step(503))
    with pytest.raises(DownloadError):
        ensure_weights(path, "analysis")
    assert left_in(path) == [path.name + ".part"]
    asked = len(server.requests)
    server.play(file_step(weights))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights
    assert server.ranges()[asked].startswith("bytes=")
    assert left_in(path) == [path.name]


def test_confirm_page_and_continued_download(server, weights, path):
    page = page_step('<form id="download-form" action="/download"></form>')
    server.play(page, file_step(weights, stop_after=2 * CHUNK), page, file_step(weights))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights


def test_a_complete_part_is_only_checked(server, weights, path):
    path.parent.mkdir()
    path.with_name(path.name + ".part").write_bytes(weights)
    server.play(file_step(weights))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights
    assert len(server.requests) == 1


@pytest.mark.parametrize("size", [CHUNK, 50 * CHUNK])
def test_a_part_of_another_file_is_dropped(server, weights, path, size):
    path.parent.mkdir()
    path.with_name(path.name + ".part").write_bytes(b"x" * size)
    server.play(file_step(weights))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights


def test_a_server_that_continues_elsewhere(server, weights, path):
    def elsewhere(handler):
        send(handler, weights[5:], 206, Content_Range=f"bytes 5-{len(weights) - 1}/{len(weights)}")

    path.parent.mkdir()
    path.with_name(path.name + ".part").write_bytes(weights[:CHUNK])
    server.play(elsewhere, file_step(weights))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == weights


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (page_step("<title>Sign in</title>"), 'a web page came instead of the file: "Sign in"'),
        (lambda handler: send(handler, b"<html>hello</html>"), "no HDF5 weights file"),
        (lambda handler: send(handler, b""), "no HDF5 weights file"),
    ],
)
def test_html_or_nothing_instead_of_hdf5(server, path, step, reason):
    server.play(step)
    with pytest.raises(DownloadError, match=reason) as error:
        ensure_weights(path, "analysis")
    assert_explained(error, path, server.url)
    assert left_in(path) == []


def test_wrong_shapes(server, weights, path, tmp_path):
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file.attrs["shape"] = (4, 4)
    server.play(file_step(other.read_bytes()))
    with pytest.raises(DownloadError, match=WRONG):
        ensure_weights(path, "analysis")
    assert left_in(path) == []


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """Bytes of a file in the official layout of the analysis network."""
    from deblurnets.paper.analysis import build_paper_analysis
    from deblurnets.weights.files import save_official_layout

    path = tmp_path_factory.mktemp("official") / "analysis.h5"
    save_official_layout(build_paper_analysis(), path)
    return path.read_bytes()


def test_the_official_layout_is_accepted(server, official, path):
    server.play(file_step(official))
    ensure_weights(path, "analysis")
    assert path.read_bytes() == official


def test_one_wrong_shape_is_refused(server, official, path, tmp_path):
    wrong = tmp_path / "wrong.h5"
    wrong.write_bytes(official)
    with h5py.File(wrong, "r+") as file:
        layer = next(name for name in file if name.startswith("conv2d_"))
        group = file[layer][layer]
        kernel = next(name for name in group if name.startswith("kernel"))
        values = group[kernel][:]
        del group[kernel]
        group[kernel] = values[..., :-1]
    server.play(file_step(wrong.read_bytes()))
    with pytest.raises(DownloadError, match=f"{layer}/kernel: expected shape"):
        ensure_weights(path, "analysis")
    assert left_in(path) == []


def test_the_folder_is_a_file(server, tmp_path):
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot write in"):
        ensure_weights(tmp_path / "models" / "a.h5", "analysis")
    assert not server.requests


def test_read_only_folder(server, weights, path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DownloadError, match=r"cannot write in .* \(Permission denied\)") as error:
        ensure_weights(path, "analysis")
    assert_explained(error, path, server.url)


def test_the_path_is_a_folder(server, path):
    path.mkdir(parents=True)
    with pytest.raises(DownloadError, match="is no file"):
        ensure_weights(path, "analysis")


def test_no_network(server, waits, path):
    server.http.server_close()
    with pytest.raises(DownloadError, match=r"no connection .*refused") as error:
        ensure_weights(path, "analysis")
    assert_explained(error, path, server.url)
    assert waits == [1, 2]
    assert left_in(path) == []


def test_a_mirror_that_is_no_address(path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, "weights.example/folder")
    with pytest.raises(DownloadError, match=r"weights\.example/folder/analysis_weights\.h5"):
        ensure_weights(path, "analysis")


@pytest.mark.parametrize("mirror", ["me:secret@host/folder", "http://me:secret@", "//me:secret@h"])
def test_a_wrong_mirrors_password_is_not_shown(path, monkeypatch, mirror):
    monkeypatch.setenv(MIRROR_VARIABLE, mirror)
    with pytest.raises(DownloadError) as error:
        ensure_weights(path, "analysis")
    assert "secret" not in str(error.value)


def test_a_mirrors_password_is_not_shown(server, path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, server.url.replace("//", "//me:secret@"))
    server.play(status_step(404))
    with pytest.raises(DownloadError) as error:
        ensure_weights(path, "analysis")
    assert "secret" not in str(error.value) and server.url in str(error.value)


def test_two_at_once(server, weights, path):
    """The second starts while the first is in the middle of its download; both succeed."""
    second_is_done = threading.Event()
    second = threading.Thread(
        target=lambda: (
            ensure_weights(path, "analysis"),
            second_is_done.set(),
        )
    )

    def slow_step(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(weights)))
        handler.end_headers()
        handler.wfile.write(weights[: 2 * CHUNK])
        handler.wfile.flush()
        second.start()
        assert second_is_done.wait(20)
        handler.wfile.write(weights[2 * CHUNK :])

    server.play(slow_step, file_step(weights))
    ensure_weights(path, "analysis")
    second.join()
    assert second_is_done.is_set()
    assert path.read_bytes() == weights
    assert left_in(path) == [path.name]
    assert server.ranges() == [None, None]


def test_progress(server, weights, path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    server.play(file_step(weights))
    ensure_weights(path, "analysis")
    assert "analysis_weights.h5: 100%" in capsys.readouterr().err


def test_no_progress_where_there_is_no_terminal(server, weights, path, capsys):
    server.play(file_step(weights))
    ensure_weights(path, "analysis")
    assert capsys.readouterr().err == ""


def test_paths_are_named_as_given(server, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server.play(file_step(weights))
    assert ensure_weights("a.h5", "analysis") == Path("a.h5")
    assert (tmp_path / "a.h5").read_bytes() == weights
