"""The exam of every image format: one row in the table is enough to be examined."""

import io
import runpy
import tracemalloc
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from ruis.errors import (
    ChannelMismatchError,
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from ruis.formats import FORMATS, Limits, encode, format_of, probe, read, read_bytes, write
from ruis.formats.source import START_BYTES
from ruis.image import Image, ImageInfo, Metadata

NEEDS = {"dicom": "pydicom", "raw": "rawpy"}
NAMES = sorted(name for name in FORMATS.own if find_spec(NEEDS.get(name, "ruis")))
WRITABLE = [name for name in NAMES if FORMATS.load(name)().writable]
DNG = runpy.run_path(Path(__file__).parents[1] / "makers" / "dng.py")["dng"]
METADATA = Metadata(
    icc=b"a profile that nobody parses" * 10,
    xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
    resolution=(300.0, 150.0),
    description="Zürich, blurred",
    software="GIMP 2.10",
)


def picture(rows=40, columns=30, metadata=METADATA):
    """A smooth picture, so that lossy formats come close to it."""
    ramp = np.add.outer(np.arange(rows) * 3.0, np.arange(columns) * 2.0)
    pixels = np.stack([ramp, 200 - ramp / 2, ramp / 3 + 20], axis=-1).clip(0, 255)
    info = ImageInfo(np.dtype(np.uint8), (0.0, 255.0), "rgb", metadata=metadata)
    return Image(pixels.astype(np.uint8), info)


def content_of(name, rows=40, columns=30):
    file = io.BytesIO()
    pixels = picture(rows, columns).pixels
    if name == "gif":
        Pillow.fromarray(pixels).save(file, "GIF")
        return file.getvalue()
    if name == "raw":
        return DNG(pixels / 255)
    if name == "dicom":
        import pydicom

        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
        dataset.SOPInstanceUID = dataset.SeriesInstanceUID = "1.2.3"
        dataset.Rows, dataset.Columns = rows, columns
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelRepresentation = dataset.PlanarConfiguration = 0
        dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
        dataset["PixelData"].VR = "OB"
        pydicom.dcmwrite(file, dataset, enforce_file_format=True)
        return file.getvalue()
    return encode(picture(rows, columns), name)


def picture_for(name):
    """The picture, with what the format needs to be written at all."""
    return read_bytes(content_of(name)) if name == "dicom" else picture()


@pytest.mark.parametrize("name", NAMES)
def test_the_table_knows_the_format_by_its_own_name_and_suffixes(name):
    format = FORMATS.load(name)()
    assert format.name == name
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in format.suffixes)
    for suffix in format.suffixes:
        if format.writable:
            assert format_of(f"A{suffix.upper()}") == name
        else:
            with pytest.raises(UnsupportedFormatError, match=r"use \.png"):
                format_of(f"a{suffix}")


@pytest.mark.parametrize("name", NAMES)
def test_only_its_own_files_are_recognised(name):
    start = content_of(name)[:START_BYTES]
    found = [other for other in FORMATS.own if FORMATS.load(other)().recognises(start)]
    assert found == ([name, "tiff"] if name == "raw" else [name]), "the first one has it"


@pytest.mark.parametrize("name", NAMES)
def test_the_content_decides_and_not_the_name(name, tmp_path):
    path = tmp_path / "misnamed.xyz"
    path.write_bytes(content_of(name))
    image = read(path)
    assert image.info.format == name
    assert image.info.source == str(path)


@pytest.mark.parametrize("name", WRITABLE)
def test_what_is_written_comes_back(name, tmp_path):
    format = FORMATS.load(name)()
    path = tmp_path / f"picture{format.suffixes[0]}"
    write(picture_for(name), path)
    image = read(path)
    difference = np.abs(image.pixels.astype(int) - picture().pixels)
    assert difference.max() <= (0 if format.lossless else 6)
    assert image.info.dtype == np.uint8
    assert image.info.data_range == (0.0, 255.0)


