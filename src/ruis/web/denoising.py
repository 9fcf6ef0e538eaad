"""From the bytes of an image to the bytes of a denoised one; runs in a thread of the pool."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ruis import choice, formats, zoo
from ruis.denoise import AUTO, Denoiser
from ruis.errors import UnknownNameError
from ruis.web.judgement import judge

if TYPE_CHECKING:
    from ruis.denoise import Denoised
    from ruis.formats import Limits
    from ruis.image import Image

__all__ = ["Answer", "Denoisers", "Turns", "Wish", "denoise", "finite"]

Tell = Callable[[float], None]
"""Called with the fraction that is done; raises if nobody waits any more."""

READ = 0.05
"""The fraction of the work that reading is taken for."""

WRITTEN = 0.95


@dataclass(frozen=True)
class Wish:
    """What is asked of an image.

    Parameters
    ----------
    model : str
        "auto", "fast" or the name of a model that ships.
    sigma : float, optional
        The noise as a fraction of the data range.
    strength : float
        0..1.
    format : str
        "same" or the name of a format.
    keep_metadata : bool
        Whether EXIF, GPS and texts stay.

    Raises
    ------
    UnknownNameError
        If no such model ships.
    """

    model: str = "auto"
    sigma: float | None = None
    strength: float = 1.0
    format: str = "same"
    keep_metadata: bool = False

    def __post_init__(self) -> None:
        if self.model not in AUTO and self.model not in zoo.SHIPPED:
            raise UnknownNameError("model", self.model[:100], (*AUTO, *zoo.SHIPPED))


@dataclass(frozen=True)
class Answer:
    """A denoised image as a file, and what is told of it."""

    content: bytes
    media_type: str
    suffix: str
    report: dict[str, Any]

    @property
    def header(self) -> str:
        """The report as a header can hold it."""
        return quote(json.dumps(self.report, separators=(",", ":")), safe='{}[]":,')


class Denoisers:
    """One denoiser per model, made when it is first asked for.

    The network of one image at a time uses all processors; other images are read, judged and
    written beside it (`docs/decisions/0010-one-network-at-a-time.md`).

    Parameters
    ----------
    threads : int, optional
        How many processors a network uses; default: all.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads
        self._made: dict[str, Denoiser] = {}
        self._turns = Turns()

    def run(self, name: str, noisy: Image, wish: Wish, seen: Any, tell: Tell) -> Denoised:
        """Denoise an image when it is its turn."""
        turns = self._turns

        def progress(done: int, tiles: int) -> None:
            tell(READ + (WRITTEN - READ) * done / tiles)
            if done < tiles:  # a small image shall not wait for all tiles of a large one
                turns.give()
                turns.take()

        turns.take()
        try:
            tell(READ)
            if name not in self._made:
                self._made[name] = Denoiser(zoo.find(name), threads=self._threads)
            return self._made[name].run(
                noisy,
                sigma=wish.sigma,
                strength=wish.strength,
                seen=seen,
                progress=progress,
            )
        finally:
            turns.give()


class Turns:
    """Who may use the network: one at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._network = threading.Lock()
        self._next = threading.Lock()

    def take(self) -> None:
        """Wait for one's turn; who gives it and takes it again lets those who wait go first."""
        with self._next:
            self._network.acquire()

    def give(self) -> None:
        """End one's turn."""
        self._network.release()


def denoise(data: bytes, wish: Wish, limits: Limits, denoisers: Denoisers, tell: Tell) -> Answer:
    """Denoise the bytes of an image.

    Parameters
    ----------
    data : bytes
        A file of a format that ruis reads.
    wish : Wish
        What is asked.
    limits : Limits
        What its header may announce.
    denoisers : Denoisers
        The models.
    tell : callable
        Called with the fraction that is done, 0..1.

    Raises
    ------
    RuisError
        If the image, or the wish, makes no sense.
    """
    begun = time.perf_counter()
    noisy = formats.read_bytes(data, limits=limits)
    kind, notes = _format(noisy, wish.format)
    name, why, seen = wish.model, "asked for", None
    if name in AUTO:
        chosen = choice.choose(noisy, fast=name == "fast")
        name, why, seen = chosen.model, chosen.why, chosen.seen
    kind.check(noisy)  # before the work, not after it
    result = denoisers.run(name, noisy, wish, seen, tell)
    content = formats.encode(
        result.image,
        kind.name,
        strip_metadata=not wish.keep_metadata,
        record=_record(result, wish),
    )
    tell(WRITTEN)
    report = {
        "model": result.model,
        "why": why,
        "sigma": result.sigma,
        "strength": wish.strength,
        "seconds": 0.0,
        "rows": noisy.rows,
        "columns": noisy.columns,
        "channels": noisy.channels,
        "dtype": str(noisy.info.dtype),
        "format": kind.name,
        **judge(noisy, result.image),
        "notes": [*noisy.info.notes, *result.notes, *notes],
    }
    report["seconds"] = round(time.perf_counter() - begun, 3)
    return Answer(content, kind.media_type, kind.suffixes[0], _rounded(report))


def _format(noisy: Image, wished: str) -> tuple[formats.Format, tuple[str, ...]]:
    """Return the format to write, and what is to be said of it."""
    name, notes = (noisy.info.format or "png") if wished == "same" else wished, ()
    kind = formats.FORMATS.load(name)()
    if wished == "same" and not kind.writable:
        said = f"{kind.title} is read and not written: this is PNG"
        return formats.FORMATS.load("png")(), (said,)
    return kind, notes


def _record(result: Denoised, wish: Wish) -> str:
    """Return what the metadata says about what was done, where it is kept."""
    from importlib.metadata import version

    how = "found" if wish.sigma is None else "given"
    return (
        f"ruis {version('ruis')}: denoised with {result.model}, sigma {result.sigma * 255:.1f}/255 "
        f"({how}), strength {wish.strength:g}"
    )


def finite(value: Any) -> Any:
    """Return what JSON knows of a number, or of a record of numbers: infinity and the like are null."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {key: finite(one) for key, one in value.items()}
        case list() | tuple():
            return [finite(one) for one in value]
    return value


def _rounded(report: dict[str, Any]) -> dict[str, Any]:
    return {
        key: finite(float(f"{value:.6g}")) if isinstance(value, float) else value
        for key, value in report.items()
    }
