import pytest
from PIL import Image as Pillow

from ruis.formats.metadata import clean_exif, exif_with, recorded, stripped, upright_xmp
from ruis.image import Metadata


def block(**tags):
    exif = Pillow.Exif()
    for tag, value in tags.items():
        exif[int(tag[1:], 16)] = value
    return exif.tobytes().removeprefix(b"Exif\0\0")


def loaded(content):
    exif = Pillow.Exif()
    exif.load(content)
    return exif


def test_orientation_is_told_and_forgotten():
    clean = clean_exif(block(x0112=6, x010F="Camera"))
    assert clean.orientation == 6
    assert loaded(clean.exif)[0x0112] == 1
    assert loaded(clean.exif)[0x010F] == "Camera"


@pytest.mark.parametrize("nonsense", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(nonsense):
    assert clean_exif(block(x0112=nonsense)).orientation == 1


def test_the_size_in_exif_turns_with_the_pixels():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0xA002: 400, 0xA003: 300})
    inner = loaded(clean_exif(exif.tobytes()).exif).get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003]) == (300, 400)


def test_the_tags_of_a_tiff_strip_are_not_carried_along():
    clean = clean_exif(block(x0100=5, x0111=8, x010F="Camera"))
    assert sorted(loaded(clean.exif)) == [0x010F]


@pytest.mark.parametrize(("unit", "expected"), [(2, (300.0, 150.0)), (3, (762.0, 381.0))])
def test_resolution_is_per_inch(unit, expected):
    clean = clean_exif(block(x011A=300.0, x011B=150.0, x0128=unit))
    assert clean.resolution == pytest.approx(expected)


@pytest.mark.parametrize("broken", [b"x", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", bytes(40)])
def test_broken_blocks_are_ignored_or_survived(broken):
    clean = clean_exif(broken)
    assert clean.orientation == 1
    assert clean.exif is None or loaded(clean.exif) is not None


def test_texts_in_any_encoding_survive():
    content = exif_with(block(x010F="A"), software="Bücher", description="東京")
    clean = clean_exif(clean_exif(content).exif)
    assert (clean.software, clean.description) == ("Bücher", "東京")


def test_latin_texts_are_read_too():
    clean = clean_exif(block(x0131="Bücher".encode("latin-1")))
    assert clean.software == "Bücher"


def test_the_resolution_in_exif_turns_with_the_pixels():
    clean = clean_exif(block(x0112=6, x011A=300.0, x011B=150.0))
    assert clean.resolution == (300.0, 150.0)  # as stored; reading turns it
    assert (loaded(clean.exif)[0x011A], loaded(clean.exif)[0x011B]) == (150.0, 300.0)


def test_exif_with_nothing_to_say_is_what_it_was():
    assert exif_with(None) is None
    assert exif_with(b"anything") == b"anything"


def test_the_record_is_appended_once():
    once = recorded(Metadata(software="GIMP 2.10"), "ruis 0.1")
    assert once.software == "GIMP 2.10; ruis 0.1"
    assert recorded(once, "ruis 0.1") == once
    assert recorded(Metadata(), "ruis 0.1").software == "ruis 0.1"
    assert recorded(Metadata(), "") == Metadata()


def test_the_record_is_in_exif_too():
    metadata = recorded(Metadata(exif=block(x0131="GIMP"), software="GIMP"), "ruis 0.1")
    assert loaded(metadata.exif)[0x0131] == "GIMP; ruis 0.1"


def test_stripping_leaves_what_changes_the_look():
    full = Metadata(b"e", b"i", b"x", (1.0, 2.0), "d", "s")
    assert stripped(full) == Metadata(icc=b"i", resolution=(1.0, 2.0))


@pytest.mark.parametrize(
    "form", [b'tiff:Orientation="%d"', b"<tiff:Orientation>%d</tiff:Orientation>"]
)
def test_xmp_is_turned_upright(form):
    assert upright_xmp(b"<a %s>" % (form % 8)) == b"<a %s>" % (form % 1)
