"""How a stack is cut into windows, and how they are read: as much at a time as memory allows.

A window is denoised as if it were an image by itself. It is made of whole blocks (strips, tiles, chunks)
with a halo around them; the rows that it shares with the next are decoded once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import processor
from ruis.errors import ImageTooLargeError
from ruis.job import GRAIN
from ruis.stacks import Region, Stack
from ruis.tiling import Span, windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.job import Knife

__all__ = ["Window", "check_block", "read_windows", "spans_of", "with_memory"]

WINDOW = 80e6
"""Bytes of pixels that are read at a time, about."""

MEMORY, TILE_MEMORY = 1.4e9, 200e6
"""Bytes for windows, results and the network's tile together, and the least that is for the tile."""

PIXEL = 40.0
"""Bytes that a pixel of a tile takes on its way into the network and out of it."""

MAX_BLOCK = 256e6
"""Bytes of the largest strip, tile or chunk that can be had in memory several times."""

HELD_AT_ONCE = 5
"""Windows in memory together: two as read, one as denoised, and what is kept of two."""

READ_AT_ONCE = 16e6
"""Bytes of new rows that are read before they are put into their window."""

CANDIDATES = 16


@dataclass(frozen=True)
class Window:
    """A window, where it is, and which part of it is kept.

    Parameters
    ----------
    planes : tuple of slice
        Which planes.
    rows, columns : Span
        What of them is read, and what is kept.
    pixels : numpy.ndarray
        Shape (planes..., rows, columns, samples).
    """

    planes: tuple[slice, ...]
    rows: Span
    columns: Span
    pixels: NDArray[Any]

    @property
    def kept(self) -> Region:
        """The part that is kept."""
        return Region(self.planes, self.rows.write, self.columns.write)


def check_block(stack: Stack) -> None:
    """Refuse blocks of which memory does not hold several.

    Raises
    ------
    ImageTooLargeError
        If a strip, tile or chunk is larger than `MAX_BLOCK`.
    """
    rows, columns = min(stack.block[-2], stack.rows), min(stack.block[-1], stack.columns)
    planes = math.prod(stack.block[:-2])
    nbytes = planes * rows * columns * stack.pixel_bytes
    if nbytes > MAX_BLOCK:
        raise ImageTooLargeError(
            f"its strips, tiles or chunks of {nbytes / 2**20:.0f} MiB are larger than the "
            f"{MAX_BLOCK / 2**20:.0f} MiB that are read at a time; save it in smaller ones.",
            source=stack.info.source,
        )