@pytest.mark.parametrize("name", NAMES)
def test_probe_announces_what_read_delivers(name, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(content_of(name))
    header, image = probe(path), read(path)
    assert (header.format, header.rows, header.columns) == (name, 40, 30)
    assert header.dtype == image.pixels.dtype.name
    assert header.nbytes >= image.pixels.nbytes  # a GIF announces the most that it may need


@pytest.mark.parametrize("part", [0.1, 0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_refused_by_name(name, part, tmp_path):
    content = content_of(name)
    path = tmp_path / "half.img"
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(CorruptImageError, match=r"half\.img"):
        read(path)


@pytest.mark.parametrize("name", NAMES)
def test_the_limits_are_checked_before_anything_is_decoded(name, monkeypatch):
    content = content_of(name)
    format = FORMATS.load(name)
    monkeypatch.setattr(format, "decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(ImageTooLargeError, match=r"x\.img: 30x40 pixels .*--max-pixels"):
        read_bytes(content, name="x.img", limits=Limits(max_pixels=1199))
    with pytest.raises(ImageTooLargeError, match="MiB"):
        read_bytes(content, limits=Limits(max_bytes=3599))
    with pytest.raises(ImageTooLargeError, match="bytes"):
        read_bytes(content, limits=Limits(max_file_bytes=len(content) - 1))


@pytest.mark.parametrize("name", NAMES)
def test_the_limits_themselves_are_allowed(name):
    content = content_of(name)
    limits = Limits(max_pixels=1200, max_bytes=7200, max_file_bytes=len(content))
    assert read_bytes(content, limits=limits).rows == 40


@pytest.mark.parametrize("name", WRITABLE)
def test_metadata_is_kept_as_far_as_the_format_holds_it(name):
    kept = read_bytes(encode(picture_for(name), name)).info.metadata
    held = FORMATS.load(name)().fields - {"exif", "resolution", "software"}
    for field in held:
        assert getattr(kept, field) == getattr(METADATA, field), field
    if "resolution" in FORMATS.load(name)().fields:
        assert kept.resolution == pytest.approx(METADATA.resolution, rel=1e-4)
    if "software" in FORMATS.load(name)().fields:
        assert kept.software == "GIMP 2.10; ruis"


@pytest.mark.parametrize("name", [name for name in WRITABLE if name != "dicom"])
def test_stripped_files_keep_profile_and_resolution_alone(name):
    content = encode(picture(), name, strip_metadata=True)
    for secret in (b"GIMP", b"ruis", b"blurred", b"xmpmeta"):
        assert secret not in content
    kept = read_bytes(content).info.metadata
    held = FORMATS.load(name)().fields
    assert kept.icc == (METADATA.icc if "icc" in held else None)
    assert (kept.resolution is not None) == ("resolution" in held)


@pytest.mark.parametrize(
    "name", [name for name in WRITABLE if "exif" in FORMATS.load(name)().fields]
)
def test_exif_survives_with_accents_and_directories(name):
    exif = Pillow.Exif()
    exif[0x013B] = "José".encode()
    exif[0x0112] = 1
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8825)[2] = (47.0, 22.0, 30.5)
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    image = picture(metadata=Metadata(exif=block))
    again = Pillow.Exif()
    again.load(read_bytes(encode(image, name)).info.metadata.exif)
    assert again[0x013B].encode("latin-1").decode() == "José"
    assert again.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
    assert [float(value) for value in again.get_ifd(0x8825)[2]] == [47.0, 22.0, 30.5]


@pytest.mark.parametrize("name", WRITABLE)
def test_recording_twice_says_it_once(name):
    if "software" not in FORMATS.load(name)().fields:
        pytest.skip("holds no software")
    once = read_bytes(encode(picture(), name))
    twice = read_bytes(encode(once, name))
    assert twice.info.metadata.software == once.info.metadata.software


@pytest.mark.parametrize("name", WRITABLE)
def test_what_a_format_cannot_hold_is_refused_with_advice(name):
    pixels = np.zeros((2, 2, 3), np.complex64)
    image = Image(pixels, ImageInfo(pixels.dtype, (0, 1), "rgb"))
    with pytest.raises(ChannelMismatchError, match="cannot hold complex64"):
        encode(image, name)


def test_gif_is_not_written():
    with pytest.raises(UnsupportedFormatError, match="PNG"):
        encode(picture(), "gif")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "raw"])  # no sensor is
@pytest.mark.parametrize("rows_columns", [(1, 1), (3, 5000), (5000, 3)], ids=str)
def test_extreme_sizes(name, rows_columns):
    assert read_bytes(content_of(name, *rows_columns)).pixels.shape[:2] == rows_columns


@pytest.mark.parametrize("name", NAMES)
def test_every_changed_byte_of_the_start_is_survived(name):
    content = content_of(name)
    for position in range(0, min(len(content), 160), 5 if name == "raw" else 1):  # LibRaw is slow
        for value in (0, 0x7F, 0xFF):
            mutant = bytearray(content)
            mutant[position] = value
            try:
                read_bytes(bytes(mutant), name="mutant", limits=Limits(max_pixels=1e6))
            except ImageError as error:
                assert str(error).startswith("mutant: ")  # noqa: PT017 - many mutants are images


@pytest.mark.parametrize("name", NAMES)
def test_refusing_a_large_header_needs_no_memory(name):
    content = content_of(name)
    read_bytes(content)  # imports are not what is measured
    tracemalloc.start()
    with pytest.raises(ImageTooLargeError):
        read_bytes(content, limits=Limits(max_pixels=100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
