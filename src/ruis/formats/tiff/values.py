"""What the samples of a TIFF mean, and how they come to mean it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ruis.errors import AxesError, CorruptImageError, UnsupportedFormatError
from ruis.image import Colour

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tifffile import TiffPage

__all__ = ["Layout", "layout_of", "meaningful", "photometric_of", "written_colours"]

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
JPEG = 7
# None, CCITT, LZW, JPEG, deflate (two numbers), PackBits, LZMA, Zstandard. Other codecs bring image
# files of their own, whose headers nobody has checked.
COMPRESSIONS = {1, 2, 3, 4, 5, JPEG, 8, 32946, 32773, 34925, 50000}
UNSPECIFIED, PREMULTIPLIED = 0, 1
COLOURED: dict[int, tuple[Colour, int]] = {
    WHITE_IS_ZERO: ("gray", 1),
    BLACK_IS_ZERO: ("gray", 1),
    RGB: ("rgb", 3),
    PALETTE: ("rgb", 3),
    SEPARATED: ("cmyk", 4),
    YCBCR: ("rgb", 3),
}
PHOTOMETRIC = {"gray": "minisblack", "rgb": "rgb", "cmyk": "separated", "channels": "minisblack"}
"""What tifffile calls the colours that are written."""

FIRST = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4}
"""How many channels colours have, by tifffile's name for them; others stand behind these."""

ROWS_AT_ONCE = 256
READABLE = {
    "bool": "uint8",
    **{name: name for name in ("uint8", "uint16", "uint32", "uint64")},
    **{name: name for name in ("int8", "int16", "int32", "int64")},
    **{name: name for name in ("float16", "float32", "float64")},
}


@dataclass(frozen=True)
class Layout:
    """What a page will be once its samples mean what they should.

    Parameters
    ----------
    rows, columns, channels : int
        The shape; alpha counts as a channel.
    dtype : str
        The dtype after expansion.
    colour : {"gray", "rgb", "cmyk", "channels"}
        What the channels mean.
    alpha : bool
        Whether the last one is alpha.
    axes : str
        "YX", "YXC" or "CYX".
    premultiplied : bool
        Whether alpha was multiplied into the colours.
    """

    rows: int
    columns: int
    channels: int
    dtype: str
    colour: Colour
    alpha: bool
    axes: str
    premultiplied: bool = False

    def all_data(self) -> Layout:
        """Return the layout in which no channel is alpha."""
        colour: Colour = "rgb" if self.channels == 3 else "channels"
        return replace(self, colour=colour, alpha=False, premultiplied=False)


def layout_of(page: TiffPage) -> Layout:
    """Read the tags that say what the samples mean.

    Raises
    ------
    UnsupportedFormatError
        If they mean something that ruis does not read: CIELab, raw mosaics, complex numbers.
    AxesError
        If the page is more than rows, columns and samples.
    """
    photometric = int(page.photometric)
    dtype = READABLE.get(page.dtype.name if page.dtype is not None else "")
    if dtype is None:
        raise UnsupportedFormatError(f"samples of {page.dtype or page.bitspersample} are not read.")
    if int(page.compression) not in COMPRESSIONS:
        raise UnsupportedFormatError(
            f"its compression ({page.compression!s}) is not read; save it with LZW or deflate."
        )
    if photometric not in COLOURED:
        name = getattr(page.photometric, "name", page.photometric)
        raise UnsupportedFormatError(f"its colours ({name}) are not read; save it as RGB.")
    if photometric == YCBCR and int(page.compression) != JPEG:
        raise UnsupportedFormatError("YCbCr without JPEG compression is not read; save it as RGB.")
    axes = {"YX": "YX", "YXS": "YXC", "SYX": "CYX"}.get(page.axes)
    if axes is None:
        raise AxesError(f"its axes {page.axes} are not rows, columns and channels of one image.")
    rows, columns, samples = page.imagelength, page.imagewidth, page.samplesperpixel
    if photometric == PALETTE:
        if samples != 1:
            raise UnsupportedFormatError("a palette with further samples is not read.")
        return Layout(rows, columns, 3, "uint8", "rgb", alpha=False, axes="YXC")
    colour, alpha, premultiplied = _colour(photometric, samples, tuple(page.extrasamples))
    return Layout(rows, columns, samples, dtype, colour, alpha, axes, premultiplied)


def _colour(photometric: int, samples: int, extra: tuple[int, ...]) -> tuple[Colour, bool, bool]:
    """Return colour, alpha and whether it is premultiplied."""
    colour, coloured = COLOURED[photometric]
    if samples < coloured:
        raise CorruptImageError(f"{samples} samples are too few for {colour}.")
    if samples == coloured:
        return colour, False, False
    alpha = bool(extra) and int(extra[-1]) != UNSPECIFIED
    if not alpha or samples > coloured + 1:
        return "channels", alpha, False
    return colour, True, int(extra[-1]) == PREMULTIPLIED


