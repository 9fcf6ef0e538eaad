"""Autoencoders on arrays: they learn, the same way each time, and say what is wrong."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import ruis
from ruis.autoencoder import Autoencoder
from ruis.errors import ConfigError, DivergedError, EmptyDatasetError, UnknownNameError

keras = pytest.importorskip("keras", reason="learning needs the train extra")

SMALL = {"name": "dense-autoencoder", "size": [8, 8], "hidden": [12]}
CONV = {"name": "convolutional-autoencoder", "filters": [4, 4]}


def images(count=64, side=8, seed=0):
    """Bright bars on a dark ground: a code of few numbers can hold them."""
    rng = np.random.default_rng(seed)
    batch = np.zeros((count, side, side, 1), np.float32)
    for image, place, across in zip(
        batch, rng.integers(0, side, count), rng.random(count), strict=True
    ):
        if across < 0.5:
            image[place] = 1
        else:
            image[:, place] = 1
    return batch


def test_it_learns_and_keeps_its_history():
    x = images(256)
    held = images(32, seed=1)
    autoencoder = Autoencoder(SMALL)
    autoencoder.compile("adam", "mean_squared_error", learning_rate=1e-2)
    history = autoencoder.fit(x, x, epochs=20, batch_size=16, validation=(held, held))
    assert [epoch.epoch for epoch in history] == list(range(1, 21))
    assert history[-1].loss < history[0].loss / 3
    assert history[-1].psnr > history[0].psnr + 3
    made = autoencoder.predict(held)
    assert history[-1].validation_loss == pytest.approx(
        float(((made - held) ** 2).mean()), rel=1e-4
    )
    errors = ((np.clip(made, 0, 1) - held) ** 2).mean(axis=(1, 2, 3))
    assert history[-1].psnr == pytest.approx(float(np.mean(-10 * np.log10(errors))), rel=1e-5)


def test_the_same_seed_gives_the_same_weights():
    x = images()

    def taught(seed):
        autoencoder = Autoencoder(SMALL, seed=seed)
        autoencoder.fit(x, x, epochs=2, batch_size=16)
        return autoencoder.weights["tail/kernel"]

    assert np.array_equal(taught(1), taught(1))
    assert not np.array_equal(taught(1), taught(2))


def test_a_second_fit_goes_on_where_the_first_ended():
    """Weights and the optimizer's state: two epochs, or one and one more, are the same."""
    x = images()
    once, twice = Autoencoder(SMALL, seed=3), Autoencoder(SMALL, seed=3)
    for autoencoder in (once, twice):
        autoencoder.compile({"name": "adadelta", "rho": 0.95}, learning_rate=1.0)
    once.fit(x, x, epochs=2, batch_size=16)
    twice.fit(x, x, epochs=1, batch_size=16)
    twice.fit(x, x, epochs=1, batch_size=16)
    for name, tensor in once.weights.items():
        assert np.array_equal(tensor, twice.weights[name]), name
    assert [epoch.epoch for epoch in twice.history] == [1, 2]


def test_compiling_again_forgets_the_optimizer():
    x = images()
    autoencoder = Autoencoder(SMALL)
    autoencoder.fit(x, x, epochs=1)
    before = int(autoencoder.model.optimizer.iterations)
    autoencoder.compile("sgd")
    assert before > 0
    assert int(autoencoder.model.optimizer.iterations) == 0


def test_without_shuffling_images_come_in_their_order(monkeypatch):
    autoencoder = Autoencoder(SMALL)
    x = images(10)
    batches = autoencoder._batches(x, x, 4, 0, shuffle=False)
    first = [next(batches)[0] for _ in range(3)]
    assert np.array_equal(np.concatenate(first), x)
    shuffled = autoencoder._batches(x, x, 4, 0, shuffle=True)
    mixed = np.concatenate([next(shuffled)[0] for _ in range(3)])
    assert not np.array_equal(mixed, x)
    assert sorted(map(bytes, mixed)) == sorted(map(bytes, x))


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("sgd", "binary_crossentropy"),
        ("adagrad", "mean_absolute_error"),
        ("rmsprop", "mean_squared_error"),
    ],
)
def test_any_optimizer_and_loss_by_name(name, loss):
    x = images()
    autoencoder = Autoencoder(SMALL)
    autoencoder.compile(name, loss, learning_rate=0.01)
    (epoch,) = autoencoder.fit(x, x, batch_size=16)
    assert math.isfinite(epoch.loss)


def test_optimizer_and_loss_as_objects():
    x = images()
    autoencoder = Autoencoder(SMALL)
    optimizer, loss = keras.optimizers.SGD(0.1, momentum=0.9), keras.losses.Huber()
    autoencoder.compile(optimizer, loss)
    autoencoder.fit(x, x)
    assert autoencoder.model.optimizer is optimizer
    with pytest.raises(ConfigError, match="its own learning rate"):
        autoencoder.compile(optimizer, loss, learning_rate=0.1)


def test_a_network_of_any_size_learns_from_sizes_that_are_no_multiple():
    x = images(32, side=11)
    autoencoder = Autoencoder(CONV)
    autoencoder.fit(x, x)
    assert autoencoder.predict(x).shape == x.shape


def test_a_model_file_comes_back_as_the_same_network(tmp_path):
    x = images(16)
    autoencoder = Autoencoder(SMALL)
    autoencoder.fit(x, x)
    saved = autoencoder.save(tmp_path / "bars.ruis", {"name": "bars", "purpose": "Bars."})
    again = Autoencoder.of(saved)
    assert np.abs(again.predict(x) - autoencoder.predict(x)).max() < 2e-3  # weights have 16 bits
    denoised = ruis.load(tmp_path / "bars.ruis", precision="f32").denoise(x[0], channel_axis=2)
    assert np.abs(denoised - again.predict(x[:1])[0]).max() < 1e-5


def test_progress_tells_how_far_it_is():
    told = []
    x = images()
    Autoencoder(SMALL).fit(x, x, epochs=3, validation=(x, x), progress=told.append)
    done = [report for report in told if report.stage == "validated"]
    assert [report.epoch for report in done] == [1, 2, 3]
    assert done[-1].fraction == 1
    assert all(a.fraction <= b.fraction for a, b in itertools.pairwise(told))
    assert done[-1].megapixels_per_second > 0
    assert math.isfinite(done[-1].psnr)


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        (images(0), images(0), EmptyDatasetError),
        (images(4, side=9), images(4, side=9), ConfigError),
        (images(4), images(5), ConfigError),
        (images(4)[..., 0], images(4)[..., 0], ConfigError),
        (images(4) * np.nan, images(4), ConfigError),
        (np.repeat(images(4), 3, axis=3), np.repeat(images(4), 3, axis=3), ConfigError),
    ],
    ids=["empty", "size", "counts", "axes", "nan", "channels"],
)
def test_arrays_that_do_not_fit_are_refused(x, y, error):
    with pytest.raises(error):
        Autoencoder(SMALL).fit(x, y)


def test_what_is_wrong_is_named():
    autoencoder = Autoencoder(SMALL)
    with pytest.raises(UnknownNameError, match="adam"):
        autoencoder.compile("adan")
    with pytest.raises(ConfigError, match="sigma"):
        Autoencoder({"name": "unet"})
    with pytest.raises(DivergedError):
        autoencoder.fit(images(), images() * np.float32(1e30))
