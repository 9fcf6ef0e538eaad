"""What is costly to make, and is kept for whoever needs it next."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Shelf"]

Thing = TypeVar("Thing")


class Shelf(Generic[Thing]):
    """Things that one may use at a time: taken off the shelf, and put back.

    Threads may share it. A process that is forked off begins with an empty one: what others made
    may depend on their threads.

    Parameters
    ----------
    most : int, optional
        How many things are kept; beyond that, those that were put back first go. Default: all.

    Examples
    --------
    >>> shelf = Shelf[list](most=1)
    >>> shelf.put("a", [1])
    >>> shelf.put("b", [2])
    >>> shelf.take("a"), shelf.take("b"), shelf.take("b")
    (None, [2], None)
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._empty()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        """Empty it in a new process; what was on it stays whole, for to let it go may wait for threads left behind."""
        self._left_behind = self._things
        self._empty()

    def _empty(self) -> None:
        self._lock = threading.Lock()
        self._things: OrderedDict[int, tuple[Hashable, Thing]] = OrderedDict()

    def take(self, key: Hashable) -> Thing | None:
        """Take a thing of this key, the last that was put back; None if there is none."""
        with self._lock:
            for number in reversed(self._things):
                if self._things[number][0] == key:
                    return self._things.pop(number)[1]
        return None

    def put(self, key: Hashable, thing: Thing) -> None:
        """Put a thing on the shelf."""
        with self._lock:
            self._things[id(thing)] = (key, thing)
            while self._most is not None and len(self._things) > self._most:
                self._things.popitem(last=False)

    def clear(self) -> None:
        """Let everything go."""
        with self._lock:
            self._things.clear()
