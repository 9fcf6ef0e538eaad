"""DICOM, read back with pydicom, from files that other programs wrote (pydicom brings them along)."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

import ruis
from ruis.errors import (
    ChannelMismatchError,
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from ruis.formats import FORMATS, Limits, encode, left_behind, read, read_bytes, write

pydicom = pytest.importorskip("pydicom", reason="the dicom extra")
FILES = Path(pydicom.__file__).parent / "data" / "test_files"
RECORD = "ruis 1.0: denoised with gray"
IMAGES = [
    "CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_small_odd_big_endian.dcm",
    "SC_ybr_full_422_uncompressed.dcm", "JPGExtended.dcm", "examples_overlay.dcm", "rtdose.dcm",
    "693_J2KI.dcm",
]  # fmt: skip
CHANGED = {
    "SOPInstanceUID", "SeriesInstanceUID", "ImageType", "DerivationDescription",
    "SourceImageSequence", "ContributingEquipmentSequence", "SeriesDescription", "PixelData",
    "InstanceCreationDate", "InstanceCreationTime", "SmallestImagePixelValue",
    "LargestImagePixelValue", "PhotometricInterpretation", "PlanarConfiguration",
    "IconImageSequence", "SmallestPixelValueInSeries", "LargestPixelValueInSeries",
}  # fmt: skip


def opened(content) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(content) if isinstance(content, bytes) else content)


def saved(dataset) -> bytes:
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset)
    return file.getvalue()


def small(**tags) -> bytes:
    """CT_small.dcm with other tags; None takes one away."""
    dataset = opened(FILES / "CT_small.dcm")
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return saved(dataset)


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, on these files' odd tags
@pytest.mark.parametrize("name", IMAGES)
def test_every_tag_that_stays_true_is_kept(name):
    image = read(FILES / name)
    before, after = opened(FILES / name), opened(encode(image, "dicom", record=RECORD))
    for element in before:
        if element.keyword not in CHANGED and element.tag.element:  # retired lengths of groups
            assert after.get(element.tag) == element, element
    new = {element.keyword or str(element.tag) for element in after} - {
        element.keyword or str(element.tag) for element in before
    }
    assert new <= {"DerivationDescription", "SourceImageSequence", "ContributingEquipmentSequence",
                   "ImageType", "PlanarConfiguration"}  # fmt: skip
    assert [item.tag for item in before if item.tag.is_private] == [
        item.tag for item in after if item.tag.is_private
    ]


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "examples_overlay.dcm"])
def test_pixels_that_nobody_changed_are_the_same_bytes(name):
    before, after = opened(FILES / name), opened(encode(read(FILES / name), "dicom"))
    assert after.PixelData == before.PixelData[: len(after.PixelData)]
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID


@pytest.mark.parametrize(
    ("name", "same"),
    [("MR_small_RLE.dcm", "MR_small.dcm"), ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
     ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"), ("MR_small_expb.dcm", "MR_small.dcm")],
)  # fmt: skip
def test_compression_without_loss_gives_the_same_pixels(name, same):
    image = read(FILES / name)
    assert np.array_equal(image.pixels, read(FILES / same).pixels)
    after = opened(encode(image, "dicom"))
    assert not after.file_meta.TransferSyntaxUID.is_compressed
    assert np.array_equal(after.pixel_array, image.pixels[..., 0])


def test_a_denoised_image_says_that_it_is_another_one_and_of_what(tmp_path):
    write(ruis.denoise(read(FILES / "CT_small.dcm")), tmp_path / "out.dcm", record=RECORD)
    before, after = opened(FILES / "CT_small.dcm"), opened(tmp_path / "out.dcm")
    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert after.SOPInstanceUID == after.file_meta.MediaStorageSOPInstanceUID
    assert after.SOPClassUID == before.SOPClassUID
    assert after.ImageType[0] == "DERIVED"
    assert after.ImageType[1:] == before.ImageType[1:]
    assert after.DerivationDescription == RECORD
    source = after.SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
    assert after.ContributingEquipmentSequence[0].Manufacturer == "ruis"
    assert after.PixelSpacing == before.PixelSpacing
    assert after.ImagePositionPatient == before.ImagePositionPatient
    assert after.RescaleIntercept == before.RescaleIntercept
    apart = after.pixel_array.astype(float) - before.pixel_array
    assert 0 < apart.std() < 4  # of 4,095: there is hardly any noise in it


def test_the_images_of_a_series_stay_together_and_apart_from_the_noisy_ones():
    one, other = (
        opened(encode(read_bytes(small(SOPInstanceUID=uid)), "dicom")) for uid in ("1.2", "1.3")
    )
    assert one.SeriesInstanceUID == other.SeriesInstanceUID
    assert one.SeriesInstanceUID != opened(FILES / "CT_small.dcm").SeriesInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID


def test_the_same_again_is_the_same_file_and_other_pixels_another_instance():
    image = read(FILES / "CT_small.dcm")
    assert encode(image, "dicom") == encode(image, "dicom")
    changed = opened(encode(image.with_pixels(image.pixels + np.int16(1)), "dicom"))
    assert changed.SOPInstanceUID != opened(encode(image, "dicom")).SOPInstanceUID


def test_once_lossy_stays_said_and_the_thumbnail_goes():
    icon = pydicom.Dataset()
    icon.Rows = icon.Columns = 1
    after = opened(
        encode(read_bytes(small(LossyImageCompression="01", IconImageSequence=[icon])), "dicom")
    )
    assert after.LossyImageCompression == "01"
    assert "IconImageSequence" not in after


def test_what_private_tags_hold_is_kept():
    dataset = opened(FILES / "CT_small.dcm")
    dataset.private_block(0x0099, "RUIS TEST", create=True).add_new(1, "LO", "secret sauce")
    after = opened(encode(read_bytes(saved(dataset)), "dicom"))
    assert after.private_block(0x0099, "RUIS TEST")[1].value == "secret sauce"


def test_black_and_white_of_computed_tomography_are_hounsfield_units():
    assert read(FILES / "CT_small.dcm").info.data_range == (0, 4095)
    assert read_bytes(small(RescaleIntercept="0")).info.data_range == (-1024, 3071)
    assert read_bytes(small(RescaleIntercept="0", RescaleSlope="2")).info.data_range == (
        -512,
        1535.5,
    )


def test_elsewhere_the_bits_in_use_say_what_is_white():
    assert read(FILES / "examples_overlay.dcm").info.data_range == (0, 4095)
    assert read(FILES / "MR_small.dcm").info.data_range == (0, 32767), "black is zero"


def test_no_value_leaves_the_bits_in_use():
    image = read(FILES / "examples_overlay.dcm")
    above = image.with_pixels(np.full_like(image.pixels, 60000))
    assert opened(encode(above, "dicom")).pixel_array.max() == 4095


@pytest.mark.parametrize("signed", [False, True])
def test_an_image_whose_lowest_value_is_white_is_turned_over_and_back(signed):
    stored = np.arange(64).reshape(8, 8).astype("i2" if signed else "u2") - (32 if signed else 0)
    content = small(
        Rows=8, Columns=8, PixelRepresentation=int(signed), BitsStored=12, HighBit=11, Modality="CR",
        PhotometricInterpretation="MONOCHROME1", PixelData=stored.tobytes(), PixelPaddingValue=None,
    )  # fmt: skip
    image = read_bytes(content)
    assert image.pixels[0, 0, 0] > image.pixels[7, 7, 0], "what looks bright is bright"
    after = opened(encode(image, "dicom"))
    assert after.PhotometricInterpretation == "MONOCHROME1"
    assert np.array_equal(after.pixel_array, stored)
    low, high = image.info.data_range
    assert low < high


def test_the_sign_of_12_bits_is_found_in_16():
    stored = np.array([[-5, -2048], [3, 2047]], "i2")
    content = small(
        Rows=2, Columns=2, PixelRepresentation=1, BitsStored=12, HighBit=11,
        PixelData=(stored & 0x0FFF).astype("u2").tobytes(), PixelPaddingValue=None,
    )  # fmt: skip
    assert read_bytes(content).pixels[..., 0].tolist() == stored.tolist()


def test_padding_stays_what_it_is():
    dataset = opened(FILES / "CT_small.dcm")
    pixels = dataset.pixel_array.copy()
    pixels[:40, :40] = -2000
    dataset.PixelData, dataset.PixelPaddingValue = pixels.tobytes(), -2000
    image = read_bytes(saved(dataset))
    assert image.pixels.min() > -2000
    after = opened(encode(ruis.denoise(image), "dicom")).pixel_array
    assert np.array_equal(after == -2000, pixels == -2000)


def test_frames_are_denoised_one_by_one():
    frames = np.random.default_rng(0).integers(0, 4000, (3, 16, 20)).astype("i2")
    content = small(NumberOfFrames=3, Rows=16, Columns=20, PixelData=frames.tobytes())
    image = read_bytes(content)
    assert (image.pixels.shape, image.info.colour) == ((16, 20, 3), "channels")
    assert any("3 frames" in note for note in image.info.notes)
    assert np.array_equal(opened(encode(image, "dicom")).pixel_array, frames)


def test_to_another_format_with_what_can_be_kept():
    image = read(FILES / "examples_overlay.dcm")
    assert left_behind(image, "a.png") == ("the tags of DICOM are not kept in PNG",)
    assert np.array_equal(read_bytes(encode(image, "png")).pixels, image.pixels)


def test_only_dicom_becomes_dicom_and_names_are_not_taken_out():
    image = read(FILES / "examples_overlay.dcm")
    elsewhere = read_bytes(encode(image, "png"))
    for refused, strip in ((elsewhere, False), (image, True)):
        with pytest.raises(ChannelMismatchError, match="only from DICOM"):
            encode(refused, "dicom", strip_metadata=strip)
    with pytest.raises(ChannelMismatchError, match="are not what the tags"):
        encode(image.with_pixels(image.pixels[:9]), "dicom")


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("image_dfl.dcm", UnsupportedFormatError, "deflated"),
        ("liver_1frame.dcm", UnsupportedFormatError, "segmentation"),
        ("rtplan.dcm", UnsupportedFormatError, "no image, only RTPLAN"),
        ("examples_palette.dcm", UnsupportedFormatError, "PALETTE"),
        ("examples_ybr_color.dcm", UnsupportedFormatError, "30 colour frames"),
        ("MR_truncated.dcm", CorruptImageError, "less than expected"),
        ("meta_missing_tsyntax.dcm", CorruptImageError, "transfer syntax"),
        ("JPEG2000-embedded-sequence-delimiter.dcm", CorruptImageError, "is not one of 256x1024"),
    ],
)
def test_what_cannot_be_denoised_is_said(name, error, match):
    with pytest.raises(error, match=match):
        read(FILES / name)


@pytest.mark.parametrize(
    ("tags", "error"),
    [
        ({"BitsStored": 20}, CorruptImageError),
        ({"HighBit": 11}, UnsupportedFormatError),
        ({"BitsAllocated": 24}, CorruptImageError),
        ({"NumberOfFrames": 10**9}, CorruptImageError),
        ({"NumberOfFrames": -3}, CorruptImageError),
        ({"Rows": 0}, CorruptImageError),
        ({"Rows": 60000, "Columns": 60000}, ImageTooLargeError),
        ({"Rows": 1000}, CorruptImageError),
        ({"SamplesPerPixel": 2}, UnsupportedFormatError),
        ({"FloatPixelData": b"\0\0\0\0"}, UnsupportedFormatError),
    ],
    ids=str,
)
def test_tags_that_lie_are_refused(tags, error):
    with pytest.raises(error):
        read_bytes(small(**tags))


def test_a_compressed_frame_may_not_be_larger_than_the_tags_say():
    dataset = opened(FILES / "SC_rgb_small_odd_jpeg.dcm")
    start = dataset.PixelData.index(b"\xff\xc0")
    data = bytearray(dataset.PixelData)
    data[start + 5 : start + 9] = struct.pack(">HH", 60000, 60000)
    dataset.PixelData = bytes(data)
    with pytest.raises(CorruptImageError, match="60000x60000 pixels is not one of 3x3"):
        read_bytes(saved(dataset))


def test_an_empty_box_is_not_walked_for_ever():
    """A search with random mutants found that pydicom does."""
    content = (FILES / "GDCMJ2K_TextGBR.dcm").read_bytes()
    at = content.index(b"ftypjp2 ") - 4
    mutant = content[:at] + b"\0\0\0\0" + content[at + 4 :]
    with pytest.raises(CorruptImageError, match="does not end"):
        read_bytes(mutant)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_jp2klossless.dcm", "SC_rgb_rle.dcm"])
def test_any_change_is_survived(name):
    content = (FILES / name).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        mutant = bytearray(content)
        for _ in range(4):
            mutant[rng.integers(132, min(len(mutant), 6000))] = rng.integers(0, 256)
        try:
            image = read_bytes(bytes(mutant), limits=Limits(max_pixels=1e6, max_bytes=1e8))
            encode(image, "dicom")
        except ImageError:
            continue


def test_a_missing_package_is_one_files_trouble_and_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(UnsupportedFormatError, match=r'pip install "ruis\[dicom\]"'):
        read(FILES / "CT_small.dcm")


def test_a_preamble_that_starts_like_a_tiff_is_still_dicom():
    assert (FILES / "CT_small.dcm").read_bytes()[:4] == b"II*\0"
    assert FORMATS.load("tiff")().recognises(b"II*\0")
    assert read(FILES / "CT_small.dcm").info.format == "dicom"
