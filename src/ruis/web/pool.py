"""Places for requests, and the threads in which their work is done, beside the event loop.

A request takes a place before its body is read, and keeps it until its work has ended, also when
nobody waits for the result any more: there are never more images in memory than places.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from ruis.web.problems import Problem

__all__ = ["Place", "Pool", "Stopped"]

Result = TypeVar("Result")
LONGEST_WAIT = 60
"""Seconds beyond which nobody is asked to come back later."""

NICE = 5
"""How far the workers stand back; a refusal is late if it waits for a processor."""

SHARE = 0.1
"""How much the last image says about how long images take."""


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Raised within work that nobody waits for any more."""


class Pool:
    """A bounded number of places, and threads that work.

    Parameters
    ----------
    workers : int
        How many images are worked on at a time.
    queue : int
        How many requests may wait beside them.
    """

    def __init__(self, workers: int, queue: int) -> None:
        self.workers = workers
        self.places = workers + queue
        self.taken = 0
        self.seconds = 1.0
        self._threads = ThreadPoolExecutor(workers, "ruis-worker", initializer=_stand_back)

    @property
    def retry_after(self) -> int:
        """Seconds until those who are here will have been served, 1 to 60."""
        wait = self.seconds * self.taken / self.workers
        return max(1, min(LONGEST_WAIT, math.ceil(wait)))

    def check(self) -> None:
        """Refuse if there is no place, at once.

        Raises
        ------
        Problem
            429, with the time after which to come back.
        """
        if self.taken >= self.places:
            wait = self.retry_after
            raise Problem.of(
                429,
                f"{self.taken} images are waiting or being denoised, and no more may wait; "
                f"try again in {wait} seconds.",
                Retry_After=str(wait),
            )

    def enter(self) -> Place:
        """Take a place, at once.

        Raises
        ------
        Problem
            429 if there is none.
        """
        place = Place(self)
        place.take()
        return place

    async def run(self, place: Place, work: Callable[[threading.Event], Result]) -> Result:
        """Have work done in a thread; the place is given back when it has ended.

        Parameters
        ----------
        place : Place
            Of the request.
        work : callable
            Gets an event that is set once nobody waits any more; should then raise `Stopped`.
        """
        loop = asyncio.get_running_loop()
        stop = threading.Event()
        future: Future[Result] = self._threads.submit(self._timed, work, stop)
        future.add_done_callback(lambda _: _soon(loop, place.release))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            stop.set()
            raise

    def _timed(self, work: Callable[[threading.Event], Result], stop: threading.Event) -> Result:
        begun = time.perf_counter()
        result = work(stop)
        self.seconds += SHARE * (time.perf_counter() - begun - self.seconds)
        return result

    def close(self) -> None:
        """Take no more work; what has begun ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _stand_back() -> None:
    """Let the thread that answers go first: this thread, and those that the network starts from it."""
    if sys.platform == "linux":  # elsewhere the whole process would stand back
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call in the loop's thread, if the loop still runs."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


class Place:
    """A request's place among those who wait or are served."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.held = False

    def take(self) -> None:
        """Take the place, if it is not held already.

        Raises
        ------
        Problem
            429 if there is none.
        """
        if not self.held:
            self._pool.check()
            self.held = True
            self._pool.taken += 1

    def release(self) -> None:
        """Give the place back; once is enough, and more do no harm."""
        if self.held:
            self.held = False
            self._pool.taken -= 1
