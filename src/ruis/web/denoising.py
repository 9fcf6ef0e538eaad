"""From the bytes of an image to the bytes of a denoised one; runs in a thread of the pool."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ruis import choice, formats, zoo
from ruis.denoiser import Denoiser
from ruis.errors import UnknownNameError
from ruis.processor import resident_memory, threads
from ruis.shelf import Shelf
from ruis.web.judgement import judge

if TYPE_CHECKING:
    from ruis.denoised import Denoised
    from ruis.formats import Limits
    from ruis.image import Image

__all__ = ["Answer", "Denoisers", "Wish", "denoise", "finite"]

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
        "auto", "medium", "fast" or the name of a model that ships.
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
        if self.model not in zoo.AUTO and self.model not in zoo.SHIPPED:
            raise UnknownNameError("model", self.model[:100], (*zoo.AUTO, *zoo.SHIPPED))


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
    """The models, ready: an image that is alone gets all processors, those beside others their share.

    Why, and what it costs: `docs/decisions/0010-processors-shared-by-images.md`. A denoiser is used
    by one image at a time, made when it is first needed, and kept while there is memory for it:
    each holds buffers for the shapes that it has met.

    Parameters
    ----------
    workers : int
        How many images there may be at a time.
    processors : int, optional
        How many there are; default: all that this process may use.
    most : float
        Bytes of memory that this process may hold and still keep them.
    """

    def __init__(
        self, workers: int, processors: int | None = None, *, most: float = math.inf
    ) -> None:
        self._most = most
        self._all = processors or threads()
        self._share = max(1, self._all // workers)
        self._lock = threading.Lock()
        self._working = 0
        self._idle: Shelf[Denoiser] = Shelf()

    def run(self, name: str, noisy: Image, wish: Wish, seen: Any, tell: Tell) -> Denoised:
        """Denoise an image."""
        tell(READ)
        with self._borrowed(name) as denoiser:
            return denoiser.run(
                noisy,
                sigma=wish.sigma,
                strength=wish.strength,
                seen=seen,
                progress=lambda done, tiles: tell(READ + (WRITTEN - READ) * done / tiles),
            )

    @contextmanager
    def _borrowed(self, name: str) -> Iterator[Denoiser]:
        """Take a denoiser that nobody uses, and give it back."""
        with self._lock:
            processors = self._all if self._working == 0 else self._share
            self._working += 1
        found = self._idle.take((name, processors))
        try:
            found = found or Denoiser(zoo.find(name), threads=processors)
            yield found
        finally:
            with self._lock:
                self._working -= 1
            if found and resident_memory() <= self._most:
                self._idle.put((name, processors), found)
            elif found:  # all that are idle go, of whatever model; they can be made again
                self._idle.clear()


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
    kind, notes = _format(noisy, wish)
    name, why, seen = wish.model, "asked for", None
    if name in zoo.AUTO:
        chosen = choice.choose(noisy, tier=name)
        name, why, seen = chosen.model, chosen.why, chosen.seen
    kind.check(noisy)  # before the work, not after it
    result = denoisers.run(name, noisy, wish, seen, tell)
    content = formats.encode(
        result.image,
        kind.name,
        strip_metadata=not wish.keep_metadata,
        record=result.record(given=wish.sigma is not None, strength=wish.strength),
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
        "data_range": [float(end) for end in noisy.info.data_range],
        "format": kind.name,
        **judge(noisy, result.image),
        "notes": [*noisy.info.notes, *result.notes, *notes],
    }
    report["seconds"] = round(time.perf_counter() - begun, 3)
    return Answer(content, kind.media_type, kind.suffixes[0], _rounded(report))


def _format(noisy: Image, wish: Wish) -> tuple[formats.Format, tuple[str, ...]]:
    """Return the format to write, and what is to be said of it."""
    if wish.format != "same":
        return formats.FORMATS.load(wish.format)(), ()
    kind = formats.FORMATS.load(noisy.info.format or "png")()
    if not kind.writable:
        said = f"{kind.title} is read and not written: this is PNG"
        return formats.FORMATS.load("png")(), (said,)
    native = noisy.info.metadata.native
    if native and not wish.keep_metadata and kind.stripped(native) is None:
        said = f"{kind.title} is not written without its metadata: this is TIFF"
        return formats.FORMATS.load("tiff")(), (said,)
    return kind, ()


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
