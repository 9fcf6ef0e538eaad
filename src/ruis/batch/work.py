"""One image, from file to file, in a worker's process: read, denoise, write whole, and say what came."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis.batch.copies import local_copy
from ruis.batch.settings import MEMORY, Settings
from ruis.errors import (
    BatchError,
    EngineError,
    ImageError,
    ModelCorruptError,
    ModelFileError,
    OutOfMemoryError,
    RuisError,
)
from ruis.outputs import Job, check_kind, enter

if TYPE_CHECKING:
    from ruis.denoised import Denoised
    from ruis.denoiser import Denoiser

__all__ = ["Order", "Outcome", "Terms", "denoised_file", "load", "work"]

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""What the disk says that it would say of every other image as well."""


@dataclass(frozen=True)
class Terms:
    """What is the same for all images of a run.

    Parameters
    ----------
    settings : Settings
        How they are denoised.
    weights : dict of str to str
        The models that may be used, and the hashes that their weights must have.
    folder : str
        The output folder.
    threads : int
        That a worker computes with; 0: as many as it has.
    overwrite : bool
        Whether files that are not of this run are replaced.
    copies : str
        The folder for local copies of what is in object stores.
    most : float
        Bytes that a copy may have.
    """

    settings: Settings
    weights: dict[str, str]
    folder: str
    threads: int
    overwrite: bool
    copies: str
    most: float


@dataclass(frozen=True)
class Order:
    """One image to denoise: its number in the manifest, from where, to where below the folder."""

    id: int
    input: str
    output: str
    replace: bool


@dataclass(frozen=True)
class Outcome:
    """What came of an image; all that the manifest records of it.

    Parameters
    ----------
    id : int
        Of the order.
    state : {"done", "failed"}
        Whether its output is there.
    error, message : str, optional
        Why not.
    hopeless : bool
        Whether every other image would fail for the same reason.
    twice : bool
        Whether an output of this run was replaced: it had been computed, and nobody knew.
    notes : tuple of str
        What a person should know: what reading changed, how it was denoised, what was left behind.
    worker : str
        The machine and the process.
    """

    id: int
    state: str
    error: str | None = None
    message: str | None = None
    hopeless: bool = False
    twice: bool = False
    input_sha256: str | None = None
    output_sha256: str | None = None
    output_size: int | None = None
    model: str | None = None
    model_sha256: str | None = None
    sigma: float | None = None
    megapixels: float = 0.0
    transfer: float = 0.0
    read: float = 0.0
    compute: float = 0.0
    write: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    worker: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")


def work(order: Order, terms: Terms) -> Outcome:
    """Denoise one image, and never raise: what went wrong is part of what came of it."""
    clock = _Clock()
    try:
        facts = _done(order, terms, clock)
        return Outcome(order.id, "done", seconds=clock.total(), **facts, **clock.parts)
    except Exception as error:  # noqa: BLE001 - one image shall not end a night's work
        return Outcome(
            order.id,
            "failed",
            type(error).__name__,
            _sentence(error),
            hopeless=_hopeless(error),
            seconds=clock.total(),
            **clock.parts,
        )


def _done(order: Order, terms: Terms, clock: _Clock) -> dict[str, Any]:
    output = Path(terms.folder, order.output)
    with ExitStack() as stack:
        with clock("transfer"):
            copy = local_copy(order.input, Path(terms.copies), terms.most)
            path = stack.enter_context(copy)
        enter(Job(path, output, Path(terms.folder)))
        twice = order.replace and os.path.lexists(output)
        result, notes = denoised_file(path, output, terms, clock, replace=order.replace)
        with clock("read"):
            digest = _sha256(path)
    name = terms.settings.model if not terms.settings.automatic else result.model
    with clock("write"):
        return {
            "input_sha256": digest,
            "output_sha256": _sha256(output),
            "output_size": output.stat().st_size,
            "model": result.model,
            "model_sha256": terms.weights[name],
            "sigma": result.sigma,
            "twice": twice,
            "megapixels": result.image.megapixels,
            "notes": tuple(map(_text, notes)),
        }


def denoised_file(
    path: Path, output: Path, terms: Terms, clock: _Clock | None = None, *, replace: bool
) -> tuple[Denoised, tuple[str, ...]]:
    """Denoise a local file into another, which appears whole or not at all.

    Parameters
    ----------
    path, output : Path
        From where, and to where.
    terms : Terms
        What is the same for all.
    clock : callable, optional
        Takes the time of each part.
    replace : bool
        Whether a file at the output may be replaced.

    Returns
    -------
    tuple of (Denoised, tuple of str)
        The image and how it was made, and what a person should know of it.

    Raises
    ------
    RuisError
        If the image, the model or the disk does not allow it.
    """
    from ruis.caution import cautioned
    from ruis.choice import choose
    from ruis.formats import Limits, read

    clock = clock or _Clock()
    settings = terms.settings
    with clock("read"):
        image = read(path, limits=Limits.of_pixels(settings.max_pixels))
        check_kind(image, output)
    with clock("compute"):
        name, seen = settings.model, None
        if settings.automatic:
            choice = choose(image, tier=name)
            name, seen = choice.model, choice.seen
        denoiser = load(name, terms)
        result = denoiser.run(image, sigma=settings.sigma, strength=settings.strength, seen=seen)
        result = cautioned(result, denoiser.model.manifest, image)
    with clock("write"):
        notes = result.write(
            output,
            given=settings.sigma is not None,
            strength=settings.strength,
            overwrite=replace or terms.overwrite,
            strip_metadata=settings.strip_metadata,
        )
    return result, notes


def load(name: str, terms: Terms) -> Denoiser:
    """Return the denoiser of a model, loaded once in this process.

    Raises
    ------
    ModelFileError
        If it cannot be used, or is another one than when the run was begun.
    """
    settings = terms.settings
    return _loaded(
        name,
        terms.weights.get(name),
        settings.engine,
        settings.precision,
        settings.tile,
        terms.threads,
        ensemble=settings.ensemble,
    )


@functools.lru_cache(maxsize=8)
def _loaded(
    name: str,
    sha256: str | None,
    engine: str,
    precision: Any,
    tile: int | None,
    threads: int,
    *,
    ensemble: bool,
) -> Denoiser:
    from ruis import zoo
    from ruis.denoiser import Denoiser

    model = zoo.find(name)
    if model.sha256 != sha256:
        raise ModelCorruptError(
            f"the model {name!r} has other weights here than where the run was begun."
        )
    return Denoiser(
        model,
        engine=engine,
        precision=precision,
        tile=tile,
        memory=MEMORY,
        threads=threads,
        ensemble=ensemble,
    )


class _Clock:
    """How many seconds each part of the work took."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.parts: dict[str, Any] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - begun
            self.parts[part] = self.parts.get(part, 0.0) + spent

    def total(self) -> float:
        return time.perf_counter() - self.begun


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hopeless(error: Exception) -> bool:
    if isinstance(error, OutOfMemoryError):
        return False
    cause = error.__cause__
    full = isinstance(cause, OSError) and cause.errno in NO_ROOM
    return full or isinstance(error, EngineError | ModelFileError | BatchError)


def _sentence(error: Exception) -> str:
    """Say what went wrong, in characters that every message may have."""
    if isinstance(error, ImageError | RuisError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}."
    else:
        text = f"{type(error).__name__}: {error}"
    return _text(text)


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
