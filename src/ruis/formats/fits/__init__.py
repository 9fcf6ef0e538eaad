"""FITS: images of telescopes and detectors, with every card of their headers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ruis.errors import CorruptImageError, UnsupportedFormatError
from ruis.formats.base import Decoded, Format, Header, Source
from ruis.formats.blank import Blank, filled
from ruis.formats.fits.cards import BLOCK, Cards, Unit, card, checked_sums, history, units
from ruis.image import Colour, Image, Metadata, Native

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FITS"]

STORED = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}
BITPIX = {code: bits for bits, code in STORED.items()}
OTHER_SIGN = {8: -(2**7), 16: 2**15, 32: 2**31, 64: 2**63}
"""BITPIX -> the BZERO by which FITS writes integers of the sign that it does not know."""

SAMPLE = 2**20
"""Values looked at to find the working scale of floats."""


@dataclass(frozen=True)
class Kept:
    """What a FITS file says beside the pixels of its image.

    Parameters
    ----------
    before, after : bytes
        The units before and after the image's, to the byte.
    cards : Cards
        The header of the image.
    shape : tuple of int
        Of the stored array, the slowest axis first.
    dtype : str
        Of the pixels, the sign that BZERO gives included.
    blank : Blank, optional
        The pixels without a value.
    """

    before: bytes
    after: bytes
    cards: Cards
    shape: tuple[int, ...]
    dtype: str
    blank: Blank | None = None


class FITS(Format):
    """The primary image of a FITS file, or its first image extension, read and written by ourselves.

    All other units are copied to the byte, and so are all cards but DATAMIN, DATAMAX, DATASUM and
    CHECKSUM, which are made true again where they are there; one HISTORY is added. Integers stay as
    they are stored, before BSCALE and BZERO. NaN, infinity and BLANK are filled from their
    neighbours for the network, and stand in the file that is written as they stood. Planes are
    channels, each denoised by itself; they are colours where CTYPE3 is 'RGB'.

    Black is zero, physically. White is SATURATE, or else DATAMAX; without these the most that
    integers can hold, and for floats the power of two above nearly all pixels: it only sets the
    unit of sigma, as networks without bias serve every scale.
    """

    name: ClassVar[str] = "fits"
    title: ClassVar[str] = "FITS"
    suffixes: ClassVar[tuple[str, ...]] = (".fits", ".fit", ".fts")
    media_type: ClassVar[str] = "image/fits"
    dtypes: ClassVar[frozenset[str]] = frozenset(
        {"uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"}
        | {"float32", "float64"}
    )
    layouts: ClassVar[frozenset[str]] = frozenset({"gray", "rgb", "channels"})
    native: ClassVar[str] = "the cards, other units and blank pixels of FITS"

    def recognises(self, start: bytes) -> bool:
        """Whether it starts with the card SIMPLE."""
        return start.startswith(b"SIMPLE  =")

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read all headers, and choose the image."""
        unit = _image(units(source))
        *planes, rows, columns = unit.shape
        channels = math.prod(planes)
        dtype = _dtype(unit.cards)
        return Header(self.name, rows, columns, channels, dtype.name, _colour(unit.cards, channels))

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Read the stored values, and keep everything else."""
        import numpy as np

        unit = _image(units(source))
        stored = np.dtype(STORED[unit.cards.whole("BITPIX")]).newbyteorder(">")
        values = source.array(unit.data, unit.size // stored.itemsize, stored)
        mask = _mask(values, unit.cards)
        native = values.astype(stored.newbyteorder("="))
        if _dtype(unit.cards) != native.dtype:
            native = _other_sign(native)
        shape = (header.channels, header.rows, header.columns)
        pixels, mask = (
            np.ascontiguousarray(np.moveaxis(one.reshape(shape), 0, -1)) for one in (native, mask)
        )
        notes: list[str] = []
        blank = None
        if mask.any():
            blank = Blank.of(pixels, mask)
            pixels = _without_blanks(pixels, mask)
            notes.append(f"{blank.count} blank pixels filled from their neighbours for the network")
        data_range, said, from_pixels = _data_range(unit.cards, pixels)
        kept = Kept(
            source.at(0, unit.start),
            source.at(unit.end, source.size - unit.end),
            unit.cards,
            unit.shape,
            native.dtype.name,
            blank,
        )
        return Decoded(
            pixels,
            header.colour,
            axes="CYX" if header.channels > 1 else "YX",
            data_range=data_range,
            range_from_pixels=from_pixels,
            metadata=Metadata(native=Native(self.name, kept)),
            notes=(*notes, said, *_others(source, unit)),
        )

    def refusal(self, image: Image) -> str | None:
        """Say why not; pixels of another size or dtype do not belong to the cards they came with."""
        kept = _kept(image)
        if kept and (kept.dtype, math.prod(kept.shape)) != (
            image.pixels.dtype.name,
            image.pixels.size,
        ):
            return (
                f"{image.pixels.dtype} pixels of shape {image.pixels.shape} are not what the FITS "
                f"header says ({kept.dtype}, {kept.shape}); strip the metadata to write them."
            )
        return super().refusal(image)

    def stripped(self, native: Native) -> Native:
        """Return the shape, the scaling and the blank pixels."""
        kept = native.content
        assert isinstance(kept, Kept)
        needed = [f"NAXIS{axis + 1}" for axis in range(len(kept.shape))]
        needed = ["BITPIX", "NAXIS", *needed, "BSCALE", "BZERO", "BLANK"]
        cards = [one for one in kept.cards if one[:8].decode("latin-1").rstrip() in needed]
        simple = Cards(card("SIMPLE", "T") + b"".join(cards))
        return Native(self.name, replace(kept, before=b"", after=b"", cards=simple))

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Write the units before, the image, and the units after."""
        import numpy as np

        pixels = image.pixels
        kept = _kept(image) or _fresh(image)
        if kept.blank:
            pixels = kept.blank.restored(pixels)
        bits = kept.cards.whole("BITPIX")
        planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
        if planes.dtype != np.dtype(STORED[bits]):
            planes = _other_sign(planes)
        data = planes.astype(np.dtype(STORED[bits]).newbyteorder(">")).tobytes()
        data += b"\0" * (-len(data) % BLOCK)
        cards = _with_extremes(kept, image.pixels)
        said = history(image.info.metadata.software or "")
        if said not in cards.raw:
            cards = Cards(cards.raw + said)
        file.write(kept.before)
        file.write(checked_sums(cards, data).encoded())
        file.write(data)
        file.write(kept.after)