def photometric_of(page: TiffPage, layout: Layout) -> str | None:
    """Return what tifffile calls a page's colours, where the layout's own are called otherwise.

    Parameters
    ----------
    page : tifffile.TiffPage
        The page.
    layout : Layout
        What its samples mean.
    """
    photometric = int(page.photometric)
    if layout.colour == "channels":
        return {RGB: "rgb", SEPARATED: "separated"}.get(photometric)
    if photometric == WHITE_IS_ZERO and page.dtype is not None and page.dtype.kind in "if":
        return "miniswhite"
    return None


def written_colours(
    colour: Colour, channels: int, *, alpha: bool, photometric: str | None
) -> dict[str, Any]:
    """Return how tifffile shall write colours.

    Parameters
    ----------
    colour : {"gray", "rgb", "cmyk", "channels"}
        What the channels mean.
    channels : int
        How many there are, alpha not counted.
    alpha : bool
        Whether there is alpha behind them.
    photometric : str, optional
        See :func:`photometric_of`.

    Raises
    ------
    CorruptImageError
        If there are fewer channels than colours.
    """
    if photometric is None or channels < FIRST[photometric]:
        photometric = PHOTOMETRIC[colour]
    further = channels - FIRST[photometric]
    if further < 0:
        raise CorruptImageError(f"{channels} channels are too few for {colour}.")
    extra = ["unspecified"] * further + ["unassalpha"] * alpha
    return {"photometric": photometric, "extrasamples": extra or None}


def meaningful(
    stored: NDArray[Any], page: TiffPage, layout: Layout
) -> tuple[NDArray[Any], list[str]]:
    """Return pixels in which black is low, palettes are colours and alpha is by itself.

    Parameters
    ----------
    stored : numpy.ndarray
        The samples as decoded, shape (rows, columns, samples).
    page : tifffile.TiffPage
        Their tags.
    layout : Layout
        What they shall become.

    Returns
    -------
    pixels : numpy.ndarray
        Shape (rows, columns, channels), in the machine's byte order.
    notes : list of str
        What was changed.
    """
    import numpy as np

    notes: list[str] = []
    photometric, bits = int(page.photometric), int(page.bitspersample)
    if not stored.dtype.isnative:
        stored = stored.astype(stored.dtype.newbyteorder("="))
    if photometric == PALETTE:
        return _from_palette(stored, page), ["palette expanded to RGB"]
    if photometric == WHITE_IS_ZERO and stored.dtype.kind in "bu":
        stored = ~stored if stored.dtype.kind == "b" else (2**bits - 1) - stored
        notes.append("white was zero: values inverted")
    if stored.dtype.kind == "b":
        stored = np.where(stored, np.uint8(255), np.uint8(0))
        notes.append("1 bit expanded to 8-bit gray")
    elif stored.dtype == np.uint8 and bits < 8:
        stored *= np.uint8(255 // (2**bits - 1))
        notes.append(f"{bits} bits expanded to 8")
    elif stored.dtype.kind in "ui" and bits < stored.dtype.itemsize * 8:
        notes.append(f"{bits}-bit values kept as they are in {stored.dtype.name}")
    if layout.premultiplied:
        _divide_alpha_out(stored)
        notes.append("colours divided by the alpha that was multiplied into them")
    return stored, notes


def _from_palette(stored: NDArray[Any], page: TiffPage) -> NDArray[np.uint8]:
    """Look the colours up; colormaps hold 16 bits, of which 8 mean something."""
    import numpy as np

    colormap = np.asarray(page.colormap)
    if colormap.max(initial=0) > 255:
        colormap = colormap >> 8
    if int(stored.max()) >= colormap.shape[1]:
        raise CorruptImageError(f"a value of {int(stored.max())} is not in its palette.")
    colours = np.ascontiguousarray(colormap.T.astype(np.uint8))
    return colours[stored[..., 0].astype(np.intp)]


def _divide_alpha_out(pixels: NDArray[Any]) -> None:
    """Undo premultiplication in place, some rows at a time."""
    import numpy as np

    integer = pixels.dtype.kind in "ui"
    full = float(np.iinfo(pixels.dtype).max) if integer else 1.0
    for row in range(0, pixels.shape[0], ROWS_AT_ONCE):
        part = pixels[row : row + ROWS_AT_ONCE]
        alpha = part[..., -1:].astype(np.float64) / full
        colour = np.divide(
            part[..., :-1], alpha, out=np.zeros(part[..., :-1].shape), where=alpha > 0
        )
        part[..., :-1] = np.rint(colour).clip(0, full) if integer else colour
