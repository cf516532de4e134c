"""Download of the official weights of the paper's networks.

The files lie on Google Drive; a mirror is named by the environment variable
``DEBLURNETS_WEIGHTS_URL``, the address of a folder that holds ``analysis_weights.h5`` and
``synthesis_weights.h5``. A download continues where an earlier one stopped, and only a file that
was checked to be the wanted network's weights ever appears at the final path.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Union
from urllib.parse import urlsplit, urlunsplit

from deblurnets.weights import google_drive

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

MIRROR_VARIABLE = "DEBLURNETS_WEIGHTS_URL"

_RETRIED_STATUS = (408, 425, 429, 500, 502, 503, 504)
_MAX_PAGES = 3
_PAGE_BYTES = 1 << 20


class DownloadError(Exception):
    """The official weights could not be brought to their place."""


class _FinalError(Exception):
    """One attempt failed, and another one would fail the same way."""


class _PassingError(Exception):
    """One attempt failed, and another one may succeed."""


@dataclass(frozen=True)
class OfficialFile:
    """A file of the official release: its name and its Google Drive id."""

    name: str
    drive_id: str


OFFICIAL_FILES: Dict[str, OfficialFile] = {
    "analysis": OfficialFile("analysis_weights.h5", "1Nf2bqgZIXzayo5okfsBj5PaaXUPhC9Pu"),
    "synthesis": OfficialFile("synthesis_weights.h5", "1YXY1420znxXAOUTPQi4xVWreLGpqJ6C2"),
}


@dataclass(frozen=True)
class DownloadOptions:
    """How patient a download is.

    Attributes
    ----------
    attempts : int
        Attempts in a row that bring nothing before giving up.
    back_off : float
        Seconds before the second attempt; doubled before each further one.
    connect_timeout, read_timeout : float
        Seconds without an answer, or without a byte, after which an attempt has failed.
    chunk : int
        Bytes read at once.
    drive_url : str
        Address that Google Drive's files are asked from.
    sleep : callable
        Waits for the seconds given to it.
    """

    attempts: int = 5
    back_off: float = 1.0
    connect_timeout: float = 15.0
    read_timeout: float = 60.0
    chunk: int = 1 << 18
    drive_url: str = google_drive.DOWNLOAD_URL
    sleep: Callable[[float], None] = time.sleep


def ensure_weights(
    path: Union[str, Path],
    which: str,
    progress: Optional[bool] = None,
    options: Optional[DownloadOptions] = None,
) -> Path:
    """Download an official weight file unless the path already exists.

    Parameters
    ----------
    path : str or pathlib.Path
        Where the file belongs. An existing file is left as it is.
    which : {"analysis", "synthesis"}
        The network whose weights are wanted.
    progress : bool, optional
        Show a progress bar on the error stream; by default where that is a terminal.
    options : DownloadOptions, optional
        Time-outs and retries.

    Returns
    -------
    path : pathlib.Path
        The file.

    Raises
    ------
    DownloadError
        With the file, the address tried, the reason, and what can be done by hand.
    """
    path, official = Path(path), OFFICIAL_FILES[which]
    options = options or DownloadOptions()
    if path.is_file():
        return path
    first = _first_request(official, options)
    try:
        if path.exists():
            raise _FinalError("the path exists and is no file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with _own_part(path) as part:
            if not path.is_file():  # another process may have brought it meanwhile
                _bring(first, part, which, progress, options)
                os.replace(str(part), str(path))
    except (_FinalError, _PassingError) as error:
        raise DownloadError(_explain(path, which, official, first, str(error))) from error
    except OSError as error:
        reason = f"cannot write in {path.parent} ({error.strerror or error})"
        raise DownloadError(_explain(path, which, official, first, reason)) from error
    return path


def _first_request(official: OfficialFile, options: DownloadOptions) -> google_drive.Request:
    mirror = os.environ.get(MIRROR_VARIABLE, "").strip()
    if mirror:
        return google_drive.Request(f"{mirror.rstrip('/')}/{official.name}", {})
    return google_drive.file_request(official.drive_id, options.drive_url)


def _explain(
    path: Path, which: str, official: OfficialFile, first: google_drive.Request, reason: str
) -> str:
    return (
        f"cannot download the official {which} weights {official.name} from {_address(first)}: "
        f"{reason}; put a copy of the file at {path}, or set {MIRROR_VARIABLE} to the address of "
        f"a folder that holds {official.name}"
    )


def _address(request: google_drive.Request) -> str:
    """Write a request as one address, without the password a mirror's address may hold."""
    parts = urlsplit(request.url)
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(f"{name}={value}" for name, value in request.params.items())
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


@contextlib.contextmanager
def _own_part(path: Path) -> Iterator[Path]:
    """Give a partial file that no other process writes.

    The process that holds the lock beside the file uses ``NAME.part`` and leaves it for a later
    call to continue. A process that comes meanwhile, or runs where there is no `fcntl`, uses a
    file of its own and removes it.
    """
    lock = _lock(path.with_name(path.name + ".lock"))
    if lock is not None:
        try:
            yield path.with_name(path.name + ".part")
        finally:
            # Removed while still held: who waits for a removed file's lock opens a new one.
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ".lock").unlink()
            os.close(lock)
        return
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        yield part
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _lock(path: Path) -> Optional[int]:
    """Lock a file without waiting; None when another process holds it or nothing can."""
    if fcntl is None:
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


