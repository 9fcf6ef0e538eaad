"""What every format has in common: its contract, the header that comes first, and the limits."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Self

from ruis.errors import (
    ChannelMismatchError,
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from ruis.formats.exif import EXIF_IFD, GPS_IFD, retyped
from ruis.formats.source import Source  # what every format reads from
from ruis.image import Colour, Image, ImageInfo, Metadata, Native

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Exif

__all__ = ["Decoded", "Format", "Header", "Limits", "Source", "decoding", "not_installed"]

TITLES = {
    "exif": "EXIF",
    "xmp": "XMP",
    "icc": "the colour profile",
    "description": "the description",
}
"""What of the metadata people miss where a format has no place for it."""


@dataclass(frozen=True)
class Limits:
    """What a header may announce before anything is decoded.

    Parameters
    ----------
    max_pixels : float, default 200e6
        Rows times columns.
    max_bytes : float, default 4 GiB
        Memory of the decoded pixels, in bytes.
    max_file_bytes : float, default 4 GiB
        Size of the file, in bytes.
    """

    max_pixels: float = 200e6
    max_bytes: float = 4 * 2**30
    max_file_bytes: float = 4 * 2**30

    @classmethod
    def of_pixels(cls, max_pixels: float) -> Self:
        """Return limits for images of so many pixels; memory and file size go with them."""
        share = max(1.0, max_pixels / cls.max_pixels)
        return cls(max_pixels, cls.max_bytes * share, cls.max_file_bytes * share)


@dataclass(frozen=True)
class Header:
    """What a file announces about its pixels, known without decoding one.

    Parameters
    ----------
    format : str
        The name of the format: "png".
    rows, columns : int
        The size as stored, before an EXIF orientation turns it.
    channels : int
        Channels after expansion of a palette, alpha included.
    dtype : str
        The dtype that the pixels will have: "uint8", "float32".
    colour : {"gray", "rgb", "cmyk", "channels"}
        What the channels mean, alpha aside.
    alpha : bool
        Whether the last channel is alpha.
    frames : int
        How many images the file holds, as far as the header tells.
    turned : bool
        Whether reading turns it by a quarter, as far as the header tells: rows become columns.
    """

    format: str
    rows: int
    columns: int
    channels: int
    dtype: str
    colour: Colour
    alpha: bool = False
    frames: int = 1
    turned: bool = False

    @property
    def upright(self) -> tuple[int, int]:
        """Rows and columns, as the image will be read."""
        return (self.columns, self.rows) if self.turned else (self.rows, self.columns)

    @property
    def nbytes(self) -> int:
        """The memory that the decoded pixels need, in bytes."""
        bits = re.search(r"\d+$", self.dtype)
        return self.rows * self.columns * self.channels * (int(bits[0]) // 8 if bits else 1)

    def check(self, limits: Limits, source: str | None) -> None:
        """Refuse an image that is empty, or larger than the limits.

        Raises
        ------
        CorruptImageError
            If there are no rows, columns or channels.
        ImageTooLargeError
            If the pixels, or the memory that they need, exceed the limits.
        """
        size = f"{self.columns}x{self.rows} pixels"
        if min(self.rows, self.columns, self.channels) < 1:
            raise CorruptImageError(f"the image is empty ({size}).", source=source)
        if self.rows * self.columns > limits.max_pixels:
            raise ImageTooLargeError(
                f"{size} ({self.rows * self.columns / 1e6:.1f} Mpx) exceed the limit of "
                f"{limits.max_pixels / 1e6:g} Mpx; if you trust the file, raise it with "
                "--max-pixels or Limits(max_pixels=...).",
                source=source,
            )
        if self.nbytes > limits.max_bytes:
            raise ImageTooLargeError(
                f"{size} of {self.channels} x {self.dtype} need {self.nbytes / 2**20:.0f} MiB, "
                f"more than the limit of {limits.max_bytes / 2**20:.0f} MiB; if you trust the "
                "file, raise it with Limits(max_bytes=...).",
                source=source,
            )


@dataclass(frozen=True)
class Decoded:
    """What a format hands over: pixels as stored, and everything that the file says about them.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (rows, columns, channels); not yet turned upright.
    colour : {"gray", "rgb", "cmyk", "channels"}
        As in :class:`ruis.image.ImageInfo`, like those that follow.
    alpha : bool
        Whether the last channel is alpha.
    axes : str
        The axes of the stored array.
    metadata : Metadata
        What the file says beside its pixels; EXIF is as found in the file.
    notes : tuple of str
        What reading changed.
    data_range : tuple of float, optional
        Only if the file declares it; default: the whole range of the dtype.
    orientation : int
        The EXIF orientation that the format itself declares (TIFF does), 1 to 8.
    animated : bool
        Whether there are more frames, which were left out.
    range_from_pixels : bool
        As in :class:`ruis.image.ImageInfo`.
    """

    pixels: NDArray[Any]
    colour: Colour
    alpha: bool = False
    axes: str = "YXC"
    data_range: tuple[float, float] | None = None
    metadata: Metadata = field(default_factory=Metadata)
    orientation: int = 1
    notes: tuple[str, ...] = ()
    animated: bool = False
    range_from_pixels: bool = False


class Format(ABC):
    """One family of image files. Instances hold nothing.

    Attributes
    ----------
    name : str
        Its name in the table: "png".
    title : str
        Its name for people: "PNG".
    suffixes : tuple of str
        The file name endings that mean it, in lower case; the first is the usual one.
    media_type : str
        For the HTTP service.
    dtypes : frozenset of str
        The dtypes that it can hold; empty if it is never written.
    layouts : frozenset of str
        The layouts that it can hold: "gray", "gray+alpha", "rgb", "rgb+alpha", "cmyk",
        "channels", ...
    lossless : bool
        Whether pixels that are written come back as they were.
    fields : frozenset of str
        The fields of `Metadata` that it can hold.
    uses_exif : bool
        Whether software, description and resolution go into the EXIF block.
    max_exif : int, optional
        The largest EXIF block, in bytes.
    max_side : int, optional
        The largest number of rows or columns.
    takes_channel_axis : bool
        Whether its arrays may need to be told which axis holds the channels.
    native : str, optional
        What it keeps that no other format understands, for people: "the tags of DICOM".
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    media_type: ClassVar[str]
    dtypes: ClassVar[frozenset[str]] = frozenset()
    layouts: ClassVar[frozenset[str]] = frozenset()
    lossless: ClassVar[bool] = True
    fields: ClassVar[frozenset[str]] = frozenset()
    uses_exif: ClassVar[bool] = False
    max_exif: ClassVar[int | None] = None
    max_side: ClassVar[int | None] = None
    takes_channel_axis: ClassVar[bool] = False
    native: ClassVar[str | None] = None

    @abstractmethod
    def recognises(self, start: bytes) -> bool:
        """Whether a file that starts with these bytes is of this format."""

    @abstractmethod
    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read what the file announces, and decode nothing.

        Raises
        ------
        CorruptImageError
            If the header makes no sense.
        UnsupportedFormatError
            If it announces a variant that ruis does not read.
        """

    @abstractmethod
    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Decode the pixels and collect the metadata; the header was checked before."""

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Write the image with the metadata in its info; `check` was called before."""
        raise NotImplementedError(self.name)

    def lost(self, native: Native) -> str | None:
        """Say what of it another format will not hold, for people; None if it is nothing to them."""
        return self.native

    def stripped(self, native: Native) -> Native | None:
        """Return what pixels cannot do without, once names, dates and texts are left out."""
        return None

    def unheld(self, metadata: Metadata) -> tuple[str, ...]:
        """Say what of the metadata that formats share this one will not hold, for people."""
        return tuple(
            title
            for field, title in TITLES.items()
            if field not in self.fields and getattr(metadata, field)
        )

    @property
    def writable(self) -> bool:
        """Whether ruis writes this format."""
        return bool(self.dtypes)

    def refusal(self, image: Image) -> str | None:
        """Say why the format cannot hold the image; None if it can."""
        dtype = image.pixels.dtype.name
        layout = layout_of(image.info)
        if dtype not in self.dtypes:
            return self._cannot_hold(dtype, self.dtypes)
        if layout not in self.layouts:
            return self._cannot_hold(layout, self.layouts)
        if self.max_side is not None and max(image.rows, image.columns) > self.max_side:
            return (
                f"{self.title} holds at most {self.max_side} rows and columns, "
                f"this image has {image.rows} and {image.columns}; a .tiff or .png file can."
            )
        return None

    def _cannot_hold(self, what: str, held: frozenset[str]) -> str:
        advice = "" if self.name == "tiff" else " TIFF holds the most."
        return f"{self.title} cannot hold {what}, only {', '.join(sorted(held))}.{advice}"

    def check(self, image: Image, source: str | None = None) -> None:
        """Refuse to write what the format cannot hold.

        Raises
        ------
        ChannelMismatchError
            If dtype, layout or size do not fit; the message names a format that does.
        """
        reason = self.refusal(image)
        if reason is not None:
            raise ChannelMismatchError(reason, source=source)


def not_installed(title: str, extra: str) -> UnsupportedFormatError:
    """Return the error of a format whose package is not here."""
    return UnsupportedFormatError(
        f'{title} files need a package that is not here: pip install "ruis[{extra}]".'
    )


def layout_of(info: ImageInfo) -> str:
    """Return the layout in one word: "rgb+alpha"."""
    return info.colour + ("+alpha" if info.alpha else "")


def squeezed(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return (rows, columns) for one channel, as encoders want it, and contiguous memory."""
    import numpy as np

    return np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


