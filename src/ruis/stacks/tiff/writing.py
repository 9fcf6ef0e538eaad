"""Pages of a TIFF file, written strip by strip or tile by tile, with the tags that they had."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.formats.metadata import recorded
from ruis.formats.tiff.missing import NO_DATA
from ruis.formats.tiff.own import DEFLATE, LOSSLESS, UNPREDICTED
from ruis.formats.tiff.values import photometric_of, written_colours
from ruis.image import Metadata
from ruis.stacks.base import Pieces, Sink, Stack

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tifffile import TiffPage, TiffWriter

    from ruis.stacks.tiff.reading import Kind, PageStack

__all__ = ["PageSink", "written_as"]

JPEG, JPEG_QUALITY = 7, 95

DESCRIPTION, X_RESOLUTION, Y_RESOLUTION, UNIT, SOFTWARE = 270, 282, 283, 296, 305
APPEARANCE = {274, 34675, NO_DATA}
"""Orientation, colour profile, what means nothing: they stay when metadata is stripped."""

TAGS = APPEARANCE | {
    # names, dates, rights, XMP, IPTC
    DESCRIPTION, 269, 271, 272, 285, 297, 306, 315, 316, 700, 33432, 33723,
    # where on earth the pixels are
    33550, 33922, 34264, 34735, 34736, 34737, 42112,
    # ImageJ's own, MicroManager's own
    50838, 50839, 51123,
}  # fmt: skip
"""Tags that say nothing about how pixels are stored, and so are true of the new file."""


SHAPED = b'{"shape"'
"""How tifffile's note begins, of the shape of a whole file, its axes and whatever else somebody said."""


OME = '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
PARTS = re.compile(r"<(/?)(?:\w++:)?(Pixels|Channel|TiffData)\b([^<>]*+)>")
ATTRIBUTE = re.compile(r"(?<![\w:])([\w:]++)\s*+=\s*+(\"[^\"<]*+\"|'[^'<]*+')")
SIZES = re.compile(
    r"DimensionOrder|Type|Size[XYZCT]|SignificantBits|BigEndian|Interleaved|(PhysicalSize[XYZ]|TimeIncrement)(Unit)?"
)
PLANES = re.compile(r"ID|SamplesPerPixel|IFD|First[ZCT]|PlaneCount")
"""What OME-XML says that pixels cannot be understood without, and how it is found."""


def written_as(kind: Kind) -> int:
    """Return the compression in which pixels of a kind are written, as TIFF numbers it."""
    if kind.compression == JPEG and kind.tile and kind.layout.channels in {1, 3}:
        return JPEG
    return LOSSLESS.get(kind.compression, DEFLATE)


class PageSink(Sink):
    """Pages that go to a new file one after the other.

    Parameters
    ----------
    writer : TiffWriter
        Writes the file.
    name : str
        What the file will be called.
    strip_metadata : bool
        Whether only what changes how the pixels look is kept of the tags.
    record : str
        What was done; added to the software's name.
    """

    def __init__(self, writer: TiffWriter, name: str, *, strip_metadata: bool, record: str) -> None:
        self.writer, self.name = writer, name
        self.strip_metadata, self.record = strip_metadata, record

    def write(self, stack: Stack, pieces: Pieces) -> None:
        """Write the pages of a stack; pieces come page by page, from top to bottom."""
        pages: PageStack = stack  # type: ignore[assignment]
        for number in range(*pages.planes):
            bands = _bands(pieces, pages.rows)
            virtual = pages.pages.virtual
            with pages.pages.lock:
                page = pages.pages[0 if virtual else pages.numbers[number]]
                tags = {} if virtual and number else self._tags(page, pages.kind)
            self._page(pages.kind, page, bands, tags)

    def _page(
        self, kind: Kind, page: TiffPage, bands: Iterator[NDArray[Any]], tags: dict[str, Any]
    ) -> None:
        layout, compression = kind.layout, written_as(kind)
        dtype = np.dtype(layout.dtype).newbyteorder(self.writer.tiff.byteorder)
        same = np.dtype(layout.dtype) == page.dtype and kind.compression in LOSSLESS
        predictor = kind.predictor if same else 2 if dtype.kind in "ui" else 1
        predictor = predictor if compression not in UNPREDICTED | {JPEG} else 1
        deep = layout.channels > 1
        shape = (layout.rows, layout.columns, *([layout.channels] if deep else []))
        settings: dict[str, Any] = {"compression": compression, "predictor": predictor}
        if compression == JPEG:
            settings = {"compression": JPEG, "compressionargs": {"level": JPEG_QUALITY}}
            settings |= {"subsampling": (1, 1)} if deep else {}
        rows, columns = kind.block
        if kind.tile:
            data: Iterator[Any] = _tiles(bands, rows, columns, dtype, deep=deep)
            settings["tile"] = kind.tile
        else:
            data = (
                _encoded(strip, compression, predictor) for strip in _strips(bands, rows, dtype)
            )
            settings["rowsperstrip"] = rows
        self.writer.write(
            data,
            shape=shape,
            dtype=dtype,
            planarconfig="contig" if deep else None,
            subfiletype=int(page.subfiletype),
            metadata=None,
            maxworkers=1,
            **written_colours(
                layout.colour,
                layout.channels - layout.alpha,
                alpha=layout.alpha,
                photometric=photometric_of(page, layout),
            ),
            **settings,
            **tags,
        )

    def _tags(self, page: TiffPage, kind: Kind) -> dict[str, Any]:
        """Return the tags that a page had, as tifffile wants them, but for those that are no longer true."""
        handle = page.parent.filehandle
        kept = APPEARANCE if self.strip_metadata else TAGS
        extra = []
        for tag in page.tags:
            if tag.code not in kept | {DESCRIPTION} or (tag.code == NO_DATA and not kind.no_data):
                continue
            handle.seek(tag.valueoffset)
            value = handle.read(tag.valuebytecount)
            if value.startswith(SHAPED) and tag.code == DESCRIPTION:
                same = kind.layout.axes != "CYX" and kind.layout.channels == page.samplesperpixel
                value = _true_shape(value, strip=self.strip_metadata) if same else b""
            elif tag.code == DESCRIPTION:
                value = (_bare if self.strip_metadata else _true)(value, self.name)
            if value:
                count = len(value) if tag.dtype == 2 else tag.count  # texts are counted in bytes
                extra.append((tag.code, int(tag.dtype), count, value, True))
        before = page.tags.get(SOFTWARE)
        software = str(before.value) if before is not None else None
        if not self.strip_metadata:
            software = recorded(Metadata(software=software), self.record).software
        else:
            software = None
        return {
            "extratags": extra,
            "software": (software or "").encode("utf-8", "replace") or False,
            **_resolution(page),
        }


