"""The driver: gives out images, records what came back, and notices who died. Nobody else writes down.

A turn of the loop is: wait for events; see which workers are gone; choose what is given out next;
record all of it in one transaction; only then give it out. So whatever was begun is known to the
manifest, and whatever the manifest knows as done is done.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ruis.batch.copies import sweep
from ruis.batch.crew import Crew, check_installed, crew
from ruis.batch.manifest import STATE, Manifest, Row
from ruis.batch.planning import Plan
from ruis.batch.settings import Settings
from ruis.batch.summary import Summary, summed_up
from ruis.batch.work import Order, Outcome, Terms
from ruis.errors import BatchStoppedError, ConfigError, WorkerDiedError
from ruis.formats.atomic import leftovers

__all__ = ["Progress", "Turns", "run"]

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


def run(
    todo: Plan,
    settings: Settings,
    *,
    resume: bool = False,
    retry_failed: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    threads: int | None = None,
    scheduler: str | None = None,
    tries: int = 3,
    memory: float | None = None,
    temp: Path | None = None,
    temp_space: float = 4e9,
    progress: Callable[[Progress], None] | None = None,
    failure: Callable[[str, Outcome], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Denoise many images on many processes, each exactly once.

    Parameters
    ----------
    todo : Plan
        From :func:`ruis.batch.plan`: which images, and where to.
    settings : Settings
        How.
    resume : bool
        Whether to go on with the run that was begun in the output folder; without it, a folder in
        which one was begun is refused.
    retry_failed : bool
        Whether images that failed are tried again.
    overwrite : bool
        Whether files that are not of this run are replaced.
    workers : int, optional
        Processes on this machine; default: as many as there are processors for their threads.
    threads : int, optional
        That each worker computes with; default 1, or, on a cluster, as many as a worker has.
    scheduler : str, optional
        The address of a Dask scheduler; its workers are used instead of processes here.
    tries : int, default 3
        How many workers an image may end before it is set aside.
    memory : float, optional
        Bytes that a worker on this machine may take before it is ended, and replaced; default: its
        share of nine tenths of what is available.
    temp : Path, optional
        Where workers keep local copies; default: in the output folder.
    temp_space : float
        Bytes of such copies in all; on a cluster, of each worker.
    progress : callable, optional
        Called several times a second.
    failure : callable, optional
        Called with the input and what came of it, as soon as an image has failed.
    stop : callable
        Says whether the run shall stop; what is in work is finished then.

    Returns
    -------
    Summary
        What the manifest says at the end.

    Raises
    ------
    ConfigError
        If the folder and `resume` do not fit, or settings differ from those of the run before.
    EngineUnavailableError
        If Dask is not installed.
    BatchError
        If another run is at work there, the workers cannot be reached, or all would fail.

    Examples
    --------
    >>> from ruis.batch import Settings, plan, run  # doctest: +SKIP
    >>> summary = run(plan(["scans/"], "clean/"), Settings(model="gray"))  # doctest: +SKIP
    """
    if retry_failed and not resume:
        raise ConfigError("--retry-failed goes on with a run: give --resume as well.")
    check_installed()
    begun = time.monotonic()
    settings = settings.absolute()
    identity = settings.identity()
    workers, threads = shared_out(workers, threads, scheduler)
    copies = (temp or todo.folder / STATE / "copies").absolute()
    terms = Terms(
        settings,
        identity["weights"],
        str(todo.folder.absolute()),
        threads,
        overwrite,
        str(copies),
        temp_space / max(workers, 1),
    )
    if not resume:
        todo.check_free(overwrite=overwrite)
    with Manifest(todo.folder, create=not resume) as manifest:
        changes: dict[str, int] = {}
        if resume:
            manifest.check(identity)
            changes = manifest.go_on(todo.files, retry_failed=retry_failed)
        else:
            manifest.fill(identity, todo.files)
        sweep(copies)
        turns = Turns(manifest, manifest.waiting(), tries, begun, progress, failure)
        _sweep_outputs(todo.folder, (row.output for row in turns.rows.values() if row.ours))
        try:
            if turns.left:
                with crew(terms, workers, scheduler, memory) as hands:
                    turns.crew = hands
                    turns.all(stop)
        finally:
            _sweep_outputs(todo.folder, (turns.rows[id].output for id in turns.unfinished))
            _tidy(copies)
        return summed_up(manifest, todo, turns, changes, workers, threads)


def shared_out(workers: int | None, threads: int | None, scheduler: str | None) -> tuple[int, int]:
    """Share the processors out: workers x threads are as many as there are."""
    from ruis.processor import threads as processors

    if scheduler:
        return workers or 1, threads or 0
    threads = threads or max(1, processors() // workers if workers else 1)
    return workers or max(1, processors() // threads), threads


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


def _sweep_outputs(folder: Path, outputs: Iterable[str]) -> None:
    """Remove what killed workers left beside the outputs that they were at."""
    for place in {Path(folder, output).parent for output in outputs}:
        for path in leftovers(place):
            path.unlink(missing_ok=True)


def _tidy(copies: Path) -> None:
    """Remove the folder of copies, once nothing is in it."""
    import shutil

    shutil.rmtree(copies / "dask-scratch-space", ignore_errors=True)
    (copies / "workers.log").unlink(missing_ok=True)
    try:
        os.rmdir(copies)  # noqa: PTH106 - only if it is empty
    except OSError:
        return
