"""Camera RAW: what a sensor measured, developed into colours; read only."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, ClassVar

from ruis.errors import CorruptImageError
from ruis.formats.base import (
    Decoded,
    Format,
    Header,
    Source,
    exif_block,
    not_installed,
)
from ruis.formats.exif import EXIF_IFD, GPS_IFD
from ruis.image import Metadata

if TYPE_CHECKING:
    from rawpy import RawPy

__all__ = ["RAW"]

SUBFILE, SUBDIRECTORIES, DNG_VERSION = 0x00FE, 0x014A, 0xC612
REDUCED = 1
STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
"""Of Fujifilm, Olympus (three) and Panasonic; all others are TIFFs, or Canon's CR3."""

SRGB = (2.4, 12.92)
"""The tone curve of sRGB, as LibRaw is told."""

TURNED = {5, 6}
"""LibRaw's flips that exchange rows and columns."""

KEPT = {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298}
"""Description, maker, model, software, date, artist, copyright."""

NOT_KEPT = {0x927C, 0x9286, 0xA002, 0xA003, 0xA005}
"""Of the camera's settings: the maker's own notes, which point into the file, and the size."""


class RAW(Format):
    """What LibRaw reads (DNG, CR2, CR3, NEF, ARW, RAF, ORF, RW2, ...), developed by rawpy.

    The white balance is the camera's, the colours are sRGB in 16 bits, the picture is turned
    upright and its brightness left as exposed, so that the same file always gives the same pixels.
    It is written as PNG or TIFF: denoised colours cannot become a sensor's values again.
    """

    name: ClassVar[str] = "raw"
    title: ClassVar[str] = "Camera RAW"
    suffixes: ClassVar[tuple[str, ...]] = (
        ".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw",
    )  # fmt: skip
    media_type: ClassVar[str] = "image/x-adobe-dng"

    def recognises(self, start: bytes) -> bool:
        """Whether it is one of the cameras' own containers, or a TIFF that says it is a RAW."""
        if start.startswith(STARTS) or start[4:12] == b"ftypcrx ":
            return True
        if start[:4] not in (b"II*\0", b"MM\0*"):
            return False
        tags = _first_directory(start)
        thumbnail_first = tags.get(SUBFILE) == REDUCED and SUBDIRECTORIES in tags
        return start[8:10] == b"CR" or DNG_VERSION in tags or thumbnail_first

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read the size; nothing is unpacked."""
        with _opened(source) as raw:
            rows, columns = _size(raw)
        return Header(self.name, rows, columns, 3, "uint16", "rgb")

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Develop the picture."""
        import rawpy

        with _opened(source) as raw:
            pixels = raw.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                output_bps=16,
                output_color=rawpy.ColorSpace.sRGB,
                gamma=SRGB,
            )
        if pixels.shape != (header.rows, header.columns, 3):
            raise CorruptImageError(
                f"its header announces {header.rows}x{header.columns}, it has {pixels.shape}."
            )
        exif = _exif(bytes(source.everything()))
        notes = ["developed into 16-bit sRGB with the camera's white balance"]
        notes += [] if exif else ["EXIF is not carried over from this kind of file"]
        return Decoded(pixels, "rgb", metadata=Metadata(exif=exif), notes=tuple(notes))


def _opened(source: Source) -> RawPy:
    try:
        import rawpy
    except ImportError as error:
        raise not_installed("Camera RAW", "raw") from error
    source.file.seek(0)
    return rawpy.imread(source.file)


def _size(raw: RawPy) -> tuple[int, int]:
    """Return rows and columns as developed: upright, and with square pixels."""
    sizes = raw.sizes
    rows, columns = sizes.iheight, sizes.iwidth
    return (columns, rows) if sizes.flip in TURNED else (rows, columns)


def _first_directory(start: bytes) -> dict[int, int]:
    """Return the tags of a TIFF's first directory, as far as it is here, with short values."""
    order = "<" if start[:2] == b"II" else ">"
    tags: dict[int, int] = {}
    try:
        (at,) = struct.unpack_from(f"{order}I", start, 4)
        (count,) = struct.unpack_from(f"{order}H", start, at)
        for place in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHII", start, place)
            if kind == 3 and order == ">":
                value >>= 16
            tags[tag] = value
    except struct.error:
        pass  # the rest of it is further on
    return tags


def _exif(data: bytes) -> bytes | None:
    """Return what a RAW that is a TIFF says of camera, exposure and place; None if it cannot be read."""
    from PIL.Image import Exif

    found, kept = Exif(), Exif()
    try:
        found.load(data)
        for tag in KEPT & set(found):
            kept[tag] = found[tag]
        for directory in (EXIF_IFD, GPS_IFD):
            values: dict[int, Any] = found.get_ifd(directory)
            chosen = {tag: one for tag, one in values.items() if tag not in NOT_KEPT}
            if chosen:
                kept[directory] = chosen
        return exif_block(kept) if len(kept) else None
    except Exception:  # noqa: BLE001 - EXIF makes no picture unreadable
        return None
