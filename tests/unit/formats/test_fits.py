"""FITS, judged by astropy, which shares no code with us."""

from __future__ import annotations

import io
import math
import warnings

import numpy as np
import pytest

import ruis
from ruis.errors import (
    ChannelMismatchError,
    CorruptImageError,
    ImageError,
    UnsupportedFormatError,
)
from ruis.formats import Limits, encode, left_behind, read_bytes
from ruis.image import Image, ImageInfo

fits = pytest.importorskip("astropy.io.fits", reason="astropy judges")
RECORD = "ruis 1.0: denoised with gray"


def saved(*units, **options) -> bytes:
    file = io.BytesIO()
    fits.HDUList([*units]).writeto(file, **options)
    return file.getvalue()


def opened(content: bytes, **options):
    return fits.open(io.BytesIO(content), **options)


def night(dtype="f4", shape=(20, 30), header=True):
    """A primary image with the header of a telescope, WCS, long texts and odd cards included."""
    pixels = np.random.default_rng(0).normal(1000, 30, shape).astype(dtype)
    unit = fits.PrimaryHDU(pixels)
    if header:
        unit.header["OBJECT"] = ("M 31", "the target")
        unit.header["CTYPE1"], unit.header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        unit.header["CRVAL1"], unit.header["CRVAL2"] = 10.684708, 41.26875
        unit.header["CRPIX1"], unit.header["CRPIX2"] = 15.5, 10.5
        unit.header["CD1_1"], unit.header["CD2_2"] = -2.2e-4, 2.2e-4
        unit.header["CD1_2"] = unit.header["CD2_1"] = 0.0
        unit.header["HIERARCH ESO DET CHIP1 ID"] = ("CCD-44", "chip")
        unit.header["LONGTEXT"] = "it's " + "a very long text " * 10
        unit.header["GAIN"] = 1.2345678901e-7
        unit.header.add_history("bias subtracted")
        unit.header.add_comment("clouds at the end")
    return unit


def same_cards(before, after):
    """All cards are the same to the letter, and there is one HISTORY more."""
    old, new = ([str(card) for card in header.cards] for header in (before, after))
    assert new[: len(old)] == old
    assert [card.rstrip() for card in new[len(old) :]] == [f"HISTORY {RECORD}"]


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "f4", "f8", "u2", "u4", "i1", "u8"])
def test_every_dtype_keeps_its_values_and_cards(dtype):
    content = saved(night(dtype))
    image = read_bytes(content)
    assert image.info.dtype == np.dtype(dtype)
    with opened(content) as before, opened(encode(image, "fits", record=RECORD)) as after:
        same_cards(before[0].header, after[0].header)  # first: scaling changes them in astropy
        assert np.array_equal(image.pixels[..., 0], before[0].data)
        after[0].verify("exception")
        assert np.array_equal(after[0].data, before[0].data)
        assert after[0].data.dtype == before[0].data.dtype


def test_other_pixels_change_the_data_alone():
    content = saved(night())
    image = read_bytes(content)
    brighter = image.with_pixels(image.pixels + 1)
    with opened(content) as before, opened(encode(brighter, "fits", record=RECORD)) as after:
        assert np.allclose(after[0].data, before[0].data + 1)
        same_cards(before[0].header, after[0].header)


def test_the_coordinates_of_every_pixel_stay():
    wcs = pytest.importorskip("astropy.wcs")
    content = saved(night())
    with opened(content) as before, opened(encode(read_bytes(content), "fits")) as after:
        old, new = (wcs.WCS(units[0].header) for units in (before, after))
        places = np.indices((30, 20)).reshape(2, -1)
        assert np.array_equal(old.wcs_pix2world(*places, 0), new.wcs_pix2world(*places, 0))
    assert old.has_celestial


def test_all_other_units_are_copied_to_the_byte():
    table = fits.BinTableHDU.from_columns([fits.Column("flux", "E", array=np.arange(7.0))])
    mask = fits.ImageHDU(np.zeros((20, 30), "u1"), name="MASK")
    content = saved(fits.PrimaryHDU(), fits.ImageHDU(night().data, name="SCI"), mask, table)
    image = read_bytes(content)
    assert any(
        "first image extension is denoised; 1 more are copied" in n for n in image.info.notes
    )
    brighter = encode(image.with_pixels(image.pixels + 1), "fits", record=RECORD)
    with opened(content) as before, opened(brighter) as after:
        assert [unit.name for unit in after] == ["PRIMARY", "SCI", "MASK", ""]
        assert np.allclose(after["SCI"].data, before["SCI"].data + 1)
        assert after[3].data["flux"].tolist() == list(range(7))
    tail = content.index(b"XTENSION= 'BINTABLE'")
    assert content[tail:] in brighter


