"""EXIF blocks that are changed where they lie."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruis.formats import metadata
from ruis.formats.exif import Entry, edited, retyped, values_of
from ruis.formats.metadata import clean_exif, exif_with

NOTE = b"a maker's note with offsets of its own" * 3
THUMBNAIL = b"\xff\xd8 a small noisy picture \xff\xd9"
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}


def directory(order: str, entries, at: int, following: int = 0) -> bytes:
    """Lay entries (tag, type, count, bytes) out at an offset, values behind them."""
    table, values = struct.pack(order + "H", len(entries)), b""
    behind = at + 6 + 12 * len(entries)
    for tag, kind, count, value in entries:
        table += struct.pack(order + "HHI", tag, kind, count)
        if len(value) <= 4:
            table += value.ljust(4, b"\0")
        else:
            table += struct.pack(order + "I", behind + len(values))
            values += value + bytes(len(value) % 2)
    return table + struct.pack(order + "I", following) + values


def block(order: str, *, thumbnail: bool = True, software: bytes = b"Fw\0") -> bytes:
    """A camera's block: orientation 6, a maker's note, a thumbnail at the end."""
    number = lambda letter, *values: struct.pack(f"{order}{len(values)}{letter}", *values)  # noqa: E731

    def main(exif: int, following: int) -> bytes:
        return directory(order, [
            (0x0112, 3, 1, number("H", 6)),
            (0x011A, 5, 1, number("I", 300, 1)),
            (0x011B, 5, 1, number("I", 150, 1)),
            (0x0131, 2, len(software), software),
            (0x8769, 4, 1, number("I", exif)),
            (0xC4A5, 7, 8, b"PrintIM\0"),
        ], 8, following)  # fmt: skip

    exif_at = 8 + len(main(0, 0))
    exif = directory(order, [
        (0x9000, 7, 4, b"0232"), (0x927C, 7, len(NOTE), NOTE),
        (0xA002, 4, 1, number("I", 160)), (0xA003, 3, 1, number("H", 120)),
    ], exif_at)  # fmt: skip
    behind = exif_at + len(exif)
    picture = directory(order, [
        (0x0201, 4, 1, number("I", behind + 30)), (0x0202, 4, 1, number("I", len(THUMBNAIL))),
    ], behind)  # fmt: skip
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + number("I", 8)
    whole = start + main(exif_at, behind if thumbnail else 0) + exif
    return whole + picture + THUMBNAIL if thumbnail else whole


def parsed(data: bytes) -> dict[int, tuple[int, bytes]]:
    """Type and bytes of each tag, in both directories; the offset of the maker's note as tag 0."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    found, waiting = {}, [struct.unpack_from(order + "I", data, 4)[0]]
    while waiting:
        at = waiting.pop()
        for index in range(struct.unpack_from(order + "H", data, at)[0]):
            place = at + 2 + 12 * index
            tag, kind, count = struct.unpack_from(order + "HHI", data, place)
            length, where = SIZES[kind] * count, place + 8
            if length > 4:
                where = struct.unpack_from(order + "I", data, where)[0]
            value = data[where : where + length]
            assert len(value) == length
            found[tag] = (kind, value)
            if tag == 0x8769:
                waiting.append(struct.unpack(order + "I", value)[0])
            if tag == 0x927C:
                found[0] = (0, str(where).encode())
    return found


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("thumbnail", [False, True])
def test_a_makers_note_stays_where_it_is_and_types_are_kept(order, thumbnail):
    before = block(order, thumbnail=thumbnail)
    clean = clean_exif(before)
    after = exif_with(
        clean.exif, software="Fw; ruis: denoised, with much to say", description="a cat"
    )
    one, other = parsed(before), parsed(after)
    assert clean.orientation == 6
    for tag in (0, 0x927C, 0x9000, 0xC4A5):
        assert one[tag] == other[tag], hex(tag)
    assert other[0x0112][1] == struct.pack(order + "H", 1)
    assert other[0x0131] == (2, b"Fw; ruis: denoised, with much to say\0")
    assert other[0x010E] == (2, b"a cat\0")
    assert (other[0x011A], other[0x011B]) == (one[0x011B], one[0x011A])
    assert other[0xA002][1][:2] == struct.pack(order + "H", 120)
    assert other[0xA003] == (4, struct.pack(order + "I", 160))
    main = [tag for tag in other if tag not in (0, 0x9000, 0x927C, 0xA002, 0xA003)]
    assert main == sorted(main)
    assert b"noisy picture" not in after
    if thumbnail:
        assert len(clean.exif) < len(before)


@pytest.mark.parametrize("order", "<>")
def test_what_is_said_already_changes_nothing(order):
    clean = clean_exif(block(order))
    said = exif_with(clean.exif, software="Fw", resolution=clean.resolution[::-1])
    assert said == clean.exif
    again = exif_with(said, software="x" * 50, resolution=(72.5, 96.0))
    assert exif_with(again, software="x" * 50, resolution=(72.5, 96.0)) == again
    assert clean_exif(again).resolution == (72.5, 96.0)


def at_of(data: bytes, tag: int) -> int:
    """Where the entry of a tag is."""
    return data.index(struct.pack("<HH", tag, 4))


