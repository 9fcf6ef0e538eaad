from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ruis import losses
from ruis.errors import ConfigError, ModelNotFoundError, UnknownNameError

keras = pytest.importorskip("keras", reason="losses need the train extra")

FRESH = {"name": "perceptual", "network": "vgg16", "weights": None}


@pytest.fixture(scope="module")
def perceptual() -> Any:
    return losses.get({**FRESH, "pixel_share": 0})


def picture(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def pair(sigma: float, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    clean = picture(*shape)
    noise = np.random.default_rng(1).normal(0, sigma, shape).astype(np.float32)
    return clean, clean + noise


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mean_squared_error", "mse", "MeanAbsoluteError", "huber"])
@pytest.mark.parametrize("spec", [str, lambda name: {"name": name}])
def test_every_loss_of_keras_has_its_name(name, spec):
    clean, noisy = pair(0.1, 2, 8, 8, 1)
    ours, theirs = losses.get(spec(name)), keras.losses.get(name)
    assert np.array_equal(ours(clean, noisy), theirs(clean, noisy))


@pytest.mark.parametrize("loss", [keras.losses.Huber(0.1), lambda clean, denoised: 0.0])
def test_losses_are_passed_through(loss):
    assert losses.get(loss) is loss


@pytest.mark.parametrize(
    ("spec", "nearest"),
    [
        ("mean_sqared_error", "mean_squared_error"),
        ("perceptul", "perceptual"),
        ("perceptual:vgg-16", "vgg16"),
        ({**FRESH, "pixel_shar": 0.5}, "pixel_share"),
    ],
)
def test_unknown_names_suggest_the_nearest(spec, nearest):
    with pytest.raises(ConfigError, match=nearest):
        losses.get(spec)
    if isinstance(spec, str) and ":" not in spec:
        with pytest.raises(UnknownNameError) as caught:
            losses.get(spec)
        assert caught.value.nearest == nearest


@pytest.mark.parametrize(
    "spec", [3, None, {}, {"name": "mse", "x": 1}, {**FRESH, "taps": [3]}, {**FRESH, "taps": []},
             {**FRESH, "pixel_share": 1.5}],
)  # fmt: skip
def test_what_is_no_loss_is_refused(spec):
    with pytest.raises(ConfigError):
        losses.get(spec)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelNotFoundError, match=r"nowhere\.h5"):
        losses.get({**FRESH, "weights": str(tmp_path / "nowhere.h5")})


# -- what it says -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 32, 32, 1), (1, 40, 30, 3), (1, 5, 3, 1)])
def test_equal_images_have_no_distance_and_more_noise_is_further(shape, perceptual):
    clean, little = pair(0.02, *shape)
    _, much = pair(0.2, *shape)
    assert float(perceptual(clean, clean)) == 0
    assert 0 < float(perceptual(clean, little)) < float(perceptual(clean, much))


@pytest.mark.parametrize("taps", [(2, 4), (2,)])
def test_it_is_johnsons_distance_of_maps(taps):
    from ruis.pretrained import features, look

    perceptual = losses.get({**FRESH, "taps": taps, "pixel_share": 0})
    clean, noisy = pair(0.1, 2, 32, 32, 3)
    network = features("vgg16", taps)
    parts = [
        np.mean((np.asarray(a) - np.asarray(b)) ** 2, axis=(1, 2, 3))
        / np.mean(np.asarray(a) ** 2, axis=(1, 2, 3))
        for a, b in zip(look(network, clean), look(network, noisy), strict=True)
    ]
    assert float(perceptual(clean, noisy)) == pytest.approx(np.mean(parts), rel=1e-4)


def test_the_share_of_the_pixels_counts(perceptual):
    clean, noisy = pair(0.1, 2, 32, 32, 1)
    pixels = float(np.mean((clean - noisy) ** 2))
    maps = float(perceptual(clean, noisy))
    for share in (0.25, 1.0):
        mixed = losses.get({**FRESH, "pixel_share": share})
        assert float(mixed(clean, noisy)) == pytest.approx(
            share * pixels + (1 - share) * maps, rel=1e-4
        )


@pytest.mark.parametrize("channels", [1, 3])
def test_it_falls_in_a_few_steps_and_its_network_stays(channels, perceptual):
    """A network of unknown size, as ours are: what is asked of the loss in training."""
    noisy_in = keras.Input((None, None, channels))
    start = keras.initializers.RandomNormal(0.0, 0.1, seed=1)
    x = keras.layers.Conv2D(channels, 3, padding="same", kernel_initializer=start)(noisy_in)
    model = keras.Model(noisy_in, x)
    model.compile(keras.optimizers.Adam(3e-2), loss=perceptual, jit_compile=False)
    before = [np.array(w) for w in perceptual.network.get_weights()]
    clean, noisy = pair(0.1, 4, 30, 34, channels)
    history = model.fit(noisy, clean, batch_size=2, epochs=4, verbose=0, shuffle=False)
    told = history.history["loss"]
    assert told[-1] < 0.8 * told[0]
    after = perceptual.network.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert len(model.trainable_variables) == 2


def test_what_clipping_mends_is_no_error():
    loss = losses.get("clipped_mean_squared_error")
    clean = np.array([0, 0, 1, 1, 0.5, 0.5], np.float32).reshape(6, 1, 1, 1)
    found = np.array([-0.2, 0.2, 1.2, 0.8, 1.5, -0.5], np.float32).reshape(6, 1, 1, 1)
    np.testing.assert_allclose(loss(clean, found), [0, 0.04, 0, 0.04, 1, 1], rtol=1e-5)


def test_psnr_weighs_every_crop_alike():
    clean = np.zeros((2, 4, 4, 1), np.float32)
    denoised = clean + np.float32([0.1, 0.01]).reshape(2, 1, 1, 1)
    each = np.asarray(losses.get("psnr")(clean, denoised))
    assert each == pytest.approx([10 * np.log10(e + losses.PSNR_FLOOR) for e in (1e-2, 1e-4)])
    perfect = np.asarray(losses.get("psnr")(clean, clean))
    assert perfect == pytest.approx(-50)
    assert losses.get({"name": "psnr"})(clean, denoised).shape == (2,)
