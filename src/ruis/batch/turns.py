"""Turns: who gets which image next, what came back, and who died.

A turn is: wait for events; see which workers are gone; choose what is given out next;
record all of it in one transaction; only then give it out. So whatever was begun is known to the
manifest, and whatever the manifest knows as done is done.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ruis.batch.crew import Crew
from ruis.batch.manifest import Manifest, Row
from ruis.batch.work import Order, Outcome
from ruis.errors import BatchStoppedError, WorkerDiedError

__all__ = ["Progress", "Turns"]

IN_HAND = 2
"""Orders that a worker has at most: the one it works on, and the next."""

LOOK = 0.25
"""Seconds between looks at who is there."""

GRACE = 20.0
"""Seconds that images in hand may take to be finished when the run is asked to stop."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    done, failed, total : int
        Images; those of earlier runs on the same folder included.
    new : int
        Images done or failed in this run.
    megapixels : float
        Denoised in this run.
    seconds, working : float
        Since this run began, and since its first image was given to a worker.
    workers : int
        That are there.
    """

    done: int
    failed: int
    total: int
    new: int
    megapixels: float
    seconds: float
    working: float
    workers: int

    @property
    def fraction(self) -> float:
        """The share of all images that needs nothing more."""
        return (self.done + self.failed) / self.total if self.total else 1.0

    @property
    def seconds_left(self) -> float:
        """The time that the others will take at this run's pace; infinite at first."""
        left = self.total - self.done - self.failed
        return self.working * left / self.new if self.new else float("inf") if left else 0.0


@dataclass
class Turns:
    """The loop, and what it has to remember between turns."""

    manifest: Manifest
    waiting: list[Row]
    tries: int
    begun: float
    progress: Callable[[Progress], None] | None
    failure: Callable[[str, Outcome], None] | None
    crew: Crew | None = None
    hands: dict[str, list[int]] = field(default_factory=dict)
    megapixels: float = 0.0
    new: int = 0
    died: int = 0
    stopped: bool = False
    looked: float = 0.0
    first: float = 0.0
    hopeless: Outcome | None = None

    def __post_init__(self) -> None:
        self.rows = {row.id: row for row in self.waiting}
        self.ours = {row.id for row in self.waiting if row.ours}
        self.deaths = {row.id: row.deaths for row in self.waiting if row.deaths}
        self.queue = deque(row.id for row in self.waiting if not row.deaths)
        self.suspects = deque(self.deaths)
        self.left = set(self.rows)
        counts = self.manifest.counts()
        self.done, self.failed = counts["done"], counts["failed"]
        self.total = sum(counts.values())

    @property
    def unfinished(self) -> list[int]:
        """What is in somebody's hands, or was when he died."""
        return [id for id in self.left if id in self.ours]

    def all(self, stop: Callable[[], bool]) -> None:
        """Take turns until nothing is left, or the run shall stop.

        Raises
        ------
        BatchStoppedError
            If every image that is left would fail.
        """
        deadline = float("inf")
        self.turn([])
        while self.left and time.monotonic() < deadline:
            assert self.crew
            self.turn(self.crew.came(LOOK))
            if (stop() or self.hopeless) and not self.stopped:
                self.stopped = True
                deadline = time.monotonic() + GRACE
            if self.stopped and not any(self.hands.values()):
                break
        if self.hopeless:
            raise BatchStoppedError(
                f"{self.rows[self.hopeless.id].input}: {self.hopeless.message} All others would "
                "fail in the same way. To go on once it is mended: the same command with --resume."
            )

    def turn(self, came: list[Outcome]) -> None:
        """Record what came and who died, give out what is next, and tell."""
        assert self.crew
        outcomes = list({one.id: one for one in came if one.id in self.left}.values())
        for one in outcomes:
            self._came_back(one)
        outcomes = [one for one in outcomes if not one.hopeless]
        blamed = self._look() if time.monotonic() - self.looked > LOOK or not came else []
        outcomes += [self._set_aside(id) for id in blamed if self.deaths[id] >= self.tries]
        orders = [] if self.stopped else self._next()
        if outcomes or blamed or orders:
            self.manifest.advance(outcomes, blamed, [id for _, id in orders])
        if orders and not self.first:
            self.first = time.monotonic()
        for worker, id in orders:
            row = self.rows[id]
            self.crew.give(Order(id, row.input, row.output, id in self.ours), worker)
            self.ours.add(id)
        self._settle(outcomes)

    def _settle(self, outcomes: list[Outcome]) -> None:
        """Count and tell what is recorded now."""
        for one in outcomes:
            self.left.discard(one.id)
            self.new += 1
            self.megapixels += one.megapixels
            self.done += one.state == "done"
            self.failed += one.state == "failed"
            if one.state == "failed" and self.failure:
                self.failure(self.rows[one.id].input, one)
        now = time.monotonic()
        if self.progress:
            self.progress(
                Progress(
                    self.done,
                    self.failed,
                    self.total,
                    self.new,
                    self.megapixels,
                    now - self.begun,
                    now - self.first if self.first else 0.0,
                    len(self.hands),
                )
            )

    def _came_back(self, one: Outcome) -> None:
        assert self.crew
        self.crew.take_back(one.id)
        lines: list[list[int] | deque[int]] = [
            *self.hands.values(),
            self.suspects,
            self.queue,
        ]  # it may come after its worker was given up
        next((line for line in lines if one.id in line), [one.id]).remove(one.id)
        if one.hopeless:
            self.hopeless = one

    def _look(self) -> list[int]:
        """See who is gone, take back what they had, and return what they died of."""
        assert self.crew
        self.looked = time.monotonic()
        here = self.crew.workers()
        blamed = []
        for worker in set(self.hands) - here:
            self.died += 1
            held = self.hands.pop(worker)
            for place, id in enumerate(held):
                self.crew.take_back(id)
                if place == 0:  # what it was at; the next had not begun
                    self.deaths[id] = self.deaths.get(id, 0) + 1
                    blamed.append(id)
                    if self.deaths[id] < self.tries:
                        self.suspects.append(id)
                else:
                    self.queue.appendleft(id)
        for worker in here - set(self.hands):
            self.hands[worker] = []
        return blamed

    def _next(self) -> list[tuple[str, int]]:
        """Choose who gets what. A suspect is alone with its worker, so that it harms nobody."""
        orders = []
        for worker, held in self.hands.items():
            alone = any(id in self.deaths for id in held)
            while not alone and len(held) < IN_HAND:
                if self.suspects and not held:
                    id, alone = self.suspects.popleft(), True
                elif self.queue and not (self.suspects and len(self.hands) == 1):
                    id = self.queue.popleft()
                else:
                    break
                held.append(id)
                orders.append((worker, id))
        return orders

    def _set_aside(self, id: int) -> Outcome:
        error = WorkerDiedError(
            f"its worker died {self.deaths[id]} times while it was at this image: there was not "
            "enough memory, or a decoder crashed."
        )
        return Outcome(id, "failed", type(error).__name__, str(error), worker="")