def _bands(pieces: Pieces, rows: int) -> Iterator[NDArray[Any]]:
    """Yield the bands of one plane, each of shape (rows, columns, samples)."""
    for region, pixels in pieces:
        yield pixels[0]
        if region.rows.stop == rows:
            return


def _tiles(
    bands: Iterator[NDArray[Any]], rows: int, columns: int, dtype: np.dtype[Any], *, deep: bool
) -> Iterator[NDArray[Any]]:
    """Cut bands, which are whole rows of tiles, into tiles; tifffile fills up those at the edge."""
    for band in bands:
        stored = band.astype(dtype, copy=False)
        for top in range(0, stored.shape[0], rows):
            for left in range(0, stored.shape[1], columns):
                tile = stored[top : top + rows, left : left + columns]
                yield _filled(tile, rows, columns) if deep else _filled(tile, rows, columns)[..., 0]


def _filled(tile: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Repeat the last row and column up to a whole tile: nothing there is seen, and it compresses."""
    missing = ((0, rows - tile.shape[0]), (0, columns - tile.shape[1]), (0, 0))
    return np.pad(tile, missing, mode="edge") if any(map(sum, missing)) else tile


def _strips(
    bands: Iterator[NDArray[Any]], rows: int, dtype: np.dtype[Any]
) -> Iterator[NDArray[Any]]:
    """Cut bands, which are whole strips, into strips."""
    for band in bands:
        stored = band.astype(dtype, copy=False)
        for top in range(0, stored.shape[0], rows):
            yield np.ascontiguousarray(stored[top : top + rows])


def _encoded(strip: NDArray[Any], compression: int, predictor: int) -> bytes:
    """Return the bytes of a strip of shape (rows, columns, samples)."""
    from tifffile import TIFF

    if predictor > 1:
        strip = TIFF.PREDICTORS[predictor](strip, axis=-2)
    return strip.tobytes() if compression == 1 else bytes(TIFF.COMPRESSORS[compression](strip))


def _resolution(page: TiffPage) -> dict[str, Any]:
    """Return the resolution as it was."""
    tags = [page.tags.get(code) for code in (X_RESOLUTION, Y_RESOLUTION)]
    values = [tag.value for tag in tags if tag is not None]
    if len(values) < 2 or not all(isinstance(value, tuple) and value[1] for value in values):
        return {}
    unit = page.tags.get(UNIT)
    return {"resolution": tuple(values), "resolutionunit": int(unit.value) if unit else 2}


def _true_shape(value: bytes, *, strip: bool) -> bytes:
    """Return tifffile's note of a shape as it is true where all pages have tags; `strip`: and nothing else."""
    try:
        told = json.loads(value.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return b""
    told.pop("truncated", None)
    if strip:
        told = {key: told[key] for key in ("shape", "axes") if key in told}
    return json.dumps(told).encode("ascii") + b"\0"


def _true(value: bytes, name: str) -> bytes:
    """Return a description that is true of the new file: OME-XML tells the names of files."""
    if b"<OME" not in value[:4096]:
        return value
    new = (
        name.encode("utf-8").replace(b"&", b"&amp;").replace(b'"', b"&quot;").replace(b"<", b"&lt;")
    )
    return re.sub(
        rb'(<UUID\b[^<>]*?\bFileName=)"[^"<]*+"', lambda found: found[1] + b'"' + new + b'"', value
    )


def _bare(value: bytes, name: str) -> bytes:
    """Return what OME-XML says of where planes are and how large, and nothing else; of other texts nothing."""
    if b"<OME" not in value[:4096]:
        return b""
    text = value.rstrip(b"\0").decode("utf-8", "replace")
    images: list[list[str]] = []
    inside = False
    for end, tag, told in PARTS.findall(text):
        if tag == "Pixels":
            inside = not end and not told.endswith("/")
            if not end:
                images.append([f'<Pixels ID="Pixels:{len(images)}"{_attributes(told, SIZES)}>'])
        elif inside and not end:
            images[-1].append(f"<{tag}{_attributes(told, PLANES)}/>")
    found = (
        f'<Image ID="Image:{n}">{"".join(one)}</Pixels></Image>' for n, one in enumerate(images)
    )
    return f"{OME}{''.join(found)}</OME>".encode() + b"\0" if images else b""


def _attributes(told: str, kept: re.Pattern[str]) -> str:
    """Return those attributes that are kept."""
    found = ATTRIBUTE.findall(told)
    return "".join(f" {name}={value}" for name, value in found if kept.fullmatch(name))
