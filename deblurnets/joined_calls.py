"""Calls of a function from several threads, joined into one where they wait for each other."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import Future
from typing import Any, Callable, List, Tuple

import numpy as np


@dataclasses.dataclass(eq=False)
class _Call:
    """A call that waits: its batch, its other arguments, and what it will return."""

    batch: np.ndarray
    rest: Tuple[Any, ...]
    outcome: Future = dataclasses.field(default_factory=Future)

    def fits(self, other: _Call) -> bool:
        """Tell whether both can be one call."""
        same = self.batch.shape[1:] == other.batch.shape[1:] and self.rest == other.rest
        return same and self.batch.dtype == other.batch.dtype


class JoinedCalls:
    """Makes one call at a time, and one of all calls that wait meanwhile and fit together.

    So batches come about by themselves where a function is what threads wait for, a GPU's network
    for instance, and nobody waits for company that may not come.

    Parameters
    ----------
    function : callable
        Takes an array (n, ...) and other arguments, returns an array (n, ...) whose items depend on
        the items of the same number only.
    """

    def __init__(self, function: Callable[..., np.ndarray]) -> None:
        self._function = function
        self._waiting: List[_Call] = []
        self._list = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, batch: np.ndarray, *rest: Any) -> np.ndarray:
        """Return what the function makes of an array (n, ...); raise what it raises.

        Calls whose other arguments are equal are joined. Where a joined call fails, for want of
        memory perhaps, each is made by itself.
        """
        call = _Call(batch, rest)
        with self._list:
            self._waiting.append(call)
        with self._turn:
            if not call.outcome.done():
                self._answer(self._taken_along(call))
        return call.outcome.result()

    def _taken_along(self, call: _Call) -> List[_Call]:
        """Take a call and all that fit it off the list."""
        with self._list:
            calls = [other for other in self._waiting if other.fits(call)]
            self._waiting = [other for other in self._waiting if other not in calls]
        return calls

    def _answer(self, calls: List[_Call]) -> None:
        """Make calls as one; whatever happens, each has an outcome then."""
        results = None
        try:
            batches = [call.batch for call in calls]
            whole = np.concatenate(batches) if len(batches) > 1 else batches[0]
            results = self._function(whole, *calls[0].rest)
        except BaseException as error:
            if len(calls) == 1 or not isinstance(error, Exception):
                for call in calls:
                    call.outcome.set_exception(error)
                return
        if results is None:  # not in the handler, where the error still holds arrays
            for call in calls:
                self._answer([call])
            return
        ends = np.cumsum([len(call.batch) for call in calls])
        for call, result in zip(calls, np.split(results, ends[:-1])):
            call.outcome.set_result(result)
