"""`ruis denoise`: many files, one after the other, past those that fail.

While the network works on one image, the next is read and the one before is written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import duration, print_json, say, tell
from ruis.cli.exit_codes import code_of_run
from ruis.cli.failures import DEBUG, sentence
from ruis.cli.interval import check_uncertainty, uncertainty_path, write_uncertainty
from ruis.cli.progress import Update, progress_line, seconds_left
from ruis.cli.quiet import prepare_engine
from ruis.errors import (
    AxesError,
    EngineUnavailableError,
    RuisError,
    UncalibratedError,
    UnsupportedFormatError,
)
from ruis.outputs import Failure, Job, Plan, enter, plan

if TYPE_CHECKING:
    from ruis.denoise import Denoised, Denoiser
    from ruis.image import Image
    from ruis.job import Progress
    from ruis.stacks import Stacks

__all__ = ["denoise"]

LARGE = 32.0
"""Megapixels above which an image has the memory for itself: nothing is read or written beside it."""


def denoise(
    ctx: typer.Context,
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Images, folders of images, patterns.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR",
            help="A file for one input, else a folder (ends in / if it is new). Default: "
            "photo.denoised.jpg beside photo.jpg.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="auto|fast|NAME|FILE",
            help="A model that ships (ruis models), or a .ruis file; auto: by the image's channels "
            "and its noise; fast: the same, with small networks.",
        ),
    ] = "auto",
    sigma: options.Sigma = "auto",
    strength: options.Strength = 1.0,
    engine: options.EngineName = "openvino",
    precision: options.PrecisionName = "auto",
    tile: options.Tile = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Also enter the folders inside of folders.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out inputs whose output is there.")
    ] = False,
    strip_metadata: Annotated[
        bool,
        typer.Option(
            "--strip-metadata", help="Leave out EXIF, GPS and texts; the colour profile stays."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there, inputs included.")
    ] = False,
    max_pixels: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Refuse images of more pixels. Default: 200e6 for what is denoised in memory.",
        ),
    ] = None,
    uncertainty: Annotated[
        str | None,
        typer.Option(
            metavar="auto|FILE.tif|FILE.npy",
            help="Also write how far off each pixel may be; the model must be calibrated "
            "(ruis calibrate). auto: photo.uncertainty.tif.",
        ),
    ] = None,
    data_range: options.DataRange = None,
    first_frame: Annotated[
        bool,
        typer.Option("--first-frame", help="Of an animation, write the first frame as a picture."),
    ] = False,
    axes: Annotated[
        str | None,
        typer.Option(
            metavar="TZCYX",
            help="What the axes of a TIFF or Zarr are, where the file does not say so: Y rows, X "
            "columns, S samples that belong together (RGB), C channels, T, Z.",
        ),
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove noise from images.

    ruis denoise photo.jpg                          writes photo.denoised.jpg
    ruis denoise scans/ -o clean/ --recursive --skip-existing
    ruis denoise scan.tif --sigma 12/255 --strength 0.7
    ruis denoise plate.zarr -o clean.zarr           any size, in constant memory; TIFF, too

    Dtype, range, size, alpha and metadata stay as they are. Inputs are never replaced, unless
    --overwrite says so; what cannot be denoised is named at the end.
    """
    work = _Work(
        model,
        options.parse_sigma(sigma),
        strength,
        {"engine": engine, "precision": precision, "tile": tile},
        max_pixels,
        axes,
        strip_metadata,
        overwrite,
        options.parse_data_range(data_range),
        first_frame,
        quiet=json,
        debug=bool(ctx.meta.get(DEBUG)),
        uncertainty=uncertainty,
    )
    todo = plan(
        inputs, output, recursive=recursive, skip_existing=skip_existing, overwrite=overwrite
    )
    check_uncertainty(uncertainty, todo.jobs, strength=strength, overwrite=overwrite)
    work.failed += todo.failed
    for failure in todo.failed:
        work.tell_failure(failure)
    begun = time.perf_counter()
    try:
        work.do(todo.jobs)
    finally:
        if json:
            print_json({"outputs": work.outputs, "failed": [asdict(one) for one in work.failed]})
        _sum_up(work, todo, time.perf_counter() - begun)
    raise typer.Exit(code_of_run(len(work.outputs) + len(todo.skipped), len(work.failed)))


