"""One image on its way through one engine, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from numbers import Real
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import processor
from ruis.errors import ConfigError, ImageError, OutOfMemoryError
from ruis.tiling import Plan, plan, plan_area

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.engines.base import Engine, Precision
    from ruis.intensity import Intensity
    from ruis.tiling import Geometry, Tile

__all__ = ["GRAIN", "GROWS", "Job", "Knife", "Progress", "Ready", "check_settings"]

Progress = Callable[[int, int], None]

MEMORY, TILE_MEMORY = 1.25e9, 400e6
"""Bytes for the image, its result and the network's tile together, unless told otherwise, and the least
that is left of it for the tile; a quarter of what is available, if that is less."""

ENGINE = 60e6
"""Bytes that an engine takes for a network, whatever the size of the tile."""

SMALLEST_TILE = 64

UNASKED = 2**16
"""The system is not asked how much memory there is for images of fewer pixels."""

GRAIN = 64
"""Tile sides are multiples of this, so that images of similar size share a compiled shape."""


SLACK = 1.1
"""So many times the variance that it is told may be removed: faint texture goes with noise."""

MORE = 2.0
"""Told up to so many times what it removes by itself, a network is not told of more than there is:
some of the noise stays in texture."""

GROWS = "the noise seems to grow with the brightness, where no one sigma fits: the network judges for itself"


@dataclass(frozen=True)
class Knife:
    """How large the tiles are that images are cut into.

    Parameters
    ----------
    geometry : Geometry
        What the network asks for.
    bytes_per_pixel : float
        What the network needs for a pixel of a tile.
    tile : int, optional
        The longest side of a tile in pixels; default: from `memory`.
    memory : float, optional
        Bytes for a tile and its network; default: what an image and its result leave of 1.25 GB, 400 MB at least,
        and no more than a quarter of what is available.
    touch : float
        As for :func:`ruis.tiling.plan_area`.
    """

    geometry: Geometry
    bytes_per_pixel: float
    tile: int | None = None
    memory: float | None = None
    touch: float = 0.0

    def cut(self, rows: int, columns: int, nbytes: float = 0, tile: int | None = None) -> Plan:
        """Cut an image that takes `nbytes` into tiles no longer than `tile`, or as memory allows."""
        tile = tile or self.tile
        if tile:
            return plan(rows, columns, self.geometry, tile, grain=GRAIN)
        memory = self.memory or self._memory(rows * columns, nbytes)
        area = max(SMALLEST_TILE**2, int((memory - ENGINE) / self.bytes_per_pixel))
        return plan_area(rows, columns, self.geometry, area, grain=GRAIN, touch=self.touch)

    def _memory(self, pixels: int, nbytes: float) -> float:
        """Return the bytes that a tile of an image, which takes `nbytes`, and its network may have."""
        left = max(TILE_MEMORY, MEMORY - 2 * nbytes)
        if pixels < UNASKED:
            return left
        return min(left, processor.available_memory() / 4)


@dataclass(frozen=True)
class Job:
    """What is the same for all tiles of an image.

    Parameters
    ----------
    engine : Engine
        What runs the network.
    scale : Intensity
        How stored values become model values.
    group : int
        How many channels go through the network together.
    sigma : float
        What the network is told; 0 where it is blind.
    strength : float
        The share of what the network removes that is removed, 0..1.
    knife : Knife
        How large the tiles are.
    """

    engine: Engine
    scale: Intensity
    group: int
    sigma: float
    strength: float
    knife: Knife

    def run(
        self,
        stored: NDArray[Any],
        channels: int,
        progress: Progress | None = None,
        into: NDArray[Any] | None = None,
    ) -> tuple[NDArray[Any], int, tuple[str, ...]]:
        """Denoise stored pixels, in smaller tiles if memory runs out.

        Parameters
        ----------
        stored : numpy.ndarray
            Shape (rows, columns, channels); what is beyond `channels` is alpha, and copied.
        channels : int
            How many channels are denoised.
        progress : callable, optional
            Called with (tiles done, tiles in all).
        into : numpy.ndarray, optional
            Where the result goes; default: a new array.

        Returns
        -------
        tuple
            (denoised pixels, number of tiles, what a person should know).

        Raises
        ------
        ImageError
            If there is a value that is not a number.
        OutOfMemoryError
            If there is no memory for the smallest tiles.
        """
        rows, columns = stored.shape[:2]
        cut = self.knife.cut(rows, columns, stored.nbytes)
        notes: tuple[str, ...] = ()
        while True:
            try:
                denoised = np.empty_like(stored) if into is None else into
                self._tiles(stored, cut, channels, denoised, progress)
            except (OutOfMemoryError, MemoryError) as error:
                tile = max(cut.shape) // 2
                smaller = self.knife.cut(rows, columns, tile=tile)
                if max(smaller.shape) >= max(cut.shape):
                    raise OutOfMemoryError(
                        f"there is not enough memory, not even for tiles of {cut.shape[0]}x"
                        f"{cut.shape[1]} pixels; close other programs."
                    ) from error
                notes += (f"memory ran out: tiles were halved to {tile} pixels",)
                cut = smaller
                self.engine.release()
            else:
                return denoised, len(cut), notes

    def held_to_sigma(
        self, windows: Sequence[NDArray[np.float32]], *, grows: bool = False
    ) -> tuple[Job, tuple[str, ...]]:
        """Return a job that removes no more than it is told, and says so if that is not all.

        Noise of sigma s is the sum of two independent noises, of what is told and of what is
        missing. Nobody can tell them apart, but if they are Gaussian, the first has a share of
        ``(told / s) ** 2`` in every deviation, on average. What the network removes from the
        windows when it is blind says what s is; what it removes when it is told, how much of
        that it holds back by itself.

        Where the noise grows with the brightness, one sigma is wrong nearly everywhere: the network is
        blind there, and is only held to what it is told, unless that is more than `MORE` times what it
        removes by itself.

        Parameters
        ----------
        windows : sequence of numpy.ndarray
            Model values of shape (rows, columns, channels), from the image; alpha left out.
        grows : bool, default False
            Whether the noise was seen to grow with the brightness.
        """
        noise, wanted = self._removed(windows, 0.0), SLACK * self.sigma**2
        job, notes = self, tuple[str, ...]()
        if grows and self.sigma <= MORE * noise:
            job, notes = replace(self, sigma=0.0), (GROWS,)
        if noise**2 <= wanted:
            return job, notes
        removed = noise * (self._removed(windows, job.sigma) if job.sigma else noise)
        if removed <= wanted:
            return job, notes
        part = min(1.0, (self.sigma / noise) ** 2)
        part *= self.strength
        note = f"there is noise of about {noise * 255:.1f}/255, and {part:.0%} of it is removed, as told"
        return replace(job, strength=self.strength * wanted / removed), (*notes, note)

    def _removed(self, windows: Sequence[NDArray[np.float32]], sigma: float) -> float:
        """Return the root mean square of what the network removes from windows; 0 from none."""
        multiple = self.knife.geometry.multiple
        squares = []
        for window in windows:
            rows, columns = (side // multiple * multiple for side in window.shape[:2])
            for first in range(0, window.shape[2], self.group):
                noisy = window[:rows, :columns, first : first + self.group]
                if noisy.size:
                    with self._network(noisy, sigma) as (result,):
                        squares.append(np.mean(np.square(noisy - result)))
        return math.sqrt(np.mean(squares)) if squares else 0.0

    def _network(
        self, noisy: NDArray[np.float32], sigma: float
    ) -> AbstractContextManager[NDArray[np.float32]]:
        """Run one tile through the network, which is told sigma, if it takes one; 0: blind."""
        batch = noisy[None]
        if self.engine.network.input_channels > self.group:
            batch = np.empty((1, *noisy.shape[:2], self.group + 1), np.float32)
            batch[0, ..., : self.group] = noisy
            batch[0, ..., self.group] = sigma
        return self.engine.lent(batch)

    def _tiles(
        self,
        stored: NDArray[Any],
        cut: Plan,
        channels: int,
        denoised: NDArray[Any],
        progress: Progress | None,
    ) -> None:
        if stored.shape[2] > channels:
            denoised[..., channels:] = stored[..., channels:]
        lanes = 1 if self.engine.threads == 1 else min(self.engine.lanes, len(cut))
        # Touched for the first time, memory is slow: it is used again.
        free = [np.empty((*cut.shape, self.group), np.float32) for _ in range(lanes)]

        def work(tile: Tile) -> None:
            memory = free.pop()
            try:
                self._tile(stored, cut, tile, channels, memory, denoised)
            finally:
                free.append(memory)

        with ExitStack() as stack:
            beside = stack.enter_context(ThreadPoolExecutor(lanes)).map if lanes > 1 else map
            for count, _ in enumerate(beside(work, cut), start=1):
                if progress:
                    progress(count, len(cut))

    def _tile(
        self,
        stored: NDArray[Any],
        cut: Plan,
        tile: Tile,
        channels: int,
        memory: NDArray[np.float32],
        denoised: NDArray[Any],
    ) -> None:
        seen = cut.inside(stored, tile)
        for first in range(0, channels, self.group):
            some = np.s_[..., first : first + self.group]
            if self.group == 1 and first and np.array_equal(seen[..., 0], seen[..., first]):
                denoised[some][tile.write] = denoised[..., :1][tile.write]
                continue
            window = self._window(stored[some], cut, tile, memory)
            if stored.dtype.kind == "f" and not _finite(window):
                if _finite(seen):
                    raise ImageError(
                        "it holds values beyond what float32 holds; say what is white (data_range)."
                    )
                raise ImageError("it holds values that are not numbers; replace them first.")
            self._part(window, denoised[some], tile)

    def _window(
        self, stored: NDArray[Any], cut: Plan, tile: Tile, memory: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the model values of a tile, in the memory that is given unless they are there already."""
        seen = cut.inside(stored, tile)
        rows, columns = seen.shape[:2]
        part = memory[:rows, :columns]
        unit = self.scale.to_unit(seen, copy=False, out=part)
        if (rows, columns) == cut.shape:
            return unit
        if unit is not part:
            part[...] = unit
        if cut.mirror(memory, tile):
            return memory
        return self.scale.to_unit(cut.read(stored, tile), copy=False)

    def _part(self, noisy: NDArray[np.float32], into: NDArray[Any], tile: Tile) -> None:
        with self._network(noisy, self.sigma) as (whole,):
            result = whole[tile.keep]
            if self.strength < 1:
                kept = noisy[tile.keep]
                result = kept + np.float32(self.strength) * (result - kept)
            self.scale.from_unit(result, into[tile.write])


