"""Text and addresses that are safe inside a page, whatever a file is called."""

from __future__ import annotations

import html
import os
import unicodedata
from urllib.parse import quote_from_bytes

# Characters that have no shape, end a line, or are bytes that are no UTF-8.
_WITHOUT_SHAPE = ("Cc", "Cn", "Cs", "Zl", "Zp")
# Characters that turn the direction of the text after them: "gpj.exe" would read "exe.jpg".
_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def escape(text: str) -> str:
    """Return text for an element or a quoted attribute.

    Markup is escaped; what cannot be shown (line ends, control characters, bytes of a file name
    that are no UTF-8) becomes a backslash escape as in Python's own strings.
    """
    return html.escape("".join(_shown(character) for character in text), quote=True)


def address(path: str, folder: str) -> str:
    """Return the address of a file, relative to a folder where that is possible.

    Every byte that is not a plain letter, digit or one of ``/._-~`` is percent-encoded, so the
    result needs no escaping and can name no other scheme.

    Parameters
    ----------
    path, folder : str
        Relative to the working directory, or absolute.
    """
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:  # Windows: on another drive
        return "file:///" + quote_from_bytes(os.fsencode(os.path.abspath(path).replace("\\", "/")))
    return quote_from_bytes(os.fsencode(relative.replace(os.sep, "/")))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _WITHOUT_SHAPE and character not in _TURNING:
        return character
    if "\udc80" <= character <= "\udcff":  # how Python holds a byte of a name that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
