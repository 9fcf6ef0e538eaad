"""EXIF blocks, changed where they lie: what a maker wrote with offsets of its own stays where they point to."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = [
    "ASCII",
    "EXIF_IFD",
    "GPS_IFD",
    "INTEROPERABILITY",
    "PIXEL_COLUMNS",
    "PIXEL_ROWS",
    "RATIONAL",
    "SHORT",
    "UNDEFINED",
    "UNTYPED",
    "X_RESOLUTION",
    "Y_RESOLUTION",
    "Entry",
    "Value",
    "edited",
    "retyped",
    "values_of",
]

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value, by the types of TIFF 6.0."""

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
EXIF_IFD, GPS_IFD, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
DIRECTORIES = {EXIF_IFD, GPS_IFD, INTEROPERABILITY}
"""Tags that say where another directory is: EXIF's, GPS's, that on interoperability."""

MOST_DIRECTORIES = 8
"""There are four in the standard."""

THUMBNAILS = ((0x0201, 0x0202), (0x0111, 0x0117))
"""Tags that say where a thumbnail begins and how long it is: compressed, and not."""

X_RESOLUTION, Y_RESOLUTION = 0x011A, 0x011B
PIXEL_COLUMNS, PIXEL_ROWS = 0xA002, 0xA003

UNTYPED = {
    0x8828, 0x9000, 0x9101, 0x927C, 0x9286, 0xA000, 0xA20C, 0xA300, 0xA301, 0xA302, 0xA40B, 0xC4A5,
    0x0002, 0x001B, 0x001C,
}  # fmt: skip
"""Tags whose bytes have no type: versions, makers' notes, comments (Exif 2.32, sections 4.6.5 to 4.6.7)."""


Value = int | float | bytes


@dataclass(frozen=True)
class Entry:
    """The value of a tag.

    Parameters
    ----------
    kind : int
        Its type, as TIFF 6.0 numbers them.
    values : tuple
        Bytes for one of type 2; else numbers, of fractions both.
    """

    kind: int
    values: bytes | tuple[int, ...]

    def packed(self, order: str) -> tuple[int, bytes]:
        """Return how many values there are, and their bytes."""
        if isinstance(self.values, bytes):
            return len(self.values), self.values
        letter = {3: "H", 4: "I", 5: "I"}[self.kind]
        count = len(self.values) // (2 if self.kind == 5 else 1)
        return count, struct.pack(f"{order}{len(self.values)}{letter}", *self.values)


def edited(block: bytes, changes: Mapping[int, Entry | None], *, turned: bool = False) -> bytes:
    """Return an EXIF block with other tags in its first directory, and without its thumbnail.

    Nothing else moves: makers' notes hold offsets from the beginning of the block.

    Parameters
    ----------
    block : bytes
        The block, without prefix.
    changes : mapping of int to Entry
        The tags that are set, or removed (None).
    turned : bool
        Whether rows and columns change places in what is said of the picture's size and resolution.

    Raises
    ------
    ValueError
        If it is broken.

    References
    ----------
    TIFF, revision 6.0, Adobe, 1992, section 2; Exif 2.32, CIPA DC-008-2019, section 4.5.
    """
    made = _Block(block)
    start, entries, following = made.directory(made.number("I", 4))
    room = len(entries)
    if following:
        made.drop_thumbnail(following)
    for tag, entry in changes.items():
        if entry is None:
            entries.pop(tag, None)
        else:
            shared = [one for other, one in entries.items() if other != tag]
            entries[tag] = made.stored(tag, entry, entries.get(tag), shared)
    if turned and X_RESOLUTION in entries and Y_RESOLUTION in entries:
        one, other = entries[X_RESOLUTION], entries[Y_RESOLUTION]
        entries[X_RESOLUTION], entries[Y_RESOLUTION] = one[:2] + other[2:], other[:2] + one[2:]
    if turned and EXIF_IFD in entries:
        made.swap(made.number("I", 8, entries[EXIF_IFD]))
    body = b"".join(entries[tag] for tag in sorted(entries))
    table = struct.pack(made.order + "H", len(entries)) + body + bytes(4)
    made.data[start : start + 6 + 12 * room] = bytes(6 + 12 * room)
    if len(entries) > room:  # it has to move, and its place stays empty
        struct.pack_into(made.order + "I", made.data, 4, made.append(table))
    else:
        made.data[start : start + len(table)] = table
    return bytes(made.data)


def values_of(block: bytes) -> dict[int, Value | None]:
    """Return what the first directory of an EXIF block says.

    Parameters
    ----------
    block : bytes
        The block, without prefix.

    Returns
    -------
    dict of int to int, float, bytes or None
        Tag -> a number, of fractions their value, or the bytes of texts and of what has no type; None for
        several numbers, and for numbers of other types. Tags without a value are left out.

    Raises
    ------
    ValueError
        If it is broken, or has a type that TIFF 6.0 does not know.
    """
    made = _Block(block)
    _, entries, _ = made.directory(made.number("I", 4))
    if any(made.number("H", 2, entry) not in SIZES for entry in entries.values()):
        raise ValueError("a type of its own")
    return {tag: made.value(entry) for tag, entry in entries.items() if made.size(entry)}


def retyped(block: bytes) -> bytes:
    """Return a block in which what has no type is not called bytes, as Pillow does.

    Parameters
    ----------
    block : bytes
        The block, without prefix.

    Raises
    ------
    ValueError
        If it is broken.
    """
    made = _Block(block)
    for at, tag, kind in made.walk():
        if tag in UNTYPED and kind == BYTE:
            struct.pack_into(made.order + "H", made.data, at + 2, UNDEFINED)
    return bytes(made.data)


