"""The header of a FITS file: cards of 80 characters, kept as they are unless one must change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from ruis.errors import CorruptImageError
from ruis.formats.base import Source

__all__ = ["BLOCK", "Cards", "Unit", "card", "checked_sums", "history", "units"]

BLOCK, CARD = 2880, 80
MAX_BLOCKS, MAX_UNITS = 2000, 10_000
BITS = {8, 16, 32, 64, -32, -64}
END = b"END".ljust(CARD)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([ED][+-]?\d+)?")
FORBIDDEN = {*range(0x3A, 0x41), *range(0x5B, 0x61)}
"""What is neither a digit nor a letter between 0 and z: not allowed in a checksum."""


@dataclass(frozen=True)
class Cards:
    """The cards of one header, without END and padding.

    Parameters
    ----------
    raw : bytes
        80 bytes for each card.
    """

    raw: bytes

    def __iter__(self) -> Iterator[bytes]:
        return (self.raw[start : start + CARD] for start in range(0, len(self.raw), CARD))

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values of all keywords; of those that stand there twice, the first."""
        found: dict[str, Any] = {}
        for one in self:
            if one[8:10] == b"= ":
                found.setdefault(one[:8].decode("latin-1").rstrip(), _value(one))
        return found

    def whole(self, key: str, default: int | None = None) -> int:
        """Return a value that must be an integer.

        Raises
        ------
        CorruptImageError
            If it is missing, or is none.
        """
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise CorruptImageError(f"{key} is {value!r}, not an integer.")
        return value

    def number(self, key: str) -> float | None:
        """Return a value that is a number; None if there is none."""
        value = self.values.get(key)
        return None if isinstance(value, bool | str) or value is None else float(value)

    def changed(self, key: str, value: str) -> Cards:
        """Return the same cards with another value; its comment stays. Absent keys stay absent."""
        cards = [
            card(key, value, _comment(one)) if one[:10] == f"{key:<8}= ".encode() else one
            for one in self
        ]
        return Cards(b"".join(cards))

    def encoded(self) -> bytes:
        """Return the header as it stands in a file."""
        whole = self.raw + END
        return whole + b" " * (-len(whole) % BLOCK)


