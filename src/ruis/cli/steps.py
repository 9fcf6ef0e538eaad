"""What `ruis denoise` does to one image: it is read, denoised, and written."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from ruis.cli.console import tell
from ruis.cli.interval import uncertainty_path, write_uncertainty
from ruis.cli.outcomes import Written
from ruis.cli.quiet import prepare_engine
from ruis.cli.signals import held
from ruis.errors import AxesError, RuisError, UncalibratedError
from ruis.outputs import Job, check_kind

if TYPE_CHECKING:
    from ruis.cli.progress import ImagesLine
    from ruis.denoised import Denoised
    from ruis.denoiser import Denoiser
    from ruis.formats import Header
    from ruis.image import Image
    from ruis.job import Progress
    from ruis.stacks import Stacks

__all__ = ["LARGE", "SMALL", "Made", "Steps"]

SMALL = 0.5
"""Megapixels up to which images are denoised side by side."""

LARGE = 32.0
"""Megapixels above which an image is not read beside another one."""


@dataclass(frozen=True)
class Made:
    """A denoised image; `half` is its uncertainty, if that was asked for, `why` says why the model was chosen, if it was."""

    result: Denoised
    half: Image | None
    why: str | None


@dataclass
class Steps:
    """What is the same for all images, and the denoisers that were loaded for them; `once`: for a single one."""

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
    uncertainty: str | None = None
    once: bool = False
    expected: str | None = None
    denoisers: dict[tuple[str, int | None], Denoiser] = field(default_factory=dict)
    hopeless: RuisError | None = None
    loading: Lock = field(default_factory=Lock)

    def announced(self, job: Job) -> Header | None:
        """Return what the file of an image announces, that may be read beside another; a large one waits for its turn."""
        from ruis.formats import probe

        if self.stacks(job):
            return None
        header = probe(job.input)
        return header if header.rows * header.columns <= LARGE * 1e6 else None

    def read_ahead(self, job: Job) -> Image | None:
        """Read an image beside another, if it may be."""
        return self.read(job) if self.announced(job) else None

    def read(self, job: Job) -> Image:
        """Read an image whose output can be written."""
        from ruis.arrays import with_range
        from ruis.formats import Limits, read

        limits = Limits.of_pixels(self.max_pixels) if self.max_pixels else Limits()
        image = read(job.input, limits=limits)
        if not self.first_frame:
            check_kind(image, job.output)
        return with_range(image, self.data_range)

    def made(
        self, image: Image, progress: Progress | None = None, *, lane: int | None = None
    ) -> Made:
        """Denoise an image in memory; in a lane, by one processor."""
        from ruis.caution import cautioned
        from ruis.choice import choose

        name, seen, why = self.model, None, None
        if self.automatic:
            choice = choose(image, tier=self.model)
            name, seen, why = choice.model, choice.seen, choice.why
        denoiser = self.denoiser(name, lane)
        with self.loading:
            if self.expected not in (None, name):
                self.denoisers.pop((self.expected, None), None)
            self.expected = None
        if self.uncertainty and denoiser.model.manifest.calibration is None:
            raise UncalibratedError(str(name))
        result = denoiser.run(
            image, sigma=self.sigma, strength=self.strength, progress=progress, seen=seen
        )
        if lane is not None:
            denoiser.networks.release(int(SMALL * 1e6))  # there are many lanes
        half = None
        if self.uncertainty:
            from ruis.uncertainty import uncertainty

            half = uncertainty(denoiser.model, image, result.image)
        return Made(cautioned(result, denoiser.model.manifest, image), half, why)

    def stacks(self, job: Job) -> type[Stacks] | None:
        """Return as what a file is denoised window by window; None if it is read whole."""
        from ruis.stacks import kind_of

        kind = kind_of(job.input)
        if kind is None and self.axes is not None:
            raise AxesError(
                "--axes is for TIFF, Zarr and NPY; others say it.", source=str(job.input)
            )
        need = "not" if kind is None else kind.need(job.input)
        if kind is None or (need == "not" and self.axes is None):
            return None
        elsewhere = job.output.suffix.lower() not in kind.suffixes
        return None if need == "better" and elsewhere and self.axes is None else kind

    def stream(self, kind: type[Stacks], job: Job, line: ImagesLine) -> Written:
        """Denoise a large image, or a stack, from file to file."""
        from ruis.caution import caution_texts
        from ruis.errors import ImageTooLargeError
        from ruis.stream import denoise_stacks

        if self.uncertainty:
            raise ImageTooLargeError(
                "the uncertainty is told of images that are held in memory, and this one is "
                "denoised window by window; leave out --uncertainty.",
                source=str(job.input),
            )
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
                cautions=caution_texts,
                progress=line.tiles(sum(stack.megapixels for stack in stacks.stacks), named=False),
            )
        return Written(
            " and ".join(result.models),
            result.sigma,
            result.megapixels,
            time.perf_counter() - begun,
            result.notes,
            why=result.why if self.automatic else None,
            given=self.sigma is not None,
        )

    def write(self, job: Job, made: Made, seconds: float) -> Written:
        """Write a denoised image, and return what is to be told of it; so long did making it take."""
        begun = time.perf_counter()
        result, path = made.result, None
        given = self.sigma is not None
        notes = result.write(
            job.output,
            given=given,
            strength=self.strength,
            overwrite=self.overwrite,
            strip_metadata=self.strip_metadata,
        )
        if made.half is not None:
            assert self.uncertainty
            path = uncertainty_path(self.uncertainty, job.output)
            try:
                write_uncertainty(made.half, path, overwrite=self.overwrite)
            except BaseException:
                if not self.overwrite:  # else one that was there before is lost already
                    job.output.unlink(missing_ok=True)
                raise
        return Written(
            result.model,
            result.sigma,
            result.image.megapixels,
            seconds + time.perf_counter() - begun,
            notes,
            why=made.why,
            given=given,
            uncertainty=path,
        )

    @property
    def automatic(self) -> bool:
        """Whether the model is chosen for each image."""
        from ruis.zoo import AUTO

        return self.model in AUTO

    def denoiser(self, name: str, lane: int | None = None, *, likely: bool = False) -> Denoiser:
        """Return the denoiser of a model, loaded once; a lane has its own, with one processor.

        That a model cannot be loaded ends the work, unless it is one that is only likely to be needed.
        """
        with held():
            from ruis.denoise import load
            from ruis.denoiser import Denoiser

        with self.loading:
            if self.hopeless:
                raise self.hopeless
            if (name, None) not in self.denoisers:
                try:
                    prepare_engine(self.settings["engine"])
                    denoiser = load(name, **self.settings)
                    denoiser.once = self.once
                    self.denoisers[name, None] = denoiser
                except RuisError as error:
                    if not likely:
                        self.hopeless = error
                    raise
            if (name, lane) not in self.denoisers:
                model = self.denoisers[name, None].model
                self.denoisers[name, lane] = Denoiser(model, **self.settings, threads=1)
            return self.denoisers[name, lane]

    def load(self, job: Job | None = None) -> None:
        """Load the model that is named; and prepare, while an image is read, what it will need."""
        if not self.automatic:
            self.denoiser(self.model)
        if job is None or self.sigma == 0 or self.strength == 0:
            return
        with suppress(RuisError, OSError):  # what is wrong with it is told when it is read
            if header := self.announced(job):
                self.expected = self._likely(header)
                self._prepare(self.denoiser(self.expected, likely=self.automatic), header)

    def _likely(self, header: Header) -> str:
        """Return the model that an image is likely to need."""
        from ruis.zoo import suited

        if self.automatic:
            return suited(header.channels - header.alpha, tier=self.model)
        return self.model

    def _prepare(self, denoiser: Denoiser, header: Header) -> None:
        """Compile the network for an image; meanwhile find out what is needed at the end, which is then remembered."""
        with ThreadPoolExecutor(1) as beside:
            compiled = beside.submit(denoiser.expect, header, told=self.sigma is not None)
            with held():
                from ruis import __version__  # noqa: F401 - of the record
                from ruis.caution import sigma_range
            sigma_range(denoiser.model.manifest.noise)
            compiled.result()

    def leave_lanes(self) -> None:
        """Forget the denoisers of lanes."""
        self.denoisers = {key: one for key, one in self.denoisers.items() if key[1] is None}

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
