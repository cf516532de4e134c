"""Ctrl-C during a run: the first asks for an end, the second ends."""

from __future__ import annotations

import signal
import threading
from typing import Any, Callable


class StopRequest:
    """While it is entered, the first Ctrl-C only asks to stop; any further one interrupts.

    Outside the main thread, where Python takes no signals, it changes nothing.

    Attributes
    ----------
    wanted : bool
        Whether Ctrl-C was pressed.
    """

    def __init__(self, notify: Callable[[], None]):
        self.wanted = False
        self._notify = notify
        self._before: Any = None

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _on_signal(self, *_) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
        self._notify()
