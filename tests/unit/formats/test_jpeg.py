import io
import re
import time

import numpy as np
import pytest
from imagecodecs import jpeg8_encode
from PIL import Image as Pillow
from PIL import IptcImagePlugin

from ruis.errors import ChannelMismatchError, CorruptImageError, UnsupportedFormatError
from ruis.formats import encode, jpeg, left_behind, probe, read_bytes
from ruis.image import Image, ImageInfo, Metadata


def smooth(channels=3, rows=48, columns=64):
    ramp = np.add.outer(np.arange(rows), np.arange(columns)).astype(float)
    planes = [ramp * (index + 1) / 2 + 10 * index for index in range(channels)]
    return np.stack(planes, axis=-1).clip(0, 255).astype(np.uint8)


def saved(array, mode=None, **options):
    file = io.BytesIO()
    Pillow.fromarray(array, mode).save(file, "JPEG", **{"quality": 95} | options)
    return file.getvalue()


def closeness(one, other):
    return np.abs(np.asarray(one).astype(int) - np.asarray(other)).max()


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 2}, {"optimize": True}]
)
def test_colours_are_what_pillow_sees(options):
    content = saved(smooth(), **options)
    expected = np.asarray(Pillow.open(io.BytesIO(content)))
    assert closeness(read_bytes(content).pixels, expected) <= 1


def test_gray_stays_gray():
    content = saved(smooth(1)[..., 0])
    image = read_bytes(content)
    assert image.pixels.shape == (48, 64, 1)
    assert image.info.colour == "gray"


