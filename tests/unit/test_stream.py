"""How files are cut into windows, and what happens when something goes wrong on the way."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import ruis
from ruis import stream, windowing
from ruis.caution import caution_texts
from ruis.choice import look, look_at
from ruis.denoiser import Denoiser
from ruis.errors import ConfigError, ImageWriteError, ModelNotFoundError
from ruis.intensity import Intensity
from ruis.job import Job
from ruis.stacks.tiff import TIFFStacks


@pytest.fixture
def pages(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.normal(128, 20, (2, 700, 650)).clip(0, 255).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, tile=(64, 64))
    return tmp_path / "a.tif", pixels


def seen_in(stack):
    scale = Intensity(stack.info.dtype, stack.info.data_range)
    return look_at([scale.to_unit(window) for window in stream._windows(stack)])


def test_the_noise_is_found_as_in_memory(tmp_path, pages):
    path, pixels = pages
    tifffile.imwrite(tmp_path / "one.tif", pixels[0], tile=(64, 64))
    with TIFFStacks.opened(tmp_path / "one.tif") as stacks:
        assert seen_in(stacks.stacks[0]) == look(ruis.read(tmp_path / "one.tif"))
    tifffile.imwrite(tmp_path / "strips.tif", pixels[0], rowsperstrip=30, compression="lzw")
    with TIFFStacks.opened(tmp_path / "strips.tif") as stacks:
        assert seen_in(stacks.stacks[0]) == look(ruis.read(tmp_path / "one.tif"))
    with TIFFStacks.opened(path) as stacks:
        assert seen_in(stacks.stacks[0]).sigma == pytest.approx(20 / 255, rel=0.15)


def test_a_data_range_that_is_said_is_that_of_stacks_too(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.normal(2000, 400, (2, 64, 64)).clip(0, 4095).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata={"axes": "ZYX"})
    told = {"data_range": (0, 4095), "sigma": 0.1}  # which tells by which range sigma is meant
    made = stream.denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", model="gray-fast", **told)
    assert made.sigma == 0.1
    stack = tifffile.imread(tmp_path / "b.tif")
    for plane, denoised in zip(pixels, stack, strict=True):
        alone = ruis.denoise(plane, model="gray-fast", **told)
        assert np.abs(denoised.astype(int) - alone).max() <= 1
    other = stream.denoise_file(
        tmp_path / "a.tif", tmp_path / "c.tif", model="gray-fast", sigma=0.1
    )
    assert other.sigma == 0.1
    assert np.abs(tifffile.imread(tmp_path / "c.tif").astype(int) - stack).max() > 100


def test_what_there_is_to_beware_of_is_told_of_stacks_too(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.normal(900, 30, (2, 64, 64)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata={"axes": "ZYX"})
    with TIFFStacks.opened(tmp_path / "a.tif") as stacks:
        made = stream.denoise_stacks(
            stacks,
            tmp_path / "b.tif",
            denoiser=ruis.load,
            model="gray-fast",
            record=lambda *_: "",
            cautions=caution_texts,
        )
    assert any("beyond the range 0 to 1" in note for note in made.notes)


def test_that_memory_ran_out_is_told_of_stacks_too(tmp_path, pages, small_model, monkeypatch):
    whole, failed = Job._tiles, []

    def tiles(self, stored, cut, *rest):
        if max(cut.shape) > 192:
            failed.append(cut.shape)
            raise MemoryError
        return whole(self, stored, cut, *rest)

    monkeypatch.setattr(Job, "_tiles", tiles)
    made = stream.denoise_file(pages[0], tmp_path / "b.tif", model=Denoiser(small_model()))
    assert failed
    assert any("tiles were halved" in note for note in made.notes)


def test_progress_goes_up_to_the_last_pixel(tmp_path, pages, small_model, monkeypatch):
    monkeypatch.setattr(windowing, "WINDOW", 1e5)
    told = []
    denoiser = Denoiser(small_model(), tile=192)
    stream.denoise_file(
        pages[0], tmp_path / "b.tif", model=denoiser, progress=lambda *one: told.append(one)
    )
    assert told == sorted(told)
    assert told[-1] == (pages[1].size, pages[1].size)
    assert len(set(told)) > 10


def test_without_strength_pixels_are_copied(tmp_path, pages, monkeypatch):
    monkeypatch.setattr(windowing, "WINDOW", 1e5)
    told = stream.denoise_file(pages[0], tmp_path / "b.tif", strength=0)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), pages[1])
    assert (told.models, told.megapixels) == (("gray",), pytest.approx(pages[1].size / 1e6))


def test_a_model_is_chosen_for_each_stack_by_its_channels(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.full((40, 40), 9, np.uint8), metadata=None, photometric="minisblack")
        file.write(np.full((40, 40, 3), 9, np.uint8), metadata=None, photometric="rgb")
    told = stream.denoise_file(tmp_path / "a.tif", tmp_path / "b.tif", strength=0)
    assert told.models == ("gray", "photo")
    assert told.why == "no colours"


def test_a_model_that_is_not_there_is_what_is_missing(tmp_path, pages):
    with pytest.raises(ModelNotFoundError):
        stream.denoise_file(pages[0], tmp_path / "b.tif", model="no-such-model")


def test_settings_are_checked_before_anything_is_written(tmp_path, pages):
    with pytest.raises(ConfigError, match="strength"):
        stream.denoise_file(pages[0], tmp_path / "b.tif", strength=2)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("where", ["read", "progress"])
def test_whatever_goes_wrong_leaves_nothing(tmp_path, pages, small_model, monkeypatch, where):
    monkeypatch.setattr(windowing, "WINDOW", 1e5)
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == 12:
            raise BrokenError
        return None if where == "progress" else original(*arguments)

    original = ruis.stacks.tiff.reading.PageStack._decoded
    if where == "read":
        monkeypatch.setattr(
            ruis.stacks.tiff.reading.PageStack,
            "_window",
            lambda *a: fail(a[0], a[0].pages[0], *a[2:]),
        )
    denoiser = Denoiser(small_model(), tile=192)
    with pytest.raises(BrokenError):
        stream.denoise_file(
            pages[0], tmp_path / "b.tif", model=denoiser,
            progress=fail if where == "progress" else None,
        )  # fmt: skip
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("kind", ["tiff", "zarr"])
def test_a_disk_that_is_full_leaves_nothing(tmp_path, small_model, monkeypatch, kind):
    """Files may not grow beyond a size: of the TIFF itself, or of the chunk that breaks it."""
    resource = pytest.importorskip("resource", reason="limits are for POSIX")
    import signal

    noisy = np.random.default_rng(0).integers(0, 255, (500, 400), dtype=np.uint8)
    if kind == "tiff":
        path, most = tmp_path / "a.tif", 60_000
        tifffile.imwrite(path, noisy, tile=(64, 64))
    else:
        zarr = pytest.importorskip("zarr", reason="Zarr needs the zarr extra")
        path, most = tmp_path / "a.zarr", 20_000
        array = zarr.create_array(str(path), shape=noisy.shape, chunks=(200, 200), dtype="uint8")
        array[...] = noisy
    monkeypatch.setattr(windowing, "WINDOW", 5e4)
    denoiser = Denoiser(small_model(), precision="f32")
    denoiser.denoise(noisy)  # prepared before the limit holds
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
        with pytest.raises(ImageWriteError, match="cannot be written"):
            stream.denoise_file(path, path.with_stem("b"), model=denoiser)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