def _bring(
    first: google_drive.Request,
    part: Path,
    which: str,
    progress: Optional[bool],
    options: DownloadOptions,
) -> None:
    """Complete the partial file and check it."""
    was_begun = _size(part) > 0
    _download(first, part, which, progress, options)
    try:
        _check(part, which)
    except _FinalError:
        if not was_begun:
            raise
        # What an earlier call left was of another file: once more from the start.
        _download(first, part, which, progress, options)
        _check(part, which)


def _download(
    first: google_drive.Request,
    part: Path,
    which: str,
    progress: Optional[bool],
    options: DownloadOptions,
) -> None:
    """Ask, attempt after attempt, until the partial file is complete."""
    import requests

    name = OFFICIAL_FILES[which].name
    failures = 0
    with requests.Session() as session, _progress_bar(name, progress) as bar:
        while True:
            before = _size(part)
            try:
                _attempt(session, first, part, bar, options)
                return
            except _PassingError as error:
                # A slow line that is cut now and then gets through: only failures in a row count.
                failures = 0 if _size(part) >= before + options.chunk else failures + 1
                if failures >= options.attempts:
                    raise _PassingError(f"{error} ({failures} attempts)") from error
                options.sleep(options.back_off * 2.0 ** max(failures - 1, 0))


def _attempt(session, first: google_drive.Request, part: Path, bar, options) -> None:
    """Ask once for what is missing, and append it."""
    import requests

    try:
        with _ask(session, first, _size(part), options) as response:
            _save(response, part, bar, options)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _PassingError(f"no connection ({_shorten(error)})") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise _PassingError("the connection was cut") from error
    except requests.RequestException as error:
        raise _FinalError(_shorten(error)) from error


def _ask(session, request: google_drive.Request, offset: int, options):
    """Send a request, and follow the pages that come instead of the file."""
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    for _ in range(_MAX_PAGES):
        response = session.get(
            request.url,
            params=request.params,
            headers=headers,
            stream=True,
            timeout=(options.connect_timeout, options.read_timeout),
        )
        if response.status_code in _RETRIED_STATUS:
            response.close()
            raise _PassingError(f"the server answered {response.status_code} {response.reason}")
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        with response:
            content = next(response.iter_content(_PAGE_BYTES), b"")
        page = content.decode("utf-8", "replace")
        request = _follow(page, response, request, session.cookies.get_dict())
    raise _FinalError("one page after the other came instead of the file")


def _follow(page: str, response, request: google_drive.Request, cookies) -> google_drive.Request:
    """Find the way on from a page, or refuse with what the page says."""
    try:
        found = google_drive.next_request(page, request, cookies)
    except google_drive.QuotaError as error:
        raise _FinalError(
            "Google Drive has closed the file for some hours, too many people downloaded it"
        ) from error
    if response.status_code >= 400:
        raise _FinalError(f"the server answered {response.status_code} {response.reason}")
    if found is None:
        title = google_drive.read_title(page)
        raise _FinalError("a web page came instead of the file" + (f': "{title}"' if title else ""))
    return found


def _save(response, part: Path, bar, options) -> None:
    """Write the body of a response into the partial file."""
    offset = _size(part)
    if response.status_code == 416:  # nothing lies behind the offset: complete, or not this file
        if _total_in_range(response) == offset:
            return
        part.unlink()
        raise _PassingError("the server refused to continue the download")
    if response.status_code not in (200, 206):
        raise _FinalError(f"the server answered {response.status_code} {response.reason}")
    continues = response.status_code == 206
    if continues and not _starts_at(response, offset):
        part.unlink()
        raise _PassingError("the server continued the download at another place")
    offset = offset if continues else 0
    length = response.headers.get("Content-Length", "")
    total = offset + int(length) if length.isdigit() else None
    bar.total, bar.n = total, offset
    bar.refresh()
    with open(str(part), "ab" if continues else "wb") as file:
        for piece in response.iter_content(options.chunk):
            file.write(piece)
            bar.update(len(piece))
        file.flush()
        os.fsync(file.fileno())
    if total is not None and _size(part) < total:
        raise _PassingError(f"the connection was cut after {_size(part)} of {total} bytes")


def _starts_at(response, offset: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")


def _total_in_range(response) -> Optional[int]:
    match = re.match(r"bytes \*/(\d+)$", response.headers.get("Content-Range", ""))
    return int(match.group(1)) if match else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _check(part: Path, which: str) -> None:
    """Refuse, and remove, a file that is not the wanted network's weights."""
    fault = _layout_fault(part, which)
    if fault is not None:
        part.unlink()
        raise _FinalError(f"what came is not the wanted file: {fault}")


def _layout_fault(path: Path, which: str) -> Optional[str]:
    """Say what distinguishes a file from the official weights; None when nothing does."""
    from deblurnets.weights.files import WeightsError, check_official_file

    try:
        check_official_file(path, which)
    except WeightsError as error:
        return str(error)
    return None


def _shorten(error: Exception) -> str:
    """Give the innermost cause of a library's nested errors, in one line."""
    while getattr(error, "reason", None) or (error.args and isinstance(error.args[0], Exception)):
        error = getattr(error, "reason", None) or error.args[0]
    return " ".join(str(error).split()) or type(error).__name__


def _progress_bar(name: str, progress: Optional[bool]):
    from tqdm import tqdm

    # tqdm's None: off when the error stream is no terminal.
    disable = None if progress is None else not progress
    return tqdm(desc=name, unit="B", unit_scale=True, unit_divisor=1024, disable=disable)
