import gc

import pytest

from deblurnets.runtime.collector import collector_paused


def test_the_collector_pauses_and_goes_on():
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_the_user_stopped_stays_so():
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_stays_is_left_out_of_later_searches():
    try:
        with collector_paused(keep=True):
            stays = [[]]
        assert gc.get_freeze_count() > 0
        assert not any(thing is stays for thing in gc.get_objects())
    finally:
        gc.unfreeze()
    assert any(thing is stays for thing in gc.get_objects())
