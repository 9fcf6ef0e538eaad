"""WebP: 8-bit RGB and RGBA; always written lossless."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from ruis.errors import CorruptImageError
from ruis.formats.base import Decoded, Format, Header, Source
from ruis.image import Image, Metadata

__all__ = ["WebP"]

METHOD = 0  # of 0..6: a few percent larger than 4 on photographs, several times as fast
ANIMATION, XMP, EXIF, ALPHA, ICC = 0x02, 0x04, 0x08, 0x10, 0x20  # flags of VP8X
MAX_CHUNKS = 10_000


class WebP(Format):
    """WebP, read and written with libwebp (imagecodecs).

    WebP has no gray: gray is written as RGB. Pixels are always written lossless, also when the
    source was lossy: noise is what made lossless files large, and it is gone.
    """

    name: ClassVar[str] = "webp"
    title: ClassVar[str] = "WebP"
    suffixes: ClassVar[tuple[str, ...]] = (".webp",)
    media_type: ClassVar[str] = "image/webp"
    dtypes: ClassVar[frozenset[str]] = frozenset({"uint8"})
    layouts: ClassVar[frozenset[str]] = frozenset({"gray", "gray+alpha", "rgb", "rgb+alpha"})
    fields: ClassVar[frozenset[str]] = frozenset(
        {"exif", "icc", "xmp", "resolution", "description", "software"}
    )
    uses_exif: ClassVar[bool] = True
    max_side: ClassVar[int | None] = 16383

    def recognises(self, start: bytes) -> bool:
        """Whether it is a RIFF file of the kind WEBP."""
        return start[:4] == b"RIFF" and start[8:12] == b"WEBP"

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read the first chunk, which holds the size."""
        rows, columns, alpha, animated = _features(source.start)
        frames = 2 if animated else 1  # how many is not in the header, only that there are more
        return Header(self.name, rows, columns, 4 if alpha else 3, "uint8", "rgb", alpha, frames)

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Check that the chunks are all there, then decode."""
        from imagecodecs import webp_decode

        data = source.everything()
        chunks = dict(_chunks(data))
        pixels = webp_decode(data, 0, hasalpha=header.alpha)
        if pixels.shape != (header.rows, header.columns, header.channels):
            raise CorruptImageError(
                f"the header announces the shape {(header.rows, header.columns, header.channels)}, "
                f"the data has {pixels.shape}."
            )
        metadata = Metadata(
            exif=_content(chunks, b"EXIF"),
            icc=_content(chunks, b"ICCP"),
            xmp=_content(chunks, b"XMP "),
        )
        return Decoded(pixels, "rgb", header.alpha, metadata=metadata, animated=header.frames > 1)

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Encode with libwebp, in a container that holds the metadata."""
        import numpy as np
        from imagecodecs import webp_encode

        pixels = image.pixels
        if image.info.colour == "gray":
            pixels = pixels[..., [0, 0, 0, 1] if image.info.alpha else [0, 0, 0]]
        # A copy, as one row or column may have any stride, and still count as contiguous.
        data = webp_encode(np.array(pixels, order="C"), lossless=True, method=METHOD)
        stream = b"".join(
            _chunk(name, content)
            for name, content in _chunks(data)
            if name in {b"VP8L", b"VP8 ", b"ALPH"}
        )
        metadata = image.info.metadata
        flags = ALPHA if image.info.alpha else 0
        flags |= (ICC if metadata.icc else 0) | (EXIF if metadata.exif else 0)
        flags |= XMP if metadata.xmp else 0
        extended = flags.to_bytes(4, "little") + b"".join(
            (side - 1).to_bytes(3, "little") for side in (image.columns, image.rows)
        )
        body = b"".join(
            (
                b"WEBP",
                _chunk(b"VP8X", extended),
                _chunk(b"ICCP", metadata.icc),
                stream,
                _chunk(b"EXIF", metadata.exif),
                _chunk(b"XMP ", metadata.xmp),
            )
        )
        file.write(b"RIFF" + len(body).to_bytes(4, "little"))
        file.write(body)


def _features(start: bytes) -> tuple[int, int, bool, bool]:
    """Return rows, columns, alpha and whether it is an animation."""
    kind, content = start[12:16], start[20:]
    if len(content) < 10:
        raise CorruptImageError("the file ends within its header.")
    if kind == b"VP8X":
        columns = int.from_bytes(content[4:7], "little") + 1
        rows = int.from_bytes(content[7:10], "little") + 1
        return rows, columns, bool(content[0] & ALPHA), bool(content[0] & ANIMATION)
    if kind == b"VP8L" and content[0] == 0x2F:
        bits = int.from_bytes(content[1:5], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, bool(bits >> 28 & 1), False
    if kind == b"VP8 " and content[3:6] == b"\x9d\x01\x2a":
        columns = int.from_bytes(content[6:8], "little") & 0x3FFF
        rows = int.from_bytes(content[8:10], "little") & 0x3FFF
        return rows, columns, False, False
    raise CorruptImageError(f"its first chunk {kind!r} holds no size.")


def _chunks(data: bytes | bytearray) -> Iterator[tuple[bytes, memoryview]]:
    """Yield (name, content) of every chunk within the RIFF size."""
    view = memoryview(data)
    end = 8 + int.from_bytes(view[4:8], "little")
    if end > len(data):
        raise CorruptImageError(f"the file is truncated: {len(data)} of {end} bytes are here.")
    offset = 12
    for _ in range(MAX_CHUNKS):
        if offset + 8 > end:
            return
        length = int.from_bytes(view[offset + 4 : offset + 8], "little")
        if offset + 8 + length > end:
            raise CorruptImageError("the file is truncated within a chunk.")
        yield bytes(view[offset : offset + 4]), view[offset + 8 : offset + 8 + length]
        offset += 8 + length + length % 2
    raise CorruptImageError(f"more than {MAX_CHUNKS} chunks.")


def _content(chunks: dict[bytes, memoryview], name: bytes) -> bytes | None:
    return bytes(chunks[name]) if name in chunks else None


def _chunk(name: bytes, content: bytes | memoryview | None) -> bytes:
    """Return a chunk, padded to an even length; nothing for nothing."""
    if not content:
        return b""
    return b"".join((name, len(content).to_bytes(4, "little"), content, b"\0" * (len(content) % 2)))
