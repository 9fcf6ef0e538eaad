"""What one call leaves for the next: networks that are ready, on a shelf that threads share and forked processes do not."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import ruis
from pictures import noise
from ruis import model_file
from ruis.arrays import as_image
from ruis.caution import denoising_cautions
from ruis.denoiser import Denoiser
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import ConfigError
from ruis.formats import probe


def test_a_second_image_describes_neither_network_nor_noise_again(denoiser, monkeypatch):
    from ruis.architectures.unet import UNet
    from ruis.noise.one_of import OneOf

    asked = []
    for kind, method in ((UNet, "connect"), (OneOf, "sample")):
        own = getattr(kind, method)

        def counted(self, *arguments, own=own):
            asked.append(own)
            return own(self, *arguments)

        monkeypatch.setattr(kind, method, counted)
    model = denoiser.model
    manifest = model.manifest.model_copy(update={"noise": "gaussian:0..0.3|poisson:peak=77"})
    again = Denoiser(replace(model, manifest=manifest), precision="f32")
    for image in (noise(16, 16), noise(24, 16), noise(16, 40)):
        denoising_cautions(manifest, as_image(image)[0], 0.1)
        again.denoise(image)
        if image.shape == (16, 16):
            assert asked, "the first image asks for both"
            asked.clear()
    assert not asked


@pytest.fixture
def compiled(monkeypatch) -> list[tuple[int, ...]]:
    """The shapes that were compiled, as they come, from an empty shelf on."""
    made: list[tuple[int, ...]] = []
    usual = OpenVINOEngine._compile

    def compile_it(engine: OpenVINOEngine, shape: tuple[int, ...]):
        made.append(shape)
        return usual(engine, shape)

    monkeypatch.setattr(OpenVINOEngine, "_compile", compile_it)
    importlib.import_module("ruis.denoise")._KEPT.clear()
    return made


@pytest.fixture
def model_path(small_model, tmp_path):
    return save_as(tmp_path / "mine.ruis", small_model())


def save_as(path, model):
    model_file.save(path, model.manifest, model.weights, overwrite=True)
    return path


def test_the_second_call_finds_the_network_ready(model_path, compiled):
    noisy = noise(30, 40)
    first = ruis.denoise(noisy, model=model_path)
    assert np.array_equal(ruis.denoise(noisy, model=model_path), first)
    assert np.array_equal(ruis.load(model_path).denoise(noisy), first)
    assert len(compiled) == 2


def test_a_model_file_that_was_replaced_is_read_again(model_path, compiled, small_model):
    noisy = noise(30, 40)
    before = ruis.denoise(noisy, model=model_path)
    save_as(model_path, small_model(gain=0))
    assert np.array_equal(ruis.denoise(noisy, model=model_path), noisy)
    assert not np.array_equal(before, noisy)


def test_networks_for_large_images_are_not_kept(model_path, compiled):
    small, large = noise(30, 40), noise(1100, 1000)
    for noisy in (small, large, small, large):
        ruis.denoise(noisy, model=model_path)
    assert [shape for shape in compiled if -1 in shape] == [(-1, -1, -1, 1)]
    assert len(compiled) == 3


def test_a_mistake_in_one_call_leaves_the_next_alone(model_path, compiled):
    noisy = noise(30, 40)
    ruis.denoise(noisy, model=model_path)
    with pytest.raises(ConfigError):
        ruis.denoise(noisy, model=model_path, strength=2.0)
    ruis.denoise(noisy, model=model_path)
    assert len(compiled) == 1


FORKED = """
import itertools, multiprocessing, os, sys, threading, time
import numpy as np
import ruis

noisy = np.zeros((40, 40), np.float32)
denoiser = ruis.load("gray-fast") if "shared" in sys.argv else None

def work(told):
    try:
        how = denoiser.denoise(noisy) if denoiser else ruis.denoise(noisy, model="gray-fast")
        told.put(how.shape)
    except ruis.RuisError as error:
        told.put(str(error))

if "first" in sys.argv:
    work(multiprocessing.SimpleQueue())
if "busy" in sys.argv:  # it has its turn nearly all of the time
    large = np.zeros((512, 512), np.float32)
    always = lambda: [denoiser.denoise(large) for _ in itertools.count()]
    threading.Thread(target=always, daemon=True).start()
    time.sleep(0.5)
context = multiprocessing.get_context("fork")
told = context.SimpleQueue()
child = context.Process(target=work, args=(told,))
child.start()
child.join(30)
print(told.get() if not told.empty() else "hangs")
child.kill()
sys.stdout.flush()
os._exit(0)  # with the thread
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["first"], 'get_context("spawn")'),
        (["shared", "first", "busy"], 'get_context("spawn")'),
        ([], "(40, 40)"),
    ],
)
def test_a_process_that_is_forked_off_denoises_or_says_how(options, said):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said in done.stdout


def test_threads_may_share_a_denoiser(small_model):
    denoiser = Denoiser(small_model(), tile=64)
    noisy = [np.random.default_rng(seed).random((100, 90), np.float32) for seed in range(6)]
    alone = [denoiser.denoise(one) for one in noisy]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(denoiser.denoise, noisy * 8))
    for place, one in enumerate(together):
        assert np.array_equal(one, alone[place % len(noisy)])


def test_a_result_is_kept_when_the_next_image_comes(small_model):
    denoiser = Denoiser(small_model())
    first, second = np.random.default_rng(2).random((2, 40, 48), np.float32)
    kept = denoiser.denoise(first)
    before = kept.copy()
    assert not np.array_equal(denoiser.denoise(second), kept)
    assert np.array_equal(kept, before)


def test_what_is_expected_is_compiled_before_it_is_there(small_model, tmp_path, monkeypatch):
    path = tmp_path / "noisy.png"
    ruis.write(as_image(noise(300, 500, dtype="uint8"))[0], path)
    denoiser, surprised = Denoiser(small_model()), Denoiser(small_model())
    expected = surprised.denoise(ruis.read(path))
    denoiser.expect(probe(path))
    monkeypatch.setattr(OpenVINOEngine, "_compile", pytest.fail)
    assert np.array_equal(denoiser.denoise(ruis.read(path)).pixels, expected.pixels)
