"""As what the U-Net begins when it goes on from another one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ruis.architectures.unet import UNet
from ruis.engines.openvino import OpenVINOEngine


def weights_of(network: UNet) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(0, 1 / math.sqrt(math.prod(shape[:-1])), shape).astype(np.float32)
        for name, shape in network.tensors.items()
    }


@pytest.mark.parametrize(("have", "want"), [(3, 1), (1, 3), (3, 5), (4, 3)])
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("sigma_channel", [True, False])
def test_of_other_channels_it_does_the_same_where_all_are_alike(have, want, blocks, sigma_channel):
    start = UNet(channels=have, widths=(4, 6), blocks=1, sigma_channel=sigma_channel)
    network = UNet(channels=want, widths=(4, 6), blocks=blocks, sigma_channel=sigma_channel)
    taught = weights_of(start)
    weights = network.begun(start, taught, weights_of(network))
    assert {name: one.shape for name, one in weights.items()} == dict(network.tensors)
    noisy, sigma = np.split(np.random.default_rng(1).random((1, 24, 20, 2), np.float32), 2, axis=3)
    told = [sigma] * sigma_channel

    def run(network, weights):
        batch = np.concatenate([noisy] * network.channels + told, axis=3)
        return OpenVINOEngine(network, weights).run(batch)

    before, after = run(start, taught), run(network, weights)
    if have > 1:
        assert np.ptp(before, axis=3).max() > 1e-2  # it tells its channels apart
    assert np.abs(before - noisy).max() > 1e-2
    assert np.abs(after - before.mean(axis=3, keepdims=True)).max() < 1e-5


@pytest.mark.parametrize("widths", [(8, 6, 6), (4, 9, 6), (4, 6, 7), (5, 10, 7)])
@pytest.mark.parametrize("more", [{}, {"blocks": 2}, {"channels": 1}])
@pytest.mark.parametrize("sigma_channel", [True, False])
def test_with_wider_levels_it_does_the_same_and_what_is_new_is_not_zero(
    widths, more, sigma_channel
):
    start = UNet(channels=3, widths=(4, 6, 6), blocks=1, sigma_channel=sigma_channel)
    network = start.model_copy(update={"widths": widths, **more})
    taught, fresh = weights_of(start), weights_of(network)
    weights = network.begun(start, taught, fresh)
    assert {name: one.shape for name, one in weights.items()} == dict(network.tensors)
    rng = np.random.default_rng(1)
    gray, sigma = np.split(rng.random((1, 24, 16, 2), np.float32), 2, axis=3)

    def run(network, weights):
        noisy = [gray] * network.channels + [sigma] * sigma_channel
        return OpenVINOEngine(network, weights).run(np.concatenate(noisy, axis=3))

    before, after = run(start, taught), run(network, weights)
    assert np.abs(before - gray).max() > 1e-2
    channels = 1 if more.get("channels") else 3
    wanted = before.mean(axis=3, keepdims=True) if channels == 1 else before
    assert np.abs(after - wanted).max() < 1e-5
    for name in ("stem/kernel", "down0_block0_first/kernel", "down0_block0_second/kernel"):
        new = weights[name][..., start.widths[0] :]  # filters that learn from the first step on
        assert np.array_equal(new, fresh[name][..., start.widths[0] :])


@pytest.mark.parametrize(
    "parameters",
    [
        {"widths": (4, 5)},
        {"widths": (4, 6, 6)},
        {"widths": (4,)},
        {"residual": False},
        {"blocks": 1},
    ],
)
def test_another_network_is_not_begun(parameters):
    start = UNet(channels=3, widths=(4, 6), blocks=2)
    other = UNet(**{**start.model_dump(exclude={"name"}), **parameters, "channels": 1})
    assert other.begun(start, weights_of(start), weights_of(other)) is None