def _image(found: list[Unit]) -> Unit:
    """Return the unit that is denoised."""
    for unit in found:
        if unit.is_image:
            return unit
        if unit.is_compressed:
            raise UnsupportedFormatError("its image is compressed; unpack it with funpack first.")
    raise UnsupportedFormatError("it holds no image, only headers and tables.")


def _others(source: Source, chosen: Unit) -> tuple[str, ...]:
    """Say that there are more images."""
    more = sum(unit.is_image for unit in units(source)) - 1
    where = "primary image" if chosen.start == 0 else "first image extension"
    return (f"only the {where} is denoised; {more} more are copied",) if more else ()


def _kept(image: Image) -> Kept | None:
    native = image.info.metadata.native
    return native.content if native and isinstance(native.content, Kept) else None


def _scaling(cards: Cards) -> tuple[float, float]:
    """Return BSCALE and BZERO."""
    scale, zero = cards.number("BSCALE"), cards.number("BZERO")
    scale, zero = 1.0 if scale is None else scale, zero or 0.0
    if not (math.isfinite(scale) and math.isfinite(zero)) or scale == 0:
        raise CorruptImageError(f"BSCALE is {scale} and BZERO {zero}.")
    return scale, zero


def _dtype(cards: Cards) -> np.dtype[Any]:
    """Return the dtype of the pixels: as stored, with the other sign if BZERO says so."""
    import numpy as np

    bits = cards.whole("BITPIX")
    if _scaling(cards) == (1.0, OTHER_SIGN.get(bits)):
        return np.dtype("i1" if bits == 8 else STORED[bits].replace("i", "u"))
    return np.dtype(STORED[bits])


def _other_sign(values: NDArray[Any]) -> NDArray[Any]:
    """Turn integers into those of the other sign, half of the range away; its own inverse."""
    import numpy as np

    kind, size = values.dtype.kind, values.dtype.itemsize
    unsigned = values.view(f"u{size}")
    flipped: NDArray[Any] = unsigned ^ np.array(1 << (8 * size - 1), unsigned.dtype)
    return flipped.view(f"{'i' if kind == 'u' else 'u'}{size}")


def _colour(cards: Cards, channels: int) -> Colour:
    if channels == 1:
        return "gray"
    return "rgb" if channels == 3 and cards.values.get("CTYPE3") == "RGB" else "channels"