def turned(orientation):
    """A file whose pixels are stored as a camera with this orientation stores them."""
    upright = smooth()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera"
    return saved(np.ascontiguousarray(stored), exif=exif, subsampling=0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright_and_forgotten(orientation):
    image = read_bytes(turned(orientation))
    assert closeness(image.pixels, smooth()) <= 8
    exif = Pillow.Exif()
    exif.load(image.info.metadata.exif)
    assert exif[0x0112] == 1
    assert exif[0x010F] == "Camera"
    again = read_bytes(encode(image, "jpeg"))  # not turned a second time
    assert closeness(again.pixels, smooth()) <= 8
    assert any("turned upright" in note for note in image.info.notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_header_says_how_an_image_will_stand(orientation, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(turned(orientation))
    header = probe(path)
    assert header.turned == (orientation >= 5)
    assert header.upright == read_bytes(turned(orientation)).pixels.shape[:2]


@pytest.mark.parametrize("orientation", [6, 8])
def test_pillow_sees_the_written_image_upright(orientation):
    from PIL.ImageOps import exif_transpose

    content = encode(read_bytes(turned(orientation)), "jpeg")
    assert closeness(exif_transpose(Pillow.open(io.BytesIO(content))), smooth()) <= 8


def test_cmyk_of_adobe_is_ink_and_keeps_its_profile():
    ink = smooth(4)
    content = saved(ink, "CMYK", icc_profile=b"cmyk profile" * 20)
    image = read_bytes(content)
    assert image.info.colour == "cmyk"
    assert image.channels == 4
    assert closeness(image.pixels, ink) <= 6
    again = Pillow.open(io.BytesIO(encode(image, "jpeg")))
    assert again.mode == "CMYK"
    assert closeness(again, ink) <= 8
    assert again.info["icc_profile"] == b"cmyk profile" * 20


def test_cmyk_stored_as_ycck_is_the_same():
    ink = smooth(4)
    content = jpeg8_encode(255 - ink, level=98, colorspace="cmyk", outcolorspace="ycck")
    assert closeness(read_bytes(content).pixels, ink) <= 8


def test_cmyk_without_the_mark_of_adobe_is_not_inverted():
    ink = smooth(4)
    assert closeness(read_bytes(jpeg8_encode(ink, level=98)).pixels, ink) <= 6


def test_written_without_subsampling_and_not_progressive():
    pixels = smooth()
    content = encode(Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb")), "jpeg")
    image = Pillow.open(io.BytesIO(content))
    assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
    assert "progressive" not in image.info
    assert closeness(image, pixels) <= 4


def test_pillow_reads_the_metadata_that_is_written():
    pixels = smooth()
    metadata = Metadata(
        icc=bytes(range(256)) * 600, xmp=b"<x/>", resolution=(300, 200), description="Zürich"
    )
    content = encode(
        Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb", metadata=metadata)), "jpeg"
    )
    image = Pillow.open(io.BytesIO(content))
    assert image.info["icc_profile"] == metadata.icc  # more than one segment long
    assert image.info["xmp"] == b"<x/>"
    assert image.info["dpi"] == (300, 200)
    assert image.info["comment"].decode() == "Zürich"
    assert image.getexif()[0x0131] == "ruis"


def with_metadata(**fields):
    pixels = smooth()
    return Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb", metadata=Metadata(**fields)))


def test_what_is_larger_than_a_segment_is_said_to_be_left_behind():
    fits, large = (b"<x:xmpmeta>" + b" " * size for size in (65_000, 66_000))
    assert left_behind(with_metadata(xmp=fits), "a.jpg") == ()
    assert read_bytes(encode(with_metadata(xmp=fits), "jpeg")).info.metadata.xmp == fits
    image = with_metadata(xmp=large, icc=b"p" * 100_000)  # a profile may be split
    assert left_behind(image, "a.jpg") == ("XMP of 64.5 KiB (64 fit) is not kept in JPEG",)
    assert left_behind(image, "a.jpg", strip_metadata=True) == left_behind(image, "a.png") == ()
    written = read_bytes(encode(image, "jpeg")).info.metadata
    assert (written.xmp, written.icc) == (None, image.info.metadata.icc)


def exif_of(size):
    exif = Pillow.Exif()
    exif.get_ifd(0x8769)[0x927C] = b"m" * size
    block = exif.tobytes()
    return block[6:] if block.startswith(b"Exif") else block


@pytest.mark.parametrize("size", [1000, 65_300, 65_440])
def test_exif_is_not_lost_to_what_is_added_to_it(size):
    record = "ruis 1: denoised with gray, sigma 25.0/255 (found), strength 1"
    image = with_metadata(exif=exif_of(size), description="d" * 66_000)
    assert len(image.info.metadata.exif) < 65_527
    written = read_bytes(encode(image, "jpeg", record=record)).info.metadata
    assert b"m" * size in written.exif
    assert written.description == "d" * 65_533
    left = left_behind(image, "a.jpg", record=record)
    assert left == ("the end of the description (64 KiB fit) is not kept in JPEG",)
    assert left_behind(image, "a.jpg", record=record, strip_metadata=True) == ()


def test_exif_that_is_too_large_is_said():
    (left,) = left_behind(with_metadata(exif=exif_of(66_000)), "a.jpg")
    assert left.startswith("EXIF of 64.")


def test_formats_without_a_place_for_metadata_say_so():
    image = with_metadata(xmp=b"<x/>", icc=b"profile", resolution=(300, 300))
    assert left_behind(image, "a.bmp") == ("XMP and the colour profile are not kept in BMP",)
    stripped = left_behind(image, "a.bmp", strip_metadata=True)
    assert stripped == ("the colour profile is not kept in BMP",)


def test_a_second_part_of_xmp_is_left_out_and_that_is_said():
    content = saved(smooth())
    part = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + bytes(8) + b"<x/>"
    segment = b"\xff\xe1" + (len(part) + 2).to_bytes(2, "big") + part
    image = read_bytes(content[:2] + segment + content[2:])
    assert image.info.notes == ("the second part of the XMP is left out",)
    assert read_bytes(content).info.notes == ()


@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_never_half_gray(part):
    content = saved(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    with pytest.raises(CorruptImageError, match=r"x\.jpg: .*truncated"):
        read_bytes(content[: int(len(content) * part)], name="x.jpg")


def test_a_file_with_its_middle_missing_is_refused():
    content = saved(np.zeros((800, 800), np.uint8))
    start = content.index(b"\xff\xda") + 20
    with pytest.raises(CorruptImageError, match="cannot hold 800x800"):
        read_bytes(content[:start] + content[-2:])


@pytest.mark.parametrize(("copies", "reason"), [(30, "too many for"), (300, "more than 200 scans")])
def test_thousands_of_scans_are_not_decoded(copies, reason):
    content = saved(np.zeros((6000, 6000), np.uint8), progressive=True)
    last = content.rindex(b"\xff\xda")
    with pytest.raises(CorruptImageError, match=reason):
        read_bytes(content[:-2] + content[last:-2] * copies + content[-2:])


def test_a_thumbnail_in_exif_does_not_end_the_file_and_is_dropped(tmp_path):
    thumbnail = saved(smooth(rows=8, columns=8))
    exif = Pillow.Exif()
    exif[0x010F] = "Camera"
    block = exif.tobytes()
    # IFD0 ends with the offset of IFD1, in which the thumbnail lies
    block = block[:6] + with_thumbnail(block[6:], thumbnail)
    content = saved(smooth(), exif=block)
    assert content.count(b"\xff\xd8") == 2
    image = read_bytes(content)
    assert b"\xff\xd8" not in image.info.metadata.exif
    with pytest.raises(CorruptImageError):
        read_bytes(content[: content.rindex(b"\xff\xda") + 30])


def with_thumbnail(tiff, thumbnail):
    order = "big" if tiff[:2] == b"MM" else "little"
    ifd0 = int.from_bytes(tiff[4:8], order)
    end = ifd0 + 2 + 12 * int.from_bytes(tiff[ifd0 : ifd0 + 2], order)
    ifd1 = len(tiff)
    entries = [
        (0x0103, 3, 6 << 16 if order == "big" else 6),
        (0x0201, 4, ifd1 + 42),
        (0x0202, 4, len(thumbnail)),
    ]
    packed = len(entries).to_bytes(2, order)
    for tag, kind, value in entries:
        packed += tag.to_bytes(2, order) + kind.to_bytes(2, order)
        packed += (1).to_bytes(4, order) + value.to_bytes(4, order)
    return tiff[:end] + ifd1.to_bytes(4, order) + tiff[end + 4 :] + packed + bytes(4) + thumbnail


@pytest.mark.parametrize(
    "block", [b"", b"MM", b"II*\0\xff\xff\xff\xff", b"junk" * 50, b"II*\0\x08\0\0\0\xff\xff"]
)
def test_broken_exif_never_makes_an_image_unreadable(block):
    content = saved(smooth())
    segment = b"Exif\0\0" + block
    content = (
        content[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + content[2:]
    )
    assert closeness(read_bytes(content).pixels, smooth()) <= 8


def test_twelve_bits_are_refused_by_name(tmp_path):
    content = bytearray(saved(smooth()))
    content[content.index(b"\xff\xc0") + 4] = 12
    path = tmp_path / "deep.jpg"
    path.write_bytes(content)
    with pytest.raises(UnsupportedFormatError, match=r"deep\.jpg: 12-bit JPEG"):
        probe(path)


def test_alpha_does_not_fit():
    pixels = smooth(4)
    image = Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb", alpha=True))
    with pytest.raises(ChannelMismatchError, match=r"JPEG cannot hold rgb\+alpha"):
        encode(image, "jpeg")


def test_a_comment_does_not_replace_the_description_in_exif():
    exif = Pillow.Exif()
    exif[0x010E] = "Our wedding"
    file = io.BytesIO()
    Pillow.fromarray(smooth()).save(file, "JPEG", exif=exif, comment=b"Created with GIMP")
    image = Pillow.open(io.BytesIO(encode(read_bytes(file.getvalue()), "jpeg")))
    assert image.getexif()[0x010E] == "Our wedding"
    assert image.info["comment"] == b"Created with GIMP"


AFTER_ENTROPY = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""A run of 0xFF and a marker that is no restart."""


def test_compressed_data_ends_where_a_marker_is_wherever_it_is_cut(monkeypatch):
    monkeypatch.setattr(jpeg, "STRETCH", 7)
    rng, found = np.random.default_rng(0), 0
    values = np.array([0xFF, 0xFF, 0, 0xD3, 0xD7, 0xD8, 0xD9, 5], np.uint8)
    for _ in range(3000):
        data = bytearray(rng.choice(values, rng.integers(40)))
        offset = int(rng.integers(len(data) + 1))
        expected = AFTER_ENTROPY.search(data, offset)
        if expected is None:
            with pytest.raises(CorruptImageError, match="end mark is missing"):
                jpeg._end_of_entropy(data, offset)
        else:
            found += 1
            assert jpeg._end_of_entropy(data, offset) == expected.start()
    assert found > 1000


def with_segment(content, marker, payload):
    segment = bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload
    return content[:2] + segment + content[2:]


def resource(number, content, name=b""):
    label = bytes((len(name),)) + name
    label += b"\0" * (len(label) % 2)
    body = len(content).to_bytes(4, "big") + content + b"\0" * (len(content) % 2)
    return b"8BIM" + number.to_bytes(2, "big") + label + body


def iptc_of(content):
    return IptcImagePlugin.getiptcinfo(Pillow.open(io.BytesIO(content)))


CAPTION = b"\x1c\x02\x78\0\x07harbour\x1c\x02\x74\0\x08Jane Doe"


@pytest.mark.parametrize("padding", [b"", b"x" * 70_000], ids=["short", "in two segments"])
def test_iptc_stays_and_a_thumbnail_does_not(padding):
    thumbnail, other = resource(0x040C, b"tiny picture"), resource(0x0FA0, padding, b"a name")
    whole = thumbnail + resource(0x0404, CAPTION) + other
    content = saved(smooth())
    for start in range((len(whole) - 1) // 60_000 * 60_000, -1, -60_000):
        content = with_segment(content, 0xED, b"Photoshop 3.0\0" + whole[start : start + 60_000])
    image = read_bytes(content)
    written = encode(image, "jpeg")
    assert iptc_of(written) == {(2, 120): b"harbour", (2, 116): b"Jane Doe"}
    assert b"tiny picture" not in written
    assert written.count(b"x") >= len(padding)
    assert any("IPTC" in one for one in left_behind(image, "a.png"))
    bare = encode(image, "jpeg", strip_metadata=True)
    assert b"Jane" not in bare
    assert iptc_of(bare) is None


@pytest.mark.parametrize("broken", [b"8BIM\x04\x04\0\0\0\0\xff\xffab", b"8BIM", b"nonsense"])
def test_broken_notes_of_photoshop_are_ignored_and_it_is_said(broken):
    image = read_bytes(with_segment(saved(smooth()), 0xED, b"Photoshop 3.0\0" + broken))
    assert any("Photoshop" in note for note in image.info.notes)
    assert image.info.metadata.native is None


def test_what_follows_the_picture_is_said_to_be_left_out():
    content = saved(smooth())
    image = read_bytes(content + saved(smooth()[::-1]))
    assert any("follows the picture" in note for note in image.info.notes)
    assert not read_bytes(content + bytes(5000)).info.notes
    assert not read_bytes(content + b"\r\n").info.notes


def test_many_small_notes_take_no_time():
    notes = b"8BIM\x0f\xa0\0\0\0\0\0\0" * 5000
    content = saved(smooth())
    for _ in range(20):
        content = with_segment(content, 0xED, b"Photoshop 3.0\0" + notes)
    begun = time.perf_counter()
    read_bytes(content)
    assert time.perf_counter() - begun < 2
