"""The signals that ask to end, held back while libraries are imported."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ASKING", "held"]

ASKING = ("SIGINT", "SIGTERM", "SIGHUP")
"""The signals that ask to end; not every system has all."""


@contextmanager
def held() -> Iterator[None]:
    """Hold Ctrl-C and its like back until the end of a block, and let them do then what they would have done.

    Libraries that try one import after another take whatever is raised in the middle of one, and so what a
    signal raises, for a sign that something is not installed; Python's compiler takes it for an expression that
    cannot be worked out beforehand. Who asked us to end would not be heard.
    """
    if threading.current_thread() is not threading.main_thread():  # signals never arrive here
        yield
        return
    came: list[int] = []
    numbers = [getattr(signal, name) for name in ASKING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    ours = {number: one for number, one in before.items() if one not in (None, signal.SIG_IGN)}
    for number in ours:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for one in came:
            signal.raise_signal(one)
