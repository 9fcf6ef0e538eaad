"""Which window to read, which part of the result to keep, and where it goes.

A convolutional network computes each output pixel from a bounded neighbourhood. So an image may be
cut into tiles that overlap by that neighbourhood, the halo: what is kept of each tile is then
exactly what the whole image would have given, and nothing needs to be blended.

The image is first extended at its lower and right edge, by mirroring, to a length that the network
accepts. All tiles of an image have one shape, because engines run a fixed shape fastest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ruis.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Geometry",
    "Plan",
    "Span",
    "Tile",
    "mirror_index",
    "plan",
    "plan_area",
    "spans",
    "windows",
]


SMALL_TILE = 2**21
"""Pixels of a tile up to which it is not made smaller for the price of its memory."""


HUGE = 2**27
"""Pixels of an image beside which no tile's memory counts."""


@dataclass(frozen=True)
class Geometry:
    """What a network asks of the size of its input, and how far it sees.

    Parameters
    ----------
    multiple : int
        Rows and columns of the input must be multiples of this.
    radius : int
        An output pixel depends on no input pixel further away than this, in pixels.
    size : tuple of int, optional
        The only (rows, columns) that the network takes, if it has a fixed size; tiles then do not
        overlap, and each is seen alone.

    Raises
    ------
    ConfigError
        If a number is out of bounds.
    """

    multiple: int = 1
    radius: int = 0
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.multiple < 1 or self.radius < 0:
            raise ConfigError(f"a geometry needs multiple >= 1 and radius >= 0, not {self}.")

    @property
    def receptive_field(self) -> int:
        """The side of the square of input pixels that an output pixel may depend on."""
        return 2 * self.radius + 1

    @property
    def halo(self) -> int:
        """Half the receptive field, rounded up to the multiple."""
        return 0 if self.size else _round_up(self.radius, self.multiple)


@dataclass(frozen=True)
class Span:
    """One tile along one axis: read [start, stop), keep [first, last) of the image.

    `stop` may lie beyond the image: what is there is mirrored.
    """

    start: int
    stop: int
    first: int
    last: int

    @property
    def keep(self) -> slice:
        """The part of the tile's result that is kept."""
        return slice(self.first - self.start, self.last - self.start)

    @property
    def write(self) -> slice:
        """Where that part goes in the image."""
        return slice(self.first, self.last)


@dataclass(frozen=True)
class Tile:
    """A tile: a span of rows and a span of columns."""

    rows: Span
    columns: Span

    @property
    def keep(self) -> tuple[slice, slice]:
        """The part of the tile's result that is kept."""
        return self.rows.keep, self.columns.keep

    @property
    def write(self) -> tuple[slice, slice]:
        """Where that part goes in the image."""
        return self.rows.write, self.columns.write

    def __repr__(self) -> str:
        def draw(span: Span) -> str:
            return f"{span.start}[{span.first}:{span.last}]{span.stop}"

        return f"Tile(rows={draw(self.rows)}, columns={draw(self.columns)})"


@dataclass(frozen=True)
class Plan:
    """How an image is cut: every pixel of it is kept from exactly one tile.

    Parameters
    ----------
    rows, columns : int
        The size of the image.
    shape : tuple of int
        The (rows, columns) of every tile.
    row_spans, column_spans : tuple of Span
        The spans along each axis, from first to last.
    """

    rows: int
    columns: int
    shape: tuple[int, int]
    row_spans: tuple[Span, ...]
    column_spans: tuple[Span, ...]

    def __len__(self) -> int:
        return len(self.row_spans) * len(self.column_spans)

    def __iter__(self) -> Iterator[Tile]:
        for rows in self.row_spans:
            for columns in self.column_spans:
                yield Tile(rows, columns)

    @property
    def computed(self) -> int:
        """How many pixels the network computes in all, overlaps included."""
        return len(self) * self.shape[0] * self.shape[1]

    def read(self, pixels: NDArray[Any], tile: Tile) -> NDArray[Any]:
        """Return the tile's window of `pixels`, mirrored where it leaves the image.

        Parameters
        ----------
        pixels : numpy.ndarray
            Shape (rows, columns, ...).
        tile : Tile
            One of this plan.

        Returns
        -------
        numpy.ndarray
            Shape `self.shape` + (...); a view where no mirroring is needed.
        """
        window = pixels
        for axis, span in enumerate((tile.rows, tile.columns)):
            length = pixels.shape[axis]
            if span.stop <= length:
                window = window[(slice(None),) * axis + (slice(span.start, span.stop),)]
            else:
                window = window.take(mirror_index(span.start, span.stop, length), axis=axis)
        return window

    def inside(self, pixels: NDArray[Any], tile: Tile) -> NDArray[Any]:
        """Return what of the tile's window lies in the image: a view."""
        rows, columns = tile.rows, tile.columns
        return pixels[rows.start : rows.stop, columns.start : columns.stop]

    def mirror(self, window: NDArray[Any], tile: Tile) -> bool:
        """Fill in, in place, what of a window lies beyond the image.

        Parameters
        ----------
        window : numpy.ndarray
            Shape `self.shape` + (...); what lies in the image is there.
        tile : Tile
            One of this plan.

        Returns
        -------
        bool
            False where the window does not hold all that is to be mirrored: it is as it was.
        """
        ends = []
        for span, length in ((tile.rows, self.rows), (tile.columns, self.columns)):
            inside = max(min(span.stop, length) - span.start, 0)
            ends.append((inside, mirror_index(span.start + inside, span.stop, length) - span.start))
        if any(len(beyond) and beyond.min() < 0 for _, beyond in ends):
            return False
        (rows, below), (columns, right) = ends
        window[rows:, :columns] = window[below, :columns]
        window[:, columns:] = window[:, right]
        return True


