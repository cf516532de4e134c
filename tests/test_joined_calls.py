"""Calls from several threads: which become one, what each gets, what errors do."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deblurnets.joined_calls import JoinedCalls

TIME = 10  # seconds until a wait counts as a deadlock; never waited for when all is well


class Recorder:
    """Doubles batches and keeps their shapes; the first call waits until so many others wait."""

    def __init__(self, company, fails=lambda batch: False):
        self.calls = []
        self.error = MemoryError
        self.joined = JoinedCalls(self.double)
        self._fails = fails
        self._wait = threading.Semaphore(0)
        self._company = company
        self.begun = threading.Event()

    def double(self, batch, *rest):
        self.calls.append((batch.shape, *rest))
        if len(self.calls) == 1:
            self.begun.set()
            for _ in range(self._company):
                assert self._wait.acquire(timeout=TIME)
        if self._fails(batch):
            raise self.error(f"for {len(batch)}")
        return 2 * batch

    def call_all(self, first, others):
        """Call with `first`, and with the others once that has begun; return all the futures."""
        turn, waits = self.joined._turn, self._wait

        class Announced:
            """The lock of the one that works, which tells of those that come to wait for it."""

            def __enter__(self):
                if first_is_in.is_set():
                    waits.release()
                turn.acquire()
                first_is_in.set()

            def __exit__(self, *_):
                turn.release()

        first_is_in = threading.Event()
        self.joined._turn = Announced()
        with ThreadPoolExecutor(1 + len(others)) as pool:
            futures = [pool.submit(self.joined, *first)]
            assert self.begun.wait(TIME)
            futures += [pool.submit(self.joined, *other) for other in others]
        return futures


def batch(count, side=3, value=1.0):
    return np.full((count, side), value, np.float32)


def test_calls_that_wait_become_one_where_they_fit():
    recorder = Recorder(5)
    others = [
        (batch(1, value=2), "a"),
        (batch(2, value=3), "a"),
        (batch(1, side=4), "a"),
        (batch(1), "b"),
        (batch(1).astype(np.float16), "a"),
    ]
    futures = recorder.call_all((batch(1), "a"), others)
    for future, (own, _) in zip(futures[1:], others):
        np.testing.assert_array_equal(future.result(), 2 * own)
        assert future.result().dtype == own.dtype
    assert recorder.calls[0] == ((1, 3), "a")
    assert sorted(recorder.calls[1:]) == [
        ((1, 3), "a"),
        ((1, 3), "b"),
        ((1, 4), "a"),
        ((3, 3), "a"),
    ]


def test_what_fails_together_is_tried_alone():
    recorder = Recorder(3, lambda whole: len(whole) > 2 or whole[0, 0] == 7)
    others = [(batch(1, value=2),), (batch(2, value=3),), (batch(1, value=7),)]
    _, one, two, bad = recorder.call_all((batch(1),), others)
    np.testing.assert_array_equal(one.result(), 2 * others[0][0])
    np.testing.assert_array_equal(two.result(), 2 * others[1][0])
    with pytest.raises(MemoryError, match="for 1"):
        bad.result()
    assert sorted(recorder.calls) == [((1, 3),)] * 3 + [((2, 3),), ((4, 3),)]


def test_an_interrupt_is_not_tried_again():
    recorder = Recorder(2, lambda whole: len(whole) > 1)
    recorder.error = KeyboardInterrupt
    _, one, other = recorder.call_all((batch(1),), [(batch(1),), (batch(1),)])
    for future in (one, other):
        assert isinstance(future.exception(), KeyboardInterrupt)
    assert recorder.calls == [((1, 3),), ((2, 3),)]


def test_after_an_error_it_goes_on():
    joined = JoinedCalls(lambda whole: 1 / whole if whole.all() else 1 // 0)
    with pytest.raises(ZeroDivisionError):
        joined(batch(1, value=0))
    np.testing.assert_array_equal(joined(batch(1)), batch(1))


@given(calls=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2)), max_size=12))
@settings(deadline=None, max_examples=30)
def test_each_gets_what_is_its_own(calls):
    given_batches = [np.random.RandomState(i).rand(*shape) for i, shape in enumerate(calls)]
    joined = JoinedCalls(lambda whole: whole + 1)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(joined, given_batches))
    for result, own in zip(results, given_batches):
        np.testing.assert_array_equal(result, own + 1)