@dataclass
class _Work:
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
    quiet: bool
    debug: bool
    uncertainty: str | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    denoisers: dict[str, Denoiser] = field(default_factory=dict)
    why: dict[Any, str] = field(default_factory=dict)
    hopeless: RuisError | None = None
    writing: tuple[Job, Future[dict[str, Any]]] | None = None

    def do(self, jobs: list[Job]) -> None:
        """Denoise one image after the other, past those that fail.

        Raises
        ------
        RuisError
            If it would fail for every image: no such model, engine or setting.
        """
        left = list(jobs)
        try:
            if not self.automatic and jobs:
                self.denoiser(self.model)  # before the first image is read
            with progress_line() as update, ThreadPoolExecutor(1) as writer:
                line = _Line(update, len(jobs))
                coming = _begun(self.read_ahead, left[0]) if left else None
                while left:
                    job, image = left[0], coming
                    coming = _begun(self.read_ahead, left[1]) if left[1:] else None
                    line.start(job)
                    assert image is not None  # there is one for each job
                    self.attempt(job, image, writer, line)
                    del left[0]
                self.written()
        except RuisError as error:  # every image would meet the same; a person is told once
            self.written()
            if self.quiet:
                self.failed += [Failure.of(job.input, error, sentence(error)) for job in left]
            raise

    def attempt(
        self, job: Job, image: Future[Image | None], writer: ThreadPoolExecutor, line: _Line
    ) -> None:
        """Denoise one image, or record why it failed: it shall not end a night's work.

        Raises
        ------
        RuisError
            If the next image would meet the same.
        """
        try:
            self.one(job, image, writer, line)
        except (EngineUnavailableError, BrokenPipeError):
            raise
        except Exception as error:
            if error is self.hopeless:
                raise
            self.fail(job, error)

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
        if image.info.animated and not self.first_frame:
            _check_kind(image, job)
        if self.data_range is None:
            return image
        return replace(image, info=replace(image.info, data_range=self.data_range))

    def one(
        self, job: Job, coming: Future[Image | None], writer: ThreadPoolExecutor, line: _Line
    ) -> None:
        """Denoise one image, and have it written beside the next one."""
        from ruis.caution import denoising_cautions
        from ruis.choice import choose

        begun = time.perf_counter()
        image = coming.result()
        if image is None:
            self.written()
            kind = self.stacks(job)
            if kind is not None:
                self.stream(kind, job, line)
                return
            image = self.read(job)
        name, seen = self.model, None
        if self.automatic:
            choice = choose(image, fast=self.model == "fast")
            name, seen = choice.model, choice.seen
            self.why[job.input] = choice.why
        denoiser = self.denoiser(name)
        if self.uncertainty and denoiser.model.manifest.calibration is None:
            self.hopeless = UncalibratedError(denoiser.model.name)
            raise self.hopeless
        result = denoiser.run(
            image,
            sigma=self.sigma,
            strength=self.strength,
            progress=line.tiles(image.megapixels),
            seen=seen,
        )
        half = None
        if self.uncertainty:
            from ruis.uncertainty import uncertainty

            half = uncertainty(denoiser.model, image, result.image)
        cautions = denoising_cautions(denoiser.model.manifest, image, result.sigma)
        result = replace(result, notes=(*result.notes, *(one.text for one in cautions)))
        seconds = time.perf_counter() - begun
        self.written()
        self.writing = (job, writer.submit(self.write, job, result, half, seconds))
        if image.megapixels > LARGE:
            self.written()

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

    def stream(self, kind: type[Stacks], job: Job, line: _Line) -> None:
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
        from ruis.formats import left_behind, write

        begun = time.perf_counter()
        if half is not None:
            assert self.uncertainty
            path = uncertainty_path(self.uncertainty, job.output)
            write_uncertainty(half, path, overwrite=self.overwrite)
        write(
            result.image,
            job.output,
            overwrite=self.overwrite,
            strip_metadata=self.strip_metadata,
            record=result.record(given=self.sigma is not None, strength=self.strength),
        )
        return {
            "model": result.model,
            "sigma": result.sigma,
            "megapixels": result.image.megapixels,
            "seconds": seconds + time.perf_counter() - begun,
            "notes": (
                *result.image.info.notes,
                *result.notes,
                *left_behind(result.image, job.output),
            ),
        }

    def written(self) -> None:
        """Wait for the image that is being written, if there is one, and tell of it."""
        if self.writing is None:
            return
        job, future = self.writing
        self.writing = None
        try:
            self.told(job, **future.result())
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - one image shall not end a night's work
            self.fail(job, error)

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
        interval = {}
        if self.uncertainty:
            interval = {"uncertainty": str(uncertainty_path(self.uncertainty, job.output))}
        self.outputs.append(
            {
                "input": str(job.input),
                "output": str(job.output),
                "model": model,
                "sigma": sigma,
                "seconds": round(seconds, 3),
                **interval,
            }
        )
        if not self.quiet:
            chosen = f" (auto: {self.why.pop(job.input)})" if self.automatic else ""
            given = "" if self.sigma is None else " (given)"
            say(
                f"{job.input} -> {job.output}: {model}{chosen}, "
                f"sigma {options.show_sigma(sigma)}{given}, "
                f"{duration(seconds)}, {megapixels / seconds:.2f} Mpx/s"
            )
            if interval:
                say(f"  its uncertainty: {interval['uncertainty']}")
        for note in notes:
            tell(f"  {job.input}: {note}")

    @property
    def automatic(self) -> bool:
        """Whether the model is chosen for each image."""
        return self.model in ("auto", "fast")

    def denoiser(self, name: str) -> Denoiser:
        """Return the denoiser of a model, loaded once."""
        if name not in self.denoisers:
            from ruis.denoise import load

            try:
                prepare_engine(self.settings["engine"])
                self.denoisers[name] = load(name, **self.settings)
            except RuisError as error:
                self.hopeless = error
                raise
        return self.denoisers[name]

    def record(self, model: str, sigma: float) -> str:
        """Return what the output's metadata says about what was done."""
        from ruis.denoise import record

        return record(model, sigma, given=self.sigma is not None, strength=self.strength)

    def fail(self, job: Job, error: Exception) -> None:
        """Record an image that could not be denoised, and go on."""
        if self.debug:
            import traceback

            tell("".join(traceback.format_exception(error)))
        failure = Failure.of(job.input, error, sentence(error))
        self.failed.append(failure)
        self.tell_failure(failure)

    @staticmethod
    def tell_failure(failure: Failure) -> None:
        """Say at once that an image failed."""
        tell(f"ruis: {_named(failure)}")


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