def plan(rows: int, columns: int, geometry: Geometry, tile: int, *, grain: int = 1) -> Plan:
    """Cut an image into tiles of one shape.

    Parameters
    ----------
    rows, columns : int
        The size of the image, at least 1 each.
    geometry : Geometry
        What the network asks for.
    tile : int
        The longest side that a tile may have, in pixels; raised to what the geometry needs.
    grain : int
        Tile sides are rounded up to multiples of this, so that images of similar size share a
        shape. Rounded up to the geometry's multiple.

    Returns
    -------
    Plan
        Its tiles cover each pixel once.
    """
    if geometry.size:
        heights = _fixed_spans(rows, geometry.size[0])
        widths = _fixed_spans(columns, geometry.size[1])
        return Plan(rows, columns, geometry.size, heights, widths)
    heights = spans(rows, geometry, tile, grain=grain)
    widths = spans(columns, geometry, tile, grain=grain)
    shape = (heights[0].stop - heights[0].start, widths[0].stop - widths[0].start)
    return Plan(rows, columns, shape, heights, widths)


def plan_area(
    rows: int, columns: int, geometry: Geometry, area: int, *, grain: int = 1, touch: float = 0.0
) -> Plan:
    """Cut an image so that it costs as little as tiles of some size allow.

    Parameters
    ----------
    rows, columns : int
        The size of the image, at least 1 each.
    geometry : Geometry
        What the network asks for.
    area : int
        The most pixels that a tile may have; raised to what the geometry needs.
    grain : int
        As for :func:`plan`.
    touch : float
        What memory for a pixel of a tile costs when it is used for the first time, as a share of what
        computing a pixel costs. Later tiles use it again, so that there is a price for large ones.

    Returns
    -------
    Plan
        Of all heights that a tile may have, with each as wide as `area` allows, the one of which the fewest
        pixels are computed; of equals, the one of fewest tiles. With `touch`, the cheapest, also of
        smaller areas.
    """
    if geometry.size:
        return plan(rows, columns, geometry, 0)
    grain = _round_up(max(grain, 1), geometry.multiple)
    whole = _round_up(rows, grain), _round_up(columns, grain)
    in_one = whole[0] * whole[1]
    if in_one <= (min(area, SMALL_TILE) if touch else area):
        return plan(rows, columns, geometry, max(whole), grain=grain)
    if in_one > HUGE:
        touch = 0.0
    area = min(area, in_one)
    cuts = _cuts(rows, columns, geometry, area, grain)
    while touch and area > SMALL_TILE:
        area = 3 * area // 4
        cuts += _cuts(rows, columns, geometry, area, grain)
    if not cuts:
        return plan(rows, columns, geometry, 0, grain=grain)
    _, height, width = min(
        cuts, key=lambda cut: (cut[0] * cut[1] * cut[2] + touch * cut[1] * cut[2], cut[0])
    )
    heights = spans(rows, geometry, height, grain=grain)
    widths = spans(columns, geometry, width, grain=grain)
    return Plan(rows, columns, (height, width), heights, widths)


