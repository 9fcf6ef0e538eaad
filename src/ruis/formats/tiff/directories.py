"""The directories (IFDs) of a TIFF file, checked before a decoder follows them."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, BinaryIO

from ruis.errors import CorruptImageError, UnsupportedFormatError

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

__all__ = ["check_directories", "check_segments", "first_image", "is_image"]

SUBFILE_TYPE = 254
NOT_AN_IMAGE = 0b101  # bits of SUBFILE_TYPE: a thumbnail, a mask
MAX_DIRECTORIES = 100
MAX_PLANES = 1_000_000
MAX_TAGS = 4096
MAX_SEGMENTS = 1_000_000
JPEG = 7  # a compression
JPEG_FRAMES = {0xC0, 0xC1, 0xC2}
JPEG_START, JPEG_END = 65536, 64  # bytes in which to look for the frame header and the end mark
JPEG_PADDING = 32  # pixels by which an encoder may fill up its last blocks
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
TYPE_SIZES |= {16: 8, 17: 8, 18: 8}  # BigTIFF


def check_directories(file: BinaryIO, size: int, *, stacks: bool = False) -> int:
    """Walk the chain of directories; refuse loops, stacks and tags that reach out of the file.

    Parameters
    ----------
    file : binary file
        The TIFF file.
    size : int
        How many bytes it has.
    stacks : bool, default False
        Whether there may be many images.

    Returns
    -------
    int
        How many images there are, thumbnails and masks not counted.

    Raises
    ------
    CorruptImageError
        If the chain loops or leaves the file, or a tag claims more bytes than there are.
    UnsupportedFormatError
        If there is more than one image, thumbnails and masks aside.
    """
    file.seek(0)
    start = file.read(16)
    order = "<" if start[:2] == b"II" else ">"
    big = start[2:4] in {b"+\0", b"\0+"}
    if len(start) < (16 if big else 8):
        raise CorruptImageError("the file ends within its header.")
    offset = struct.unpack(order + ("Q" if big else "I"), start[8:16] if big else start[4:8])[0]
    seen: set[int] = set()
    images, most = 0, MAX_PLANES if stacks else MAX_DIRECTORIES
    while offset:
        if offset in seen:
            raise CorruptImageError("its directories form a loop.")
        if len(seen) == most:
            raise UnsupportedFormatError(f"it holds more than {most} images.")
        seen.add(offset)
        offset, counts = _directory(file, size, offset, order, big=big)
        images += counts
    if not seen:
        raise CorruptImageError("there is no image in the file.")
    if images > 1 and not stacks:
        raise UnsupportedFormatError(
            f"it holds {images} images (pages), and is read plane by plane only: by ruis denoise."
        )
    return images


def _directory(
    file: BinaryIO, size: int, offset: int, order: str, *, big: bool
) -> tuple[int, bool]:
    """Check one directory; return where the next one is, and whether this one is an image."""
    number, entry = ("Q", "HHQ8s") if big else ("H", "HHI4s")
    entry_size = 20 if big else 12
    file.seek(offset)
    counted = file.read(8 if big else 2)
    count = struct.unpack(order + number, counted)[0] if len(counted) == (8 if big else 2) else 0
    if not 0 < count <= MAX_TAGS:
        raise CorruptImageError(f"the directory at byte {offset} holds {count} tags.")
    body = file.read(count * entry_size + (8 if big else 4))
    if len(body) < count * entry_size + (8 if big else 4):
        raise CorruptImageError(f"the file is truncated within the directory at byte {offset}.")
    counts = True
    for index in range(count):
        part = body[index * entry_size : (index + 1) * entry_size]
        code, kind, values, value = struct.unpack(order + entry, part)
        needed = values * TYPE_SIZES.get(kind, 1)
        if needed > size:
            raise CorruptImageError(f"its tag {code} claims {needed} bytes; the file has {size}.")
        if code == SUBFILE_TYPE and kind == 4:
            counts = not struct.unpack(order + "I", value[:4])[0] & NOT_AN_IMAGE
    following = body[count * entry_size :]
    return struct.unpack(order + ("Q" if big else "I"), following)[0], counts


def is_image(page: TiffPage) -> bool:
    """Say whether a page is an image, and no thumbnail and no mask."""
    return not int(page.subfiletype) & NOT_AN_IMAGE


def first_image(file: TiffFile) -> TiffPage:
    """Return the first page that is an image; the first of all if none is."""
    return next((page for page in file.pages if is_image(page)), file.pages[0])


def check_segments(page: TiffPage, file: BinaryIO, size: int) -> None:
    """Make sure that every strip or tile is in the file, and no larger than it may be.

    Decoders fill missing ones with zeros: a truncated file would be half black. And a strip that is
    a JPEG announces a size of its own, for which its decoder would find the memory.

    Raises
    ------
    CorruptImageError
        If one is missing, empty, beyond the end, or a JPEG that is too large or truncated.
    """
    expected = math.prod(page.chunked)
    if expected > MAX_SEGMENTS:
        raise CorruptImageError(f"it has {expected} strips or tiles; {MAX_SEGMENTS} are too many.")
    offsets, counts = page.dataoffsets, page.databytecounts
    if len(offsets) < expected or len(counts) < expected:
        raise CorruptImageError(
            f"{expected} strips or tiles are needed, {len(offsets)} are listed."
        )
    for offset, count in zip(offsets, counts, strict=False):
        if not offset or not count:
            raise CorruptImageError("a strip or tile is missing (sparse files are not read).")
        if offset + count > size:
            raise CorruptImageError(
                f"the file is truncated: pixels reach to byte {offset + count} of {size}."
            )
        if int(page.compression) == JPEG:
            _check_jpeg(page, file, offset, count)


def _check_jpeg(page: TiffPage, file: BinaryIO, offset: int, count: int) -> None:
    """Compare the size in a JPEG's frame header with that of a strip or tile."""
    file.seek(offset)
    start = file.read(min(count, JPEG_START))
    file.seek(offset + max(count - JPEG_END, 0))
    if b"\xff\xd9" not in file.read(JPEG_END):
        raise CorruptImageError("a strip or tile is truncated: its end mark is missing.")
    rows = page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength)
    columns = page.tilewidth if page.is_tiled else page.imagewidth
    place = 2
    while place + 9 <= len(start) and start[place] == 0xFF:
        if start[place + 1] in JPEG_FRAMES:
            found = struct.unpack(">HH", start[place + 5 : place + 9])
            if found[0] > rows + JPEG_PADDING or found[1] > columns + JPEG_PADDING:
                raise CorruptImageError(
                    f"a strip or tile of {columns}x{rows} pixels announces {found[1]}x{found[0]}."
                )
            return
        place += 2 + int.from_bytes(start[place + 2 : place + 4], "big")
    raise CorruptImageError("a strip or tile does not say its size.")
