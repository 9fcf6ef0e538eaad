"""Camera RAW, tried with DNGs that tests/makers writes: no file of a real camera is here."""

from __future__ import annotations

import io
import runpy
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

import ruis
from ruis.errors import CorruptImageError, ImageError, UnsupportedFormatError
from ruis.formats import FORMATS, Limits, format_of, probe, read, read_bytes, write

pytest.importorskip("rawpy", reason="the raw extra")
dng = runpy.run_path(Path(__file__).parents[2] / "makers" / "dng.py")["dng"]


def scene(rows=48, columns=64, noise=0.0):
    """Linear sRGB: three patches, gray, reddish and bluish."""
    linear = np.zeros((rows, columns, 3))
    third = columns // 3
    for place, colour in enumerate([(0.3, 0.3, 0.3), (0.5, 0.2, 0.1), (0.1, 0.2, 0.5)]):
        linear[:, place * third :] = colour
    return linear + np.random.default_rng(0).normal(0, noise, linear.shape)


def srgb(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("neutral", [(1.0, 1.0, 1.0), (0.5, 1.0, 0.6)])
def test_it_is_developed_with_the_cameras_white_balance_into_srgb(neutral):
    image = read_bytes(dng(scene(), neutral=neutral))
    assert (image.info.format, image.info.colour, image.info.dtype) == ("raw", "rgb", np.uint16)
    for column in (10, 32, 54):
        expected = srgb(scene()[24, column])
        assert np.abs(image.pixels[24, column] / 65535 - expected).max() < 0.03, column
    assert any("white balance" in note for note in image.info.notes)


def test_the_same_file_gives_the_same_pixels_and_no_exposure_is_made_up():
    dark = read_bytes(dng(scene() / 8))
    assert np.array_equal(dark.pixels, read_bytes(dng(scene() / 8)).pixels)
    assert abs(dark.pixels[24, 10, 1] / 65535 - srgb(np.array(0.3 / 8))) < 0.02


def test_it_is_turned_upright(tmp_path):
    path = tmp_path / "turned.dng"
    path.write_bytes(dng(scene(), orientation=6))
    assert (probe(path).rows, probe(path).columns) == (64, 48)
    assert read(path).pixels.shape == (64, 48, 3)


def test_camera_and_maker_are_carried_over(tmp_path):
    write(read_bytes(dng(scene())), tmp_path / "a.png")
    with Pillow.open(tmp_path / "a.png") as picture:
        exif = picture.getexif()
    assert (exif[271], exif[272]) == ("Ruis", "Bayer 1")


def test_it_is_not_written():
    with pytest.raises(UnsupportedFormatError, match=r"read and not written; use \.png"):
        format_of("a.dng")


def test_noise_is_removed_from_it():
    clean, noisy = (read_bytes(dng(scene(96, 96, noise))) for noise in (0.0, 0.02))
    denoised = ruis.denoise(noisy)
    errors = [np.abs(one.pixels - clean.pixels.astype(float)).mean() for one in (denoised, noisy)]
    assert errors[0] < 0.6 * errors[1]


def test_a_tiff_is_no_raw_and_a_raw_comes_first():
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((8, 8), "u2"))
    raw = FORMATS.load("raw")()
    assert not raw.recognises(file.getvalue()[:1024])
    assert raw.recognises(dng(scene())[:1024])
    assert list(FORMATS.own).index("raw") < list(FORMATS.own).index("tiff")


@pytest.mark.parametrize(
    "start",
    [
        b"II*\0\x10\0\0\0CR\2\0",
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x18\0\0\0",
        b"\0\0\0\x18ftypcrx \0\0\0\1",
        b"MM\0*\0\0\0\x08\0\2\0\xfe\0\4\0\0\0\1\0\0\0\1\1\x4a\0\4\0\0\0\2\0\0\1\0",
    ],
    ids=["cr2", "raf", "orf", "rw2", "cr3", "nef"],
)
def test_cameras_are_recognised_and_no_pixels_are_no_image(start):
    content = start.ljust(2000, b"\0")
    assert FORMATS.load("raw")().recognises(content[:1024])
    with pytest.raises(CorruptImageError, match="broken Camera RAW"):
        read_bytes(content)


def test_any_change_of_its_tags_is_survived():
    content = dng(scene(16, 16))
    rng = np.random.default_rng(0)
    for _ in range(150):
        mutant = bytearray(content)
        for _ in range(2):
            mutant[rng.integers(8, 700)] = rng.integers(0, 256)
        try:
            read_bytes(bytes(mutant), limits=Limits(max_pixels=1e6))
        except ImageError:
            continue


def test_a_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    with pytest.raises(UnsupportedFormatError, match=r'pip install "ruis\[raw\]"'):
        read_bytes(dng(scene()))
