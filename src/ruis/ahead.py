"""Work that is done in another thread, one item ahead of whoever needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

__all__ = ["Stopped", "ahead"]

T = TypeVar("T")

PULSE = 0.5
"""Seconds after which who waits looks up: a signal that comes just before Python's wait begins does not end it, and a
Ctrl-C would go unheard until the next item is there."""


class Stopped(Exception):  # noqa: N818 - it ends work that nobody wants any more; nothing failed
    """Raised within the work when nobody wants its items any more."""


def ahead(work: Callable[[Callable[[], bool]], Iterator[T]]) -> Generator[T, None, None]:
    """Yield what an iterator yields; each item is made while the one before is in use.

    There are never more than two items at a time: one in use, and the next. What the work raises is
    raised where the item is wanted; and when the consumer stops early, so does the work.

    Parameters
    ----------
    work : callable
        Makes the iterator, in the other thread. It is given a function that says whether to stop,
        for work that takes long between two items; it may raise :class:`Stopped` then.

    Yields
    ------
    object
        The items, in order.

    Examples
    --------
    >>> list(ahead(lambda stop: iter(range(3))))
    [0, 1, 2]
    """
    turn = threading.Condition()
    ready: list[T] = []
    ended: list[BaseException | None] = []
    stopped = threading.Event()

    def run() -> None:
        items = None
        try:
            items = work(stopped.is_set)
            for item in items:
                with turn:
                    ready.append(item)
                    del item
                    turn.notify_all()
                    turn.wait_for(lambda: not ready or stopped.is_set())
                if stopped.is_set():
                    break
            end: BaseException | None = None
        except BaseException as error:  # noqa: BLE001 - it is raised where the item is wanted
            end = error
        close = getattr(items, "close", None)
        if close is not None:
            close()
        with turn:
            ended.append(end)
            turn.notify_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            with turn:
                while not turn.wait_for(lambda: ready or ended, PULSE):
                    pass
                if not ready:
                    if ended[0] is not None:
                        raise ended[0]
                    return
                item = ready.pop()
                turn.notify_all()
            yield item
            del item
    finally:
        with turn:
            stopped.set()
            ready.clear()
            turn.notify_all()
        thread.join()
