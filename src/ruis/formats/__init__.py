"""This room turns bytes into images and images into bytes, one module per family of formats.

May touch: files, errors, image, registry; Pillow, tifffile, imagecodecs, pydicom and rawpy, on first
use.
Must not: know models, noise or intensities; let one format import another; write half a file.
"""

from __future__ import annotations

import functools
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis.errors import (
    AxesError,
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    RuisError,
    UnsupportedFormatError,
)
from ruis.formats.atomic import new_file
from ruis.formats.base import Decoded, Format, Header, Limits, Source, decoding
from ruis.formats.metadata import exif_with, gathered, recorded, stripped, upright
from ruis.image import Image, ImageInfo, Metadata, data_range_of
from ruis.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
FIRST_FRAME = "animation: only the first frame was read"
FINITE_STEP = 2**22  # values looked at in one go when searching for NaN


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
        return _read(source, limits or Limits(), channel_axis)


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
    return _read(Source.of_bytes(data, name), limits or Limits(), channel_axis)


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

    Examples
    --------
    >>> import ruis
    >>> write(ruis.denoise(read("scan.tif")), "scan.clean.tif")  # doctest: +SKIP
    """
    path = Path(path)
    format = FORMATS.load(format_of(path))()
    prepared = _prepared(image, format, record, strip=strip_metadata)
    format.check(prepared, str(path))
    with new_file(path, overwrite=overwrite) as file:
        format.encode(prepared, file)


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
    prepared = _prepared(image, chosen, record, strip=strip_metadata)
    chosen.check(prepared)
    file = io.BytesIO()
    chosen.encode(prepared, file)
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
    prepared = _prepared(image, format, record, strip=strip_metadata).info.metadata
    if unheld := format.unheld(prepared):
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
        f"{ending} means no format; known: {', '.join(known)}.", source=str(path)
    )


def is_image_name(path: str | os.PathLike[str]) -> bool:
    """Say whether a file of this name is taken for an image when a folder is searched."""
    suffix = Path(path).suffix.lower()
    return any(suffix in format.suffixes for format in _formats())


def _formats() -> Iterator[Format]:
    """Yield ours first; entry points are looked up only if none of ours fits."""
    for name in FORMATS.own:
        yield FORMATS.load(name)()
    for name in FORMATS:
        if name not in FORMATS.own:
            yield FORMATS.load(name)()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open a regular file; anything else is an error of ours.

    Raises
    ------
    ImageError
        If there is no such file, it is none, or it may not be read.
    """
    name = str(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise ImageError(f"cannot be read: it is {kind}.", source=name)
        with path.open("rb") as file:
            yield Source.of_file(file, name)
    except RuisError:
        raise
    except FileNotFoundError as error:
        raise ImageError("there is no such file.", source=name) from error
    except PermissionError as error:
        raise ImageError("cannot be read: permission denied.", source=name) from error
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be read: {error}.", source=name) from error


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


def _read(source: Source, limits: Limits, channel_axis: int | None) -> Image:
    """Recognise, check the header, decode, finish."""
    format = recognised(source)
    if source.size > limits.max_file_bytes:
        raise ImageTooLargeError(
            f"the file has {source.size} bytes, more than the limit of "
            f"{limits.max_file_bytes:g}; raise it with Limits(max_file_bytes=...).",
            source=source.name,
        )
    if channel_axis is not None and not format.takes_channel_axis:
        raise AxesError(
            f"{format.title} says itself which axis holds the channels.", source=source.name
        )
    with decoding(format.title, source.name):
        header = format.header(source, channel_axis)
        header.check(limits, source.name)
        decoded = format.decode(source, header, channel_axis)
        _check_finite(decoded.pixels)
        return _finished(decoded, format.name, source.name)


def _check_finite(pixels: NDArray[Any]) -> None:
    """Refuse NaN and infinity: one would spread over a whole tile."""
    import numpy as np

    if pixels.dtype.kind != "f":
        return
    flat = pixels.reshape(-1)
    bad = sum(
        int(np.count_nonzero(~np.isfinite(flat[start : start + FINITE_STEP])))
        for start in range(0, flat.size, FINITE_STEP)
    )
    if bad:
        raise CorruptImageError(
            f"contains {bad} values that are not numbers (NaN or infinite); replace them first."
        )


def _finished(decoded: Decoded, format: str, source: str | None) -> Image:
    """Turn the pixels upright and gather the metadata."""
    metadata, orientation, notes = gathered(decoded)
    pixels = decoded.pixels
    if orientation != 1:
        pixels = upright(pixels, orientation)
        notes += (f"turned upright (EXIF orientation {orientation})",)
        if orientation >= 5 and metadata.resolution:
            metadata = replace(metadata, resolution=metadata.resolution[::-1])
    info = ImageInfo(
        dtype=pixels.dtype,
        data_range=decoded.data_range or data_range_of(pixels.dtype),
        colour=decoded.colour,
        alpha=decoded.alpha,
        axes=decoded.axes,
        format=format,
        source=source,
        metadata=metadata,
        notes=(*notes, FIRST_FRAME) if decoded.animated else notes,
        animated=decoded.animated,
    )
    return Image(pixels, info)


def _exif(metadata: Metadata, before: bytes | None, most: int | None) -> bytes | None:
    """Return the EXIF block with what goes into it, as far as that leaves it small enough, or as it was."""
    say = functools.partial(
        exif_with, metadata.exif, software=metadata.software, resolution=metadata.resolution
    )
    whole = say(description=metadata.description)
    for block in (whole, say(), before):
        if block is None or most is None or len(block) <= most:
            return block
    return whole


def _prepared(image: Image, format: Format, record: str, *, strip: bool) -> Image:
    """Return the image with the metadata that shall be written."""
    metadata, native = image.info.metadata, image.info.metadata.native
    before = None if strip else metadata.exif
    metadata = stripped(metadata) if strip else recorded(metadata, record)
    if native is not None:
        if native.format != format.name:
            native = None
        elif strip:
            native = format.stripped(native)
        metadata = replace(metadata, native=native)
    if format.uses_exif:
        metadata = replace(metadata, exif=_exif(metadata, before, format.max_exif))
    return replace(image, info=replace(image.info, metadata=metadata))