@pytest.mark.parametrize("where", [0, 8, 60, 100])
def test_a_thumbnail_that_is_said_to_be_where_something_else_is_takes_nothing_away(where):
    """Another program moved things, and left the old offset."""
    data = bytearray(block("<") + b"more")
    place = at_of(data, 0x0201) + 8
    data[place : place + 4] = struct.pack("<I", where)
    data += directory("<", [(0x9003, 2, 20, b"2020:01:01 10:00:00\0")], len(data))
    start = len(data) - 18 - 20
    data[at_of(data, 0x8769) + 8 : at_of(data, 0x8769) + 12] = struct.pack("<I", start)
    with pytest.raises(ValueError, match="something else"):
        edited(bytes(data), {})
    clean = clean_exif(bytes(data))
    assert clean.software == "Fw"
    assert parsed(clean.exif)[0xC4A5] == (7, b"PrintIM\0")
    assert parsed(clean.exif)[0x9003] == (2, b"2020:01:01 10:00:00\0")


def test_a_thumbnail_before_something_else_is_emptied():
    data = bytearray(block("<"))
    data += directory("<", [(0x9003, 2, 20, b"2020:01:01 10:00:00\0")], len(data))
    place = at_of(data, 0x8769) + 8
    data[place : place + 4] = struct.pack("<I", len(data) - 38)
    after = edited(bytes(data), {})
    assert len(after) == len(data)
    assert b"noisy picture" not in after
    assert parsed(after)[0x9003] == (2, b"2020:01:01 10:00:00\0")


def test_what_a_stranger_claims_takes_no_time():
    """Each of many entries claims nearly the whole block; directories point to one another."""
    claims = b"".join(struct.pack("<HHII", tag, 1, 500_000, 8) for tag in range(60_000))
    ifd = struct.pack("<H", 0) + struct.pack("<I", 14)
    data = b"II*\0\x08\0\0\0" + ifd + struct.pack("<H", 60_000) + claims + bytes(4)
    begun = time.perf_counter()
    clean_exif(data)
    assert time.perf_counter() - begun < 3


def test_a_value_that_two_tags_share_is_left_to_the_other():
    data = bytearray(block("<"))
    across, down = 8 + 2 + 12, 8 + 2 + 24
    data[down + 8 : down + 12] = data[across + 8 : across + 12]
    after = parsed(edited(bytes(data), {0x011A: Entry(5, (72, 1))}))
    assert after[0x011A][1] == struct.pack("<II", 72, 1)
    assert after[0x011B][1] == struct.pack("<II", 300, 1)


def test_bytes_that_have_no_type_are_given_none():
    data = bytearray(block("<"))
    for tag in (0x9000, 0x927C, 0xC4A5):
        place = data.index(struct.pack("<HH", tag, 7))
        data[place + 2 : place + 4] = struct.pack("<H", 1)
    assert parsed(retyped(bytes(data))) == parsed(block("<"))


@pytest.mark.parametrize(
    "data", [b"", b"II*\0", b"XX*\0\x08\0\0\0", b"II*\0\xff\0\0\0", b"MM\0+" + bytes(20)]
)
def test_what_is_no_block_is_refused(data):
    with pytest.raises(ValueError, match="EXIF"):
        edited(data, {})


@given(st.data())
def test_a_damaged_block_is_changed_or_refused_and_nothing_else(data):
    order = data.draw(st.sampled_from("<>"))
    damaged = bytearray(block(order))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(2, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(damaged[: data.draw(st.integers(8, len(damaged)))])
    changes = {0x0112: Entry(3, (1,)), 0x0131: Entry(2, b"ruis" * 9), 0x011A: None}
    for change in (lambda: edited(damaged, changes, turned=True), lambda: retyped(damaged)):
        try:
            made = change()
        except ValueError:
            continue
        assert len(made) <= 2 * len(damaged) + 400
    clean = clean_exif(damaged)
    exif_with(clean.exif, software="ruis")


@st.composite
def entries(draw):
    """Tags that are read, of any type, with any values, some of them none that the type may have."""
    found = []
    for tag in (0x0100, 0x010E, 0x0112, 0x011A, 0x011B, 0x0128, 0x0131, 0x013B):
        kind = draw(st.sampled_from([1, 2, 2, 2, 3, 3, 3, 4, 5, 5, 5, 7, 9, 12, 16, 99]))
        count = draw(st.integers(0, 9) if kind in {1, 2, 7} else st.sampled_from([1, 1, 1, 0, 2]))
        width = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 12: 8, 16: 8}.get(kind, 1)
        small = st.sampled_from([bytes((number, *bytes(width - 1))) for number in range(10)])
        wide = st.binary(min_size=width, max_size=width)
        values = draw(st.lists(small | wide, min_size=count, max_size=count))
        if kind == 2 and draw(st.booleans()):
            values = [bytes((byte,)) for byte in draw(st.sampled_from([b"72\0", b"300", b" \0"]))]
        if draw(st.booleans()):
            found.append((tag, kind, len(values), b"".join(values)))
    return found


@given(entries(), st.sampled_from("<>"), st.integers(0, 12))
def test_what_is_read_without_pillow_is_what_pillow_reads(found, order, lost):
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    whole = start + directory(order, found, 8)
    broken = whole[: len(whole) - lost]
    with pytest.MonkeyPatch.context() as patch:
        own = clean_exif(broken), exif_with(broken, software="ruis", resolution=(72.0, 72.0))
        patch.setattr(metadata, "_said", metadata._loaded)
        by_pillow = clean_exif(broken), exif_with(broken, software="ruis", resolution=(72.0, 72.0))
    assert own == by_pillow


def test_what_a_camera_says_is_read_without_pillow():
    said = values_of(block("<"))
    assert (said[0x0112], said[0x011A], said[0x0131]) == (6, 300.0, b"Fw\0")
    with pytest.raises(ValueError, match="cut off"):
        values_of(block("<")[:60])
