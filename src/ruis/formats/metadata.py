"""What happens to metadata: EXIF is cleaned when read, and the processing is recorded when written.

EXIF comes from strangers and is broken often; nothing here makes an image unreadable.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ruis.formats.base import Decoded, RawText, exif_block
from ruis.formats.exif import (
    ASCII,
    EXIF_IFD,
    PIXEL_COLUMNS,
    PIXEL_ROWS,
    RATIONAL,
    SHORT,
    X_RESOLUTION,
    Y_RESOLUTION,
    Entry,
    Value,
    edited,
    values_of,
)
from ruis.image import Metadata

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Exif

__all__ = [
    "CleanExif",
    "clean_exif",
    "exif_with",
    "gathered",
    "recorded",
    "stripped",
    "upright",
    "upright_xmp",
]

DESCRIPTION, ORIENTATION = 0x010E, 0x0112
RESOLUTION_UNIT, SOFTWARE = 0x0128, 0x0131
CENTIMETRES = 3
RESOLUTION = {X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT}
READ: dict[int, Any] = {
    DESCRIPTION: bytes,
    SOFTWARE: bytes,
    ORIENTATION: int,
    RESOLUTION_UNIT: int,
    X_RESOLUTION: (int, float),
    Y_RESOLUTION: (int, float),
}
"""What is read of an EXIF block, and of which type it usually is."""
SAME_STRUCTURE = {
    # Where and how some file kept its pixels: meaningless in any other file.
    0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0111, 0x0115, 0x0116, 0x0117, 0x011C, 0x013D,
    0x0140, 0x0142, 0x0143, 0x0144, 0x0145, 0x014A, 0x0152, 0x0153, 0x015B, 0x0201, 0x0202,
    0x0211, 0x0212, 0x0213, 0x0214, 0x00FE, 0x02BC, 0x8773, 0x83BB, 0x8649,
}  # fmt: skip


@dataclass(frozen=True)
class CleanExif:
    """An EXIF block that is fit to be kept, and what was learnt from it.

    Parameters
    ----------
    exif : bytes or None
        The block without prefix, thumbnail and rotation; None if it was unreadable.
    orientation : int
        What it said about the pixels, 1 to 8.
    software, description : str or None
        As found.
    resolution : tuple of float or None
        Pixels per inch.
    note : str or None
        What a person should know.
    """

    exif: bytes | None
    orientation: int = 1
    software: str | None = None
    description: str | None = None
    resolution: tuple[float, float] | None = None
    note: str | None = None


def clean_exif(block: bytes) -> CleanExif:
    """Parse an EXIF block, and return it upright and without its thumbnail.

    The thumbnail shows the noisy image, so it is dropped; so are the tags that describe how some
    TIFF file stored its pixels.
    """
    try:
        with _quietly():
            return _clean(block)
    except Exception:  # noqa: BLE001 - whatever the parser trips over, the image is readable
        return CleanExif(None, note="unreadable EXIF ignored")


def _clean(block: bytes) -> CleanExif:
    exif = _said(block)
    orientation: Any = exif.get(ORIENTATION, 1)
    if orientation not in range(1, 9):
        orientation = 1
    resolution = _resolution(exif)
    changes: dict[int, Entry | None] = dict.fromkeys(SAME_STRUCTURE & set(exif))
    if ORIENTATION in exif:
        changes[ORIENTATION] = Entry(SHORT, (1,))
    try:
        cleaned = edited(block, changes, turned=orientation >= 5)
    except ValueError:  # what Pillow makes of it is better than nothing
        cleaned = _written_anew(_loaded(block), orientation)
    return CleanExif(
        cleaned if set(exif) - SAME_STRUCTURE else None,
        orientation,
        _text(exif.get(SOFTWARE)),
        _text(exif.get(DESCRIPTION)),
        resolution,
    )


def _written_anew(exif: Exif, orientation: int) -> bytes:
    """Return a block that Pillow writes, upright and without tags of another file's structure."""
    if ORIENTATION in exif:
        exif[ORIENTATION] = 1
    if orientation >= 5 and EXIF_IFD in exif:
        _swap(exif.get_ifd(EXIF_IFD), PIXEL_COLUMNS, PIXEL_ROWS)
    if orientation >= 5:
        _swap(exif, X_RESOLUTION, Y_RESOLUTION)
    for tag in SAME_STRUCTURE & set(exif):
        del exif[tag]
    return exif_block(exif)


def exif_with(
    block: bytes | None,
    *,
    software: str | None = None,
    description: str | None = None,
    resolution: tuple[float, float] | None = None,
) -> bytes | None:
    """Return an EXIF block that says these things too; None if there is nothing to say."""
    values: dict[int, Any] = {SOFTWARE: software, DESCRIPTION: description}
    if resolution is not None:
        values |= {X_RESOLUTION: resolution[0], Y_RESOLUTION: resolution[1], RESOLUTION_UNIT: 2}
    values = {tag: value for tag, value in values.items() if value is not None}
    if not values:
        return block
    try:
        with _quietly():
            return _with_values(block, values)
    except Exception:  # noqa: BLE001 - a block that cannot be changed is kept as it is
        return block


