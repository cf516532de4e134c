"""Three stages over a row: what happens at the same time, in which order, how much is alive."""

import threading
import weakref

import pytest

from deblurnets.batch.overlap import run_overlapped

TIME = 10  # seconds until a wait counts as a deadlock; never waited for when all is well


def test_next_is_read_and_the_one_before_written_during_the_middle_stage():
    reading = [threading.Event() for _ in range(4)]
    writing = [threading.Event() for _ in range(4)]
    may_write = [threading.Event() for _ in range(4)]
    log = []

    def first(item):
        reading[item].set()
        return item

    def middle(item):
        assert log == list(range(item - 1))  # only one is ever left to be written
        if item < 3:
            assert reading[item + 1].wait(TIME)  # the next one is read meanwhile
        if item > 0:
            assert writing[item - 1].wait(TIME)  # the one before is being written
            may_write[item - 1].set()  # and is not done before this one is in the middle
        return item

    def last(item):
        writing[item].set()
        assert item == 3 or may_write[item].wait(TIME)
        log.append(item)

    run_overlapped(range(4), first, middle, last)
    assert log == [0, 1, 2, 3]


def test_the_middle_stage_runs_in_the_caller_s_thread():
    threads = {"first": set(), "middle": set(), "last": set()}

    def stage(name):
        def work(item):
            threads[name].add(threading.current_thread())
            return item

        return work

    run_overlapped(range(5), stage("first"), stage("middle"), stage("last"))
    assert threads["middle"] == {threading.current_thread()}
    assert all(len(found) == 1 for found in threads.values())
    assert len(threads["first"] | threads["middle"] | threads["last"]) == 3


class Load:
    """Something large; counts how many of its kind are alive."""

    def __init__(self, alive):
        alive.add(self)


@pytest.mark.parametrize("threads, allowed", [(False, 1), (True, 3)])
def test_few_are_alive(threads, allowed):
    most = []
    alive = weakref.WeakSet()
    lock = threading.Lock()

    def count(load):
        with lock:
            most.append(len(alive))
        return load

    def first(item):
        return count(Load(alive))

    run_overlapped(range(60), first, count, count, threads=threads)
    assert max(most) <= allowed
    assert len(alive) == 0


@pytest.mark.parametrize("threads", [True, False])
def test_items_are_taken_one_ahead_only(threads):
    taken = []

    def items():
        for item in range(10):
            taken.append(item)
            yield item

    def middle(item):
        assert len(taken) <= item + 2
        return item

    run_overlapped(items(), lambda item: item, middle, lambda item: None, threads=threads)
    assert len(taken) == 10


@pytest.mark.parametrize("threads", [True, False])
def test_stop_leaves_the_rest_and_finishes_what_was_made(threads):
    made, done = [], []

    def middle(item):
        made.append(item)
        return item

    run_overlapped(
        range(10), lambda i: i, middle, done.append, lambda: len(made) == 3, threads=threads
    )
    assert made == done == [0, 1, 2]


def test_stop_while_the_next_is_read_leaves_it():
    answers = iter([False, True])

    def never(_):
        raise AssertionError("went on")

    run_overlapped(range(10), lambda i: i, never, never, lambda: next(answers))


def failing(stage, error, bad, done):
    """Three stages, of which one raises an error at an item; the last one keeps what it gets."""

    def step(number):
        def work(item):
            if number == stage and item == bad:
                raise error
            return item

        return work

    def last(item):
        step(2)(item)
        done.append(item)

    return step(0), step(1), last


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("stage", [0, 1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_in_any_stage_ends_the_row(threads, stage, error):
    done = []
    with pytest.raises(error):
        run_overlapped(range(10), *failing(stage, error, 2, done), threads=threads)
    assert done[:2] == [0, 1]
    assert 2 not in done


@pytest.mark.parametrize("threads", [True, False])
def test_an_empty_row(threads):
    run_overlapped([], None, None, None, threads=threads)