def _check_kind(image: Image, job: Job) -> None:
    """Refuse to write one frame where people would expect the animation."""
    from ruis.formats import format_of

    if format_of(job.output) == image.info.format:
        raise UnsupportedFormatError(
            f"it is an animation, and {job.output.name} would be its first frame alone; say "
            "--first-frame if that is wanted, or save its frames as single images.",
            source=str(job.input),
        )


def _named(failure: Failure) -> str:
    """Return the reason, with the input's name before it if it does not say it itself."""
    told = failure.input in failure.message
    return failure.message if told else f"{failure.input}: {failure.message}"


class _Line:
    """The moving line: which image, which tile, how fast, how long to go."""

    def __init__(self, update: Update | None, total: int) -> None:
        self.update = update
        self.total = total
        self.count = 0
        self.megapixels = 0.0
        self.begun = time.perf_counter()

    def start(self, job: Job) -> None:
        """Go on to the next image."""
        self.name = f"{self.count + 1} of {self.total}: {job.input.name}"
        if self.total == 1:
            self.name = job.input.name
        if self.update:
            fraction = self.count / self.total
            self.update(fraction, self.name + seconds_left(self.begun, fraction))
        self.count += 1

    def tiles(self, megapixels: float, *, named: bool = True) -> Progress | None:
        """Return what shall be called after each tile of an image; `named` if tiles are counted."""
        update, before = self.update, self.megapixels
        if update is None:
            return None

        def tell_tiles(done: int, all_tiles: int) -> None:
            share = done / all_tiles
            fraction = (self.count - 1 + share) / self.total
            self.megapixels = before + share * megapixels
            rate = self.megapixels / (time.perf_counter() - self.begun)
            tile = f", tile {done} of {all_tiles}" if named and all_tiles > 1 else ""
            left = seconds_left(self.begun, fraction)
            update(fraction, f"{self.name}{tile}, {rate:.2f} Mpx/s{left}")

        return tell_tiles


def _sum_up(work: _Work, todo: Plan, seconds: float) -> None:
    """Say what came of many inputs."""
    total = len(todo.jobs) + len(todo.skipped) + len(todo.failed)
    if total < 2:
        if todo.skipped:
            tell(f"{todo.skipped[0]}: skipped, its output is there.")
        return
    parts = [f"{len(work.outputs)} of {total} images denoised in {duration(seconds)}"]
    if todo.skipped:
        parts.append(f"{len(todo.skipped)} skipped (their output is there)")
    left = total - len(work.outputs) - len(todo.skipped) - len(work.failed)
    if left:
        parts.append(f"{left} not tried")
    if work.failed:
        parts.append(f"{len(work.failed)} failed:")
    tell(", ".join(parts) + ("" if work.failed else "."))
    for failure in work.failed:
        tell(f"  {_named(failure)}")
