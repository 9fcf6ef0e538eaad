from __future__ import annotations

import _thread
import signal
import threading
import time

import pytest

from ruis.ahead import Stopped, ahead


def test_items_come_in_order_and_the_thread_ends():
    before = threading.active_count()
    assert list(ahead(lambda stop: iter(range(50)))) == list(range(50))
    assert list(ahead(lambda stop: iter(()))) == []
    assert threading.active_count() == before


def test_the_next_item_is_made_while_one_is_in_use_and_no_other():
    made = []

    def work(stop):
        for number in range(5):
            made.append(number)
            yield number

    items = ahead(work)
    assert next(items) == 0
    deadline = time.monotonic() + 5
    while len(made) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.05)
    assert made == [0, 1]
    items.close()
    assert len(made) <= 2


def test_what_the_work_raises_is_raised_where_the_item_is_wanted():
    def work(stop):
        yield 1
        raise KeyError("gone")

    items = ahead(work)
    assert next(items) == 1
    with pytest.raises(KeyError, match="gone"):
        next(items)
    with pytest.raises(ZeroDivisionError):
        next(ahead(lambda stop: 1 / 0))


def test_long_work_stops_when_nobody_wants_it():
    closed = threading.Event()

    def work(stop):
        try:
            yield 1
            while not stop():
                time.sleep(0.001)
            raise Stopped
        finally:
            closed.set()

    items = ahead(work)
    next(items)
    begun = time.monotonic()
    items.close()
    assert closed.is_set()
    assert time.monotonic() - begun < 5


def test_a_chain_stops_from_the_end():
    first = ahead(lambda stop: iter(range(1000)))
    second = ahead(lambda stop: (2 * one for one in first))
    assert [next(second) for _ in range(3)] == [0, 2, 4]
    second.close()
    first.close()
    assert not [one for one in threading.enumerate() if "run" in one.name and one.is_alive()]


def test_a_signal_that_did_not_end_the_wait_is_heard_all_the_same():
    """What `interrupt_main` sets is what a signal leaves that came just before Python began to wait."""

    def work(stop):
        time.sleep(0.1)  # by now it is waited for
        _thread.interrupt_main(signal.SIGINT)
        deadline = time.monotonic() + 20
        while not stop() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            next(ahead(work))
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begun < 10
