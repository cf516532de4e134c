"""The pages that Google Drive answers with instead of a file.

A public file is asked for at ``drive.google.com/uc?export=download&id=ID``. Small files come at
once. A large one comes behind a page that says it was not scanned for viruses, with a form whose
hidden fields lead to the file. A file asked for too often comes as a page that says so.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Dict, List, Optional, Tuple
from urllib.parse import urlencode, urljoin

_QUOTA_SIGNS = ("quota exceeded", "too many users have viewed or downloaded")


def is_over_quota(html: str) -> bool:
    """Tell whether a page says that the file was downloaded too often."""
    return any(sign in html.lower() for sign in _QUOTA_SIGNS)


def title_of(html: str) -> str:
    """Return the title of a page on one line, empty when it has none."""
    return " ".join(_Page(html).title.split())


def next_url(html: str, url: str) -> Optional[str]:
    """Return the address that a page's download form leads to, None without a form.

    Parameters
    ----------
    html : str
        The page.
    url : str
        The page's own address, which relative ones refer to.
    """
    page = _Page(html)
    if page.action is None:
        return None
    target = urljoin(url, page.action)
    return target + ("&" if "?" in target else "?") + urlencode(page.fields)


class _Page(HTMLParser):
    """The title and the download form of a page."""

    def __init__(self, html: str):
        super().__init__()
        self.title = ""
        self.action: Optional[str] = None
        self.fields: Dict[str, str] = {}
        self._open = ""  # the element that text or fields belong to
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("id") == "download-form":
            self.action = values.get("action", "")
        if tag in ("title", "form"):
            self._open = tag
        elif tag == "input" and self._open == "form" and "name" in values:
            self.fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "title":
            self.title += data