class RawText(str):
    """A text of an EXIF tag, one character per byte.

    Pillow reads texts as Latin-1 and writes them as ASCII with question marks; this one is
    written as it was read, whatever its encoding.
    """

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        """Return the bytes as they were."""
        return super().encode("latin-1", "replace")


def exif_block(exif: Exif) -> bytes:
    """Serialise an EXIF block, the directories it points to included, its thumbnail's not."""
    inner = [exif.get_ifd(tag) for tag in (EXIF_IFD, GPS_IFD) if tag in exif]
    for directory in (exif, *inner):
        for tag, value in list(directory.items()):
            if isinstance(value, str):
                directory[tag] = RawText(value)
    return retyped(exif.tobytes().removeprefix(b"Exif\0\0"))


@contextmanager
def decoding(title: str, source: str | None) -> Iterator[None]:
    """Turn whatever a decoder raises into an error of ours that names the file.

    Decoders are fed with bytes from strangers, and raise what they like.
    """
    try:
        yield
    except ImageError as error:
        if error.source is None and source is not None:
            raise type(error)(error.reason, source=source) from error
        raise
    except MemoryError as error:
        raise ImageTooLargeError("not enough memory to decode it.", source=source) from error
    except Exception as error:
        reason = " ".join(str(error).partition("Traceback")[0].split())[:200]
        reason = reason or type(error).__name__
        raise CorruptImageError(f"broken {title} file: {reason}.", source=source) from error
