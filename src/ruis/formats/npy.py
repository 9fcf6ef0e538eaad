"""NPY: one NumPy array, never a pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ruis.errors import AxesError, CorruptImageError, UnsupportedFormatError
from ruis.formats.base import Decoded, Format, Header, Source
from ruis.image import Colour, Image

if TYPE_CHECKING:
    import numpy as np

__all__ = ["NPY", "array_header", "axes_of"]

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000  # bytes; NumPy parses this text with ast.literal_eval
COLOURS: dict[int, tuple[Colour, bool]] = {
    1: ("gray", False),
    2: ("gray", True),
    3: ("rgb", False),
    4: ("rgb", True),
}
ADVICE = (
    "a 2-D array is gray and a last axis of 2, 3 or 4 is gray+alpha, RGB or RGBA; for anything "
    "else say which axis holds the channels (channel_axis=), or what the axes of a stack are "
    "(--axes ZYX)."
)


class NPY(Format):
    """One array of integers or floats, in its own shape and dtype.

    With `channel_axis`, every channel is treated as data: three are RGB, and none is alpha.
    """

    name: ClassVar[str] = "npy"
    title: ClassVar[str] = "NPY"
    suffixes: ClassVar[tuple[str, ...]] = (".npy",)
    media_type: ClassVar[str] = "application/x-npy"
    dtypes: ClassVar[frozenset[str]] = frozenset(
        {"uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"}
        | {"float16", "float32", "float64"}
    )
    layouts: ClassVar[frozenset[str]] = frozenset(
        {"gray", "gray+alpha", "rgb", "rgb+alpha", "cmyk", "cmyk+alpha"}
        | {"channels", "channels+alpha"}
    )
    takes_channel_axis: ClassVar[bool] = True

    def recognises(self, start: bytes) -> bool:
        """Whether NumPy's magic string is there."""
        return start.startswith(MAGIC)

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read shape and dtype."""
        shape, _, dtype, _ = array_header(source)
        axis = _channel_axis(shape, channel_axis)
        rows, columns = (size for index, size in enumerate(shape) if index != axis)
        channels = 1 if axis is None else shape[axis]
        colour, alpha = _meaning(channels, given=channel_axis is not None)
        name = "uint8" if dtype.kind == "b" else dtype.name
        return Header(self.name, rows, columns, channels, name, colour, alpha)

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Read the array, in one piece from a file."""
        import numpy as np

        shape, fortran, dtype, offset = array_header(source)
        count = header.rows * header.columns * header.channels
        array = source.array(offset, count, dtype).reshape(shape, order="F" if fortran else "C")
        notes: tuple[str, ...] = ()
        if dtype.kind == "b":
            array = array.view(np.uint8) != 0
            array = np.where(array, np.uint8(255), np.uint8(0))
            notes = ("bool expanded to 0 and 255",)
        elif not dtype.isnative:
            array = array.astype(dtype.newbyteorder("="))
        axis = _channel_axis(shape, channel_axis)
        axes = "YX" if axis is None else ("CYX", "YCX", "YXC")[axis]
        pixels = array[..., None] if axis is None else np.moveaxis(array, axis, -1)
        return Decoded(
            np.ascontiguousarray(pixels), header.colour, header.alpha, axes=axes, notes=notes
        )

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Write the array with the axes that it was read with."""
        import numpy as np

        pixels, axes = image.pixels, image.info.axes
        if axes == "YX" and pixels.shape[2] == 1:
            array = pixels[..., 0]
        else:
            array = np.moveaxis(pixels, -1, axes.find("C") if "C" in axes else -1)
        array = np.ascontiguousarray(array)
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.reshape(-1).view(np.uint8).data)


def axes_of(shape: tuple[int, ...]) -> str | None:
    """Return the axes of an array that is a picture by its shape, S for its channels; None for any other.

    Parameters
    ----------
    shape : tuple of int
        The length of each axis.
    """
    if len(shape) == 2:
        return "YX"
    return "YXS" if len(shape) == 3 and shape[2] in COLOURS else None


def array_header(source: Source) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether the order is Fortran's, dtype, and where the values begin.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    UnsupportedFormatError
        If the values are no numbers.
    CorruptImageError
        If the header is too long.
    """
    from numpy.lib import format as npy

    source.file.seek(0)
    version = npy.read_magic(source.file)
    if version not in {(1, 0), (2, 0), (3, 0)}:
        raise UnsupportedFormatError(f"version {version} of the format is not known.")
    length = int.from_bytes(source.at(8, 2 if version == (1, 0) else 4), "little")
    if length > MAX_HEADER:
        raise CorruptImageError(f"its header of {length} bytes is larger than {MAX_HEADER}.")
    source.file.seek(8)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(source.file, max_header_size=MAX_HEADER)
    if dtype.name not in NPY.dtypes | {"bool"}:
        raise UnsupportedFormatError(
            f"an array of {dtype} is no image; integers, floats up to 64 bits and bool are."
        )
    return shape, fortran, dtype, source.file.tell()


def _channel_axis(shape: tuple[int, ...], given: int | None) -> int | None:
    """Return which axis holds the channels; None if there is no such axis."""
    if given is None:
        if (axes := axes_of(shape)) is not None:
            return 2 if "S" in axes else None
    elif len(shape) == 3 and -3 <= given < 3:
        return given % 3
    at = "" if given is None else f" with channel_axis={given}"
    raise AxesError(f"an array of the shape {shape}{at} is no image: {ADVICE}")


def _meaning(channels: int, *, given: bool) -> tuple[Colour, bool]:
    """Return colour and alpha."""
    if given:
        return ("gray" if channels == 1 else "rgb" if channels == 3 else "channels"), False
    return COLOURS[channels]
