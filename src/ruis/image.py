"""Image: pixels, and the record that carries what must not be lost.

Pixels keep the values and the dtype in which they were stored; only `ruis.intensity` turns them
into float32 model values, and back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ruis.errors import AxesError, ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import DTypeLike, NDArray

__all__ = ["Colour", "Image", "ImageInfo", "Metadata", "Native", "common_range", "data_range_of"]

Colour = Literal["gray", "rgb", "cmyk", "channels"]
"""What the channels (alpha aside) mean; "channels" is anything that has no colour meaning."""


@dataclass(frozen=True)
class Native:
    """What a file says that only its own format understands: a DICOM data set, FITS headers.

    Parameters
    ----------
    format : str
        The name of the format that it was read from, which alone looks into the content.
    content : object
        Immutable, and fit to be sent to another process.
    """

    format: str
    content: object


@dataclass(frozen=True)
class Metadata:
    r"""What a file says beside its pixels; every field may be absent.

    Parameters
    ----------
    exif : bytes, optional
        An EXIF block as TIFF bytes, without the "Exif\0\0" prefix. Orientation is already 1,
        because reading turns the pixels upright.
    icc : bytes, optional
        The ICC colour profile.
    xmp : bytes, optional
        The XMP packet.
    resolution : tuple of float, optional
        Pixels per inch, (horizontal, vertical).
    description : str, optional
        The TIFF ImageDescription, or the comment of the file.
    software : str, optional
        What made or processed the file; `formats.write` records ruis here.
    native : Native, optional
        What only the format of the file understands; kept where the same format is written.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    resolution: tuple[float, float] | None = None
    description: str | None = None
    software: str | None = None
    native: Native | None = None


@dataclass(frozen=True)
class ImageInfo:
    """Everything about an image that is not its pixels.

    Parameters
    ----------
    dtype : numpy.dtype
        The dtype of the stored values.
    data_range : tuple of float
        The values that mean black and white: (0, 255) for uint8, see :func:`data_range_of`;
        (0, 1) for floats unless the caller says otherwise.
    colour : {"gray", "rgb", "cmyk", "channels"}
        What the channels mean, alpha aside.
    alpha : bool
        Whether the last channel is alpha. Alpha is never denoised.
    axes : str
        The axes of the stored array in their order, e.g. "YX", "YXC", "CYX".
    format : str, optional
        The name of the format that it was read from, e.g. "png".
    source : str, optional
        The file that it was read from, for messages.
    metadata : Metadata
        What the file said beside its pixels.
    notes : tuple of str
        What reading changed, for people: "palette expanded to RGB".
    animated : bool
        Whether these pixels are the first frame of an animation, and the others were left out.
    range_from_pixels : bool
        Whether `data_range` follows from these pixels, as in FITS files that do not say where the detector
        saturates; otherwise it is never guessed from them.
    """

    dtype: np.dtype[Any]
    data_range: tuple[float, float]
    colour: Colour = "gray"
    alpha: bool = False
    axes: str = "YXC"
    format: str | None = None
    source: str | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    animated: bool = False
    range_from_pixels: bool = False


@dataclass(frozen=True, eq=False)
class Image:
    """An image: pixels of shape (rows, columns, channels) in their stored dtype, and their info.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (rows, columns, channels); alpha, if any, is the last channel.
    info : ImageInfo
        What the pixels mean.

    Raises
    ------
    AxesError
        If the pixels are not three-dimensional, or are empty.
    """

    pixels: NDArray[Any]
    info: ImageInfo

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or 0 in self.pixels.shape:
            raise AxesError(
                f"an image needs rows, columns and channels, all at least 1; "
                f"these pixels have the shape {self.pixels.shape}.",
                source=self.info.source,
            )

    @property
    def rows(self) -> int:
        """The height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def columns(self) -> int:
        """The width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        """The number of channels, alpha not counted."""
        return int(self.pixels.shape[2]) - int(self.info.alpha)

    @property
    def megapixels(self) -> float:
        """Rows times columns, in millions."""
        return self.rows * self.columns / 1e6

    def with_pixels(self, pixels: NDArray[Any]) -> Image:
        """Return the same image with other pixels (and their dtype)."""
        return Image(pixels, replace(self.info, dtype=pixels.dtype))

    def __repr__(self) -> str:
        low, high = self.info.data_range
        alpha = "+alpha" if self.info.alpha else ""
        return (
            f"Image({self.rows}x{self.columns}, {self.channels} {self.info.colour}{alpha}, "
            f"{self.info.dtype}, range {low:g}..{high:g}, source={self.info.source!r})"
        )


def common_range(infos: Sequence[ImageInfo]) -> tuple[float, float] | None:
    """Return what is black and white in images of one scene, before and after: one range for all.

    Where it follows from the pixels, noise moves it.

    Parameters
    ----------
    infos : sequence of ImageInfo
        What is known of each.

    Returns
    -------
    tuple of float or None
        The range that holds those of all: of floats, and of one dtype with the same black if a range
        follows from the pixels. None where the ranges differ otherwise, as then the units do.

    Examples
    --------
    >>> import numpy as np
    >>> floats = [ImageInfo(np.dtype("float32"), (0.0, white)) for white in (4096.0, 8192.0)]
    >>> common_range(floats)
    (0.0, 8192.0)
    """
    blacks, whites = zip(*(info.data_range for info in infos), strict=True)
    floats = all(info.dtype.kind == "f" for info in infos)
    stored_alike = len({info.dtype for info in infos}) == len({*blacks}) == 1
    moved = stored_alike and any(info.range_from_pixels for info in infos)
    same = len({info.data_range for info in infos}) == 1
    return (min(blacks), max(whites)) if floats or moved or same else None


def data_range_of(dtype: DTypeLike) -> tuple[float, float]:
    """Return the values that mean black and white for a dtype.

    Parameters
    ----------
    dtype : dtype
        Any integer, boolean or floating dtype.

    Returns
    -------
    tuple of float
        (lowest, highest) of an integer dtype; (0, highest) of a signed one of more than 16 bits,
        whose lowest value is so far away that nothing between would differ in float32; (0, 1) for
        floats and booleans.

    Raises
    ------
    ImageError
        If the dtype cannot hold an image (complex, object, text).

    Examples
    --------
    >>> data_range_of("uint16")
    (0.0, 65535.0)
    >>> data_range_of("float32")
    (0.0, 1.0)
    """
    import numpy as np

    kind = np.dtype(dtype)
    if kind.kind in "ui":
        limits = np.iinfo(kind)
        return 0.0 if kind.itemsize > 2 else float(limits.min), float(limits.max)
    if kind.kind in "fb":
        return 0.0, 1.0
    raise ImageError(f"pixels of dtype {kind} are no image; use integers or floats.")
