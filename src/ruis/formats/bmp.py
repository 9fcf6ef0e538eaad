"""BMP: 8-bit gray, RGB and RGBA."""

from __future__ import annotations

import struct
from typing import BinaryIO, ClassVar

from ruis.errors import CorruptImageError
from ruis.formats.base import Decoded, Format, Header, Source, squeezed
from ruis.image import Image, Metadata

__all__ = ["BMP"]

UNCOMPRESSED = {0, 3, 6}
DEPTHS = {1, 2, 4, 8, 16, 24, 32}
INCH = 0.0254  # metres
OLDEST = 12  # the size of the first header that there was, of OS/2


class BMP(Format):
    """Windows bitmap, read with Pillow and written with imagecodecs.

    It holds the resolution, and no other metadata. Gray with alpha is written as RGBA.
    """

    name: ClassVar[str] = "bmp"
    title: ClassVar[str] = "BMP"
    suffixes: ClassVar[tuple[str, ...]] = (".bmp", ".dib")
    media_type: ClassVar[str] = "image/bmp"
    dtypes: ClassVar[frozenset[str]] = frozenset({"uint8"})
    layouts: ClassVar[frozenset[str]] = frozenset({"gray", "gray+alpha", "rgb", "rgb+alpha"})
    fields: ClassVar[frozenset[str]] = frozenset({"resolution"})
    max_side: ClassVar[int | None] = 65535

    def recognises(self, start: bytes) -> bool:
        """Whether the letters BM and a plausible header size are there."""
        return start[:2] == b"BM" and start[14:18] in {
            size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)
        }

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read the size; let Pillow read the palette, which decides between gray and RGB."""
        rows, columns, _, _ = _size(source)
        mode = _opened(source).mode
        if mode in {"1", "L"}:
            return Header(self.name, rows, columns, 1, "uint8", "gray")
        alpha = mode == "RGBA"
        return Header(self.name, rows, columns, 3 + alpha, "uint8", "rgb", alpha)

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Decode with Pillow, and expand a palette."""
        import numpy as np

        _check_length(source)
        if _size(source)[2:] == (24, 0):
            return _plain_rgb(source, header)
        image = _opened(source)
        notes: tuple[str, ...] = ()
        mode = {"gray": "L", "rgb": "RGBA" if header.alpha else "RGB"}[header.colour]
        if image.mode != mode:
            notes = (f"{'palette' if image.mode == 'P' else '1 bit'} expanded to {mode}",)
        pixels = np.array(image.convert(mode)).reshape(header.rows, header.columns, -1)
        return Decoded(pixels, header.colour, header.alpha, metadata=_metadata(source), notes=notes)

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Encode, and put the resolution where the header has its place."""
        from imagecodecs import bmp_encode

        pixels = image.pixels
        if image.info.colour == "gray" and image.info.alpha:
            pixels = pixels[..., [0, 0, 0, 1]]
        data = bmp_encode(squeezed(pixels))
        resolution = image.info.metadata.resolution or (0, 0)
        file.write(data[:38])
        file.write(struct.pack("<ii", *(round(min(value, 1e6) / INCH) for value in resolution)))
        file.write(memoryview(data)[46:])


def _size(source: Source) -> tuple[int, int, int, int]:
    """Return rows, columns, bits per pixel and the kind of compression."""
    start = source.start
    if len(start) < 54:
        raise CorruptImageError("the file ends within its header.")
    if start[14] == OLDEST:
        columns, rows, _, bits = struct.unpack("<HHHH", start[18:26])
        compression = 0
    else:
        columns, rows, _, bits, compression = struct.unpack("<iiHHI", start[18:34])
    if bits not in DEPTHS:
        raise CorruptImageError(f"{bits} bits per pixel do not exist.")
    return abs(rows), columns, bits, compression  # rows below zero: stored from the top


def _check_length(source: Source) -> None:
    """Refuse uncompressed pixels that are not all there."""
    rows, columns, bits, compression = _size(source)
    begin = int.from_bytes(source.start[10:14], "little")
    needed = begin + rows * ((columns * bits + 31) // 32 * 4)
    if compression in UNCOMPRESSED and source.size < needed:
        raise CorruptImageError(f"the file is truncated: {source.size} of {needed} bytes are here.")


def _metadata(source: Source) -> Metadata:
    """Return the resolution; the oldest header has no place for it."""
    across, down = struct.unpack("<ii", source.start[38:46])
    if source.start[14] < 40 or across <= 0 or down <= 0:
        return Metadata()
    return Metadata(resolution=(across * INCH, down * INCH))


def _plain_rgb(source: Source, header: Header) -> Decoded:
    """Read the usual kind without Pillow, which needs several times the memory."""
    import numpy as np

    begin = int.from_bytes(source.start[10:14], "little")
    row_bytes = (header.columns * 24 + 31) // 32 * 4
    stored = np.frombuffer(source.everything(), np.uint8, header.rows * row_bytes, begin)
    blue_first = stored.reshape(header.rows, row_bytes)[:, : header.columns * 3]
    if struct.unpack("<i", source.start[22:26])[0] > 0 or source.start[14] == OLDEST:
        blue_first = blue_first[::-1]  # stored from the bottom
    pixels = blue_first.reshape(header.rows, header.columns, 3)[..., ::-1]
    return Decoded(np.ascontiguousarray(pixels), "rgb", metadata=_metadata(source))


def _opened(source: Source):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Pillow's own class
    """Return Pillow's image, without `Image.open` and its own idea of what is too large."""
    from PIL.BmpImagePlugin import BmpImageFile

    source.file.seek(0)
    return BmpImageFile(source.file)
