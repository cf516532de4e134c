"""Download of the official weights of the paper's networks.

The files lie on Google Drive; a mirror is named by the environment variable
``DEBLURNETS_WEIGHTS_URL``, the address of a folder that holds ``analysis_weights.h5`` and
``synthesis_weights.h5``. A download continues where an earlier one stopped, and only a file that
was checked to be the wanted network's weights ever appears at the final path.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import uuid
from pathlib import Path
from time import sleep
from typing import Any, Dict, Iterator, NamedTuple, Optional

import requests
from tqdm import tqdm

from deblurnets.weights import google_drive
from deblurnets.weights.paths import PathLike

MIRROR_VARIABLE = "DEBLURNETS_WEIGHTS_URL"

DRIVE_URL = "https://drive.google.com/uc"
ATTEMPTS = 5  # in a row that bring less than a chunk, before giving up
CHUNK = 1 << 18  # bytes read at once

_BACK_OFF = 1.0  # seconds before the second attempt, doubled before each further one
_TIMEOUTS = (15.0, 60.0)  # seconds without a connection, and without a byte
_PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)
_MAX_PAGES = 3
_PAGE_BYTES = 1 << 20
_IN_BYTES: Dict[str, Any] = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}

_log = logging.getLogger(__name__)


class DownloadError(OSError):
    """The official weights could not be brought to their place."""


class _FinalError(Exception):
    """A download failed, and would fail the same way again."""


class _PassingError(Exception):
    """One attempt failed, and another one may succeed."""


class OfficialFile(NamedTuple):
    """A file of the official release: its name and its Google Drive id."""

    name: str
    drive_id: str


OFFICIAL_FILES: Dict[str, OfficialFile] = {
    "analysis": OfficialFile("analysis_weights.h5", "1Nf2bqgZIXzayo5okfsBj5PaaXUPhC9Pu"),
    "synthesis": OfficialFile("synthesis_weights.h5", "1YXY1420znxXAOUTPQi4xVWreLGpqJ6C2"),
}


def ensure_weights(path: PathLike, which: str) -> Path:
    """Download an official weight file unless the path already exists.

    A warning in the log of this module says so first: the path may be a mistake. Where the error
    stream is a terminal, it shows a progress bar.

    Parameters
    ----------
    path : str or pathlib.Path
        Where the file belongs. An existing file is left as it is.
    which : {"analysis", "synthesis"}
        The network whose weights are wanted.

    Returns
    -------
    path : pathlib.Path
        The file.

    Raises
    ------
    DownloadError
        With the file, the address tried, the reason, and what can be done by hand.
    """
    path = Path(path)
    if path.is_file():
        return path
    name = OFFICIAL_FILES[which].name
    url = _file_url(which)
    try:
        if path.exists():
            raise _FinalError("the path exists and is no file")
        _log.warning("%s does not exist: the official %s weights are downloaded to it", path, which)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _own_part(path) as part:
            if not path.is_file():  # another process may have brought it meanwhile
                # tqdm's None: off when the error stream is no terminal.
                with tqdm(desc=name, disable=None, **_IN_BYTES) as bar:
                    _bring(_Transfer(url, part, bar), which)
                os.replace(str(part), str(path))
        return path
    except _FinalError as error:
        reason = str(error)
    except OSError as error:
        reason = f"cannot write in {path.parent} ({error.strerror or error})"
    raise DownloadError(
        f"cannot download the official {which} weights {name} from {_without_password(url)}: "
        f"{reason}; put a copy of the file at {path}, or set {MIRROR_VARIABLE} to the address of "
        f"a folder that holds {name}"
    )


def _file_url(which: str) -> str:
    official = OFFICIAL_FILES[which]
    mirror = os.environ.get(MIRROR_VARIABLE, "").strip()
    if mirror:
        return f"{mirror.rstrip('/')}/{official.name}"
    return f"{DRIVE_URL}?export=download&id={official.drive_id}"


def _without_password(text: str) -> str:
    """Leave out what stands before the host's name in the addresses in a text."""
    return re.sub(r"[^/\s'\"]+@", "", text)


@contextlib.contextmanager
def _own_part(path: Path) -> Iterator[Path]:
    """Give a partial file that no other process writes.

    The process that holds the lock beside the file uses ``NAME.part`` and leaves it for a later
    call to continue. A process that comes meanwhile, or runs where there is no `fcntl`, uses a
    file of its own and removes it.
    """
    lock_path = path.with_name(path.name + ".lock")
    lock = _lock(lock_path)
    own = "" if lock is not None else f".{uuid.uuid4().hex}"
    part = path.with_name(f"{path.name}{own}.part")
    try:
        yield part
    finally:
        if lock is None:
            _remove(part)
        else:
            # Removed while still held: who waits for a removed file's lock opens a new one.
            _remove(lock_path)
            os.close(lock)


