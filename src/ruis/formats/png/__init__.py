"""PNG: 8 and 16 bits, with every metadata chunk that matters."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ruis.errors import CorruptImageError
from ruis.formats.base import Decoded, Format, Header, Source, squeezed
from ruis.image import Colour, Image, ImageInfo, Metadata, Native

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PNG"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
AFTER_IHDR = 33  # signature (8) and the IHDR chunk (25)
LEVEL, RUNS, PAETH = 1, 3, 128
"""zlib's level, and its strategy of runs (Z_RLE): photographs take half the time of level 4 with
matches, and no more bytes (1.55 against 1.60 per pixel of the denoised example photograph; 16-bit
ones take 18 % more). Only images that repeat themselves exactly, like tiled textures, get larger. Paeth's
filter for all rows takes 1.5 times less time than to choose one for each, and makes 16 photographs 1.00 times
as large, pages of black and white 1.08 times."""

LARGE = 2**21
"""Of so many bytes of pixels and more, all processors compress some; libpng needs one, and 6 to 25 % less of its time."""

MAX_CHUNKS = 500_000
MAX_METADATA = 64 * 2**20  # bytes of one decompressed text or profile
DEFLATE_LIMIT = 1032  # deflate cannot shrink anything by more
MAX_OWN = 2**20  # bytes of the texts that are carried over unread
XMP_KEYWORD = b"XML:com.adobe.xmp"
APPEARANCE = {b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI"}
"""How bright and colourful the values are meant; in no other format."""

ELSEWHERE = (b"Software\0", XMP_KEYWORD + b"\0", b"Raw profile type ")
"""Texts that are read, or that hold EXIF and profiles in a way of ImageMagick's own, stale by now."""
COLOURS: dict[int, tuple[Colour, bool, int]] = {
    0: ("gray", False, 1),
    2: ("rgb", False, 3),
    3: ("rgb", False, 3),
    4: ("gray", True, 2),
    6: ("rgb", True, 4),
}
PALETTE = 3
KINDS = {(colour, alpha): kind for kind, (colour, alpha, _) in COLOURS.items() if kind != PALETTE}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


@dataclass(frozen=True)
class OwnChunks:
    """Chunks that are carried over as they are: (name, content) of each."""

    appearance: tuple[tuple[bytes, bytes], ...] = ()
    texts: tuple[tuple[bytes, bytes], ...] = ()

    def __bool__(self) -> bool:
        return self != OwnChunks()