def _cuts(
    rows: int, columns: int, geometry: Geometry, area: int, grain: int
) -> list[tuple[int, int, int]]:
    """Cut an image in all heights, each as wide as `area` allows; into how many tiles, how high, how wide."""
    whole = _round_up(rows, grain)
    least = min(whole, _round_up(2 * geometry.halo + geometry.multiple, grain))
    cuts = []
    for most in range(least, whole + 1, grain):
        down, height = _cut(rows, geometry, most, grain)
        across, width = _cut(columns, geometry, area // height, grain)
        if height * width <= area:
            cuts.append((down * across, height, width))
    return cuts


def spans(length: int, geometry: Geometry, tile: int, *, grain: int = 1) -> tuple[Span, ...]:
    """Cut one axis: as few tiles as `tile` allows, all equally long, each as short as can be.

    Parameters
    ----------
    length : int
        The number of pixels along the axis.
    geometry : Geometry
        What the network asks for.
    tile : int
        The longest a tile may be, in pixels.
    grain : int
        Tiles are as long as a multiple of this.

    Returns
    -------
    tuple of Span
        From first to last.
    """
    halo = geometry.halo
    grain = _round_up(max(grain, 1), geometry.multiple)
    count, tile = _cut(length, geometry, tile, grain)
    end = _round_up(length, grain) - tile
    starts = [min(i * (tile - 2 * halo), end) for i in range(count)]
    edges = [0, *(start + halo for start in starts[1:]), length]
    cut = zip(starts, pairwise(edges), strict=True)
    return tuple(Span(start, start + tile, *kept) for start, kept in cut)


def _cut(length: int, geometry: Geometry, tile: int, grain: int) -> tuple[int, int]:
    """Return how many tiles an axis takes, and how long they are; `grain` is a multiple of the geometry's."""
    halo = geometry.halo
    tile = max(tile // grain * grain, _round_up(2 * halo + geometry.multiple, grain))
    padded = _round_up(length, grain)
    if padded <= tile:
        return 1, padded
    count = -(-(padded - 2 * halo) // (tile - 2 * halo))
    tile = _round_up(-(-(padded - 2 * halo) // count) + 2 * halo, grain)
    if padded - tile + halo < length:
        return count, tile
    # The last would keep nothing but what is mirrored, and others before it may not either.
    return min(count - 1, max(1, -(-(length - halo) // (tile - 2 * halo)))), tile


def windows(
    length: int, geometry: Geometry, step: int, *, grain: int = 1, axis: int = 0
) -> tuple[Span, ...]:
    """Cut one axis into windows that are denoised as if each were an image by itself.

    What is kept of each, [0, step), [step, 2 step) and so on, is then what the whole image would
    have given: the windows reach a halo further, and begin where the tiles of the image might.

    Parameters
    ----------
    length : int
        The number of pixels along the axis.
    geometry : Geometry
        What the network asks for.
    step : int
        How much is kept of each window but the last.
    grain : int
        As for :func:`plan`; the tiles of the windows must be cut with the same.
    axis : int
        0 for rows, 1 for columns: which of the sizes holds, if the geometry has a fixed one.

    Returns
    -------
    tuple of Span
        From first to last, none reaching beyond the image; all equally long if there is room, but
        for what the last may lack of a whole `grain`.
    """
    halo = geometry.halo
    grain = geometry.size[axis] if geometry.size else _round_up(max(grain, 1), geometry.multiple)
    long = _round_up(step + 2 * halo, grain) + (grain if step % grain or halo % grain else 0)
    latest = _round_up(max(0, length - long), grain)  # so that all are mirrored to one length
    cut = []
    for first in range(0, length, step):
        last = min(first + step, length)
        start = min(max(0, first - halo) // grain * grain, latest)
        stop = max(_round_up(last + halo, grain), start + long)
        cut.append(Span(start, min(stop, length), first, last))
    return tuple(cut)


def mirror_index(start: int, stop: int, length: int) -> NDArray[Any]:
    """Return the indices that continue an axis by mirroring at its last and first pixel.

    Parameters
    ----------
    start, stop : int
        The range of positions wanted, from 0; may go any distance beyond `length`.
    length : int
        The number of pixels there are.

    Returns
    -------
    numpy.ndarray
        `stop - start` indices in [0, length).
    """
    import numpy as np

    period = max(2 * (length - 1), 1)
    positions = np.arange(start, stop) % period
    return np.minimum(positions, period - positions) if length > 1 else positions * 0


def _fixed_spans(length: int, tile: int) -> tuple[Span, ...]:
    starts = range(0, length, tile)
    return tuple(Span(s, s + tile, s, min(s + tile, length)) for s in starts)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