class _Block:
    """The bytes of a block that is being changed."""

    def __init__(self, block: bytes) -> None:
        self.data = bytearray(block)
        self.order = {b"II": "<", b"MM": ">"}.get(block[:2], "")
        if not self.order or len(block) < 8 or self.number("H", 2) != 42:
            raise ValueError("no EXIF")

    def number(self, letter: str, at: int, data: bytes | None = None) -> int:
        """Return a number at an offset."""
        found: int
        try:
            (found,) = struct.unpack_from(
                self.order + letter, self.data if data is None else data, at
            )
        except struct.error as error:
            raise ValueError("EXIF is cut off") from error
        return found

    def directory(self, at: int) -> tuple[int, dict[int, bytes], int]:
        """Return where a directory is, its entries by their tags, and where the next is."""
        count = self.number("H", at)
        end = at + 2 + 12 * count
        following = self.number("I", end)
        entries = [bytes(self.data[place : place + 12]) for place in range(at + 2, end, 12)]
        found = {self.number("H", 0, entry): entry for entry in entries}
        if len(found) != count:
            raise ValueError("a tag is there twice")
        return at, found, following

    def directories(self) -> Iterator[tuple[int, dict[int, bytes]]]:
        """Yield where each directory is, and its entries."""
        waiting, seen = [self.number("I", 4)], set[int]()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            if len(seen) == MOST_DIRECTORIES:
                raise ValueError("too many directories")
            seen.add(at)
            _, entries, _ = self.directory(at)
            waiting += [self.number("I", 8, entries[tag]) for tag in DIRECTORIES & entries.keys()]
            yield at, entries

    def walk(self) -> Iterator[tuple[int, int, int]]:
        """Yield where the entries are, their tags and their types, in all directories."""
        for at, entries in self.directories():
            for index, (tag, entry) in enumerate(entries.items()):
                yield at + 2 + 12 * index, tag, self.number("H", 2, entry)

    def size(self, entry: bytes) -> int:
        """Return how many bytes the values of an entry have; none where their type is unknown."""
        return SIZES.get(self.number("H", 2, entry), 0) * self.number("I", 4, entry)

    def place(self, entry: bytes) -> tuple[int, int]:
        """Return where the values of an entry are that do not fit into it, and how many bytes; else (0, 0)."""
        size, at = self.size(entry), self.number("I", 8, entry)
        return (at, size) if 4 < size <= len(self.data) - at else (0, 0)

    def value(self, entry: bytes) -> Value | None:
        """Return what an entry says; see :func:`values_of`."""
        kind, count = self.number("H", 2, entry), self.number("I", 4, entry)
        at, size = self.place(entry)
        if self.size(entry) > 4 and not size:
            raise ValueError("EXIF is cut off")
        if kind in {BYTE, ASCII, UNDEFINED}:
            return bytes(self.data[at : at + size]) if size else entry[8 : 8 + count]
        if count != 1 or kind not in {SHORT, LONG, RATIONAL}:
            return None
        if kind != RATIONAL:
            return self.number("H" if kind == SHORT else "I", 8, entry)
        above, below = (self.number("I", at + part) for part in (0, 4))
        return above / below if below else math.nan

    def stored(self, tag: int, entry: Entry, before: bytes | None, others: list[bytes]) -> bytes:
        """Return an entry, its value where the one before was, if that is large enough and its own."""
        count, packed = entry.packed(self.order)
        head = struct.pack(self.order + "HHI", tag, entry.kind, count)
        if len(packed) <= 4:
            return head + packed.ljust(4, b"\0")
        at, room = (0, 0) if before is None else self.place(before)
        if len(packed) > room or any(self.place(other)[0] == at for other in others):
            return head + struct.pack(self.order + "I", self.append(packed))
        self.data[at : at + room] = packed.ljust(room, b"\0")
        return head + struct.pack(self.order + "I", at)

    def append(self, content: bytes) -> int:
        """Put something at the end, at an even offset, and return that."""
        self.data += bytes(len(self.data) % 2)
        at = len(self.data)
        self.data += content
        return at

    def drop_thumbnail(self, at: int) -> None:
        """Take the picture away that the second directory shows, and the directory with it if nothing lies behind.

        Raises
        ------
        ValueError
            If it says that the picture is where something else is.
        """
        _, entries, _ = self.directory(at)
        needed = list(self.occupied())
        if all(end <= at for _, end in needed):  # as nearly everybody writes it
            del self.data[at:]
            return
        for pair in THUMBNAILS:
            if pair[0] in entries and pair[1] in entries:
                start, length = (self.number("I", 8, entries[tag]) for tag in pair)
                end = min(start + length, len(self.data))
                if any(start < other_end and other < end for other, other_end in needed):
                    raise ValueError("a thumbnail is where something else is")
                self.data[start:end] = bytes(max(0, end - start))

    def occupied(self) -> Iterator[tuple[int, int]]:
        """Yield where the directories and their values begin and end, and the head of the block."""
        yield 0, 8
        for at, entries in self.directories():
            yield at, at + 6 + 12 * len(entries)
            for entry in entries.values():
                start, length = self.place(entry)
                yield start, start + length

    def swap(self, at: int) -> None:
        """Exchange how many columns and rows the picture has, both their types and values."""
        _, entries, _ = self.directory(at)
        places = {tag: at + 2 + 12 * index for index, tag in enumerate(entries)}
        if PIXEL_COLUMNS in places and PIXEL_ROWS in places:
            one, other = places[PIXEL_COLUMNS] + 2, places[PIXEL_ROWS] + 2
            self.data[one : one + 10], self.data[other : other + 10] = (
                self.data[other : other + 10],
                self.data[one : one + 10],
            )
