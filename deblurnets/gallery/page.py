"""The page of a gallery as HTML: one file with its style and script, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import pkgutil
from collections import Counter
from string import Template
from typing import Any, Dict, List, Optional, Sequence

from deblurnets.gallery.card import is_uncertain, number_of, render_card, status_of
from deblurnets.gallery.entry import Entry
from deblurnets.gallery.folder import MARK
from deblurnets.gallery.text import escape


def render_page(
    title: str, entries: Sequence[Entry], run: Optional[Dict[str, Any]], folder: str
) -> str:
    """Return the page.

    Parameters
    ----------
    title : str
        Heading of the page.
    entries : sequence of Entry
        The pictures in order.
    run : dict, optional
        The run's own record, empty where nothing is known of it; None while it goes on.
    folder : str
        Where the page will lie; pictures outside are linked relative to it.
    """
    script = _asset("script.js")
    counts = Counter(status_of(entry.record) for entry in entries)
    return Template(_asset("page.html")).substitute(
        mark=MARK,
        title=escape(title),
        style=_asset("style.css"),
        script=script,
        # Only this very script may run, so no file name can smuggle in another.
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        summary="\n".join(f"<p>{line}</p>" for line in _summary(entries, run, counts)),
        all=len(entries),
        uncertain=sum(is_uncertain(entry.record) for entry in entries),
        failed=counts["failed"],
        cards="\n".join(
            render_card(number, entry, folder) for number, entry in enumerate(entries, 1)
        ),
    )


def _summary(
    entries: Sequence[Entry], run: Optional[Dict[str, Any]], counts: Dict[str, int]
) -> List[str]:
    """Say in lines of HTML how the run went."""
    if run is None:
        return ["This run has not finished; the pictures are shown when it has."]
    words = (("done", "deblurred"), ("failed", "failed"), ("skipped", "skipped"))
    states = [f"<b>{counts[status]}</b> {word}" for status, word in words if counts[status]]
    if counts["not_done"]:
        states.append(f"<b>{counts['not_done']}</b> not reached")
    totals = [
        number_of(entry.record.get("seconds"), "total")
        for entry in entries
        if status_of(entry.record) == "done"
    ]
    known = [seconds for seconds in totals if seconds is not None]
    if known:
        states.append(f"<b>{sum(known) / len(known):.1f}&nbsp;s</b> a picture")
    lines = [" <i>·</i> ".join(states) or "No pictures."]
    details = [_when(run.get("started"))]
    if run.get("deblurnets"):
        details.append(f"deblurnets {run['deblurnets']}")
    details.append(run.get("backend"))
    shown = [escape(str(detail)) for detail in details if detail]
    return lines + ([" <i>·</i> ".join(shown)] if shown else [])


def _when(started: Optional[str]) -> Optional[str]:
    """Shorten an ISO 8601 time of UTC to minutes; return anything else as it is."""
    text = str(started or "")
    if len(text) >= 16 and text[10] == "T" and text.endswith(("Z", "+00:00")):
        return f"{text[:10]} {text[11:16]} UTC"
    return started


def _asset(name: str) -> str:
    data = pkgutil.get_data("deblurnets.gallery", f"assets/{name}")
    if data is None:
        raise OSError(f"the gallery's file assets/{name} cannot be read from the package")
    return data.decode("utf-8")