def _finite(values: NDArray[np.float32]) -> bool:
    """Say whether all values are finite; a sum, which is faster, nearly always tells."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())


@dataclass(frozen=True)
class Ready:
    """A denoiser for pixels of one kind: of one image, or of all windows and planes of a stack.

    Parameters
    ----------
    job : Job, optional
        How they are denoised; None if nothing is to be removed.
    channels : int
        How many channels they have, alpha not counted.
    model : str
        The model's name.
    sigma : float
        The noise that was found, or given, as a fraction of the data range.
    precision : {"f32", "bf16"}
        What the convolutions compute with.
    notes : tuple of str
        What a person should know.
    """

    job: Job | None
    channels: int
    model: str
    sigma: float
    precision: Precision
    notes: tuple[str, ...] = ()

    def run(
        self,
        noisy: NDArray[Any],
        progress: Progress | None = None,
        into: NDArray[Any] | None = None,
    ) -> tuple[NDArray[Any], int, tuple[str, ...]]:
        """Return denoised pixels, how many tiles they took, and notes; see :meth:`Job.run`."""
        if self.job is not None:
            return self.job.run(noisy, self.channels, progress, into)
        if into is None:
            return noisy.copy(), 0, ()
        into[...] = noisy
        return into, 0, ()


def check_settings(sigma: float | None, strength: float, *, brightest: float = 1.0) -> None:
    """Refuse a sigma or a strength that means nothing.

    Parameters
    ----------
    sigma : float, optional
        The standard deviation of the noise, as a fraction of the data range.
    strength : float
        The share of what the network removes that is removed.
    brightest : float, default 1.0
        The largest value of the image as a fraction of its data range, which floats may go beyond; infinity
        where nobody knows.

    Raises
    ------
    ConfigError
        If one is no number, or out of bounds.
    """
    for name, value in (("sigma", sigma), ("strength", strength)):
        fitting = Real if name == "strength" else (Real, NoneType)
        if not isinstance(value, fitting) or isinstance(value, bool):
            raise ConfigError(f"{name} is a number, not {value!r}.")
    if sigma is not None and not 0 <= sigma < math.inf:
        raise ConfigError(f"sigma is a fraction of the data range, at least 0, not {sigma}.")
    if sigma is not None and sigma > max(1.0, brightest):
        hint = f"; did you mean {sigma:g}/255?" if sigma <= 255 else "."
        raise ConfigError(
            f"sigma is a fraction of the data range, and {sigma:g} is more than all of it{hint}"
        )
    if not 0 <= strength <= 1:
        raise ConfigError(f"strength is from 0 (nothing) to 1 (all), not {strength}.")
