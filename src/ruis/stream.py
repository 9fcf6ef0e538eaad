"""From file to file, window by window: for images that are larger than memory, and for stacks.

    file -> window -> denoised window -> what is kept of it -> file

Each of the three steps runs in a thread of its own and is one window ahead of the next, so that the
network never waits for the disk. Windows overlap by the halo, and what is kept of them is what the
whole image would have given; rows that two windows share are decoded once.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ruis import choice
from ruis.ahead import Stopped, ahead
from ruis.arrays import with_range
from ruis.denoise import load
from ruis.denoiser import Denoiser
from ruis.errors import ImageError, UnsupportedFormatError
from ruis.image import Image
from ruis.intensity import Intensity
from ruis.noise.estimate import window_places
from ruis.stacks import Pieces, Region, Stack, Stacks, kind_of
from ruis.windowing import Window, check_block, read_windows, spans_of, with_memory
from ruis.zoo import AUTO

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.job import Progress, Ready
    from ruis.manifest import Manifest

    Cautions: TypeAlias = Callable[[Manifest, Image, float], Sequence[str]]

__all__ = ["Streamed", "denoise_file", "denoise_stacks"]

LOOKED_AT = 3
"""Windows along each axis of a plane of a stack, in three of which the noise is looked at."""


@dataclass(frozen=True)
class Streamed:
    """What became of a file.

    Parameters
    ----------
    models : tuple of str
        Which models denoised it.
    why : str
        What decided for the first, where it was chosen.
    sigma : float
        The noise found in its first stack, or given, as a fraction of the data range.
    stacks : tuple of str
        Their axes, lengths and dtypes.
    megapixels : float
        How many there were in all planes.
    notes : tuple of str
        What a person should know.
    """

    models: tuple[str, ...]
    why: str
    sigma: float
    stacks: tuple[str, ...]
    megapixels: float
    notes: tuple[str, ...]


def denoise_file(
    source: str | Path,
    output: str | Path,
    *,
    model: str | Path | Denoiser = "auto",
    sigma: float | None = None,
    strength: float = 1.0,
    axes: str | None = None,
    data_range: tuple[float, float] | None = None,
    overwrite: bool = False,
    strip_metadata: bool = False,
    record: str = "ruis",
    progress: Progress | None = None,
) -> Streamed:
    """Remove the noise from a TIFF, Zarr or NPY of any size, in constant memory.

    Parameters
    ----------
    source : str or path
        A TIFF file (BigTIFF, OME-TIFF, ImageJ's stacks) or a Zarr folder (versions 2 and 3, OME-Zarr).
    output : str or path
        Where the result goes, of the same kind; it appears whole or not at all.
    model : str, path or Denoiser, default "auto"
        As for :func:`ruis.denoise`; the noise is looked at in a few windows.
    sigma : float, optional
        As for :func:`ruis.denoise`, like `strength`.
    strength : float, default 1.0
        0 gives the noisy images back, 1 all that the model removes.
    axes : str, optional
        What the axes are, such as "TZCYX", in place of what the file says.
    data_range : tuple of float, optional
        The stored values that mean black and white. Default: those of the dtype, as everywhere.
    overwrite : bool, default False
        Whether what is at `output` already is replaced.
    strip_metadata : bool, default False
        Whether what is not needed to understand the pixels is left out.
    record : str
        What is added to the name of the software that made the file, where there is one.
    progress : callable, optional
        Called with (pixels done, pixels in all).

    Returns
    -------
    Streamed
        How it was done.

    Raises
    ------
    ImageError
        If it cannot be read, has axes that cannot be understood, holds values that are not numbers,
        or cannot be written; nothing is left behind.

    Examples
    --------
    >>> denoise_file("plate.ome.zarr", "clean.ome.zarr").stacks  # doctest: +SKIP
    ('TCZYX 12x3x40x2160x2560 uint16',)
    """
    path, into = Path(source), Path(output)
    kind = kind_of(path)
    if kind is None:
        raise UnsupportedFormatError("it is neither TIFF, Zarr nor NPY.", source=str(path))
    known = model if isinstance(model, Denoiser) else None
    loaded = functools.cache(load)  # once for all stacks of a file
    with kind.opened(path, axes) as stacks:
        return denoise_stacks(
            stacks,
            into,
            denoiser=(lambda _: known) if known else loaded,
            model="" if isinstance(model, Denoiser) else model,
            sigma=sigma,
            strength=strength,
            data_range=data_range,
            overwrite=overwrite,
            strip_metadata=strip_metadata,
            record=lambda *_: record,
            progress=progress,
        )


def denoise_stacks(
    stacks: Stacks,
    output: Path,
    *,
    denoiser: Callable[[str | Path], Denoiser],
    model: str | Path = "auto",
    sigma: float | None = None,
    strength: float = 1.0,
    data_range: tuple[float, float] | None = None,
    overwrite: bool = False,
    strip_metadata: bool = False,
    record: Callable[[str, float], str],
    progress: Progress | None = None,
    cautions: Cautions | None = None,
) -> Streamed:
    """Denoise stacks that are open already; see :func:`denoise_file`.

    Parameters
    ----------
    stacks : Stacks
        Open.
    output : Path
        Where the result goes.
    denoiser : callable
        Gives the denoiser of a model.
    model : str or path
        As for :func:`denoise_file`, like all that have the same name.
    sigma : float, optional
        The standard deviation of the noise.
    strength : float
        How much of the noise goes.
    data_range : tuple of float, optional
        The stored values that mean black and white.
    overwrite : bool
        Whether what is there already is replaced.
    strip_metadata : bool
        Whether metadata is left out.
    record : callable
        Called with (model, sigma): what is written down about it.
    progress : callable, optional
        Called with (pixels done, pixels in all).
    cautions : callable, optional
        Called with (the model's manifest, some of a stack's values as an image, sigma): what there is to beware
        of, which is added to the notes.

    Returns
    -------
    Streamed
        How it was done.
    """
    if output.suffix.lower() not in stacks.suffixes:
        raise UnsupportedFormatError(
            f"what is {stacks.title} stays {stacks.title} when it is denoised window by window: "
            f"give the output a name that ends in {stacks.suffixes[0]}.",
            source=str(output),
        )

    def ready(stack: Stack) -> tuple[Ready, str]:
        windows = _windows(stack)
        values = with_range(_in_a_row(windows, stack), data_range)
        scale = Intensity(values.info.dtype, values.info.data_range)
        seen = choice.look_at([scale.to_unit(window) for window in windows])
        name, why = model, ""
        if model in AUTO:
            chosen = choice.choose_seen(values.info, seen, tier=model)
            name, why = chosen.model, chosen.why
        channels = stack.samples - stack.info.alpha
        one = denoiser(name)
        prepared = one.prepare(values.info, channels, seen, sigma=sigma, strength=strength)
        told = cautions(one.model.manifest, values, prepared.sigma) if cautions else ()
        return replace(prepared, notes=(*prepared.notes, *told)), why

    for stack in stacks.stacks:
        check_block(stack)
    first, why = ready(stacks.stacks[0])
    count = _Count(round(1e6 * sum(stack.megapixels for stack in stacks.stacks)), progress)
    models, notes = {first.model: None}, dict.fromkeys((*stacks.notes, *first.notes))
    sink_of = stacks.sink(
        output,
        overwrite=overwrite,
        strip_metadata=strip_metadata,
        record=record(first.model, first.sigma),
    )
    with sink_of as sink:
        for index, stack in enumerate(stacks.stacks):
            prepared = ready(stack)[0] if index else first
            models[prepared.model] = None
            notes.update(dict.fromkeys(prepared.notes))
            pieces = _pieces(stack, prepared, count, notes, in_order=stacks.in_order)
            try:
                sink.write(stack, pieces)
            finally:
                pieces.close()
    return Streamed(
        tuple(models),
        why,
        first.sigma,
        tuple(dict.fromkeys(map(str, stacks.stacks))),
        count.total / 1e6,
        tuple(notes),
    )


class _Count:
    """How many pixels are done."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.progress, self.done = total, progress, 0

    def add(self, pixels: int) -> None:
        self.done += pixels
        self.tell(0)

    def tell(self, more: float) -> None:
        if self.progress:
            self.progress(int(self.done + more), self.total)


# -- what noise there is --------------------------------------------------------------------------


def _windows(stack: Stack) -> list[NDArray[Any]]:
    """Read windows of a few planes, in which the noise is looked at; alpha is left out."""
    total = math.prod(stack.planes)
    numbers = sorted({0, total // 2, total - 1})
    channels = stack.samples - stack.info.alpha
    found = []
    for number in numbers:
        place = np.unravel_index(number, stack.planes) if stack.planes else ()
        planes = tuple(slice(int(one), int(one) + 1) for one in place)
        count = choice.WINDOWS if total == 1 else LOOKED_AT
        for window in _looked_at(stack, planes, count):
            some, _ = stack.filled(window)
            found.append(some[..., :channels])
    if stack.info.dtype.kind == "f" and not all(np.isfinite(window).all() for window in found):
        raise stack.not_numbers()
    return found


def _in_a_row(windows: Sequence[NDArray[Any]], stack: Stack) -> Image:
    """Return all windows as an image of one row: what values it has does not depend on where they lie."""
    rows = [window.reshape(1, -1, window.shape[-1]) for window in windows]
    return Image(np.concatenate(rows, axis=1), replace(stack.info, alpha=False))


def _looked_at(stack: Stack, planes: tuple[slice, ...], count: int) -> Iterator[NDArray[Any]]:
    """Yield the windows of one plane; what is stored as one is decoded once, if it may be large."""
    every = slice(0, stack.columns)
    if stack.rows * stack.columns <= choice.SMALL:
        yield _plane(stack.read(Region(planes, slice(0, stack.rows), every)))
        return
    places = window_places(stack.rows, stack.columns, count)
    if stack.block[-1] < stack.columns:
        for rows, columns in places:
            yield _plane(stack.read(Region(planes, rows, columns)))
        return
    for _, group in itertools.groupby(places, key=lambda place: place[0].start):
        row = list(group)
        band = _plane(stack.read(Region(planes, row[0][0], every)))
        for _, columns in row:
            yield band[:, columns].copy()


def _plane(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the only plane of what was read."""
    return pixels.reshape(pixels.shape[-3:])


# -- window by window -----------------------------------------------------------------------------


def _pieces(
    stack: Stack, ready: Ready, count: _Count, notes: dict[str, None], *, in_order: bool
) -> Pieces:
    """Yield denoised pieces that cover the stack once, made ahead in other threads."""
    knife = ready.job.knife if ready.job else None
    rows, columns = spans_of(stack, knife, in_order=in_order)
    read = ahead(lambda stop: read_windows(stack, rows, columns))
    if ready.job is not None and knife is not None:
        roomy = with_memory(knife, stack, rows, columns)
        ready = replace(ready, job=replace(ready.job, knife=roomy))
    done = ahead(lambda stop: _denoised(stack, read, ready, count, notes, stop))
    try:
        yield from done
    finally:
        done.close()
        read.close()


def _denoised(
    stack: Stack,
    read: Iterator[Window],
    ready: Ready,
    count: _Count,
    notes: dict[str, None],
    stop: Callable[[], bool],
) -> Iterator[tuple[Region, NDArray[Any]]]:
    """Denoise each plane of each window, and keep what is not the halo."""
    denoised = None
    for window in read:
        kept = window.kept
        if denoised is None or denoised.shape != window.pixels.shape[-3:]:
            denoised = np.empty(window.pixels.shape[-3:], stack.info.dtype)
        result = np.empty((*kept.shape, stack.samples), stack.info.dtype)
        pixels = kept.shape[-2] * kept.shape[-1]

        def progress(done: int, tiles: int, pixels: int = pixels) -> None:
            if stop():
                raise Stopped
            count.tell(pixels * done / tiles)

        for place in np.ndindex(*kept.shape[:-2]):
            noisy, hole = stack.filled(window.pixels[place])
            try:
                _, _, noted = ready.run(noisy, progress, denoised)
            except ImageError as error:
                if error.source is None:
                    raise stack.not_numbers() from error
                raise
            notes.update(dict.fromkeys(noted))
            if hole is not None:
                denoised[hole] = window.pixels[place][hole]
            result[place] = denoised[window.rows.keep, window.columns.keep]
            count.add(pixels)
        del window
        yield kept, result
        del result
