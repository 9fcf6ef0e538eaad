"""TIFF, BigTIFF, OME-TIFF and ImageJ stacks: pages, each read and written window by window."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ruis.errors import AxesError, ImageError, UnsupportedFormatError
from ruis.formats import opened, recognised
from ruis.formats.atomic import new_file
from ruis.formats.base import Source, decoding
from ruis.formats.tiff import TIFF
from ruis.formats.tiff.directories import check_directories, first_image, is_image
from ruis.formats.tiff.exif import append_directories, exif_block, exif_tags
from ruis.formats.tiff.own import DEFLATE, LOSSLESS
from ruis.formats.tiff.values import layout_of, meaningful
from ruis.stacks.base import HELD, Need, Sink, Stacks, check_axes
from ruis.stacks.tiff.reading import Kind, Pages, PageStack
from ruis.stacks.tiff.writing import PageSink, written_as

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

__all__ = ["TIFFStacks"]

CLASSIC = 2**32 - 2**26
"""Bytes that a TIFF holds which is no BigTIFF, with some left for its directories."""

SPECIAL = {"is_stk": "MetaMorph STK", "is_lsm": "Zeiss LSM", "is_ndpi": "Hamamatsu NDPI"}


class TIFFStacks(Stacks):
    """The pages of a TIFF file, in the order in which they lie in it.

    Every page is written with the kind of strips or tiles, the compression, the byte order and the
    tags that it had. Reduced copies and masks are left out.
    """

    name: ClassVar[str] = "tiff"
    title: ClassVar[str] = "TIFF"
    suffixes: ClassVar[tuple[str, ...]] = TIFF.suffixes
    in_order: ClassVar[bool] = True

    def __init__(self, file: TiffFile, source: Source, axes: str | None) -> None:
        self.file, self.source = file, source
        special = next((title for flag, title in SPECIAL.items() if getattr(file, flag)), None)
        if special:
            raise UnsupportedFormatError(
                f"it is {special}, a TIFF of its own kind; convert it to OME-TIFF."
            )
        self.stacks, notes = _stacks(file, source, axes)
        self.notes = tuple(dict.fromkeys(notes))

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Say whether it is a TIFF; DICOM and camera RAW may start like one."""
        if not path.is_file():
            return False
        with opened(path) as source:
            return TIFF().recognises(source.start) and recognised(source).name == TIFF.name

    @classmethod
    def need(cls, path: Path) -> Need:
        """It must if there are many pages, and better is for pixels of more than `HELD` bytes."""
        from tifffile import TiffFile

        with opened(path) as source, decoding("TIFF", source.name):
            if check_directories(source.file, source.size, stacks=True) > 1:
                return "must"
            source.file.seek(0)
            with TiffFile(source.file, name=source.name) as file:
                if _virtual(file):
                    return "must"
                return "better" if first_image(file).nbytes > HELD else "not"

    @classmethod
    @contextmanager
    def opened(cls, path: Path, axes: str | None = None) -> Iterator[Self]:
        """Open it and look at every page's tags."""
        from tifffile import TiffFile

        with opened(path) as source:
            with decoding("TIFF", source.name):
                check_directories(source.file, source.size, stacks=True)
                source.file.seek(0)
                file = TiffFile(source.file, name=source.name)
            with file:
                with decoding("TIFF", source.name):
                    here = cls(file, source, axes)
                yield here

    @contextmanager
    def sink(
        self, path: Path, *, overwrite: bool, strip_metadata: bool, record: str
    ) -> Iterator[Sink]:
        """Write pages to a new file; EXIF of a classic TIFF of one page comes behind them."""
        from tifffile import TiffWriter

        planes = sum(stack.planes[0] for stack in self.stacks)
        nbytes = sum(s.planes[0] * s.rows * s.columns * s.pixel_bytes for s in self.stacks)
        big = bool(self.file.is_bigtiff) or nbytes + 4096 * planes > CLASSIC
        with new_file(path, overwrite=overwrite) as file:
            with TiffWriter(file, bigtiff=big, byteorder=self.file.byteorder) as writer:
                yield PageSink(writer, path.name, strip_metadata=strip_metadata, record=record)
            if planes == 1 and not strip_metadata:
                present = {tag.code for tag in self.file.pages[0].tags}
                _, directories = exif_tags(exif_block(self.source.file, present))
                if self.file.byteorder == "<":
                    append_directories(file, directories)


