"""Pages of a TIFF file, read window by window."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import CorruptImageError
from ruis.formats.base import Source, decoding
from ruis.formats.tiff.directories import check_segments
from ruis.formats.tiff.missing import missing, no_data
from ruis.formats.tiff.values import Layout, meaningful
from ruis.image import ImageInfo, data_range_of
from ruis.stacks.base import Region, Stack

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffFile, TiffPage

__all__ = ["Kind", "PageStack", "Pages"]

USUAL_STRIP = 2**20
"""Bytes of the strips in which pixels are written that were one long strip."""


@dataclass(frozen=True)
class Kind:
    """What pages have in common that make up a stack.

    Parameters
    ----------
    layout : Layout
        What their samples mean.
    tile : tuple of int, optional
        Rows and columns of a tile; None if pixels are stored in strips.
    strip : int
        Rows of a strip.
    compression, predictor : int
        As TIFF numbers them.
    direct : bool
        Whether pixels lie in the file as they are, one row after the other.
    no_data : str
        The number that means nothing, as the tag says it; empty: none does.
    """

    layout: Layout
    tile: tuple[int, int] | None
    strip: int
    compression: int
    predictor: int
    direct: bool
    no_data: str = ""

    @classmethod
    def of(cls, page: TiffPage, layout: Layout) -> Kind:
        """Read it from a page's tags."""
        tile = (int(page.tilelength), int(page.tilewidth)) if page.is_tiled else None
        strip = min(int(page.rowsperstrip) or page.imagelength, page.imagelength)
        direct = bool(page.is_final and not page.is_tiled)
        compression, predictor = int(page.compression), int(page.predictor)
        return cls(layout, tile, strip, compression, predictor, direct, no_data(page, layout))

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns of what is decoded, and will be encoded, as one."""
        if self.tile:
            return self.tile
        row = self.layout.columns * self.layout.channels * np.dtype(self.layout.dtype).itemsize
        if self.direct and self.strip * row > USUAL_STRIP:
            return max(1, USUAL_STRIP // row), self.layout.columns
        return self.strip, self.layout.columns


class Pages:
    """The pages of an open file, one of them in memory at a time.

    Whoever uses a page, or the file, holds `lock`: pixels are read in one thread, and tags in another.

    Parameters
    ----------
    file : TiffFile
        The file.
    source : Source
        Its bytes.
    virtual : int
        How many planes lie one behind the other where only the first has a directory; 0 if each
        has its own.
    """

    def __init__(self, file: TiffFile, source: Source, virtual: int = 0) -> None:
        self.file = file
        self.source = source
        self.virtual = virtual
        self.lock = threading.Lock()
        self._at: tuple[int, TiffPage] | None = None

    def __getitem__(self, index: int) -> TiffPage:
        if self._at is None or self._at[0] != index:
            page = self.file.pages[index]
            check_segments(page, self.source.file, self.source.size)
            self._at = (index, page)
        return self._at[1]


class PageStack(Stack):
    """Consecutive pages of one kind.

    Parameters
    ----------
    pages : Pages
        Where they are.
    numbers : sequence of int
        Which of them.
    kind : Kind
        What they have in common.
    axes : str
        The axes of the stack, and their lengths in `shape`.
    shape : tuple of int
        The length of each axis.
    name : str
        What it is called within its file.
    """

    def __init__(
        self,
        pages: Pages,
        numbers: range | list[int],
        kind: Kind,
        axes: str,
        shape: tuple[int, ...],
        name: str,
    ) -> None:
        layout = kind.layout
        self.pages, self.numbers, self.kind = pages, numbers, kind
        self.name, self.axes, self.shape = name, axes, shape
        self.rows, self.columns, self.samples = layout.rows, layout.columns, layout.channels
        self.planes = (len(numbers),)
        self.block = (1, *kind.block)
        if min(self.rows, self.columns, self.samples) < 1:
            raise CorruptImageError("it holds a page without pixels.", source=pages.source.name)
        dtype = np.dtype(layout.dtype)
        self.info = ImageInfo(
            dtype,
            data_range_of(dtype),
            layout.colour,
            layout.alpha,
            layout.axes,
            "tiff",
            pages.source.name,
        )

    def read(self, region: Region) -> NDArray[Any]:
        """Decode the strips or tiles that the region touches."""
        (planes,), rows, columns = region.planes, region.rows, region.columns
        plane = [self._window(number, rows, columns) for number in self.numbers[planes]]
        return plane[0][None] if len(plane) == 1 else np.stack(plane)

    def missing(self, pixels: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Look for the number that means nothing; see :meth:`Stack.missing`."""
        return missing(pixels, self.kind.layout, self.kind.no_data)

    def _window(self, number: int, rows: slice, columns: slice) -> NDArray[Any]:
        with self.pages.lock, decoding("TIFF", self.pages.source.name):
            virtual = self.pages.virtual
            page = self.pages[0 if virtual else number]
            if self.kind.direct:
                stored = self._direct(page, number if virtual else 0, rows)[:, columns]
            else:
                stored = self._decoded(page, rows, columns)
            return meaningful(np.ascontiguousarray(stored), page, self.kind.layout)[0]

    def _direct(self, page: TiffPage, number: int, rows: slice) -> NDArray[Any]:
        """Read whole rows as they lie in the file."""
        dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        separate = self.kind.layout.axes == "CYX"
        together = 1 if separate else int(page.samplesperpixel)
        row = page.imagewidth * together * dtype.itemsize
        count = rows.stop - rows.start
        parts = []
        for sample in range(int(page.samplesperpixel) if separate else 1):
            before = (number * int(page.samplesperpixel) + sample) if separate else number
            offset = page.dataoffsets[0] + (before * page.imagelength + rows.start) * row
            values = self.pages.source.array(offset, count * page.imagewidth * together, dtype)
            parts.append(values.reshape(count, page.imagewidth, together))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _decoded(self, page: TiffPage, rows: slice, columns: slice) -> NDArray[Any]:
        """Decode strips or tiles, and put together what of them is in the window."""
        high, wide = self.kind.tile or (self.kind.strip, page.imagewidth)
        across, down = -(-page.imagewidth // wide), -(-page.imagelength // high)
        separate = self.kind.layout.axes == "CYX"
        samples = int(page.samplesperpixel)
        window = np.empty(
            (rows.stop - rows.start, columns.stop - columns.start, samples), page.dtype
        )
        for sample in range(samples if separate else 1):
            into = window[..., sample : sample + 1] if separate else window
            for j in range(rows.start // high, -(-rows.stop // high)):
                for i in range(columns.start // wide, -(-columns.stop // wide)):
                    segment = self._segment(page, (sample * down + j) * across + i)
                    self._put(segment, j * high, i * wide, rows, columns, into)
        return window

    def _segment(self, page: TiffPage, index: int) -> NDArray[Any]:
        data = self.pages.source.at(page.dataoffsets[index], page.databytecounts[index])
        decoded, _, _ = page.decode(data, index, jpegtables=page.jpegtables)
        if decoded is None:
            raise CorruptImageError("a strip or tile is missing.")
        return decoded[0]  # type: ignore[no-any-return]

    @staticmethod
    def _put(
        segment: NDArray[Any],
        top: int,
        left: int,
        rows: slice,
        columns: slice,
        window: NDArray[Any],
    ) -> None:
        """Copy what a segment at (top, left) shares with the window."""
        first, last = max(top, rows.start), min(top + segment.shape[0], rows.stop)
        start, stop = max(left, columns.start), min(left + segment.shape[1], columns.stop)
        into = np.s_[
            first - rows.start : last - rows.start, start - columns.start : stop - columns.start
        ]
        window[into] = segment[first - top : last - top, start - left : stop - left]