def _lock(path: Path) -> Optional[int]:
    """Lock a file without waiting; None when another process holds it or nothing can."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(str(path), os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), os.stat(str(path))):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _bring(transfer: _Transfer, which: str) -> None:
    """Complete a partial file and check it; what is not the wanted network's weights goes."""
    was_begun = transfer.size > 0
    transfer.complete()
    # Imported here: it brings TensorFlow, for which nothing need wait that fails before.
    from deblurnets.weights.files import WeightsError, check_official_file

    try:
        check_official_file(transfer.part, which)
    except WeightsError as error:
        _remove(transfer.part)
        if not was_begun:
            raise _FinalError(f"what came is not the wanted file: {error}") from error
        _bring(transfer, which)  # what an earlier call left was of another file


class _Transfer:
    """Asks for a file, attempt after attempt, and appends what comes to the partial file."""

    def __init__(self, url: str, part: Path, bar: tqdm):
        self.part = part
        self._url = url
        self._bar = bar

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.part.stat().st_size if self.part.exists() else 0

    def complete(self) -> None:
        """Ask until the partial file is complete."""
        failures = 0
        while True:
            before = self.size
            try:
                return self._attempt()
            except _PassingError as error:
                # A slow line that is cut now and then gets through: only failures in a row count.
                failures = 0 if self.size >= before + CHUNK else failures + 1
                if failures >= ATTEMPTS:
                    raise _FinalError(f"{error} ({failures} attempts)") from error
                sleep(_BACK_OFF * 2.0 ** max(failures - 1, 0))

    def _attempt(self) -> None:
        try:
            with self._ask() as response:
                self._save(response)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise _PassingError(f"no connection ({_innermost(error)})") from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise _PassingError("the connection was cut") from error
        except requests.RequestException as error:
            raise _FinalError(_innermost(error)) from error

    def _ask(self) -> requests.Response:
        """Ask for what is missing, and follow the pages that come instead of the file."""
        headers = {"Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
        url = self._url
        for _ in range(_MAX_PAGES):
            response = requests.get(url, headers=headers, stream=True, timeout=_TIMEOUTS)
            status = response.status_code
            is_page = response.headers.get("Content-Type", "").startswith("text/html")
            if status == 416 or (status in (200, 206) and not is_page):
                return response
            with response:
                page = next(response.iter_content(_PAGE_BYTES), b"").decode("utf-8", "replace")
            url = _next_url(page, url, response)
        raise _FinalError("one page after the other came instead of the file")

    def _save(self, response: requests.Response) -> None:
        """Write the body of a response into the partial file."""
        offset = self.size
        place = response.headers.get("Content-Range", "")
        if response.status_code == 416 and place == f"bytes */{offset}":
            return  # nothing lies behind the offset: the file is complete
        continues = response.status_code != 200
        if continues and not place.startswith(f"bytes {offset}-"):
            _remove(self.part)
            raise _PassingError("the server did not continue where the file ends")
        offset = offset if continues else 0
        length = response.headers.get("Content-Length", "")
        total = offset + int(length) if length.isdigit() else None
        self._bar.total, self._bar.n = total, offset
        self._bar.refresh()
        with open(str(self.part), "ab" if continues else "wb") as file:
            for piece in response.iter_content(CHUNK):
                file.write(piece)
                self._bar.update(len(piece))
            file.flush()
            os.fsync(file.fileno())
        if total is not None and self.size < total:
            raise _PassingError(f"the connection was cut after {self.size} of {total} bytes")


def _next_url(page: str, url: str, response: requests.Response) -> str:
    """Return where a page leads on to, or say what came instead of the file."""
    answer = f"the server answered {response.status_code} {response.reason}"
    if google_drive.is_over_quota(page):
        raise _FinalError(
            "Google Drive has closed the file for some hours, too many people downloaded it"
        )
    if response.status_code in _PASSING_STATUS:
        raise _PassingError(answer)
    if response.status_code not in (200, 206):
        raise _FinalError(answer)
    following = google_drive.next_url(page, url)
    if following is None:
        title = google_drive.title_of(page)
        raise _FinalError("a web page came instead of the file" + (f': "{title}"' if title else ""))
    return following


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _innermost(error: BaseException) -> str:
    """Say the innermost cause of a library's nested errors, in one line."""
    while getattr(error, "reason", None) or (error.args and isinstance(error.args[0], Exception)):
        error = getattr(error, "reason", None) or error.args[0]
    return _without_password(" ".join(str(error).split())) or type(error).__name__
