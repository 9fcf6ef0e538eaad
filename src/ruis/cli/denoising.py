"""Many images, past those that fail: what `ruis denoise` does.

While the network works on one image, the next is read and the one before is written. Small images are denoised
side by side, each by one processor: what there is to do beside their networks is then shared, too.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Lock, Thread, get_ident
from typing import TYPE_CHECKING, Any

from ruis.cli.console import tell
from ruis.cli.interval import uncertainty_path, write_uncertainty
from ruis.cli.outcomes import Outcomes, Written
from ruis.cli.progress import ImagesLine, progress_line
from ruis.cli.quiet import prepare_engine
from ruis.errors import (
    AxesError,
    EngineUnavailableError,
    RuisError,
    UncalibratedError,
)
from ruis.outputs import Job, check_kind, enter
from ruis.processor import available_memory, threads

if TYPE_CHECKING:
    from ruis.denoise import Denoiser
    from ruis.denoised import Denoised
    from ruis.image import Image
    from ruis.job import Progress
    from ruis.stacks import Stacks

__all__ = ["Work"]

SMALL = 0.5
"""Megapixels up to which images are denoised side by side."""

LANE_MEMORY = 5e8
"""Bytes that a network with one thread may need for shapes of small images, in two precisions."""

LARGE = 32.0
"""Megapixels above which an image has the memory for itself: nothing is read or written beside it."""


@dataclass
class Work:
    """What is the same for all images, and what came of them."""

    model: str
    sigma: float | None
    strength: float
    settings: dict[str, Any]
    max_pixels: float | None
    axes: str | None
    strip_metadata: bool
    overwrite: bool
    data_range: tuple[float, float] | None
    first_frame: bool
    outcomes: Outcomes
    uncertainty: str | None = None
    denoisers: dict[tuple[str, int | None], Denoiser] = field(default_factory=dict)
    why: dict[Any, str] = field(default_factory=dict)
    hopeless: RuisError | None = None
    writing: tuple[Job, Future[dict[str, Any]]] | None = None
    lanes: int = 1
    loading: Lock = field(default_factory=Lock)

    def do(self, jobs: list[Job]) -> None:
        """Denoise one image after the other, past those that fail.

        Raises
        ------
        RuisError
            If it would fail for every image: no such model, engine or setting.
        """
        if len(jobs) > 1 and self.settings["engine"] == "openvino":
            self.lanes = int(min(threads(), max(1.0, available_memory() // LANE_MEMORY)))
        try:
            if not self.automatic and jobs:
                self.denoiser(self.model)  # before the first image is read
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
            with suppress(BrokenPipeError):  # what was written is recorded, whatever ended the work
                self.written()

    def is_small(self, job: Job) -> bool:
        """Say whether an image is denoised beside others, each by one processor."""
        from ruis.formats import probe

        if self.lanes < 2:
            return False
        try:
            if self.stacks(job):
                return False
            header = probe(job.input)
        except Exception:  # noqa: BLE001 - it is told where the image is read
            return False
        return header.rows * header.columns <= SMALL * 1e6

    def side_by_side(self, jobs: Iterator[Job], line: ImagesLine) -> None:
        """Denoise small images, as many at a time as there are processors; tell of them in their order."""
        waiting: deque[tuple[Job, Future[dict[str, Any]]]] = deque()
        pool = ThreadPoolExecutor(self.lanes)
        try:
            for job in jobs:
                waiting.append((job, pool.submit(self.in_lane, job)))
                while len(waiting) > 2 * self.lanes:
                    self.take(waiting, line)
            while waiting:
                self.take(waiting, line)
        finally:
            pool.shutdown(cancel_futures=True)
            for job, future in waiting:  # something ended the work: what was done is recorded
                if not future.cancelled() and job.input not in self.outcomes.tried:
                    self.record_late(job, future)
            self.denoisers = {key: one for key, one in self.denoisers.items() if key[1] is None}

    def take(self, waiting: deque[tuple[Job, Future[dict[str, Any]]]], line: ImagesLine) -> None:
        """Wait for the first of some small images, and tell of it."""
        job, future = waiting[0]
        line.start(job.input.name)
        try:
            facts = future.result()
            self.told(job, **facts)
        except Exception as error:
            if not self.survived(job, error):
                raise
        else:
            if done := line.tiles(facts["megapixels"]):
                done(1, 1)
        waiting.popleft()

    def record_late(self, job: Job, future: Future[dict[str, Any]]) -> None:
        """Record what became of an image after the work was ended; a pipe may be closed by now."""
        error = future.exception()
        with suppress(BrokenPipeError):
            if error is None:
                self.told(job, **future.result())
            elif isinstance(error, Exception) and not self.ends_all(error):
                self.outcomes.fail(job, error)

    def in_lane(self, job: Job) -> dict[str, Any]:
        """Read, denoise and write a small image, in a thread that has a processor to itself."""
        begun = time.perf_counter()
        image = self.read(job)
        result, half = self.made(job, image, None, lane=get_ident())
        return self.write(job, result, half, time.perf_counter() - begun)

    def one_by_one(self, jobs: Iterator[Job], writer: ThreadPoolExecutor, line: ImagesLine) -> None:
        """Denoise images by all processors; while the network works, others are read and written."""
        job = next(jobs, None)
        coming = _begun(self.read_ahead, job) if job else None
        while job is not None:
            following = next(jobs, None)
            image, coming = coming, _begun(self.read_ahead, following) if following else None
            line.start(job.input.name)
            assert image is not None  # there is one for each job
            self.attempt(job, image, writer, line)
            job = following
        self.written()

    def attempt(
        self, job: Job, image: Future[Image | None], writer: ThreadPoolExecutor, line: ImagesLine
    ) -> None:
        """Denoise one image, or record why it failed: it shall not end a night's work.

        Raises
        ------
        RuisError
            If the next image would meet the same.
        """
        try:
            self.one(job, image, writer, line)
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
        return isinstance(error, ends) or error is self.hopeless

    def read_ahead(self, job: Job) -> Image | None:
        """Read an image beside another; a large one shall wait for its turn."""
        from ruis.formats import probe

        if self.stacks(job):
            return None
        header = probe(job.input)
        if header.rows * header.columns > LARGE * 1e6:
            return None
        return self.read(job)

    def read(self, job: Job) -> Image:
        """Read an image whose output can be written."""
        from ruis.formats import Limits, read

        enter(job)
        limits = Limits.of_pixels(self.max_pixels) if self.max_pixels else Limits()
        image = read(job.input, limits=limits)
        if not self.first_frame:
            check_kind(image, job.output)
        if self.data_range is None:
            return image
        return replace(image, info=replace(image.info, data_range=self.data_range))

    def one(
        self, job: Job, coming: Future[Image | None], writer: ThreadPoolExecutor, line: ImagesLine
    ) -> None:
        """Denoise one image, and have it written beside the next one."""
        begun = time.perf_counter()
        image = coming.result()
        if image is None:
            self.written()
            kind = self.stacks(job)
            if kind is not None:
                self.stream(kind, job, line)
                return
            image = self.read(job)
        result, half = self.made(job, image, line.tiles(image.megapixels))
        seconds = time.perf_counter() - begun
        self.written()
        self.writing = (job, writer.submit(self.write, job, result, half, seconds))
        if image.megapixels > LARGE:
            self.written()

    def made(
        self, job: Job, image: Image, progress: Progress | None, *, lane: int | None = None
    ) -> tuple[Denoised, Image | None]:
        """Denoise an image in memory; return it, and its uncertainty if that is asked for."""
        from ruis.caution import cautioned
        from ruis.choice import choose

        name, seen = self.model, None
        if self.automatic:
            choice = choose(image, fast=self.model == "fast")
            name, seen = choice.model, choice.seen
            self.why[job.input] = choice.why
        denoiser = self.denoiser(name, lane)
        if self.uncertainty and denoiser.model.manifest.calibration is None:
            raise UncalibratedError(denoiser.model.name)
        result = denoiser.run(
            image, sigma=self.sigma, strength=self.strength, progress=progress, seen=seen
        )
        if lane is not None:
            denoiser.networks.release(int(SMALL * 1e6))  # there are many lanes
        half = None
        if self.uncertainty:
            from ruis.uncertainty import uncertainty

            half = uncertainty(denoiser.model, image, result.image)
        return cautioned(result, denoiser.model.manifest, image), half

    def stacks(self, job: Job) -> type[Stacks] | None:
        """Return as what a file is denoised window by window; None if it is read whole."""
        from ruis.stacks import kind_of

        kind = kind_of(job.input)
        if kind is None and self.axes is not None:
            raise AxesError("--axes is for TIFF and Zarr; others say it.", source=str(job.input))
        need = "not" if kind is None else kind.need(job.input)
        if kind is None or (need == "not" and self.axes is None):
            return None
        elsewhere = job.output.suffix.lower() not in kind.suffixes
        return None if need == "better" and elsewhere and self.axes is None else kind

    def stream(self, kind: type[Stacks], job: Job, line: ImagesLine) -> None:
        """Denoise a large image, or a stack, from file to file."""
        from ruis.errors import ImageTooLargeError
        from ruis.stream import denoise_stacks

        if self.uncertainty:
            raise ImageTooLargeError(
                "the uncertainty is told of images that are held in memory, and this one is "
                "denoised window by window; leave out --uncertainty.",
                source=str(job.input),
            )
        enter(job)
        begun = time.perf_counter()
        with kind.opened(job.input, self.axes) as stacks:
            for text, count in Counter(map(str, stacks.stacks)).items():
                tell(f"  {job.input}: {text}" + (f", {count} times" if count > 1 else ""))
            largest = max(stack.rows * stack.columns for stack in stacks.stacks)
            if self.max_pixels is not None and largest > self.max_pixels:
                raise ImageTooLargeError(
                    f"planes of {largest / 1e6:.1f} Mpx exceed the limit of --max-pixels.",
                    source=str(job.input),
                )
            result = denoise_stacks(
                stacks,
                job.output,
                denoiser=lambda name: self.denoiser(str(name)),
                model=self.model,
                sigma=self.sigma,
                strength=self.strength,
                data_range=self.data_range,
                overwrite=self.overwrite,
                strip_metadata=self.strip_metadata,
                record=self.record,
                progress=line.tiles(sum(stack.megapixels for stack in stacks.stacks), named=False),
            )
        self.why[job.input] = result.why
        self.told(
            job,
            " and ".join(result.models),
            result.sigma,
            result.megapixels,
            time.perf_counter() - begun,
            result.notes,
        )

    def write(
        self, job: Job, result: Denoised, half: Image | None, seconds: float
    ) -> dict[str, Any]:
        """Write a denoised image, and return what is to be told of it."""
        from ruis.formats import write

        begun = time.perf_counter()
        if half is not None:
            assert self.uncertainty
            path = uncertainty_path(self.uncertainty, job.output)
            write_uncertainty(half, path, overwrite=self.overwrite)
        record = result.record(given=self.sigma is not None, strength=self.strength)
        strip = self.strip_metadata
        write(
            result.image,
            job.output,
            overwrite=self.overwrite,
            strip_metadata=strip,
            record=record,
        )
        return {
            "model": result.model,
            "sigma": result.sigma,
            "megapixels": result.image.megapixels,
            "seconds": seconds + time.perf_counter() - begun,
            "notes": result.noted(job.output, strip_metadata=strip, record=record),
        }

    def written(self) -> None:
        """Wait for the image that is being written, if there is one, and tell of it."""
        if self.writing is None:
            return
        job, future = self.writing
        try:
            self.told(job, **future.result())
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - one image shall not end a night's work
            self.outcomes.fail(job, error)
        finally:
            if future.done():  # else something ended the wait, and it is waited for again
                self.writing = None

    def told(
        self,
        job: Job,
        model: str,
        sigma: float,
        megapixels: float,
        seconds: float,
        notes: tuple[str, ...],
    ) -> None:
        """Record and tell what became of an image."""
        path = uncertainty_path(self.uncertainty, job.output) if self.uncertainty else None
        self.outcomes.written(
            job,
            Written(
                model,
                sigma,
                megapixels,
                seconds,
                notes,
                why=self.why.pop(job.input, None) if self.automatic else None,
                given=self.sigma is not None,
                uncertainty=path,
            ),
        )

    @property
    def automatic(self) -> bool:
        """Whether the model is chosen for each image."""
        return self.model in ("auto", "fast")

    def denoiser(self, name: str, lane: int | None = None) -> Denoiser:
        """Return the denoiser of a model, loaded once; a lane has its own, with one processor."""
        from ruis.denoise import Denoiser, load

        with self.loading:
            if self.hopeless:
                raise self.hopeless
            if (name, None) not in self.denoisers:
                try:
                    prepare_engine(self.settings["engine"])
                    self.denoisers[name, None] = load(name, **self.settings)
                except RuisError as error:
                    self.hopeless = error
                    raise
            if (name, lane) not in self.denoisers:
                model = self.denoisers[name, None].model
                self.denoisers[name, lane] = Denoiser(model, **self.settings, threads=1)
            return self.denoisers[name, lane]

    def record(self, model: str, sigma: float) -> str:
        """Return what the output's metadata says about what was done."""
        from ruis.denoised import record

        return record(
            model,
            sigma,
            given=self.sigma is not None,
            strength=self.strength,
            ensemble=self.settings["ensemble"],
        )


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