class PNG(Format):
    """Portable Network Graphics, read and written with libpng (imagecodecs), which keeps 16 bits.

    Palettes, transparent colours and 1, 2 and 4 bits are expanded to 8 bits; gamma is left alone,
    and what says it is carried over, as are texts that nobody here reads.
    """

    name: ClassVar[str] = "png"
    title: ClassVar[str] = "PNG"
    suffixes: ClassVar[tuple[str, ...]] = (".png", ".apng")
    media_type: ClassVar[str] = "image/png"
    dtypes: ClassVar[frozenset[str]] = frozenset({"uint8", "uint16"})
    layouts: ClassVar[frozenset[str]] = frozenset({"gray", "gray+alpha", "rgb", "rgb+alpha"})
    fields: ClassVar[frozenset[str]] = frozenset(
        {"exif", "icc", "xmp", "resolution", "description", "software"}
    )
    max_side: ClassVar[int | None] = 1_000_000  # libpng's own limit
    native: ClassVar[str | None] = "texts of PNG (title, author, ...)"

    def recognises(self, start: bytes) -> bool:
        """Whether the PNG signature is there."""
        return start.startswith(SIGNATURE)

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read IHDR, and look for a transparent colour before the first IDAT."""
        columns, rows, depth, kind = _ihdr(source.start)
        colour, alpha, channels = COLOURS[kind]
        if not alpha and _has_transparency(source):
            alpha, channels = True, channels + 1
        dtype = "uint16" if depth == 16 else "uint8"
        return Header(self.name, rows, columns, channels, dtype, colour, alpha)

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Check that the chunks are all there, then decode."""
        from imagecodecs import png_decode

        data = source.everything()
        _, _, depth, kind = _ihdr(data)
        chunks = _checked_chunks(data, header, depth)
        metadata, notes = _metadata(chunks)
        own, too_much = _own(chunks)
        notes += ["texts of more than a megabyte are left out"] if too_much else []
        metadata = replace(metadata, native=Native(self.name, own) if own else None)
        _hide(chunks)
        pixels = png_decode(data)
        pixels = pixels.reshape(header.rows, header.columns, -1)
        if pixels.shape[2] != header.channels or pixels.dtype.name != header.dtype:
            raise CorruptImageError(
                f"the header announces {header.channels} channels of {header.dtype}, the data has "
                f"{pixels.shape[2]} of {pixels.dtype.name}."
            )
        if kind == PALETTE:
            notes.append(f"palette expanded to {'RGBA' if header.alpha else 'RGB'}")
        elif header.alpha and not COLOURS[kind][1]:
            notes.append("transparent colour expanded to an alpha channel")
        if kind == 0 and depth < 8:
            notes.append(f"{depth}-bit gray expanded to 8 bits")
        return Decoded(
            pixels,
            header.colour,
            header.alpha,
            metadata=metadata,
            notes=tuple(notes),
            animated=any(name == b"acTL" for name, _ in chunks),
        )

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Encode with libpng, large images by all processors, and put the metadata between IHDR and the pixels."""
        pixels = squeezed(image.pixels)
        encoded = _by_libpng(pixels) if pixels.nbytes < LARGE else _by_strips(pixels, image.info)
        with closing(encoded):  # whoever compresses shall stop where it cannot be written
            file.write(next(encoded))
            file.write(b"".join(_metadata_chunks(image.info.metadata)))
            file.writelines(encoded)

    def stripped(self, native: Native) -> Native | None:
        """Keep what says how bright and colourful the values are meant."""
        kept = replace(_content(native), texts=())
        return Native(self.name, kept) if kept else None

    def lost(self, native: Native) -> str | None:
        """Tell of texts; hardly any program looks at the rest."""
        return self.native if _content(native).texts else None


def _content(native: Native) -> OwnChunks:
    assert isinstance(native.content, OwnChunks)
    return native.content


def _own(chunks: list[tuple[bytes, memoryview]]) -> tuple[OwnChunks, bool]:
    """Collect what is carried over unread, and say whether some of it was too much."""
    look = [(name, bytes(whole[8:-4])) for name, whole in chunks if name in APPEARANCE]
    texts, size, too_much = [], 0, False
    described = any(bytes(whole[8:20]) == b"Description\0" for _, whole in chunks)
    read = (*ELSEWHERE, b"Description\0" if described else b"Comment\0")
    for name, whole in chunks:
        if name not in {b"tEXt", b"zTXt", b"iTXt"} or bytes(whole[8:40]).startswith(read):
            continue
        size += len(whole)
        too_much |= size > MAX_OWN
        if size <= MAX_OWN:
            texts.append((name, bytes(whole[8:-4])))
    return OwnChunks(tuple(look), tuple(texts)), too_much


def _ihdr(start: bytes | bytearray) -> tuple[int, int, int, int]:
    """Return columns, rows, bits and colour type."""
    if len(start) < AFTER_IHDR or start[12:16] != b"IHDR":
        raise CorruptImageError("the file ends within its header, or has none.")
    columns, rows, depth, kind = struct.unpack(">IIBB", start[16:26])
    if depth not in DEPTHS.get(kind, ()):
        raise CorruptImageError(f"colour type {kind} with {depth} bits does not exist.")
    return columns, rows, depth, kind


def _has_transparency(source: Source) -> bool:
    """Whether a tRNS chunk comes before the pixels."""
    offset = AFTER_IHDR
    for _ in range(MAX_CHUNKS):
        head = source.at(offset, 8)
        if len(head) < 8 or head[4:] in {b"IDAT", b"IEND"}:
            return False
        if head[4:] == b"tRNS":
            return True
        offset += 12 + int.from_bytes(head[:4], "big")
    return False


def _chunks(data: bytearray) -> Iterator[tuple[bytes, memoryview]]:
    """Yield (name, whole chunk) of every chunk up to and including IEND."""
    view = memoryview(data)
    offset = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if offset + 12 > len(data):
            raise CorruptImageError("the file is truncated: its end mark is missing.")
        length = int.from_bytes(view[offset : offset + 4], "big")
        name = bytes(view[offset + 4 : offset + 8])
        if offset + 12 + length > len(data):
            raise CorruptImageError(
                f"the file is truncated within its {name.decode('latin-1')} chunk."
            )
        yield name, view[offset : offset + 12 + length]
        if name == b"IEND":
            return
        offset += 12 + length
    raise CorruptImageError(f"more than {MAX_CHUNKS} chunks.")


def _checked_chunks(data: bytearray, header: Header, depth: int) -> list[tuple[bytes, memoryview]]:
    """Return the chunks beside the pixels; refuse pixels that cannot be complete.

    Looking at the length first refuses a bomb within the limits without allocating its pixels.
    """
    compressed = 0
    others = []
    for name, whole in _chunks(data):
        if name == b"IDAT":
            compressed += len(whole) - 12
        else:
            others.append((name, whole))
    least_bits = header.rows * header.columns * (depth if header.dtype == "uint8" else 16)
    if compressed * DEFLATE_LIMIT < least_bits // 8:
        raise CorruptImageError(
            f"{compressed} bytes of pixel data cannot hold {header.columns}x{header.rows} pixels."
        )
    return others


def _hide(chunks: list[tuple[bytes, memoryview]]) -> None:
    """Rename, in place, the chunks that libpng need not know.

    It would inflate profiles and texts again, and print its complaints about them to standard
    error. Chunks with an unknown name are skipped, if only their checksum is right.
    """
    for name, whole in chunks:
        if name[:1].islower() and name != b"tRNS":
            whole[4:8] = b"ruIs"
            whole[-4:] = zlib.crc32(whole[4:-4]).to_bytes(4, "big")


def _metadata(chunks: list[tuple[bytes, memoryview]]) -> tuple[Metadata, list[str]]:
    """Collect what the ancillary chunks say; a broken one costs a note, never the image."""
    found: dict[str, bytes] = {}
    texts: dict[str, str] = {}
    notes: list[str] = []
    for name, whole in chunks:
        try:
            if name in READERS:
                READERS[name](bytes(whole[8:-4]), found, texts)
        except (ValueError, IndexError, zlib.error, struct.error):
            notes.append(f"broken {name.decode('latin-1')} chunk ignored")
    resolution = None
    if "pHYs" in found:
        across, down = struct.unpack(">II", found["pHYs"][:8])
        resolution = (across * 0.0254, down * 0.0254)
    metadata = Metadata(
        exif=found.get("eXIf"),
        icc=found.get("iCCP"),
        xmp=found.get("XMP"),
        resolution=resolution,
        description=texts.get("Description", texts.get("Comment")),
        software=texts.get("Software"),
    )
    return metadata, notes


def _read_exif(content: bytes, found: dict[str, bytes], _: dict[str, str]) -> None:
    found["eXIf"] = content


def _read_density(content: bytes, found: dict[str, bytes], _: dict[str, str]) -> None:
    across, down, unit = struct.unpack(">IIB", content)
    if unit == 1 and across and down:  # 1: pixels per metre; 0 is only an aspect ratio
        found["pHYs"] = content


def _read_profile(content: bytes, found: dict[str, bytes], _: dict[str, str]) -> None:
    name, _separator, rest = content.partition(b"\0")
    if len(name) > 79 or rest[:1] != b"\0":
        raise ValueError("iCCP")
    found["iCCP"] = _inflate(rest[1:])


def _read_text(content: bytes, found: dict[str, bytes], texts: dict[str, str]) -> None:
    keyword, separator, rest = content.partition(b"\0")
    if separator:
        _keep_text(keyword, rest, "latin-1", found, texts)


def _read_compressed_text(content: bytes, found: dict[str, bytes], texts: dict[str, str]) -> None:
    keyword, _separator, rest = content.partition(b"\0")
    if _wanted(keyword):
        _keep_text(keyword, _inflate(rest[1:]), "latin-1", found, texts)


def _read_unicode_text(content: bytes, found: dict[str, bytes], texts: dict[str, str]) -> None:
    keyword, _separator, rest = content.partition(b"\0")
    compressed = rest[0] == 1
    _language, _, rest = rest[2:].partition(b"\0")
    _translated_keyword, _, text = rest.partition(b"\0")
    if _wanted(keyword):
        _keep_text(keyword, _inflate(text) if compressed else text, "utf-8", found, texts)


READERS = {
    b"eXIf": _read_exif,
    b"pHYs": _read_density,
    b"iCCP": _read_profile,
    b"tEXt": _read_text,
    b"zTXt": _read_compressed_text,
    b"iTXt": _read_unicode_text,
}


def _wanted(keyword: bytes) -> bool:
    """Only these are inflated; an unknown text is not worth a decompression bomb."""
    return keyword in {XMP_KEYWORD, b"Description", b"Comment", b"Software"}


def _keep_text(
    keyword: bytes, text: bytes, encoding: str, found: dict[str, bytes], texts: dict[str, str]
) -> None:
    if keyword == XMP_KEYWORD:
        found["XMP"] = text
    elif _wanted(keyword):
        texts.setdefault(keyword.decode("latin-1"), text.decode(encoding))


def _inflate(data: bytes) -> bytes:
    """Decompress, but never more than MAX_METADATA."""
    inflater = zlib.decompressobj()
    result = inflater.decompress(data, MAX_METADATA)
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError("too large or truncated")
    return result


def _by_libpng(pixels: NDArray[Any]) -> Generator[bytes | memoryview]:
    """Yield what comes before the metadata, and what comes after."""
    from imagecodecs import png_encode

    data = png_encode(pixels, level=LEVEL, strategy=RUNS, filter=PAETH)
    yield bytes(data[:AFTER_IHDR])
    yield memoryview(data)[AFTER_IHDR:]


def _by_strips(pixels: NDArray[Any], info: ImageInfo) -> Generator[bytes]:
    """Yield what comes before the metadata, and what comes after, part by part."""
    from ruis.formats.png.strips import compressed

    rows, columns = pixels.shape[:2]
    kind = KINDS[info.colour, info.alpha]
    head = struct.pack(">IIBBBBB", columns, rows, 8 * pixels.dtype.itemsize, kind, 0, 0, 0)
    yield SIGNATURE + _chunk(b"IHDR", head)
    for part in compressed(pixels, LEVEL, RUNS):
        yield _chunk(b"IDAT", part)
    yield _chunk(b"IEND", b"")


def _metadata_chunks(metadata: Metadata) -> Iterator[bytes]:
    """Yield the chunks that hold the metadata, in the order that the standard asks for."""
    own = OwnChunks() if metadata.native is None else _content(metadata.native)
    for name, content in own.appearance:
        yield _chunk(name, content)
    if metadata.icc:
        yield _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.resolution:
        across, down = (
            min(max(round(value / 0.0254), 1), 2**31 - 1) for value in metadata.resolution
        )
        yield _chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if metadata.exif:
        yield _chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        yield _chunk(b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + metadata.xmp)
    for keyword, text in (("Description", metadata.description), ("Software", metadata.software)):
        if text:
            yield _text_chunk(keyword, text.replace("\0", ""))
    for name, content in own.texts:
        yield _chunk(name, content)


def _text_chunk(keyword: str, text: str) -> bytes:
    """Return tEXt where Latin-1 suffices, iTXt otherwise."""
    try:
        return _chunk(b"tEXt", f"{keyword}\0{text}".encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", f"{keyword}\0\0\0\0\0{text}".encode())


def _chunk(name: bytes, content: bytes) -> bytes:
    return b"".join(
        (
            len(content).to_bytes(4, "big"),
            name,
            content,
            zlib.crc32(content, zlib.crc32(name)).to_bytes(4, "big"),
        )
    )
