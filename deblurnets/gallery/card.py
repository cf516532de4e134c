"""One picture of a gallery as HTML: the slider and the figures."""

from __future__ import annotations

import math
import os
from typing import Any, Dict, List, Optional, Tuple

from deblurnets.batch.pipeline import UNSURE
from deblurnets.gallery.entry import Entry
from deblurnets.gallery.text import address, escape

_SMALLEST_FRAME = 240  # CSS pixels; a tiny picture is enlarged to it, so that the slider fits
_ATTENTION = {"failed": "Failed", "skipped": "Skipped", "not_done": "Not reached"}


def render_card(number: int, entry: Entry, folder: str) -> str:
    """Return one picture's element.

    Parameters
    ----------
    number : int
        Place in the gallery, from 1.
    entry : Entry
        The record and the previews.
    folder : str
        Where the page will lie.
    """
    record = entry.record
    source = str(record.get("source") or "")
    path, name = os.path.split(source)
    shown = escape(name or "(no name)")
    prefix = f'<span class="path">{escape(os.path.join(path, ""))}</span>' if path else ""
    pairs = _figures(entry, shown, folder)
    rows = "".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in pairs)
    return (
        f'<article class="card" id="picture-{number}" tabindex="-1"{_keys(number, record, name)}>'
        f"<h2>{prefix}{shown}{_badge(record)}</h2>"
        f'{_messages(record)}<div class="body">{_frame(entry, shown)}'
        f"<dl>{rows}</dl></div></article>"
    )


def status_of(record: Dict[str, Any]) -> str:
    """Return what became of a picture: "done", "failed", "skipped" or "not_done"."""
    return str(record.get("status") or "done")


def is_uncertain(record: Dict[str, Any]) -> bool:
    """Tell whether a result is more likely not better than its input."""
    confidence = number_of(record, "confidence")
    blurred = record.get("blurred") is not False
    return (
        status_of(record) == "done" and blurred and confidence is not None and (confidence < UNSURE)
    )


def number_of(record: Optional[Dict[str, Any]], key: str) -> Optional[float]:
    """Return a finite number of a record, or None."""
    value = (record or {}).get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


def _keys(number: int, record: Dict[str, Any], name: str) -> str:
    """Return the attributes by which the page filters and sorts."""
    keys = {"number": str(number), "status": escape(status_of(record)), "name": escape(name)}
    confidence = number_of(record, "confidence")
    if confidence is not None:
        keys["confidence"] = f"{confidence:.4f}"
    seconds = number_of(record.get("seconds"), "total")
    if seconds is not None:
        keys["seconds"] = f"{seconds:.3f}"
    if is_uncertain(record):
        keys["uncertain"] = "yes"
    return "".join(f' data-{key}="{value}"' for key, value in keys.items())


def _badge(record: Dict[str, Any]) -> str:
    status = status_of(record)
    if status in _ATTENTION:
        kind = "bad" if status == "failed" else "quiet"
        return f' <span class="badge {kind}">{_ATTENTION[status]}</span>'
    if record.get("blurred") is False:
        found = "No blur found" if record.get("verdict", "sharp") == "sharp" else "Kept as it is"
        return f' <span class="badge quiet">{found}</span>'
    if is_uncertain(record):
        return ' <span class="badge warn">Uncertain</span>'
    return ""


def _messages(record: Dict[str, Any]) -> str:
    """Return the reason of a failure and the notes, a line each."""
    lines = []
    if record.get("reason"):
        kind = "bad" if status_of(record) == "failed" else "note"
        lines.append(f'<p class="{kind}">{escape(str(record["reason"]))}</p>')
    lines += [f'<p class="note">{escape(str(note))}</p>' for note in record.get("notes") or ()]
    return "".join(lines)


def _frame(entry: Entry, name: str) -> str:
    """Return the slider; one plain picture where there is only one; or nothing."""
    if entry.size is None:
        return ""
    height, width = entry.size
    style = f'style="--ratio:{width / height:.4f};--width:{max(width, _SMALLEST_FRAME)}px"'
    attributes = f'width="{width}" height="{height}" loading="lazy" decoding="async"'
    pictures = {
        part: f'<img src="{source}" alt="{word}: {name}" {attributes} draggable="false">'
        for part, word, source in (
            ("before", "Input", entry.before),
            ("after", "Result", entry.after),
        )
        if source is not None
    }
    if len(pictures) == 1:
        (only,) = pictures.values()
        return f'<div class="frame" {style}>{only}</div>'
    return (
        f'<div class="frame slider" {style}>'
        f'{pictures["before"]}<span class="tag left">Input</span>'
        f'<div class="after">{pictures["after"]}<span class="tag right">Result</span></div>'
        f'<div class="handle" role="slider" tabindex="0" aria-label="Input and result: {name}" '
        'aria-orientation="horizontal" aria-valuemin="0" aria-valuemax="100" aria-valuenow="50" '
        'aria-valuetext="50 % input"></div></div>'
    )


def _figures(entry: Entry, name: str, folder: str) -> List[Tuple[str, str]]:
    """Return the figures as pairs of term and HTML."""
    record = entry.record
    rows = [
        ("Confidence", _confidence(record)),
        ("Kernel", _kernel(entry, name)),
        ("Size", _size(record)),
        ("Time", _time(record)),
        ("Files", _files(record, folder)),
    ]
    return [(term, value) for term, value in rows if value]


def _confidence(record: Dict[str, Any]) -> str:
    value = number_of(record, "confidence")
    if value is None:
        return ""
    share = 100 * min(1.0, max(0.0, value))
    return f'{value:.2f}<span class="bar" style="--share:{share:.0f}%"></span>'


def _kernel(entry: Entry, name: str) -> str:
    size = number_of(entry.record, "kernel_size")
    words = f"{size:.0f} &times; {size:.0f} px" if size is not None else ""
    if entry.kernel is None:
        return words
    return (
        f'{words}<img class="kernel" src="{entry.kernel}" alt="Blur kernel: {name}" width="88" '
        'height="88" loading="lazy" decoding="async">'
    )


def _size(record: Dict[str, Any]) -> str:
    width, height = number_of(record, "width"), number_of(record, "height")
    if width is None or height is None:
        return ""
    depth = number_of(record, "depth")
    more = f"<small>{depth:.0f} bits</small>" if depth is not None else ""
    return f"{width:.0f} &times; {height:.0f} px{more}"


def _time(record: Dict[str, Any]) -> str:
    seconds = record.get("seconds")
    total = number_of(seconds, "total")
    if total is None:
        return ""
    parts = [(key, number_of(seconds, key)) for key in ("analysis", "synthesis")]
    details = ", ".join(f"{key} {value:.1f}" for key, value in parts if value is not None)
    return f"{total:.1f} s" + (f"<small>{details}</small>" if details else "")


def _files(record: Dict[str, Any], folder: str) -> str:
    links = []
    for key, size, word in (
        ("source", "source_bytes", "Input"),
        ("target", "target_bytes", "Result"),
    ):
        if not record.get(key) or (key == "target" and status_of(record) != "done"):
            continue
        held = number_of(record, size)
        more = f"<small>{_bytes(held)}</small>" if held is not None else ""
        links.append(f'<a href="{address(str(record[key]), folder)}">{word}</a>{more}')
    return "<br>".join(links)


def _bytes(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"
