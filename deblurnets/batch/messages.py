"""Lines of text for the user, whatever is in the file names."""

from __future__ import annotations

import sys
from typing import TextIO


def say(text: str, stream: TextIO) -> None:
    """Print a line; what the stream cannot show (odd file names) is escaped."""
    print(printable(text, stream), file=stream, flush=True)


def say_beside_bar(text: str) -> None:
    """Print a line on stderr without breaking the progress bar."""
    from tqdm import tqdm

    tqdm.write(printable(text, sys.stderr), file=sys.stderr)


def one_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def printable(text: str, stream: TextIO) -> str:
    """Return a text as one line that a stream can show: control characters and others escaped."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown.encode(encoding, "backslashreplace").decode(encoding)
