"""What a gallery keeps of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple


@dataclass(frozen=True)
class Entry:
    """One picture of a gallery: its record and the previews that were written.

    Attributes
    ----------
    record : dict
        What became of the picture, see `GalleryWriter.add`.
    before, after, kernel : str, optional
        Addresses of the previews, relative to the page.
    size : tuple of int, optional
        Height and width of the previews of the picture, in pixels.
    """

    record: Dict[str, Any]
    before: Optional[str] = None
    after: Optional[str] = None
    kernel: Optional[str] = None
    size: Optional[Tuple[int, int]] = None
