"""This room turns bytes into images and images into bytes, one module per family of formats.

May touch: files, errors, image, registry; Pillow, tifffile, imagecodecs, pydicom and rawpy, on first
use.
Must not: know models, noise or intensities; let one format import another; write half a file.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ruis.errors import ConfigError, CorruptImageError, UnsupportedFormatError
from ruis.formats.atomic import new_file
from ruis.formats.base import Format, Header, Limits, decoding
from ruis.formats.reading import decoded, opened
from ruis.formats.source import Source
from ruis.formats.writing import prepared
from ruis.image import Image
from ruis.registry import Registry

__all__ = [
    "FORMATS",
    "Format",
    "Header",
    "Limits",
    "encode",
    "format_of",
    "is_image_name",
    "left_behind",
    "opened",
    "probe",
    "read",
    "read_bytes",
    "recognised",
    "write",
]

FORMATS = Registry(
    "image format",
    "ruis.formats",
    {
        "png": "ruis.formats.png:PNG",
        "jpeg": "ruis.formats.jpeg:JPEG",
        "dicom": "ruis.formats.dicom:DICOM",  # before TIFF, as its preamble may be that of a TIFF
        "raw": "ruis.formats.raw:RAW",  # before TIFF, which many of them are as well
        "tiff": "ruis.formats.tiff:TIFF",
        "webp": "ruis.formats.webp:WebP",
        "bmp": "ruis.formats.bmp:BMP",
        "pnm": "ruis.formats.pnm:PNM",
        "gif": "ruis.formats.gif:GIF",
        "npy": "ruis.formats.npy:NPY",
        "fits": "ruis.formats.fits:FITS",
    },
)
"""The formats that ruis reads; all but GIF and RAW are also written. The first that recognises a file has it."""

RECORD = "ruis"  # what is known here; a door that used a model says which


def read(
    path: str | os.PathLike[str], *, limits: Limits | None = None, channel_axis: int | None = None
) -> Image:
    """Read an image from a file; its content decides the format, not its name.

    Pixels keep their stored values and dtype. Palettes and bits are expanded, an EXIF orientation
    turns the pixels upright; what was changed is said in the image's notes.

    Parameters
    ----------
    path : str or path
        The file.
    limits : Limits, optional
        What is refused by its header alone; default: 200 Mpx, 4 GiB.
    channel_axis : int, optional
        Which axis of an NPY or TIFF array holds the channels, where it does not say so itself.

    Returns
    -------
    Image
        Pixels of shape (rows, columns, channels), and their info.

    Raises
    ------
    UnsupportedFormatError
        If the content belongs to no format that ruis reads.
    CorruptImageError
        If the file is truncated, damaged, empty, or holds values that are not numbers.
    ImageTooLargeError
        If the header announces more than the limits allow.
    AxesError
        If it cannot be told which axis holds the channels.
    ImageError
        If there is no such file, or it cannot be opened.

    Examples
    --------
    >>> image = read("scan.tif")  # doctest: +SKIP
    >>> image.pixels.shape, image.info.dtype  # doctest: +SKIP
    ((3508, 2480, 1), dtype('uint16'))
    """
    with opened(Path(path)) as source:
        format = recognised(source)
        image = decoded(source, format, limits or Limits(), channel_axis)
    notes = _misnamed(Path(path), format)
    if not notes:
        return image
    return replace(image, info=replace(image.info, notes=(*image.info.notes, *notes)))


def read_bytes(
    data: bytes,
    *,
    name: str | None = None,
    limits: Limits | None = None,
    channel_axis: int | None = None,
) -> Image:
    """Read an image from memory.

    Parameters
    ----------
    data : bytes
        The content of an image file.
    name : str, optional
        What messages call it.
    limits : Limits, optional
        As for `read`.
    channel_axis : int, optional
        As for `read`.

    Returns
    -------
    Image
        Pixels of shape (rows, columns, channels), and their info.

    Raises
    ------
    ImageError
        As for `read`.
    """
    source = Source.of_bytes(data, name)
    return decoded(source, recognised(source), limits or Limits(), channel_axis)


def probe(path: str | os.PathLike[str], *, channel_axis: int | None = None) -> Header:
    """Read what an image file announces, without decoding it and without limits.

    Parameters
    ----------
    path : str or path
        The file.
    channel_axis : int, optional
        As for `read`.

    Returns
    -------
    Header
        Format, size, channels and dtype. The size is as stored, before EXIF turns the image; a
        GIF announces RGBA, whatever its first frame will be.

    Raises
    ------
    ImageError
        As for `read`.
    """
    with opened(Path(path)) as source:
        format = recognised(source)
        with decoding(format.title, source.name):
            return format.header(source, channel_axis)


def write(
    image: Image,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    strip_metadata: bool = False,
    record: str = RECORD,
) -> None:
    """Write an image to a file; the file appears whole or not at all.

    The name's ending decides the format. Metadata is kept as far as the format can hold it.

    Parameters
    ----------
    image : Image
        What to write.
    path : str or path
        Where to; its folder must exist.
    overwrite : bool, default False
        Whether a file that is there already is replaced.
    strip_metadata : bool, default False
        Whether EXIF, XMP, description and software are left out. The colour profile and the
        resolution stay: they change how the image looks, and say nothing about anyone.
    record : str
        What was done to the image; added to the metadata's software. Empty: nothing is added.

    Raises
    ------
    UnsupportedFormatError
        If the name ends in nothing that ruis writes.
    ChannelMismatchError
        If the format cannot hold the dtype or the channels.
    ImageWriteError
        If the file exists already, or the disk refuses; what was there before is still there.
    ConfigError
        If it is no Image.

    Examples
    --------
    >>> import ruis
    >>> write(ruis.denoise(read("scan.tif")), "scan.clean.tif")  # doctest: +SKIP
    """
    if not isinstance(image, Image):
        raise ConfigError(
            f"what is written is an Image, as ruis.read gives one, and not {type(image).__name__}."
        )
    path = Path(path)
    format = FORMATS.load(format_of(path))()
    ready = prepared(image, format, record, strip=strip_metadata)
    format.check(ready, str(path))
    with new_file(path, overwrite=overwrite) as file:
        format.encode(ready, file)


def encode(
    image: Image,
    format: str,
    *,
    strip_metadata: bool = False,
    record: str = RECORD,
) -> bytes:
    """Return the bytes of an image file.

    Parameters
    ----------
    image : Image
        What to encode.
    format : str
        A name from `FORMATS`: "png".
    strip_metadata : bool, default False
        As for `write`.
    record : str
        As for `write`.

    Returns
    -------
    bytes
        The content of the file.

    Raises
    ------
    UnknownNameError
        If there is no such format.
    UnsupportedFormatError
        If the format is only read.
    ChannelMismatchError
        If the format cannot hold the dtype or the channels.
    """
    chosen = FORMATS.load(format)()
    if not chosen.writable:
        raise UnsupportedFormatError(f"{chosen.title} is read and not written; use PNG.")
    ready = prepared(image, chosen, record, strip=strip_metadata)
    chosen.check(ready)
    file = io.BytesIO()
    chosen.encode(ready, file)
    return file.getvalue()


def left_behind(
    image: Image,
    path: str | os.PathLike[str],
    *,
    strip_metadata: bool = False,
    record: str = RECORD,
) -> tuple[str, ...]:
    """Say what a file of this name will not hold of an image, though its source did.

    Parameters
    ----------
    image : Image
        What is to be written.
    path : str or path
        Where to; its ending decides the format.
    strip_metadata : bool, default False
        As for `write`: what is stripped is not left behind.
    record : str
        As for `write`: it takes room, too.

    Returns
    -------
    tuple of str
        For people: "the tags of DICOM are not kept in PNG".

    Raises
    ------
    UnsupportedFormatError
        If the ending means no format, or one that is only read.

    Examples
    --------
    >>> from ruis.arrays import as_image
    >>> image, _ = as_image([[0, 1]], data_range=1)
    >>> left_behind(image, "a.png")
    ()
    """
    metadata = image.info.metadata
    format = FORMATS.load(format_of(path))()
    said = []
    if metadata.native is not None and metadata.native.format != format.name:
        lost = FORMATS.load(metadata.native.format)().lost(metadata.native)
        said += [f"{lost} are not kept in {format.title}"] if lost else []
    kept = prepared(image, format, record, strip=strip_metadata).info.metadata
    if unheld := format.unheld(kept):
        are = "is" if len(unheld) == 1 else "are"
        said += [f"{' and '.join(unheld)} {are} not kept in {format.title}"]
    return tuple(said)


def format_of(path: str | os.PathLike[str]) -> str:
    """Return the name of the format in which a file of this name would be written.

    Parameters
    ----------
    path : str or path
        A file name; only its ending matters.

    Returns
    -------
    str
        A name from `FORMATS`.

    Raises
    ------
    UnsupportedFormatError
        If the ending means no format, or one that is only read.
    """
    suffix = Path(path).suffix.lower()
    known: list[str] = []
    for format in _formats():
        if suffix in format.suffixes and format.writable:
            return format.name
        if suffix in format.suffixes:
            reason = f"{format.title} is read and not written; use .png instead."
            raise UnsupportedFormatError(reason, source=str(path))
        known += format.suffixes if format.writable else ()
    ending = f"the ending {suffix!r}" if suffix else "a name without ending"
    raise UnsupportedFormatError(
        f"{ending} means no format; known: {', '.join(known)}. Give the output such a name.",
        source=str(path),
    )


def is_image_name(path: str | os.PathLike[str]) -> bool:
    """Say whether a file of this name is taken for an image when a folder is searched."""
    suffix = Path(path).suffix.lower()
    return any(suffix in format.suffixes for format in _formats())


def _misnamed(path: Path, format: Format) -> tuple[str, ...]:
    """Say so if a file holds another format than its ending says, by which a result is written."""
    suffix = path.suffix.lower()
    if not suffix or suffix in format.suffixes:
        return ()
    for name in FORMATS.own:
        other: Format = FORMATS.load(name)()
        if suffix in other.suffixes:
            said = f"it holds {format.title}, although its ending {suffix} says {other.title}"
            return (said,) if other.writable else ()
    return ()


def _formats() -> Iterator[Format]:
    """Yield ours first; entry points are looked up only if none of ours fits."""
    for name in FORMATS.own:
        yield FORMATS.load(name)()
    for name in FORMATS:
        if name not in FORMATS.own:
            yield FORMATS.load(name)()


def recognised(source: Source) -> Format:
    """Return the format that the first bytes of a file belong to.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    UnsupportedFormatError
        If they belong to none that ruis reads.
    CorruptImageError
        If there are none.
    """
    start = source.start
    if not start:
        raise CorruptImageError("the file is empty.", source=source.name)
    for format in _formats():
        if format.recognises(start):
            return format
    raise UnsupportedFormatError(
        f"its content is none of {', '.join(FORMATS)}.", source=source.name
    )