@dataclass(frozen=True)
class Unit:
    """One header and the data that follow it.

    Parameters
    ----------
    start, data, size, end : int
        Where the header begins, where the data begin, how many bytes of data there are without
        their padding, and where the next unit begins.
    cards : Cards
        The header.
    """

    start: int
    data: int
    size: int
    end: int
    cards: Cards

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes, the slowest first."""
        axes = self.cards.whole("NAXIS")
        return tuple(self.cards.whole(f"NAXIS{axis}") for axis in range(axes, 0, -1))

    @property
    def is_image(self) -> bool:
        """Whether it holds a plain image, not empty."""
        kind = self.cards.values.get("XTENSION", "IMAGE")
        return kind == "IMAGE" and len(self.shape) >= 2 and self.size > 0

    @property
    def is_compressed(self) -> bool:
        """Whether it is a table that holds a compressed image."""
        return self.cards.values.get("ZIMAGE") is True


def units(source: Source) -> list[Unit]:
    """Find all units of a file; only headers are read.

    Raises
    ------
    CorruptImageError
        If one does not end, makes no sense, or is not all there.
    """
    found: list[Unit] = []
    start = 0
    while start < source.size and len(found) < MAX_UNITS:
        if found and source.at(start, 8) != b"XTENSION":
            break  # special records may follow; they are copied with the rest
        found.append(_unit(source, start))
        start = found[-1].end
    return found


def _unit(source: Source, start: int) -> Unit:
    cards, data = _cards(source, start)
    if cards.whole("BITPIX") not in BITS:
        raise CorruptImageError(f"BITPIX is {cards.whole('BITPIX')}.")
    axes = cards.whole("NAXIS")
    if not 0 <= axes <= 999:
        raise CorruptImageError(f"NAXIS is {axes}.")
    sides = [cards.whole(f"NAXIS{axis}") for axis in range(1, axes + 1)]
    if any(side < 0 for side in sides):
        raise CorruptImageError(f"its sides are {sides}.")
    if cards.values.get("GROUPS") is True and sides[:1] == [0]:
        sides = sides[1:]
    more, groups = cards.whole("PCOUNT", 0), cards.whole("GCOUNT", 1)
    if min(more, groups) < 0:
        raise CorruptImageError(f"PCOUNT is {more} and GCOUNT {groups}.")
    size = abs(cards.whole("BITPIX")) // 8 * groups * (more + (prod(sides) if sides else 0))
    end = data + size + -size % BLOCK
    if end > source.size:
        raise CorruptImageError(f"the file is truncated: {source.size} of {end} bytes are here.")
    return Unit(start, data, size, end, cards)


def _cards(source: Source, start: int) -> tuple[Cards, int]:
    """Return the cards of the header that begins here, and where it ends."""
    whole = bytearray()
    for count in range(1, MAX_BLOCKS + 1):
        block = source.at(start + len(whole), BLOCK)
        if len(block) < BLOCK:
            raise CorruptImageError("the file ends within its header.")
        whole += block
        for at in range(0, BLOCK, CARD):
            if block[at : at + 8].rstrip() == b"END":
                length = (count - 1) * BLOCK + at
                return Cards(bytes(whole[:length])), start + len(whole)
    raise CorruptImageError(f"its header has more than {MAX_BLOCKS} blocks.")


def _value(one: bytes) -> Any:
    """Return the value of a card: a text, a number, a truth, or None."""
    text = one[10:].decode("latin-1").strip()
    if text.startswith("'"):
        quoted = re.match(r"'((?:[^']|'')*)'", text)
        return quoted[1].replace("''", "'").rstrip() if quoted else None
    text = text.partition("/")[0].strip()
    if text in {"T", "F"}:
        return text == "T"
    if re.fullmatch(r"[+-]?\d{1,30}", text):
        return int(text)
    if NUMBER.fullmatch(text):
        return float(text.replace("D", "E"))
    return None


def _comment(one: bytes) -> str:
    """Return what follows the slash after a value that is no text with slashes."""
    text = re.sub(r"^\s*'(?:[^']|'')*'", "", one[10:].decode("latin-1"))
    return text.partition("/")[2].strip()


def card(key: str, value: str, comment: str = "") -> bytes:
    """Return a card; texts come quoted.

    Examples
    --------
    >>> card("BITPIX", "16", "bits").decode().rstrip()
    'BITPIX  =                   16 / bits'
    """
    shown = f"{value:<20}" if value.startswith("'") else f"{value:>20}"
    text = f"{key:<8}= {shown}" + (f" / {comment}" if comment else "")
    return text.encode("latin-1", "replace")[:CARD].ljust(CARD)


def history(text: str) -> bytes:
    """Return the HISTORY cards that hold a text."""
    ascii_text = text.encode("ascii", "replace")
    parts = [ascii_text[start : start + 72] for start in range(0, len(ascii_text), 72)]
    return b"".join((b"HISTORY " + part).ljust(CARD) for part in parts)


def checked_sums(cards: Cards, data: bytes) -> Cards:
    """Return the cards with DATASUM and CHECKSUM made right, where they are there.

    Parameters
    ----------
    cards : Cards
        The header.
    data : bytes
        The data, padded to whole blocks.

    References
    ----------
    FITS Standard 4.0 (2018), section 4.4.2.7 and appendix J.
    """
    if "DATASUM" in cards.values:
        cards = cards.changed("DATASUM", f"'{_sum(data)}'")
    if "CHECKSUM" in cards.values:
        cards = cards.changed("CHECKSUM", "'" + "0" * 16 + "'")
        total = _sum(cards.encoded(), _sum(data))
        cards = cards.changed("CHECKSUM", f"'{_as_text(0xFFFFFFFF - total)}'")
    return cards


def _sum(data: bytes, before: int = 0) -> int:
    """Return the sum of big-endian 32-bit words in ones' complement."""
    import numpy as np

    total = before + int(np.frombuffer(data, ">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _as_text(total: int) -> str:
    """Write a sum as 16 letters and digits, moved one place to the right."""
    letters = [0] * 16
    for place in range(4):
        byte = total >> 8 * (3 - place) & 0xFF
        four = [byte // 4 + 48] * 4
        four[0] += byte % 4
        while FORBIDDEN & set(four):
            for pair in (0, 2):
                if FORBIDDEN & {four[pair], four[pair + 1]}:
                    four[pair] += 1
                    four[pair + 1] -= 1
        letters[place::4] = four
    return bytes(letters[-1:] + letters[:-1]).decode()
