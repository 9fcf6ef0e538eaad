from __future__ import annotations

import os
import subprocess
import sys
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


FORKED = """
import os
from ruis.shelf import Shelf

shelf = Shelf()
shelf.put("x", [1])
with shelf._lock:  # another thread may hold it in that instant
    child = os.fork()
if not child:
    os._exit(0 if shelf.take("x") is None else 1)
print(os.waitpid(child, 0)[1], shelf.take("x"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_process_that_is_forked_off_begins_with_an_empty_shelf():
    """In a process of its own: this one has the threads of whatever was tested before."""
    command = [sys.executable, "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "0 [1]\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_forked_process_lets_nothing_go(tmp_path):
    class Thing:
        def __del__(self):
            if os.getpid() != parent:
                (tmp_path / "let go").touch()

    parent, shelf = os.getpid(), Shelf(most=1)
    shelf.put("a", Thing())
    code = "import os; os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True, preexec_fn=lambda: None)
    assert not (tmp_path / "let go").exists()
    shelf.clear()
