"""An image in tiles: how large they are, in what order they come, and what happens where memory ends."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from pictures import noise
from ruis import zoo
from ruis.arrays import as_image
from ruis.denoiser import Denoiser
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import OutOfMemoryError
from ruis.job import Job
from ruis.tiling import Geometry


def test_of_many_channels_one_at_a_time_is_a_float(denoiser, monkeypatch):
    whole, shapes = Job._window, []

    def window(self, stored, cut, tile, memory):
        shapes.append(memory.shape)
        return whole(self, stored, cut, tile, memory)

    monkeypatch.setattr(Job, "_window", window)
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 9), np.uint8)
    pixels[..., 4] = pixels[..., 0]
    together = denoiser.denoise(pixels, channel_axis=2)
    assert {shape[2] for shape in shapes} == {1}
    for channel in range(9):
        alone = denoiser.denoise(np.ascontiguousarray(pixels[..., channel]))
        assert np.array_equal(together[..., channel], alone)


def test_where_a_second_tile_finds_no_memory_it_waits_for_the_first(small_model):
    denoiser, noisy = Denoiser(small_model(), tile=64, precision="f32"), noise(200, 300)
    expected = denoiser.denoise(noisy)
    tried = []

    class Full:
        def create_infer_request(self):
            tried.append(self)
            raise RuntimeError("Failed to allocate memory")

    engine = denoiser.networks.get("f32", told=False)
    (compiled,) = engine.compiled.values()
    compiled._model, compiled._more, compiled._free = Full(), 1, compiled._free[:1]
    assert np.array_equal(denoiser.denoise(noisy), expected)
    assert len(tried) == 1


def test_what_found_no_memory_is_given_back_before_smaller_tiles(small_model, monkeypatch):
    denoiser, whole = Denoiser(small_model()), Job._part
    kept = []

    def part(self, noisy, into, tile):
        if max(noisy.shape) > 256:
            with self._network(noisy, self.sigma):
                raise MemoryError
        whole(self, noisy, into, tile)
        kept.append([*self.engine.compiled])

    monkeypatch.setattr(Job, "_part", part)
    result = denoiser.run(as_image(noise(400, 400))[0])
    assert any("halved" in note for note in result.notes)
    assert kept
    assert all(math.prod(key) <= 256**2 for keys in kept for key in keys)


@pytest.mark.parametrize("size", [(200, 130), (65, 300), (129, 257)], ids=str)
def test_the_tile_does_not_matter(small_model, size):
    noisy = noise(*size)
    model = small_model()
    whole = Denoiser(model, precision="f32", tile=2000).denoise(noisy)
    tiled = Denoiser(model, precision="f32", tile=96).denoise(noisy)
    assert np.abs(whole - tiled).max() < 1e-5


def test_progress_counts_tiles_to_the_last(small_model):
    told = []
    image, _ = as_image(noise(200, 130))
    result = Denoiser(small_model(), tile=96).run(image, progress=lambda *args: told.append(args))
    assert told == [(i + 1, result.tiles) for i in range(result.tiles)]
    assert result.tiles > 1


class Cramped(OpenVINOEngine):
    """An engine that has memory for small tiles only."""

    limit = 150 * 150

    def run(self, batch):
        if batch.shape[1] * batch.shape[2] > self.limit:
            raise OutOfMemoryError("too large")
        return super().run(batch)


def test_tiles_halve_where_memory_runs_out(small_model):
    image, _ = as_image(noise(300, 280))
    model = small_model()
    roomy, cramped = Denoiser(model, precision="f32"), Denoiser(model, precision="f32")
    cramped.networks.engine = Cramped
    expected, found = roomy.run(image), cramped.run(image)
    assert expected.tiles == 1
    assert found.tiles > 1
    assert any("halved" in note for note in found.notes)
    assert np.abs(found.image.pixels - expected.image.pixels).max() < 1e-5


class Full(OpenVINOEngine):
    runs = 0

    def run(self, batch):
        type(self).runs += 1
        assert type(self).runs < 20, "it tries for ever"
        raise OutOfMemoryError("full")


@pytest.mark.parametrize("geometry", [None, Geometry(27, 81), Geometry(size=(128, 128))], ids=str)
def test_without_any_memory_it_gives_up(small_model, geometry, monkeypatch):
    model = small_model()
    if geometry:
        monkeypatch.setattr(type(model.architecture), "geometry", property(lambda self: geometry))
    denoiser = Denoiser(model, threads=1)  # another lane would go on for a moment
    denoiser.networks.engine = Full
    Full.runs = 0
    with pytest.raises(OutOfMemoryError, match="close other programs"):
        denoiser.denoise(noise(400, 400))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_two_tiles_in_hand_give_what_one_gives(small_model, dtype, channels):
    shape = (300, 500) if channels == 1 else (300, 500, 3)
    noisy, model = noise(*shape, dtype=dtype), small_model()
    one = Denoiser(model, tile=64, threads=1).denoise(noisy)
    two = Denoiser(model, tile=64, threads=2).denoise(noisy)
    assert np.array_equal(one, two)


def test_while_the_network_works_the_next_tile_is_made_ready(small_model, monkeypatch):
    """A tile waits in the network's place until another thread comes with the next."""
    met, before = threading.Barrier(2), OpenVINOEngine._given

    def given(self, request, batch):
        met.wait(timeout=20)
        return before(self, request, batch)

    monkeypatch.setattr(OpenVINOEngine, "_given", given)
    denoiser = Denoiser(small_model(), tile=64, threads=2)
    columns = next(side for side in range(200, 300) if len(denoiser.knife.cut(40, side)) % 2 == 0)
    denoiser.denoise(noise(40, columns))  # each tile has a partner


def test_progress_is_told_in_the_thread_that_asked_and_may_end_the_work(small_model):
    told = []

    def progress(done, tiles):
        told.append((done, threading.get_ident()))
        if done == 3:
            raise KeyboardInterrupt

    denoiser = Denoiser(small_model(), tile=64, threads=2)
    with pytest.raises(KeyboardInterrupt):
        denoiser.denoise(noise(300, 500), progress=progress)
    assert told == [(count, threading.get_ident()) for count in (1, 2, 3)]
    assert denoiser.denoise(noise(300, 500)).shape == (300, 500)  # it is as it was


def test_a_single_image_has_smaller_tiles_where_amx_multiplies(monkeypatch):
    areas = []
    for amx in (False, True):
        monkeypatch.setattr("ruis.processor.has_amx", lambda amx=amx: amx)
        monkeypatch.setattr(OpenVINOEngine, "supports", classmethod(lambda cls, precision: True))
        denoiser = Denoiser(zoo.find("gray-fast"), memory=1e9)
        several = np.prod(denoiser.knife.cut(4000, 6000).shape)
        denoiser.once = True
        areas.append(np.prod(denoiser.knife.cut(4000, 6000).shape))
        assert areas[-1] <= several
    assert areas[1] < 0.7 * areas[0]


def test_an_engine_that_takes_more_memory_has_smaller_tiles():
    areas = []
    for engine in ("openvino", "onnxruntime"):
        denoiser = Denoiser(zoo.find("gray-fast"), engine=engine, memory=1e9)
        areas.append(np.prod(denoiser.knife.cut(20_000, 20_000).shape))
    assert 1.8 < areas[0] / areas[1] < 2.5


def test_a_single_image_has_smaller_tiles(small_model):
    denoiser = Denoiser(small_model())
    many = denoiser.knife.cut(4000, 6000).shape
    denoiser.once = True
    assert np.prod(denoiser.knife.cut(4000, 6000).shape) < np.prod(many)