def test_what_is_nan_stays_nan_and_reaches_no_neighbour():
    unit = night()
    unit.data[5, 7], unit.data[9, 9], unit.data[0, :4] = np.nan, np.inf, np.nan
    content = saved(unit)
    image = read_bytes(content)
    assert np.isfinite(image.pixels).all()
    around = unit.data[4:8, 6:8][np.isfinite(unit.data[4:8, 6:8])]
    assert around.min() <= image.pixels[5, 7, 0] <= around.max()
    assert "6 blank pixels" in image.info.notes[0]
    denoised = ruis.denoise(image)
    assert np.abs(denoised.pixels - 1000).max() < 100, "no hole was dug by what is not there"
    with opened(encode(denoised, "fits")) as after:
        assert np.array_equal(np.isfinite(after[0].data), np.isfinite(unit.data))
        assert np.isposinf(after[0].data[9, 9])


def test_a_large_hole_is_filled_too():
    unit = night(shape=(64, 64))
    unit.data[10:50, 10:50] = np.nan
    image = read_bytes(saved(unit))
    assert abs(float(image.pixels[30, 30, 0]) - 1000) < 30


def test_blank_integers_stay_blank():
    unit = night("i2")
    unit.data[3, 4] = -32768
    unit.header["BLANK"] = -32768
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = read_bytes(saved(unit))
        assert 800 < image.pixels[3, 4, 0] < 1200
        with opened(encode(ruis.denoise(image), "fits"), do_not_scale_image_data=True) as after:
            assert after[0].data[3, 4] == -32768
            assert np.count_nonzero(after[0].data == -32768) == 1


def test_scaled_integers_are_denoised_as_they_are_stored():
    physical = np.random.default_rng(0).normal(50.0, 0.5, (20, 30))
    unit = fits.PrimaryHDU(physical.copy())
    unit.scale("int16", bscale=0.01, bzero=30.0)
    image = read_bytes(saved(unit))
    assert image.info.dtype == np.int16
    assert image.info.data_range[0] == pytest.approx(-3000), "physical zero is black"
    with opened(encode(image, "fits")) as after:
        assert after[0].header["BSCALE"] == 0.01
        assert np.abs(after[0].data - physical).max() <= 0.0051


@pytest.mark.parametrize(
    ("cards", "dtype", "white", "said"),
    [
        ({"SATURATE": 60000.0}, "f4", 60000, "SATURATE"),
        ({"DATAMAX": 5000.0, "DATAMIN": 0.0}, "f4", 5000, "DATAMAX"),
        ({}, "f4", 2048, "power of two"),
        ({}, "u2", 65535, "uint16"),
        ({}, "i2", 32767, "int16"),
    ],
)
def test_black_is_zero_and_white_is_said(cards, dtype, white, said):
    unit = night(dtype)
    unit.header.update(cards)
    image = read_bytes(saved(unit))
    assert image.info.data_range == (0, white)
    assert any(said in note for note in image.info.notes)
    assert image.info.range_from_pixels == (said in {"DATAMAX", "power of two"})


def test_the_scale_changes_nothing_of_the_result():
    """Networks without bias: counts, electrons or janskys, the stars are the same."""
    low, high = (read_bytes(saved(fits.PrimaryHDU(night().data * f))) for f in (1.0, 2.0**-40))
    one, other = ruis.denoise(low).pixels, ruis.denoise(high).pixels
    assert np.allclose(one, other * 2.0**40, rtol=1e-5)


def test_planes_are_channels_and_colours_where_the_header_says_so():
    cube = np.random.default_rng(0).random((3, 20, 30)).astype("f4")
    unit = fits.PrimaryHDU(cube)
    assert read_bytes(saved(unit)).info.colour == "channels"
    unit.header["CTYPE3"] = "RGB"
    image = read_bytes(saved(unit))
    assert (image.info.colour, image.pixels.shape) == ("rgb", (20, 30, 3))
    with opened(encode(image, "fits")) as after:
        assert np.array_equal(after[0].data, cube)


def test_axes_of_length_one_are_kept():
    unit = fits.PrimaryHDU(night(header=False).data[None, None])
    image = read_bytes(saved(unit))
    assert image.pixels.shape == (20, 30, 1)
    with opened(encode(image, "fits")) as after:
        assert after[0].data.shape == (1, 1, 20, 30)


