"""What `read` and `write` do for every format: names, folders, permissions, limits."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ruis.errors import (
    AxesError,
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    UnknownNameError,
    UnsupportedFormatError,
)
from ruis.formats import Header, Limits, encode, format_of, read, read_bytes, write
from ruis.image import Image, ImageInfo, Metadata


def picture(**options):
    pixels = np.zeros((4, 5, 3), np.uint8)
    return Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb", **options))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.png", "no such file"),
        ("folder", "a folder"),
        ("file/a.png", "cannot be read"),
        ("a\0b", "null"),
    ],
)
def test_what_is_no_file_is_an_image_error(tmp_path, name, reason):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ImageError, match=reason):
        read(tmp_path / name)


def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="not a regular file"):
        read(tmp_path / "pipe.png")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.png").write_bytes(b"")
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(ImageError, match=r"a\.png: cannot be read: permission denied"):
        read(tmp_path / "a.png")


def test_a_file_that_holds_another_format_than_its_ending_says_is_told_of(tmp_path):
    write(picture(), tmp_path / "a.png")
    assert read(tmp_path / "a.png").info.notes == ()
    for name, notes in {
        "a.jpg": ("it holds PNG, although its ending .jpg says JPEG",),
        "a.gif": (),  # in which nothing is written
        "a.dat": (),
    }.items():
        (tmp_path / name).write_bytes((tmp_path / "a.png").read_bytes())
        assert read(tmp_path / name).info.notes == notes


def test_an_empty_file_says_so(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(CorruptImageError, match=r"a\.png: the file is empty"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(
    "content", [b"hello", b"%PDF-1.7", b"PK\3\4", b"\0" * 100, b"P7\n", b"BMW"]
)
def test_other_content_is_unsupported(content):
    with pytest.raises(UnsupportedFormatError, match=r"x\.dat: its content is none of png, jpeg"):
        read_bytes(content, name="x.dat")


@pytest.mark.parametrize("name", ["a", "a.", ".png", "a.xcf", "png"])
def test_names_that_mean_no_format(name):
    with pytest.raises(UnsupportedFormatError, match=r"known: \.png"):
        format_of(name)


def test_a_format_that_nobody_knows():
    with pytest.raises(UnknownNameError, match="Did you mean 'jpeg'"):
        encode(picture(), "jpg2")


def test_channel_axis_is_for_arrays_that_do_not_say_it():
    with pytest.raises(AxesError, match="PNG says itself"):
        read_bytes(encode(picture(), "png"), channel_axis=0)


def test_a_broken_decoder_is_an_image_error_with_the_cause(monkeypatch):
    from ruis.formats.png import PNG

    def decode(*_):
        raise IndexError("list index out of range")

    monkeypatch.setattr(PNG, "decode", decode)
    with pytest.raises(CorruptImageError, match=r"x\.png: broken PNG file: list index") as caught:
        read_bytes(encode(picture(), "png"), name="x.png")
    assert isinstance(caught.value.__cause__, IndexError)


def test_running_out_of_memory_is_too_large(monkeypatch):
    from ruis.formats.png import PNG

    def decode(*_):
        raise MemoryError

    monkeypatch.setattr(PNG, "decode", decode)
    with pytest.raises(ImageTooLargeError, match=r"x\.png: not enough memory"):
        read_bytes(encode(picture(), "png"), name="x.png")


def test_the_memory_of_a_header_counts_every_channel_and_byte():
    assert Header("png", 10, 20, 3, "uint16", "rgb").nbytes == 1200
    assert Header("png", 10, 20, 1, "float64", "gray").nbytes == 1600


def test_too_much_memory_is_refused_although_there_are_few_pixels():
    header = Header("tiff", 10, 10, 100_000, "float64", "channels")
    with pytest.raises(ImageTooLargeError, match=r"a\.tif: .*76 MiB.*max_bytes"):
        header.check(Limits(max_bytes=2**20), "a.tif")


@pytest.mark.parametrize(
    ("first", "second"), [("png", "tif"), ("tif", "jpg"), ("jpg", "webp"), ("webp", "png")]
)
def test_metadata_crosses_from_format_to_format(tmp_path, first, second):
    metadata = Metadata(
        icc=b"profile" * 9,
        xmp=b"<x/>",
        resolution=(300, 150),
        description="Zürich",
        software="GIMP",
    )
    write(picture(metadata=metadata), tmp_path / f"a.{first}", record="ruis")
    write(read(tmp_path / f"a.{first}"), tmp_path / f"b.{second}", record="ruis")
    kept = read(tmp_path / f"b.{second}").info.metadata
    assert (kept.icc, kept.xmp, kept.description) == (b"profile" * 9, b"<x/>", "Zürich")
    assert kept.resolution == pytest.approx((300, 150), rel=1e-3)
    assert kept.software == "GIMP; ruis"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "bmp", "ppm", "npy"])
def test_reading_leaves_no_file_open(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write(picture(), path)
    image = read(path)
    targets = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    assert image.rows == 4
    assert str(path) not in targets


def test_importing_the_room_imports_nothing_heavy_and_a_png_only_what_it_needs(tmp_path):
    write(picture(), tmp_path / "a.png")
    script = (
        "import sys, ruis.formats as f\n"
        "heavy = {'numpy', 'PIL', 'tifffile', 'imagecodecs'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        f"f.read({str(tmp_path / 'a.png')!r})\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "['imagecodecs', 'numpy']"
