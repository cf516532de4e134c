"""How often the work on a picture was begun and not ended, since its worker died."""

from __future__ import annotations

from collections import Counter

TRIES = 3
"""After so many dead workers a picture has failed."""


class Attempts:
    """The one count of a cluster, an actor of its own: it must outlive the workers."""

    def __init__(self) -> None:
        self._begun: Counter = Counter()

    def begin(self, name: str) -> int:
        """Count an attempt; return how many there were, with this one."""
        self._begun[name] += 1
        return self._begun[name]

    def end(self, name: str) -> None:
        """Forget a picture: its worker lived."""
        del self._begun[name]
