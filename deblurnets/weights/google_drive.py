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


class Page(HTMLParser):
    """What matters of a page.

    Parameters
    ----------
    html : str
        The page.

    Attributes
    ----------
    title : str
        On one line, empty when there is none.
    over_quota : bool
        Whether it says that the file was downloaded too often.
    """

    def __init__(self, html: str):
        super().__init__()
        self.title = ""
        self.over_quota = any(sign in html.lower() for sign in _QUOTA_SIGNS)
        self._action: Optional[str] = None
        self._fields: Dict[str, str] = {}
        self._open = ""  # the element that text or fields belong to
        self.feed(html)
        self.title = " ".join(self.title.split())

    def next_url(self, url: str) -> Optional[str]:
        """Return the address that the download form leads to, None without a form.

        Parameters
        ----------
        url : str
            The page's own address, which relative ones refer to.
        """
        if self._action is None:
            return None
        target = urljoin(url, self._action)
        return target + ("&" if "?" in target else "?") + urlencode(self._fields)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        """Take in an element's start."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("id") == "download-form":
            self._action = values.get("action", "")
        if tag in ("title", "form"):
            self._open = tag
        elif tag == "input" and self._open == "form" and "name" in values:
            self._fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Take in an element's end."""
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        """Take in text."""
        if self._open == "title":
            self.title += data
