"""EXIF in a TIFF is not a block: some tags stand in the main directory, others in two of their own.

Here they become a block, and a block becomes them.
"""

from __future__ import annotations

import struct
import warnings
from typing import Any, BinaryIO

from ruis.formats.base import RawText
from ruis.formats.base import exif_block as serialised
from ruis.formats.exif import EXIF_IFD, GPS_IFD, INTEROPERABILITY, UNDEFINED, UNTYPED

__all__ = ["append_directories", "exif_block", "exif_tags"]

TEXTS = {0x010F, 0x0110, 0x0132, 0x013B, 0x013C, 0x8298}  # make, model, date, artist, host, rights
FIRST_DIRECTORY = 4  # where a TIFF file says it
LONG = 4  # the type of an offset
LITTLE_ENDIAN = b"II*\0\x08\0\0\0"

Tag = tuple[int, int, int, Any, bool]


def exif_block(file: BinaryIO, present: set[int]) -> bytes | None:
    """Return the descriptive tags of a TIFF file as an EXIF block; None if it has none.

    Parameters
    ----------
    file : binary file
        The TIFF file. BigTIFF has no EXIF that programs agree on, and yields None.
    present : set of int
        The tags of its main directory.
    """
    wanted = present & (TEXTS | {EXIF_IFD, GPS_IFD})
    file.seek(2)
    if not wanted or file.read(2) not in {b"*\0", b"\0*"}:
        return None
    from PIL.Image import Exif

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = Exif()
            file.seek(0)
            exif.load_from_fp(file)
            for tag in set(exif) - wanted:
                del exif[tag]
            return serialised(exif)
    except Exception:  # noqa: BLE001 - broken EXIF never makes an image unreadable
        return None


def exif_tags(block: bytes | None) -> tuple[list[Tag], dict[int, dict[int, Any]]]:
    """Split an EXIF block into tags for the main directory and further directories.

    Returns
    -------
    tags : list of tuple
        As tifffile's `extratags`.
    directories : dict
        For each of them, its tags and values.
    """
    if not block:
        return [], {}
    from PIL.Image import Exif

    tags: list[Tag] = []
    directories: dict[int, dict[int, Any]] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = Exif()
            exif.load(block)
            for code in sorted(TEXTS & set(exif)):
                text = str(exif[code]).encode("latin-1", "replace")
                tags.append((code, 2, len(text) + 1, text + b"\0", True))
            for code in (EXIF_IFD, GPS_IFD):
                content = {**exif.get_ifd(code)}
                content.pop(INTEROPERABILITY, None)
                if content:
                    directories[code] = content
    except Exception:  # noqa: BLE001 - what cannot be understood cannot be kept
        return [], {}
    return tags, directories


def append_directories(file: BinaryIO, directories: dict[int, dict[int, Any]]) -> None:
    """Write the directories at the end of a little-endian TIFF of one page, and point to them.

    tifffile writes no such pointers, so the main directory is written anew, behind them.
    """
    file.seek(2)
    if not directories or file.read(2) != b"*\0":
        return
    entries = _entries(file)
    for code, content in directories.items():
        offset = _even_end(file)
        file.write(_directory(content, offset))
        entries[code] = struct.pack("<HHII", code, LONG, 1, offset)
    offset = _even_end(file)
    file.write(struct.pack("<H", len(entries)))
    file.write(b"".join(entries[code] for code in sorted(entries)))
    file.write(struct.pack("<I", 0))
    file.seek(FIRST_DIRECTORY)
    file.write(struct.pack("<I", offset))


def _even_end(file: BinaryIO) -> int:
    """Move to the end of the file, or one byte behind it: directories begin at even offsets."""
    end = file.seek(0, 2)
    return end + file.write(b"\0" * (end % 2))


def _directory(content: dict[int, Any], offset: int) -> bytes:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        directory = ImageFileDirectory_v2(LITTLE_ENDIAN)
        for tag, value in content.items():
            directory[tag] = RawText(value) if isinstance(value, str) else value
            if tag in UNTYPED and isinstance(value, bytes):
                directory.tagtype[tag] = UNDEFINED
        return directory.tobytes(offset)


def _entries(file: BinaryIO) -> dict[int, bytes]:
    """Return the entries of the main directory by their tags."""
    file.seek(FIRST_DIRECTORY)
    file.seek(struct.unpack("<I", file.read(4))[0])
    count = struct.unpack("<H", file.read(2))[0]
    entries = [file.read(12) for _ in range(count)]
    return {struct.unpack("<H", entry[:2])[0]: entry for entry in entries}
