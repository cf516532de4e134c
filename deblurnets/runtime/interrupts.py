"""Ctrl-C or SIGTERM during a run: the first asks for an end, the second ends."""

from __future__ import annotations

import signal
import threading
from typing import Any, Callable, List

# A batch system or a container's end sends the second one and kills a little later.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While it is entered, the first signal only asks to stop; any further one interrupts.

    Outside the main thread, where Python takes no signals, it changes nothing.

    Attributes
    ----------
    wanted : bool
        Whether Ctrl-C was pressed or SIGTERM received.
    """

    def __init__(self, notify: Callable[[], None]):
        self.wanted = False
        self._notify = notify
        self._before: List[Any] = []

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = [signal.signal(number, self._on_signal) for number in _SIGNALS]
        return self

    def __exit__(self, *_) -> None:
        for number, handler in zip(_SIGNALS, self._before):
            signal.signal(number, handler)
        self._before = []

    def _on_signal(self, *_) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        self._notify()
