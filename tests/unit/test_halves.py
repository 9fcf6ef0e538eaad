"""In bfloat16, an image enters the network in two halves, so that it is not rounded."""

from __future__ import annotations

import numpy as np
import pytest

from ruis import zoo
from ruis.engines.openvino import OpenVINOEngine, _halves
from ruis.metrics.psnr import psnr


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_two_halves_hold_what_one_bfloat16_does_not(channels):
    rng = np.random.default_rng(0)
    batch = rng.normal(0.5, 3, (2, 300, 170, channels)).astype(np.float32)
    batch[0, :3] *= 1e-20
    coarse, fine = _halves(batch, None)
    assert np.array_equal(coarse + fine, batch)
    assert not (coarse.view(np.uint32) & 0xFFFF).any()  # as bfloat16 has it
    assert (np.abs(fine) <= np.abs(coarse) * 2**-8).all()
    into = np.empty((2, *batch.shape), np.float32)
    assert _halves(batch, into) is into
    assert np.array_equal(into, [coarse, fine])


@pytest.mark.parametrize("name", ["gray-fast", "photo-fast"])
@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("side", [96, 400])  # any size, and one that is compiled for
def test_a_network_finds_in_two_halves_what_it_finds_in_the_whole(name, told, side):
    model = zoo.find(name)
    architecture, weights = model.architecture, model.weights
    if not told:
        architecture, weights = architecture.blinded(weights)
    shape = (1, side, side + 8, architecture.input_channels)
    first, second = np.random.default_rng(0).random((2, *shape), np.float32)
    whole = OpenVINOEngine(architecture, weights)
    parted = OpenVINOEngine(architecture, weights)
    parted.in_halves = True
    for batch in (first, second, first):
        assert np.abs(parted.run(batch) - whole.run(batch)).max() < 1e-5


@pytest.mark.skipif(not OpenVINOEngine.supports("bf16"), reason="this machine has no bfloat16")
@pytest.mark.parametrize("sigma", [4 / 255, 8 / 255])
def test_bfloat16_loses_less_of_a_smooth_picture_that_enters_in_halves(sigma):
    rows, columns = np.mgrid[:512, :512] / 512
    clean = (0.5 + 0.4 * np.sin(5 * rows) * np.cos(4 * columns)).astype(np.float32)
    noisy = clean + np.random.default_rng(0).normal(0, sigma, clean.shape).astype(np.float32)
    model = zoo.find("gray")
    network, weights = model.architecture.blinded(model.weights)
    found = {}
    for precision, in_halves in (("f32", False), ("bf16", False), ("bf16", True)):
        engine = OpenVINOEngine(network, weights, precision=precision)
        engine.in_halves = in_halves
        found[precision, in_halves] = psnr(clean, engine.run(noisy[None, ..., None])[0, ..., 0])
    exact = found["f32", False]
    assert exact > 20 - 20 * np.log10(sigma)  # it is smooth: a tenth of the noise is left
    assert exact - found["bf16", True] < 0.5 * (exact - found["bf16", False])
