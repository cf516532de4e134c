"""Ctrl-C once and twice."""

import signal
import threading

import pytest

from deblurnets.interrupts import StopRequest

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="POSIX signals")


def press():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def test_the_first_asks_and_the_second_interrupts():
    before = signal.getsignal(signal.SIGINT)
    told = []
    with pytest.raises(KeyboardInterrupt), StopRequest(lambda: told.append(1)) as request:
        assert not request.wanted
        press()
        assert request.wanted
        press()
    assert told == [1]
    assert signal.getsignal(signal.SIGINT) is before


def test_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with StopRequest(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_changes_nothing():
    before = signal.getsignal(signal.SIGINT)
    found = []

    def work():
        with StopRequest(lambda: None) as request:
            found.append((signal.getsignal(signal.SIGINT), request.wanted))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(before, False)]
