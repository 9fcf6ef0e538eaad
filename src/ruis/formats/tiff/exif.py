"""EXIF in a TIFF is not a block: some tags stand in the main directory, others in two of their own.

Here they become a block, and a block becomes them.
"""

from __future__ import annotations

import struct
import warnings
from typing import Any, BinaryIO

__all__ = ["append_directories", "exif_block", "exif_tags"]

EXIF_IFD, GPS_IFD, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
TEXTS = {0x010F, 0x0110, 0x0132, 0x013B, 0x013C, 0x8298}  # make, model, date, artist, host, rights
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
            return exif.tobytes().removeprefix(b"Exif\0\0")
    except Exception:  # noqa: BLE001 - broken EXIF never makes an image unreadable
        return None


def exif_tags(block: bytes | None) -> tuple[list[Tag], dict[int, dict[int, Any]]]:
    """Split an EXIF block into tags for the main directory and further directories.

    Returns
    -------
    tags : list of tuple
        As tifffile's `extratags`; the directories' offsets are still zero.
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
                    tags.append((code, 4, 1, 0, True))
    except Exception:  # noqa: BLE001 - what cannot be understood cannot be kept
        return [], {}
    return tags, directories


def append_directories(file: BinaryIO, directories: dict[int, dict[int, Any]]) -> None:
    """Write the directories at the end of a little-endian TIFF, and point to them."""
    file.seek(2)
    if not directories or file.read(2) != b"*\0":
        return
    for code, content in directories.items():
        place = _place_of(file, code)
        if place is None:
            continue
        offset = file.seek(0, 2)
        offset += file.write(b"\0" * (offset % 2))
        file.write(_directory(content, offset))
        file.seek(place)
        file.write(struct.pack("<I", offset))


def _directory(content: dict[int, Any], offset: int) -> bytes:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        directory = ImageFileDirectory_v2(LITTLE_ENDIAN)
        for tag, value in content.items():
            directory[tag] = value
        return directory.tobytes(offset)


def _place_of(file: BinaryIO, code: int) -> int | None:
    """Return where the main directory keeps the value of a tag."""
    file.seek(4)
    start = struct.unpack("<I", file.read(4))[0]
    file.seek(start)
    count = struct.unpack("<H", file.read(2))[0]
    for index in range(count):
        if struct.unpack("<H", file.read(12)[:2])[0] == code:
            return int(start + 2 + 12 * index + 8)
    return None
