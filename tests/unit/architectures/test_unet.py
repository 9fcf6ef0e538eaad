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


@pytest.mark.parametrize("parameters", [{"widths": (4, 8)}, {"residual": False}, {"blocks": 1}])
def test_another_network_is_not_begun(parameters):
    start = UNet(channels=3, widths=(4, 6), blocks=2)
    other = UNet(**{**start.model_dump(exclude={"name"}), **parameters, "channels": 1})
    assert other.begun(start, weights_of(start), weights_of(other)) is None
