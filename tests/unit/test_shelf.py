from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from ruis.shelf import Shelf


def test_what_is_taken_is_off_the_shelf_and_the_last_that_was_put_back_comes_first():
    shelf = Shelf[list]()
    one, two = [1], [2]
    shelf.put("gray", one)
    shelf.put("gray", two)
    assert shelf.take("photo") is None
    assert shelf.take("gray") is two
    assert shelf.take("gray") is one
    assert shelf.take("gray") is None


def test_beyond_the_most_the_oldest_goes():
    shelf = Shelf[list](most=2)
    for key in ("a", "b", "c"):
        shelf.put(key, [key])
    assert [shelf.take(key) for key in ("a", "b", "c")] == [None, ["b"], ["c"]]


def test_two_threads_never_have_the_same_thing():
    shelf, at_once = Shelf[set](), []

    def work() -> None:
        for _ in range(200):
            thing = shelf.take("x") or set()
            thing.add(threading.get_ident())
            at_once.append(len(thing))
            thing.clear()
            shelf.put("x", thing)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(at_once) == {1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_is_forked_off_begins_with_an_empty_shelf():
    shelf = Shelf[list]()
    shelf.put("x", [1])
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    with shelf._lock:  # another thread may hold it in that instant
        child = context.Process(target=lambda: told.put(shelf.take("x")))
        child.start()
    assert told.get(timeout=30) is None
    child.join()
    assert shelf.take("x") == [1]
