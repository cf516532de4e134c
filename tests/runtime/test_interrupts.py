"""Ctrl-C and SIGTERM, once and twice."""

import signal
import threading

import pytest

from deblurnets.runtime.interrupts import StopRequest

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="POSIX signals")


EVERY_SIGNAL = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def press(number):
    signal.pthread_kill(threading.main_thread().ident, number)


@EVERY_SIGNAL
def test_the_first_asks_and_the_second_interrupts(number):
    before = signal.getsignal(number)
    told = []
    with pytest.raises(KeyboardInterrupt), StopRequest(lambda: told.append(1)) as request:
        assert not request.wanted
        press(number)
        assert request.wanted
        press(number)
    assert told == [1]
    assert signal.getsignal(number) is before


@EVERY_SIGNAL
def test_the_handler_is_put_back(number):
    before = signal.getsignal(number)
    with StopRequest(lambda: None):
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before


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