def _virtual(file: TiffFile) -> int:
    """Return how many planes there are of which only the first has a directory; 0 if all have."""
    page = file.pages[0]
    if len(file.pages) > 1 or not page.is_final:
        return 0
    planes = re.search(r"^images=(\d+)", page.description, re.MULTILINE)
    if file.is_imagej and planes:
        return int(planes[1]) if int(planes[1]) > 1 else 0
    if file.is_shaped and '"truncated": true' in page.description and page.nbytes:
        shape = re.search(r'^{"shape": \[([\d, ]+)\]', page.description)
        values = math.prod(map(int, shape[1].split(","))) if shape else 0
        return int(values * page.dtype.itemsize // page.nbytes)
    return 0


def _stacks(
    file: TiffFile, source: Source, axes: str | None
) -> tuple[tuple[PageStack, ...], list[str]]:
    """Gather consecutive pages of one kind."""
    notes: list[str] = []
    _check_names(file)
    virtual = _virtual(file)
    first = first_image(file).index
    groups: list[tuple[Kind, list[int]]] = []
    for number, page in enumerate(file.pages):
        if not is_image(page) and number != first:
            notes.append("reduced copies and masks are left out")
            continue
        if page.subifds:
            notes.append("reduced copies and masks are left out")
        if 50706 in page.tags:
            raise UnsupportedFormatError("it is a raw camera file (DNG); develop it to TIFF first.")
        kind = Kind.of(page, layout_of(page))
        if groups and groups[-1][0] == kind:
            groups[-1][1].append(number)
        else:
            groups.append((kind, [number]))
    pages = Pages(file, source, virtual)
    stacks = []
    for kind, numbers in groups:
        if kind.layout.axes == "CYX" and kind.layout.channels > 1:
            notes.append("channels that were stored apart are written pixel by pixel")
        if kind.compression not in LOSSLESS and written_as(kind) == DEFLATE:
            name = file.pages[numbers[0]].compression.name
            notes.append(f"what was compressed as {name} is written with deflate")
        notes += _changes(file.pages[numbers[0]], kind)
        every = range(virtual) if virtual else numbers
        told, shape = _axes(source, kind, len(every), alone=len(groups) == 1, given=axes)
        if axes and "S" not in told and kind.layout.channels > 1:
            apart = replace(kind.layout, colour="channels", alpha=False, premultiplied=False)
            kind = replace(kind, layout=apart)
        name = (
            ""
            if len(groups) == 1
            else f"page {numbers[0]}" + (f" to {numbers[-1]}" if len(numbers) > 1 else "")
        )
        stacks.append(PageStack(pages, every, kind, told, shape, name))
    return tuple(stacks), notes


def _changes(page: TiffPage, kind: Kind) -> list[str]:
    """Say what becomes of the pages' values."""
    some = np.zeros((1, 1, int(page.samplesperpixel)), page.dtype)
    said = meaningful(some, page, kind.layout)[1]
    if kind.no_data:
        said.append(f"where there is nothing ({kind.no_data}), nothing is put")
    return said


def _axes(
    source: Source, kind: Kind, planes: int, *, alone: bool, given: str | None
) -> tuple[str, tuple[int, ...]]:
    """Return what the axes are called, and how long they are."""
    layout = kind.layout
    plane = {"YX": (layout.rows, layout.columns)}.get(
        layout.axes, (layout.rows, layout.columns, layout.channels)
    )
    letters = {"YX": "YX"}.get(layout.axes, "YXS")
    told, shape = ("P" * (planes > 1)) + letters, (planes,) * (planes > 1) + plane
    series: Any = _series(source) if alone else None
    if series is not None and series.size == planes * layout.rows * layout.columns * (
        layout.channels if letters == "YXS" and "S" in series.axes else 1
    ):
        told, shape = str(series.axes), tuple(int(n) for n in series.shape)
    if given is None:
        return told, shape
    axes = check_axes(given, len(shape), source.name or "it")
    where = [told.index("Y"), told.index("X")]
    if [axes.index("Y"), axes.index("X")] != where or ("S" in axes and "S" not in told):
        raise AxesError(
            f"its axes are {told}: in a TIFF rows, columns and samples are where they are, and "
            f"--axes {given} can only name the others.",
            source=source.name,
        )
    return axes, shape


def _series(source: Source) -> Any:
    """Return the only series that tifffile finds; what it says of axes is of use, and not needed."""
    from tifffile import TiffFile

    source.file.seek(0)
    try:  # in a file object of its own: once it has series, pages are no longer what they were
        with TiffFile(source.file, name=source.name) as file:
            return file.series[0] if len(file.series) == 1 else None
    except Exception:  # noqa: BLE001 - OME-XML comes from anywhere
        return None


def _check_names(file: TiffFile) -> None:
    """Refuse an OME-TIFF whose planes are in several files: here is one of them."""
    names = set(re.findall(r'<UUID\b[^<>]*?\bFileName="([^"<]*+)"', file.pages[0].description))
    if file.is_ome and len(names) > 1:
        raise ImageError(
            f"its planes are in {len(names)} files ({', '.join(sorted(names)[:3])}, ...); "
            "join them in one OME-TIFF or OME-Zarr first."
        )