def _mask(values: NDArray[Any], cards: Cards) -> NDArray[np.bool_]:
    """Say which stored values are none."""
    import numpy as np

    if values.dtype.kind == "f":
        return np.asarray(~np.isfinite(values))
    blank = cards.values.get("BLANK")
    if not isinstance(blank, int) or isinstance(blank, bool):
        return np.zeros(values.shape, bool)
    limits = np.iinfo(values.dtype)
    if not limits.min <= blank <= limits.max:
        return np.zeros(values.shape, bool)
    return np.asarray(values == blank)


def _without_blanks(pixels: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    if mask.all():
        raise CorruptImageError("every pixel is blank.")
    return filled(pixels, mask)


def _data_range(cards: Cards, pixels: NDArray[Any]) -> tuple[tuple[float, float], str, bool]:
    """Return what is black and white in stored values, a sentence on it, and whether pixels decided."""
    scale, zero = _scaling(cards)
    dtype = _dtype(cards)
    if dtype != STORED[cards.whole("BITPIX")]:
        scale, zero = 1.0, 0.0  # the pixels are the physical values already
    named = [(key, cards.number(key)) for key in ("SATURATE", "DATAMAX")]
    given = [(key, value) for key, value in named if value and 0 < value < math.inf]
    if given:
        key, white = given[0]
        from_pixels = key == "DATAMAX"  # the largest pixel, says the standard
        said = f"data range 0..{white:g}: white is {key}"
    elif dtype.kind == "f":
        white = _working_scale(pixels) * abs(scale) or 1.0
        from_pixels = True
        said = f"data range 0..{white:g}: white is the power of two above nearly all pixels"
    else:
        import numpy as np

        white = np.iinfo(dtype).max * abs(scale) + (zero if scale > 0 else 0.0)
        from_pixels = False
        said = f"data range 0..{white:g}: white is the most that {dtype} can hold"
    black, white = sorted(((0.0 - zero) / scale, (white - zero) / scale))
    if not (math.isfinite(black) and math.isfinite(white)) or white <= black:
        raise CorruptImageError(f"its scaling (BSCALE {scale:g}, BZERO {zero:g}) leaves no range.")
    return (black, white), said, from_pixels


def _working_scale(pixels: NDArray[Any]) -> float:
    """Return the power of two above all but one in a thousand of the absolute values."""
    import numpy as np

    values = pixels.reshape(-1)[:: max(1, pixels.size // SAMPLE)]
    high = float(np.quantile(np.abs(values.astype(np.float64)), 0.999))
    return 2.0 ** math.ceil(math.log2(high)) if 1e-300 < high < 1e300 else 1.0


def _with_extremes(kept: Kept, pixels: NDArray[Any]) -> Cards:
    """Return the cards with DATAMIN and DATAMAX as they are now, where they are there."""
    cards = kept.cards
    if not {"DATAMIN", "DATAMAX"} & set(cards.values):
        return cards
    scale, zero = _scaling(cards)
    if _dtype(cards) != STORED[cards.whole("BITPIX")]:
        scale, zero = 1.0, 0.0
    there = pixels if kept.blank is None else pixels[~kept.blank.mask]
    low, high = sorted(float(one) * scale + zero for one in (there.min(), there.max()))
    return cards.changed("DATAMIN", repr(low).upper()).changed("DATAMAX", repr(high).upper())


def _fresh(image: Image) -> Kept:
    """Return the header of an image that came from elsewhere."""
    dtype = image.pixels.dtype
    code = f"{dtype.kind}{dtype.itemsize}"
    other = code not in BITPIX
    bits = 8 * dtype.itemsize if other else BITPIX[code]
    planes = image.pixels.shape[2]
    shape = (*((planes,) if planes > 1 else ()), image.rows, image.columns)
    cards = [
        card("SIMPLE", "T", "FITS"),
        card("BITPIX", str(bits)),
        card("NAXIS", str(len(shape))),
        *(card(f"NAXIS{axis}", str(side)) for axis, side in enumerate(shape[::-1], start=1)),
    ]
    if other:
        cards += [card("BSCALE", "1"), card("BZERO", str(OTHER_SIGN[bits]))]
    if image.info.colour == "rgb":
        cards.append(card("CTYPE3", "'RGB     '", "the planes are colours"))
    return Kept(b"", b"", Cards(b"".join(cards)), shape, dtype.name)
