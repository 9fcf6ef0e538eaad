"""JPEG: 8-bit gray, RGB and CMYK."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ruis.errors import CorruptImageError, UnsupportedFormatError
from ruis.formats.base import Decoded, Format, Header, Source, squeezed
from ruis.formats.metadata import clean_exif
from ruis.formats.photoshop import without_copies
from ruis.image import Colour, Image, Metadata, Native

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["JPEG"]

QUALITY = 95
SUBSAMPLING = "444"
SOI, EOI, SOS, APP0, APP1, APP2, APP13 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xED
APP14, COMMENT = 0xEE, 0xFE
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15; C4, C8, CC are something else
LOSSLESS_FRAMES = {0xC3, 0xC7, 0xCB, 0xCF}
PROGRESSIVE, ARITHMETIC = 0xC2, 0xC9
STRETCH = 2**20
"""Bytes of compressed data that are looked through at a time."""
MAX_SEGMENTS = 20_000
MAX_SCANS = 200  # real files have about ten; thousands make a decoder work for minutes
FEW_SCANS, MAX_WORK = 20, 1e9  # more scans than that are read while scans times pixels stay below
MAX_PAYLOAD = 65533
EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
MORE_XMP_HEAD = b"http://ns.adobe.com/xmp/extension/\0"
ICC_HEAD, ADOBE_HEAD, JFIF_HEAD = b"ICC_PROFILE\0", b"Adobe", b"JFIF\0"
PHOTOSHOP_HEAD = b"Photoshop 3.0\0"
PADDING = 64
"""So many bytes behind the end of a picture are nothing that somebody would miss."""
COLOURS: dict[int, Colour] = {1: "gray", 3: "rgb", 4: "cmyk"}


class JPEG(Format):
    """JPEG, read and written with libjpeg-turbo (imagecodecs).

    Written at quality 95 without chroma subsampling, whatever the source had: a denoised picture
    loses nothing more. CMYK values are ink (255 is full), also where the file stores them
    inverted, as Adobe's do.
    """

    name: ClassVar[str] = "jpeg"
    title: ClassVar[str] = "JPEG"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".jpe", ".jfif")
    media_type: ClassVar[str] = "image/jpeg"
    dtypes: ClassVar[frozenset[str]] = frozenset({"uint8"})
    layouts: ClassVar[frozenset[str]] = frozenset({"gray", "rgb", "cmyk"})
    lossless: ClassVar[bool] = False
    fields: ClassVar[frozenset[str]] = frozenset(
        {"exif", "icc", "xmp", "resolution", "description", "software"}
    )
    uses_exif: ClassVar[bool] = True
    max_exif: ClassVar[int | None] = MAX_PAYLOAD - len(EXIF_HEAD)
    max_side: ClassVar[int | None] = 65500
    native: ClassVar[str | None] = "IPTC and Photoshop's other notes in JPEG"

    def recognises(self, start: bytes) -> bool:
        """Whether a start-of-image marker and another marker are there."""
        return start.startswith(b"\xff\xd8\xff")

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Walk the markers up to the frame header."""
        offset = 2
        turned = False
        for _ in range(MAX_SEGMENTS):
            head = source.at(offset, 20)
            if len(head) < 4 or head[0] != 0xFF or head[1] in {EOI, SOS}:
                raise CorruptImageError("the file is truncated: it ends before its size is told.")
            if head[1] == 0xFF:  # a fill byte
                offset += 1
            elif head[1] in FRAMES:
                return replace(_frame(head), turned=turned)
            else:
                if head[1] == APP1 and head[4:].startswith(EXIF_HEAD):
                    length = int.from_bytes(head[2:4], "big")
                    block = source.at(offset + 4 + len(EXIF_HEAD), length - 2 - len(EXIF_HEAD))
                    turned = clean_exif(bytes(block)).orientation >= 5
                offset += 2 + int.from_bytes(head[2:4], "big")
        raise CorruptImageError(f"more than {MAX_SEGMENTS} segments.")

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Check that the compressed data reaches the end mark, then decode."""
        from imagecodecs import jpeg8_decode

        data = source.everything()
        segments = _walk(data)
        _check_length(segments, header)
        pixels = jpeg8_decode(data).reshape(header.rows, header.columns, -1)
        if pixels.shape[2] != header.channels:
            raise CorruptImageError(
                f"the header announces {header.channels} channels, the data has {pixels.shape[2]}."
            )
        notes: tuple[str, ...] = ()
        if segments.more_xmp:
            notes = ("the second part of the XMP is left out",)
        if segments.behind > PADDING:
            size = f"{segments.behind / 1024:.0f} KiB"
            notes += (f"what follows the picture ({size}: another picture, a film) is left out",)
        metadata = segments.metadata()
        try:
            own = without_copies(bytes(segments.photoshop))
        except ValueError:
            own, notes = b"", (*notes, "unreadable notes of Photoshop ignored")
        if own:
            metadata = replace(metadata, native=Native(self.name, own))
        if header.colour == "cmyk" and segments.adobe:
            _invert(pixels)
            notes += ("inverted CMYK read as ink",)
        return Decoded(pixels, header.colour, metadata=metadata, notes=notes)

    def unheld(self, metadata: Metadata) -> tuple[str, ...]:
        """Also say what is larger than a segment, and may not be split; of a description, the end."""
        large = [
            f"{title} of {len(content) / 1024:.1f} KiB (64 fit)"
            for title, head, content in _whole(metadata)
            if len(head) + len(content) > MAX_PAYLOAD
        ]
        if len((metadata.description or "").encode()) > MAX_PAYLOAD:
            large.append("the end of the description (64 KiB fit)")
        return (*super().unheld(metadata), *large)

    def encode(self, image: Image, file: BinaryIO) -> None:
        """Encode with libjpeg-turbo, and put the metadata before its tables."""
        from imagecodecs import jpeg8_encode

        if image.info.colour == "cmyk":
            inverted = 255 - image.pixels
            data = jpeg8_encode(inverted, level=QUALITY, colorspace="cmyk", outcolorspace="cmyk")
        else:
            data = jpeg8_encode(squeezed(image.pixels), level=QUALITY, subsampling=SUBSAMPLING)
        rest = 2
        if data[2:4] == bytes((0xFF, APP0)):  # ours says the resolution
            rest = 4 + int.from_bytes(data[4:6], "big")
            file.write(data[:2] + _density(image.info.metadata.resolution))
        else:
            file.write(data[:2])
        file.write(b"".join(_metadata_segments(image.info.metadata)))
        file.write(memoryview(data)[rest:])


@dataclass
class Segments:
    """What the markers of a file said."""

    exif: bytes | None = None
    xmp: bytes | None = None
    more_xmp: bool = False
    icc: dict[int, bytes] = field(default_factory=dict)
    resolution: tuple[float, float] | None = None
    comment: str | None = None
    adobe: bool = False
    frame: int = 0
    blocks: int = 0
    entropy_bytes: int = 0
    scans: int = 0
    photoshop: bytearray = field(default_factory=bytearray)
    behind: int = 0

    def metadata(self) -> Metadata:
        """Return it as metadata."""
        icc = b"".join(self.icc[number] for number in sorted(self.icc)) or None
        return Metadata(self.exif, icc, self.xmp, self.resolution, self.comment)


def _frame(head: bytes) -> Header:
    """Return what a frame header (SOF) announces."""
    if len(head) < 10:
        raise CorruptImageError("the file is truncated within its header.")
    precision, rows, columns, channels = struct.unpack(">BHHB", head[4:10])
    if head[1] in LOSSLESS_FRAMES or precision != 8:
        kind = "lossless" if head[1] in LOSSLESS_FRAMES else f"{precision}-bit"
        raise UnsupportedFormatError(f"{kind} JPEG is not read; convert it to TIFF or PNG first.")
    if channels not in COLOURS:
        raise UnsupportedFormatError(f"a JPEG of {channels} channels is not read.")
    return Header("jpeg", rows, columns, channels, "uint8", COLOURS[channels])


def _walk(data: bytearray) -> Segments:
    """Visit every segment up to the end mark; its absence means a truncated file."""
    result = Segments()
    view = memoryview(data)
    offset = 2
    for _ in range(MAX_SEGMENTS):
        while data[offset + 1 : offset + 2] == b"\xff":
            offset += 1
        if offset + 2 > len(data):
            raise CorruptImageError("the file is truncated: its end mark is missing.")
        if data[offset] != 0xFF:
            raise CorruptImageError(f"no marker at byte {offset}.")
        marker = data[offset + 1]
        if marker == EOI:
            result.behind = len(data[offset + 2 :].strip(b"\0"))
            return result
        length = int.from_bytes(view[offset + 2 : offset + 4], "big")
        content = bytes(view[offset + 4 : offset + 2 + length])
        if length < 2 or len(content) != length - 2:
            raise CorruptImageError("the file is truncated within a segment.")
        _note(result, marker, content)
        offset += 2 + length
        if marker == SOS:
            end = _end_of_entropy(data, offset)
            result.entropy_bytes += end - offset
            offset = end
    raise CorruptImageError(f"more than {MAX_SEGMENTS} segments.")


def _end_of_entropy(data: bytearray, offset: int) -> int:
    """Return where compressed data ends: at the first 0xFF, but for stuffing and restarts, that a marker follows."""
    import numpy as np

    goes_on = np.isin(np.arange(256), (0, *range(0xD0, 0xD8), 0xFF))
    values = np.frombuffer(data, np.uint8)
    for start in range(offset, len(values) - 1, STRETCH):
        part = values[start : start + STRETCH + 1]
        marks = np.flatnonzero(part[:-1] == 0xFF)
        ends = marks[~goes_on[part[marks + 1]]]
        if ends.size:
            return _before_fill_bytes(values, offset, start + int(ends[0]))
    raise CorruptImageError("the file is truncated: its end mark is missing.")


def _before_fill_bytes(values: NDArray[np.uint8], offset: int, end: int) -> int:
    """Return where the run of 0xFF begins that ends at a marker."""
    import numpy as np

    while end > offset:
        start = max(offset, end - STRETCH)
        others = np.flatnonzero(values[start:end] != 0xFF)
        if others.size:
            return start + int(others[-1]) + 1
        end = start
    return end


def _note(result: Segments, marker: int, content: bytes) -> None:
    """Keep what one segment says."""
    if marker == SOS:
        result.scans += 1
        if result.scans > MAX_SCANS:
            raise CorruptImageError(f"more than {MAX_SCANS} scans.")
    elif marker in FRAMES:
        result.frame = marker
        result.blocks = _blocks(content)
    elif marker == APP0 and content.startswith(JFIF_HEAD) and len(content) >= 12:
        unit, across, down = struct.unpack(">BHH", content[7:12])
        if unit in {1, 2} and across and down:
            factor = 1.0 if unit == 1 else 2.54
            result.resolution = (across * factor, down * factor)
    elif marker == APP1 and content.startswith(EXIF_HEAD):
        result.exif = result.exif or content[len(EXIF_HEAD) :]
    elif marker == APP1 and content.startswith(XMP_HEAD):
        result.xmp = result.xmp or content[len(XMP_HEAD) :]
    elif marker == APP1 and content.startswith(MORE_XMP_HEAD):
        result.more_xmp = True
    elif marker == APP2 and content.startswith(ICC_HEAD) and len(content) > 14:
        result.icc.setdefault(content[12], content[14:])
    elif marker == APP13 and content.startswith(PHOTOSHOP_HEAD):
        result.photoshop += content[len(PHOTOSHOP_HEAD) :]
    elif marker == APP14 and content.startswith(ADOBE_HEAD):
        result.adobe = True
    elif marker == COMMENT:
        result.comment = result.comment or content.rstrip(b"\0").decode("utf-8", "replace") or None


def _blocks(content: bytes) -> int:
    """Return how many 8x8 blocks the frame has in all its channels."""
    _, rows, columns, channels = struct.unpack(">BHHB", content[:6])
    factors = [divmod(content[7 + 3 * channel], 16) for channel in range(channels)]
    widest, tallest = max(h for h, _ in factors), max(v for _, v in factors)
    if not widest or not tallest:
        raise CorruptImageError("a sampling factor is zero.")
    return sum((rows * v // tallest // 8) * (columns * h // widest // 8) for h, v in factors)


def _check_length(segments: Segments, header: Header) -> None:
    """Refuse compressed data that cannot hold all blocks: a bomb, or half an image.

    With Huffman codes a block takes at least two bits, or one bit in a progressive file.
    """
    if not segments.frame or not segments.scans:
        raise CorruptImageError("there is no pixel data.")
    if segments.scans > FEW_SCANS and segments.scans * header.rows * header.columns > MAX_WORK:
        raise CorruptImageError(f"{segments.scans} scans are too many for an image of this size.")
    if segments.frame >= ARITHMETIC:
        return
    bits = 1 if segments.frame == PROGRESSIVE else 2
    if segments.entropy_bytes * 8 < segments.blocks * bits:
        raise CorruptImageError(
            f"{segments.entropy_bytes} bytes of pixel data cannot hold "
            f"{header.columns}x{header.rows} pixels."
        )


def _invert(pixels: Any) -> None:
    import numpy as np

    np.subtract(255, pixels, out=pixels)


def _density(resolution: tuple[float, float] | None) -> bytes:
    """Return the JFIF segment."""
    unit, across, down = 0, 1, 1
    if resolution is not None:
        unit = 1
        across, down = (min(max(round(value), 1), 65535) for value in resolution)
    return _segment(APP0, JFIF_HEAD + struct.pack(">BBBHHBB", 1, 1, unit, across, down, 0, 0))


def _metadata_segments(metadata: Metadata) -> Iterator[bytes]:
    """Yield what fits; a segment holds 64 KiB, and only profiles may be split."""
    for _, head, content in _whole(metadata):
        if len(head) + len(content) <= MAX_PAYLOAD:
            yield _segment(APP1, head + content)
    if metadata.icc:
        size = MAX_PAYLOAD - 14
        parts = [metadata.icc[start : start + size] for start in range(0, len(metadata.icc), size)]
        if len(parts) <= 255:
            for number, part in enumerate(parts, 1):
                yield _segment(APP2, ICC_HEAD + bytes((number, len(parts))) + part)
    if metadata.native is not None:
        own = metadata.native.content
        assert isinstance(own, bytes)
        size = MAX_PAYLOAD - len(PHOTOSHOP_HEAD)
        for start in range(0, len(own), size):  # resources may be cut anywhere
            yield _segment(APP13, PHOTOSHOP_HEAD + own[start : start + size])
    if metadata.description:
        fits = metadata.description.encode()[:MAX_PAYLOAD].decode("utf-8", "ignore")
        yield _segment(COMMENT, fits.encode())


def _whole(metadata: Metadata) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield what has to fit one segment: for people, how it begins, and its content."""
    if metadata.exif:
        yield "EXIF", EXIF_HEAD, metadata.exif
    if metadata.xmp:
        yield "XMP", XMP_HEAD, metadata.xmp


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content