def test_checksums_and_extremes_are_made_true_again():
    unit = night()
    unit.header["DATAMIN"], unit.header["DATAMAX"] = float(unit.data.min()), 1e5
    unit.data[2, 2] = np.nan
    content = saved(unit, checksum=True)
    image = read_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        written = encode(image.with_pixels(image.pixels * 2), "fits", record=RECORD)
        with opened(written, checksum=True) as after:
            header, data = after[0].header, after[0].data
            assert header["CHECKSUM"] != fits.open(io.BytesIO(content))[0].header["CHECKSUM"]
            assert header["DATAMAX"] == np.nanmax(data)
            assert header["DATAMIN"] == np.nanmin(data)


def test_the_history_says_it_once():
    content = encode(read_bytes(saved(night())), "fits", record=RECORD * 3)
    again = encode(read_bytes(content), "fits", record=RECORD * 3)
    assert again == content


def test_stripped_of_texts_it_is_still_the_same_image():
    unit = night("u2")
    content = saved(fits.PrimaryHDU(), fits.ImageHDU(unit.data, header=unit.header, name="SCI"))
    bare = encode(read_bytes(content), "fits", strip_metadata=True)
    assert b"M 31" not in bare
    assert b"ruis" not in bare
    with opened(bare) as after:
        after[0].verify("exception")
        assert np.array_equal(after[0].data, unit.data)


@pytest.mark.parametrize("colour", ["gray", "rgb", "channels"])
def test_an_image_from_elsewhere_becomes_fits(colour):
    count = {"gray": 1, "rgb": 3, "channels": 5}[colour]
    pixels = np.random.default_rng(0).integers(0, 65535, (9, 7, count)).astype("u2")
    content = encode(Image(pixels, ImageInfo(pixels.dtype, (0, 65535), colour)), "fits")
    with opened(content) as units:
        units.verify("exception")
        assert np.array_equal(units[0].data, np.squeeze(np.moveaxis(pixels, 2, 0)))
        assert "ruis" in str(units[0].header["HISTORY"])
    assert read_bytes(content).info.colour == colour


def test_pixels_that_are_not_those_of_the_header_are_refused():
    image = read_bytes(saved(night()))
    with pytest.raises(ChannelMismatchError, match="float64"):
        encode(image.with_pixels(image.pixels.astype("f8")), "fits")


def test_what_another_format_does_not_keep_is_said():
    image = read_bytes(saved(night()))
    assert left_behind(image, "a.fits") == ()
    (said,) = left_behind(image, "a.tif")
    assert "FITS" in said
    assert "TIFF" in said


@pytest.mark.parametrize(
    ("units", "error", "match"),
    [
        ([fits.PrimaryHDU()], UnsupportedFormatError, "no image"),
        (
            [fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((40, 50), "i2"))],
            UnsupportedFormatError,
            "funpack",
        ),
        ([fits.PrimaryHDU(np.full((4, 4), np.nan, "f4"))], CorruptImageError, "every pixel"),
    ],
    ids=["empty", "compressed", "blank"],
)
def test_what_cannot_be_denoised_is_said(units, error, match):
    with pytest.raises(error, match=match):
        read_bytes(saved(*units))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BITPIX", "7"), ("NAXIS", "1000"), ("NAXIS1", "-5"), ("NAXIS1", "1E9"), ("NAXIS2", "T"),
        ("NAXIS1", "99999999999999999999999"), ("BSCALE", "0"), ("BZERO", "1E999"),
        ("BSCALE", "'x'"), ("PCOUNT", "-1"), ("GCOUNT", "999999999"),
    ],
)  # fmt: skip
def test_headers_that_lie_are_refused(key, value):
    unit = night(header=False)
    unit.header["BSCALE"], unit.header["BZERO"] = 2.0, 1.0
    unit.header["PCOUNT"], unit.header["GCOUNT"] = 0, 1
    content = saved(unit, output_verify="ignore")
    at = content.index(f"{key:<8}=".encode())
    mutant = content[:at] + f"{key:<8}= {value:>20}".encode().ljust(80) + content[at + 80 :]
    if (key, value) == ("BSCALE", "'x'"):
        assert read_bytes(mutant).info.data_range[0] < 1, "no number, no scale"
        return
    with pytest.raises(ImageError):
        read_bytes(mutant, limits=Limits(max_pixels=1e6))


def test_any_change_of_a_header_is_survived():
    content = bytearray(saved(night(), fits.ImageHDU(np.zeros((4, 4), "u1"))))
    rng = np.random.default_rng(0)
    for _ in range(400):
        mutant = bytearray(content)
        for _ in range(3):
            mutant[rng.integers(0, 2880)] = rng.integers(0, 256)
        try:
            image = read_bytes(bytes(mutant), limits=Limits(max_pixels=1e6))
        except ImageError:
            continue
        assert all(map(math.isfinite, image.info.data_range))
        encode(image, "fits")