def _with_values(block: bytes | None, values: dict[int, Any]) -> bytes:
    said = _said(block) if block else {}
    if _text(said.get(DESCRIPTION)):
        values.pop(DESCRIPTION, None)  # a file's comment is another text than its EXIF's
    here = _resolution(said)
    if here is not None and here == (values.get(X_RESOLUTION), values.get(Y_RESOLUTION)):
        values = {tag: values[tag] for tag in values if tag not in RESOLUTION}
    if block:
        with suppress(ValueError):  # what is broken Pillow writes anew
            return edited(block, {tag: _entry(value) for tag, value in values.items()})
    exif = _loaded(block or b"")
    for tag, value in values.items():
        exif[tag] = RawText(value.encode().decode("latin-1")) if isinstance(value, str) else value
    return exif_block(exif)


def _entry(value: str | float) -> Entry:
    """Return a text, a number of inches, or a unit as it is stored."""
    if isinstance(value, str):
        return Entry(ASCII, value.encode() + b"\0")
    if isinstance(value, int):
        return Entry(SHORT, (value,))
    part = Fraction(value).limit_denominator(1000)
    return Entry(RATIONAL, (part.numerator, part.denominator))


def recorded(metadata: Metadata, record: str) -> Metadata:
    """Return the metadata with the processing added to what made the file.

    Examples
    --------
    >>> recorded(Metadata(software="GIMP 2.10"), "ruis 0.1: denoised with gray").software
    'GIMP 2.10; ruis 0.1: denoised with gray'
    """
    if not record:
        return metadata
    before = (metadata.software or "").strip()
    if before == record or before.endswith(f"; {record}"):
        return metadata
    software = f"{before}; {record}" if before else record
    exif = exif_with(metadata.exif, software=software) if metadata.exif else None
    return replace(metadata, software=software, exif=exif)


def stripped(metadata: Metadata) -> Metadata:
    """Return only what changes how the image looks: the colour profile and the resolution."""
    return Metadata(icc=metadata.icc, resolution=metadata.resolution)


def gathered(decoded: Decoded) -> tuple[Metadata, int, tuple[str, ...]]:
    """Return the metadata with what EXIF adds to it, the orientation, and all notes."""
    metadata, orientation, notes = decoded.metadata, decoded.orientation, decoded.notes
    if metadata.exif:
        clean = clean_exif(metadata.exif)
        orientation = orientation if orientation != 1 else clean.orientation
        notes += (clean.note,) if clean.note else ()
        metadata = replace(
            metadata,
            exif=clean.exif,
            software=metadata.software or clean.software,
            description=metadata.description or clean.description,
            resolution=metadata.resolution or clean.resolution,
        )
    if metadata.xmp:
        metadata = replace(metadata, xmp=upright_xmp(metadata.xmp))
    return metadata, orientation, notes


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation; 1 is upright."""
    if orientation == 1:
        return pixels
    import numpy as np

    turned = {
        2: lambda: pixels[:, ::-1],
        3: lambda: pixels[::-1, ::-1],
        4: lambda: pixels[::-1],
        5: lambda: pixels.swapaxes(0, 1),
        6: lambda: pixels[::-1].swapaxes(0, 1),
        7: lambda: pixels[::-1, ::-1].swapaxes(0, 1),
        8: lambda: pixels[:, ::-1].swapaxes(0, 1),
    }[orientation]()
    return np.ascontiguousarray(turned)


def upright_xmp(packet: bytes) -> bytes:
    """Return the XMP packet with its orientation, if any, set to 1 (same length)."""
    return re.sub(rb"(tiff:Orientation(?:=[\"']|>))[2-8]", rb"\g<1>1", packet)


@contextmanager
def _quietly() -> Iterator[None]:
    """Pillow warns about odd tags; there is nobody who could act on it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _said(block: bytes) -> Mapping[int, Value | None]:
    """Return what the first directory of a block says; what is unusual, Pillow reads, which takes 20 ms to import."""
    try:
        said = values_of(block)
    except ValueError:
        return _loaded(block)
    usual = all(isinstance(said[tag], READ[tag]) for tag in READ.keys() & said.keys())
    return said if usual else _loaded(block)


def _loaded(block: bytes) -> Exif:
    from PIL.Image import Exif

    exif = Exif()
    exif.load(block)
    return exif


def _swap(ifd: MutableMapping[int, Any], one: int, other: int) -> None:
    if one in ifd and other in ifd:
        ifd[one], ifd[other] = ifd[other], ifd[one]


def _text(value: object) -> str | None:
    """Return a tag's text; EXIF has no encoding, and most programs write UTF-8."""
    if isinstance(value, str):
        value = value.encode("latin-1", "replace")
    if not isinstance(value, bytes):
        return None
    value = value.rstrip(b"\0 ")
    try:
        return value.decode() or None
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _resolution(exif: Mapping[int, Any]) -> tuple[float, float] | None:
    """Return pixels per inch, if the tags make sense."""
    try:
        across, down = float(exif[X_RESOLUTION]), float(exif[Y_RESOLUTION])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (0 < across < 1e6 and 0 < down < 1e6):
        return None
    factor = 2.54 if exif.get(RESOLUTION_UNIT) == CENTIMETRES else 1.0
    return (across * factor, down * factor)
