"""The dense autoencoder: what it is made of, and that it knows no neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ruis.architectures.dense_autoencoder import DenseAutoencoder
from ruis.engines import ENGINES
from ruis.errors import ConfigError


def test_the_decoder_mirrors_the_encoder():
    network = DenseAutoencoder(size=(4, 6), channels=2, hidden=(10, 5, 3))
    shapes = [shape for name, shape in network.tensors.items() if name.endswith("kernel")]
    assert shapes == [(48, 10), (10, 5), (5, 3), (3, 5), (5, 10), (10, 48)]
    assert network.geometry.size == (4, 6)


def test_it_does_not_notice_that_pixels_were_shuffled():
    """With its outer weights shuffled likewise, it gives the shuffled result of the same image."""
    network = DenseAutoencoder(size=(5, 4), hidden=(6,))
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(0, 0.3, shape).astype(np.float32)
        for name, shape in network.tensors.items()
    }
    order = rng.permutation(20)
    mixed = dict(weights)
    mixed["down1/kernel"] = weights["down1/kernel"][order]
    mixed["tail/kernel"] = weights["tail/kernel"][:, order]
    mixed["tail/bias"] = weights["tail/bias"][order]
    image = rng.random((1, 5, 4, 1), dtype=np.float32)
    engine = ENGINES.load("openvino")
    plain = engine(network, weights).run(image)
    shuffled = engine(network, mixed).run(image.reshape(1, -1)[:, order].reshape(image.shape))
    assert np.abs(shuffled.ravel() - plain.ravel()[order]).max() < 1e-5
    assert np.abs(shuffled.ravel() - plain.ravel()).max() > 1e-2


@pytest.mark.parametrize("changes", [{"hidden": ()}, {"hidden": (0,)}, {"size": (0, 3)}])
def test_bounds(changes):
    with pytest.raises(ConfigError):
        DenseAutoencoder.parse({"name": "dense-autoencoder", **changes})


def test_the_dense_one_of_the_keras_blog_has_as_many_weights():
    network = DenseAutoencoder(hidden=(128, 64, 32))
    count = sum(math.prod(shape) for shape in network.tensors.values())
    assert count == 2 * (784 * 128 + 128 * 64 + 64 * 32) + 128 + 64 + 32 + 64 + 128 + 784
