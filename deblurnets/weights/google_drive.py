"""The pages that Google Drive answers with instead of a file.

A public file is asked for at ``drive.google.com/uc?export=download&id=ID``. Small files come at
once. A large one comes behind a page that says it was not scanned for viruses; the page names the
address that does give the file, as a form with hidden fields (since 2023) or as a link or a cookie
with a ``confirm`` token (before). A file asked for too often comes as a page that says so.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Dict, List, Mapping, NamedTuple, Optional
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

DOWNLOAD_URL = "https://drive.google.com/uc"

_QUOTA_SIGNS = ("quota exceeded", "too many users have viewed or downloaded")


class Request(NamedTuple):
    """An address and its query."""

    url: str
    params: Dict[str, str]


class QuotaError(Exception):
    """The file was downloaded too often and is closed for a while."""


def file_request(file_id: str, url: str = DOWNLOAD_URL) -> Request:
    """Give the first request for a public file."""
    return Request(url, {"export": "download", "id": file_id})


class _Page(HTMLParser):
    """Collects what matters of a page: title, the download form, links with a confirm token."""

    def __init__(self):
        super().__init__()
        self.title = ""
        self.form_action: Optional[str] = None
        self.fields: Dict[str, str] = {}
        self.links: List[str] = []
        self._in_title = False
        self._in_form = False

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        if tag == "title":
            self._in_title = True
        elif tag == "form" and values.get("id") in ("download-form", "downloadForm"):
            self._in_form = True
            self.form_action = values.get("action", "")
        elif tag == "input" and self._in_form and "name" in values:
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "a" and "confirm=" in values.get("href", ""):
            self.links.append(values["href"])

    def handle_endtag(self, tag):
        if tag == "title":
            self._in_title = False
        elif tag == "form":
            self._in_form = False

    def handle_data(self, data):
        if self._in_title:
            self.title += data


def read_title(html: str) -> str:
    """Give the title of a page on one line, empty when it has none."""
    page = _Page()
    page.feed(html)
    return " ".join(page.title.split())


def next_request(html: str, asked: Request, cookies: Mapping[str, str]) -> Optional[Request]:
    """Find the request that gives the file in a page that came instead of it.

    Parameters
    ----------
    html : str
        The page.
    asked : Request
        The request it answered; relative addresses refer to it.
    cookies : mapping of str to str
        The cookies set so far; a ``download_warning...`` cookie holds the confirm token.

    Returns
    -------
    request : Request or None
        None when the page offers no way on.

    Raises
    ------
    QuotaError
        The page says that the file was downloaded too often.
    """
    if any(sign in html.lower() for sign in _QUOTA_SIGNS):
        raise QuotaError
    page = _Page()
    page.feed(html)
    if page.form_action is not None:
        return _split(urljoin(asked.url, page.form_action), page.fields)
    if page.links:
        return _split(urljoin(asked.url, page.links[0]), {})
    for name, value in cookies.items():
        if name.startswith("download_warning"):
            return Request(asked.url, dict(asked.params, confirm=value))
    return None


def _split(url: str, fields: Mapping[str, str]) -> Request:
    """Take the query out of an address, and let a form's fields win over it."""
    parts = urlsplit(url)
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    params.update(fields)
    return Request(urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), params)