def read_windows(
    stack: Stack, row_spans: tuple[Span, ...], column_spans: tuple[Span, ...]
) -> Iterator[Window]:
    """Read windows; the rows that one shares with the next are kept, and decoded once."""
    high = stack.block[-2]
    lengths = zip(stack.planes, stack.block[:-2], strict=True)
    cuts = [
        [slice(first, min(first + step, length)) for first in range(0, length, step)]
        for length, step in lengths
    ]
    for planes in itertools.product(*cuts):
        for columns in column_spans:
            across = slice(columns.start, columns.stop)
            held: NDArray[Any] | None = None
            top = bottom = 0
            for rows in row_spans:
                first = rows.start if held is not None else rows.start // high * high
                wanted = max(bottom, min(-(-rows.stop // high) * high, stack.rows))
                window = _taller(stack, planes, across, held, top, bottom, first, wanted)
                held, top, bottom = window, first, wanted
                inner = window[..., rows.start - first : rows.stop - first, :, :]
                yield Window(planes, rows, columns, inner)
                del window, inner


def _taller(
    stack: Stack,
    planes: tuple[slice, ...],
    columns: slice,
    held: NDArray[Any] | None,
    top: int,
    bottom: int,
    first: int,
    last: int,
) -> NDArray[Any]:
    """Return rows [first, last): those that are held, [top, bottom), and new ones, some at a time."""
    if held is not None and first == top and last == bottom:
        return held
    lengths = [one.stop - one.start for one in planes]
    width = columns.stop - columns.start
    window = np.empty((*lengths, last - first, width, stack.samples), stack.info.dtype)
    row = first
    if held is not None:
        window[..., : bottom - first, :, :] = held[..., first - top : bottom - top, :, :]
        row = bottom
    high = stack.block[-2]
    row_bytes = math.prod(lengths) * width * stack.pixel_bytes
    step = max(1, int(READ_AT_ONCE / (row_bytes * high))) * high
    while row < last:
        stop = min(row // high * high + step, last)
        new = stack.read(Region(planes, slice(row, stop), columns))
        window[..., row - first : stop - first, :, :] = new
        row = stop
    return window


def _thickness(stack: Stack) -> int:
    """Return how many planes are stored, and so read and written, together."""
    lengths = zip(stack.planes, stack.block[:-2], strict=True)
    return math.prod(min(length, step) for length, step in lengths)


def with_memory(
    knife: Knife, stack: Stack, rows: tuple[Span, ...], columns: tuple[Span, ...]
) -> Knife:
    """Return the knife with what the windows leave of the memory.

    Parameters
    ----------
    knife : Knife
        How tiles are cut; as it is, if its memory was said.
    stack : Stack
        What is cut.
    rows, columns : tuple of Span
        Its windows.
    """
    if knife.memory is not None:
        return knife
    high, wide = _longest(rows), _longest(columns)
    left = MEMORY - HELD_AT_ONCE * high * wide * stack.pixel_bytes * _thickness(stack)
    memory = min(max(TILE_MEMORY, left), processor.available_memory() / 4)
    bytes_per_pixel = knife.bytes_per_pixel + PIXEL
    return replace(knife, memory=memory, bytes_per_pixel=bytes_per_pixel, touch=0.0)  # touched once


def _longest(spans: tuple[Span, ...]) -> int:
    return max(one.stop - one.start for one in spans)


def spans_of(
    stack: Stack, knife: Knife | None, *, in_order: bool
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Cut a plane into windows of whole blocks, such that the network has little to compute twice."""
    if knife is None:  # nothing is removed: no halo is needed
        step = max(1, int(WINDOW / (stack.columns * stack.pixel_bytes * _thickness(stack))))
        high = stack.block[-2]
        edges = list(range(0, stack.rows, max(high, step // high * high)))
        ends = [*edges[1:], stack.rows]
        rows = tuple(Span(a, b, a, b) for a, b in zip(edges, ends, strict=True))
        return rows, (Span(0, stack.columns, 0, stack.columns),)
    bytes_of = stack.pixel_bytes * _thickness(stack)
    high, wide = stack.block[-2], stack.block[-1]
    if stack.rows * stack.columns * bytes_of <= WINDOW:
        whole_rows, whole_columns = -(-stack.rows // high) * high, -(-stack.columns // wide) * wide
        return _cut(stack, knife, whole_rows, whole_columns)
    across = -(-stack.columns // wide) * wide
    halo = knife.geometry.halo
    least = -(-max(2 * halo, 1) // high) * high
    if not in_order and (least + 2 * halo + 2 * GRAIN) * stack.columns * bytes_of > WINDOW:
        fits = WINDOW / ((least + 2 * halo + 2 * GRAIN) * bytes_of) - 2 * halo
        across = min(across, max(wide, int(fits) // wide * wide))
    width = min(across + 2 * halo, stack.columns)
    most = int((WINDOW / (width * bytes_of) - 2 * halo - 2 * GRAIN) // high)
    most = max(1, min(most, -(-stack.rows // high)))
    counts = sorted({max(1, round(most * (n + 1) / CANDIDATES)) for n in range(CANDIDATES)})

    def cost(count: int) -> float:
        rows, columns = _cut(stack, knife, count * high, across)
        tiles = with_memory(knife, stack, rows, columns).cut(_longest(rows), _longest(columns))
        return tiles.computed * len(rows) * len(columns)

    return _cut(stack, knife, min(counts, key=cost) * high, across)


def _cut(
    stack: Stack, knife: Knife, row_step: int, column_step: int
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Cut rows and columns into windows of which so many are kept."""
    return (
        windows(stack.rows, knife.geometry, row_step, grain=GRAIN, axis=0),
        windows(stack.columns, knife.geometry, column_step, grain=GRAIN, axis=1),
    )
