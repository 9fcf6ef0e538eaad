"""PNM: PBM, PGM and PPM, plain and raw, 8 and 16 bits, and PFM for float32."""

from __future__ import annotations

import re
from typing import Any, BinaryIO, ClassVar, Literal

from ruis.errors import CorruptImageError
from ruis.formats.base import Decoded, Format, Header, Source
from ruis.image import Image

__all__ = ["PNM"]

KINDS = {b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf", b"PF"}
TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")
MAX_HEADER = 4096  # bytes, comments included


class PNM(Format):
    """The portable anymap family of Netpbm.

    A file that declares a white below the dtype's (its maxval) keeps its values, and the declared
    white is the end of the data range, beyond which nothing is written. Bitmaps become 8-bit gray. float32 is written as PFM. It
    holds no metadata.
    """

    name: ClassVar[str] = "pnm"
    title: ClassVar[str] = "PNM"
    suffixes: ClassVar[tuple[str, ...]] = (".pnm", ".pbm", ".pgm", ".ppm", ".pfm")
    media_type: ClassVar[str] = "image/x-portable-anymap"
    dtypes: ClassVar[frozenset[str]] = frozenset({"uint8", "uint16", "float32"})
    layouts: ClassVar[frozenset[str]] = frozenset({"gray", "rgb"})

    def recognises(self, start: bytes) -> bool:
        """Whether it starts with P1 to P6, Pf or PF, and a space."""
        return start[:2] in KINDS and start[2:3] in {b" ", b"\t", b"\n", b"\r", b"\v", b"\f"}

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read kind, size and maxval."""
        kind, columns, rows, white, _ = _fields(source)
        dtype = "float32" if kind in {b"Pf", b"PF"} else "uint8" if white < 256 else "uint16"
        if kind in {b"P3", b"P6", b"PF"}:
            return Header(self.name, rows, columns, 3, dtype, "rgb")
        return Header(self.name, rows, columns, 1, dtype, "gray")

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Read the values."""
        import numpy as np

        kind, _, _, white, begin = _fields(source)
        notes: list[str] = []
        data_range = (0.0, 1.0) if header.dtype == "float32" else (0.0, float(white))
        if kind in {b"P1", b"P4"}:
            pixels = _bits(source, header, begin, plain=kind == b"P1")
            data_range = (0.0, 255.0)
            notes.append("1 bit expanded to 8-bit gray")
        elif kind in {b"P2", b"P3"}:
            pixels = _plain(source, header, begin)
        else:
            pixels = _raw(source, header, begin, "<" if white < 0 else ">")
            if header.dtype == "float32":
                pixels = np.ascontiguousarray(pixels[::-1])  # PFM stores the last row first
        if pixels.dtype.kind == "u" and data_range[1] < np.iinfo(pixels.dtype).max:
            notes.append(f"white is {white:g}, as the file declares")
            if int(pixels.max()) > white:
                raise CorruptImageError(f"a value of {int(pixels.max())} exceeds {white:g}.")
        return Decoded(pixels, header.colour, data_range=data_range, notes=tuple(notes))

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Write it raw."""
        import numpy as np

        pixels = image.pixels
        rgb = image.info.colour == "rgb"
        size = f"{image.columns} {image.rows}"
        if pixels.dtype == np.float32:
            file.write(f"{'PF' if rgb else 'Pf'}\n{size}\n-1.0\n".encode())
            stored = np.ascontiguousarray(pixels[::-1], dtype="<f4")
        else:
            full = int(np.iinfo(pixels.dtype).max)
            white = max(int(min(image.info.data_range[1], full)), 256 if full > 255 else 1)
            if image.info.format == self.name:  # the white that its file declared stays white
                pixels = np.minimum(pixels, pixels.dtype.type(white))
            elif int(pixels.max()) > white:
                white = full
            file.write(f"{'P6' if rgb else 'P5'}\n{size}\n{white}\n".encode())
            stored = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
        file.write(stored.reshape(-1).view(np.uint8).data)


def _fields(source: Source) -> tuple[bytes, int, int, float, int]:
    """Return kind, columns, rows, maxval (PFM: scale) and where the values begin."""
    head = source.at(0, MAX_HEADER)
    kind, end = head[:2], 2
    words: list[bytes] = []
    for _ in range(2 if kind in {b"P1", b"P4"} else 3):
        match = TOKEN.match(head, end)
        if match is None or match.end() >= len(head):
            raise CorruptImageError("the file ends within its header.")
        words.append(match[1])
        end = match.end()
    if not all(word.isdigit() and len(word) < 10 for word in words[:2]):
        raise CorruptImageError(f"its size {b' '.join(words[:2])!r} is no pair of numbers.")
    white = 1.0 if len(words) == 2 else float(words[2])
    if kind not in {b"Pf", b"PF"} and not (white.is_integer() and 1 <= white <= 65535):
        raise CorruptImageError(f"its maxval {white:g} is not between 1 and 65535.")
    return kind, int(words[0]), int(words[1]), white, end + 1


def _raw(source: Source, header: Header, begin: int, order: Literal["<", ">"]) -> Any:
    """Read binary samples, and turn them to the machine's byte order."""
    import numpy as np

    stored = np.dtype(header.dtype).newbyteorder(order)
    count = header.rows * header.columns * header.channels
    array = source.array(begin, count, stored)
    if not stored.isnative:
        array = array.byteswap(inplace=True).view(stored.newbyteorder("="))
    return array.reshape(header.rows, header.columns, header.channels)


def _plain(source: Source, header: Header, begin: int) -> Any:
    """Read samples that are written as numbers."""
    import numpy as np

    count = header.rows * header.columns * header.channels
    _check_length(source, begin + 2 * count - 1)
    text = re.sub(rb"#[^\n\r]*", b"", source.everything()[begin - 1 :])
    words = text.split(maxsplit=count)[:count]
    if len(words) < count:
        raise CorruptImageError(f"the file is truncated: {len(words)} of {count} values are here.")
    if not all(word.isdigit() and len(word) < 6 for word in words):
        raise CorruptImageError("a value is no number from 0 to 65535.")
    values = np.array([int(word) for word in words], dtype=np.uint32)
    if int(values.max()) > np.iinfo(header.dtype).max:
        raise CorruptImageError(f"a value of {int(values.max())} exceeds the declared white.")
    return values.astype(header.dtype).reshape(header.rows, header.columns, header.channels)


def _bits(source: Source, header: Header, begin: int, *, plain: bool) -> Any:
    """Read a bitmap, in which 1 is black."""
    import numpy as np

    if plain:
        text = re.sub(rb"#[^\n\r]*|\s", b"", source.everything()[begin - 1 :])
        count = header.rows * header.columns
        if len(text) < count or text[:count].strip(b"01"):
            raise CorruptImageError(f"{count} digits 0 or 1 are needed; they are not here.")
        black = np.frombuffer(text, np.uint8, count) == ord("1")
    else:
        width = (header.columns + 7) // 8
        _check_length(source, begin + header.rows * width)
        packed = np.frombuffer(source.at(begin, header.rows * width), np.uint8)
        packed = packed.reshape(header.rows, width)
        black = np.unpackbits(packed, axis=1, count=header.columns) != 0
    gray = np.where(black, np.uint8(0), np.uint8(255))
    return gray.reshape(header.rows, header.columns, 1)


def _check_length(source: Source, needed: int) -> None:
    if source.size < needed:
        raise CorruptImageError(f"the file is truncated: {source.size} of {needed} bytes are here.")
