"""Many images, past those that fail: what `ruis denoise` does.

While the network works on one image, the next is read and the one before is written. Small images are denoised
side by side, each by one processor: what there is to do beside their networks is then shared, too.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread, get_ident
from typing import TYPE_CHECKING, TypeAlias

from ruis.cli.outcomes import Outcomes, Written
from ruis.cli.progress import ImagesLine, progress_line
from ruis.cli.steps import LARGE, SMALL, Steps
from ruis.errors import EngineUnavailableError, RuisError, UncalibratedError
from ruis.outputs import enter
from ruis.processor import available_memory, threads

if TYPE_CHECKING:
    from pathlib import Path

    from ruis.image import Image
    from ruis.outputs import Job

__all__ = ["Work"]

LANE_MEMORY = 5e8
"""Bytes that a network with one thread may need for shapes of small images, in two precisions."""

SWITCH = 1e-3
"""Seconds for which a thread has the interpreter while another waits for it: who reads a file asks for it often, and Python
lets it wait for five milliseconds each time while libraries are imported."""

InLane: TypeAlias = Future[Future[Written]]
"""An image that is denoised in a lane, and is written then."""


@dataclass
class Work:
    """Which image is at which step at a time, and what came of each."""

    steps: Steps
    outcomes: Outcomes
    writing: tuple[Job, Future[Written]] | None = None
    lanes: int = 1
    entered: set[Path] = field(default_factory=set)

    def do(self, jobs: list[Job]) -> None:
        """Denoise one image after the other, past those that fail.

        Raises
        ------
        RuisError
            If it would fail for every image: no such model, engine or setting.
        """
        patience = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        self.steps.once = len(jobs) == 1
        if len(jobs) > 1 and self.steps.settings["engine"] == "openvino":
            self.lanes = int(min(threads(), max(1.0, available_memory() / LANE_MEMORY)))
        try:
            with progress_line() as update, ThreadPoolExecutor(1) as writer:
                line = ImagesLine(update, len(jobs))
                for small, stretch in itertools.groupby(jobs, self.is_small):
                    if small:
                        self.side_by_side(stretch, line)
                    else:
                        self.one_by_one(stretch, writer, line)
        except RuisError as error:  # every image would meet the same; a person is told once
            self.written()
            self.outcomes.give_up(jobs, error)
            raise
        finally:
            sys.setswitchinterval(patience)
            with suppress(BrokenPipeError):  # what was written is recorded, whatever ended the work
                self.written()

    def is_small(self, job: Job) -> bool:
        """Say whether an image is denoised beside others, each by one processor."""
        from ruis.formats import probe

        if self.lanes < 2:
            return False
        try:
            if self.steps.stacks(job):
                return False
            header = probe(job.input)
        except Exception:  # noqa: BLE001 - it is told where the image is read
            return False
        return header.rows * header.columns <= SMALL * 1e6

    def side_by_side(self, jobs: Iterator[Job], line: ImagesLine) -> None:
        """Denoise small images, as many at a time as there are processors; tell of them in their order.

        They are written in threads of their own: until the disk has one, a processor can do another.
        """
        waiting: deque[tuple[Job, InLane]] = deque()
        self.steps.load()
        pool, writers = ThreadPoolExecutor(self.lanes), ThreadPoolExecutor(2 * self.lanes)
        try:
            for job in jobs:
                waiting.append((job, pool.submit(self.in_lane, job, writers)))
                while len(waiting) > 4 * self.lanes:
                    self.take(waiting, line)
            while waiting:
                self.take(waiting, line)
        finally:
            pool.shutdown(cancel_futures=True)
            writers.shutdown(cancel_futures=True)
            for job, future in waiting:  # something ended the work: what was done is recorded
                if not future.cancelled() and job.input not in self.outcomes.tried:
                    self.record_late(job, future)
            self.steps.leave_lanes()

    def take(self, waiting: deque[tuple[Job, InLane]], line: ImagesLine) -> None:
        """Wait for the first of some small images, and tell of it."""
        job, future = waiting[0]
        line.start(job.input.name)
        try:
            written = future.result().result()
            self.outcomes.written(job, written)
        except Exception as error:
            if not self.survived(job, error):
                raise
        else:
            if done := line.tiles(written.megapixels):
                done(1, 1)
        waiting.popleft()

    def record_late(self, job: Job, future: InLane) -> None:
        """Record what became of an image after the work was ended; a pipe may be closed by now."""
        error = future.exception()
        if error is None:
            if future.result().cancelled():  # nobody had begun to write it
                return
            error = future.result().exception()
        with suppress(BrokenPipeError):
            if error is None:
                self.outcomes.written(job, future.result().result())
            elif isinstance(error, Exception) and not self.ends_all(error):
                self.outcomes.fail(job, error)

    def in_lane(self, job: Job, writers: ThreadPoolExecutor) -> Future[Written]:
        """Read and denoise a small image, in a thread that has a processor to itself, and have it written."""
        begun = time.perf_counter()
        self.enter(job)
        made = self.steps.made(self.steps.read(job), lane=get_ident())
        return writers.submit(self.steps.write, job, made, time.perf_counter() - begun)

    def enter(self, job: Job) -> None:
        """Make the folder that an output goes to, once: it costs as much as to decode a small image."""
        if job.output.parent not in self.entered:
            enter(job)
            self.entered.add(job.output.parent)

    def one_by_one(self, jobs: Iterator[Job], writer: ThreadPoolExecutor, line: ImagesLine) -> None:
        """Denoise images by all processors; while the network works, others are read and written."""
        first, begun = next(jobs), time.perf_counter()
        coming: Future[Image | None] | None = _begun(self.steps.read_ahead, first)
        line.start(first.input.name)
        self.steps.load(first)
        job: Job | None = first
        while job is not None:
            following = next(jobs, None)
            image, coming = coming, _begun(self.steps.read_ahead, following) if following else None
            assert image is not None  # there is one for each job
            self.attempt(job, image, begun, writer, line)
            job, begun = following, time.perf_counter()
            if job is not None:
                line.start(job.input.name)
        self.written()

    def attempt(
        self,
        job: Job,
        image: Future[Image | None],
        begun: float,
        writer: ThreadPoolExecutor,
        line: ImagesLine,
    ) -> None:
        """Denoise one image, or record why it failed: it shall not end a night's work.

        Raises
        ------
        RuisError
            If the next image would meet the same.
        """
        try:
            self.one(job, image, begun, writer, line)
        except Exception as error:
            if not self.survived(job, error):
                raise

    def survived(self, job: Job, error: Exception) -> bool:
        """Record why an image failed, unless the next one would meet the same."""
        if self.ends_all(error):
            return False
        self.outcomes.fail(job, error)
        return True

    def ends_all(self, error: Exception) -> bool:
        """Say whether every image would meet the same."""
        ends = (EngineUnavailableError, UncalibratedError, BrokenPipeError)
        return isinstance(error, ends) or error is self.steps.hopeless

    def one(
        self,
        job: Job,
        coming: Future[Image | None],
        begun: float,
        writer: ThreadPoolExecutor,
        line: ImagesLine,
    ) -> None:
        """Denoise one image, and have it written beside the next one; its time counts from `begun` on."""
        image = coming.result()
        self.enter(job)
        if image is None:
            self.written()
            kind = self.steps.stacks(job)
            if kind is not None:
                self.outcomes.written(job, self.steps.stream(kind, job, line))
                return
            image = self.steps.read(job)
        made = self.steps.made(image, line.tiles(image.megapixels))
        seconds = time.perf_counter() - begun
        self.written()
        self.writing = (job, writer.submit(self.steps.write, job, made, seconds))
        if image.megapixels > LARGE:
            self.written()

    def written(self) -> None:
        """Wait for the image that is being written, if there is one, and tell of it."""
        if self.writing is None:
            return
        job, future = self.writing
        try:
            self.outcomes.written(job, future.result())
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - one image shall not end a night's work
            self.outcomes.fail(job, error)
        finally:
            if future.done():  # else something ended the wait, and it is waited for again
                self.writing = None


def _begun(read: Callable[[Job], Image | None], job: Job) -> Future[Image | None]:
    """Begin to read, in a thread that nobody waits for who wants to stop."""
    future: Future[Image | None] = Future()

    def work() -> None:
        try:
            future.set_result(read(job))
        except BaseException as error:  # noqa: BLE001 - it is raised where the image is wanted
            future.set_exception(error)

    Thread(target=work, daemon=True).start()
    return future
