"""The recipes that taught the world to denoise digits, each with every number in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ruis import architectures
from ruis.errors import ConfigError, UnknownNameError
from ruis.record import Record

__all__ = ["PRESETS", "Preset", "get", "quick"]


class Preset(Record):
    """A network, and how it is taught digits: first to reconstruct them, then to denoise them.

    Parameters
    ----------
    name : str
        The preset's name.
    source : str
        Where it is from, and what was put right.
    architecture : mapping
        The network's parameters with the architecture's name.
    noise : str
        What is added to the digits, once; images of the second phase.
    optimizer : str or mapping
        As :func:`ruis.optimizer.named` takes it.
    learning_rate : float, optional
        In place of the optimizer's own.
    loss : str or mapping
        As :func:`ruis.losses.get` takes it.
    reconstruct, denoise : int
        The epochs of the two phases: clean to clean, then noisy to clean with the same network and
        the same optimizer, whose state carries over. Either may be 0.
    batch : int
        Images per step.
    held_out : int
        How many training images, the last ones, are for validation alone; a fifth at most.
    """

    name: str
    source: str = ""
    architecture: dict[str, Any]
    noise: str = "gaussian:0.4+clip"
    optimizer: str | dict[str, Any] = "adam"
    learning_rate: float | None = Field(default=None, gt=0)
    loss: str | dict[str, Any] = "binary_crossentropy"
    reconstruct: int = Field(default=50, ge=0)
    denoise: int = Field(default=100, ge=0)
    batch: int = Field(default=128, ge=1)
    held_out: int = Field(default=5000, ge=1)

    def changed(self, **settings: Any) -> Preset:
        """Return the preset with some settings replaced, checked again as a whole."""
        return Preset.parse({**self.model_dump(), **settings}, what=f"preset {self.name}")

    def with_settings(self, settings: Mapping[str, Any]) -> Preset:
        """Return the preset with numbers replaced, the network's and the training's alike.

        Parameters
        ----------
        settings : mapping
            By name: `filters`, `kernel`, `bottleneck` ... belong to the network, `batch`,
            `learning_rate`, `loss` ... to the training.

        Raises
        ------
        UnknownNameError
            If neither has a setting of that name; it names the nearest.
        ConfigError
            If a value makes no sense.
        """
        known = {*Preset.model_fields} - {"name", "source", "architecture"}
        network = architectures.parse(self.architecture)
        inside = {*type(network).model_fields} - {"name"}
        for name in settings:
            if name not in known | inside:
                raise UnknownNameError("setting", name, known | inside)
        own = {name: value for name, value in settings.items() if name in known}
        its = {name: value for name, value in settings.items() if name not in known}
        if set(own) & {"reconstruct", "denoise"} and not any(
            own.get(phase, getattr(self, phase)) for phase in ("reconstruct", "denoise")
        ):
            raise ConfigError("both phases have 0 epochs: there is nothing to learn.")
        changed = architectures.parse({**self.architecture, **its})
        return self.changed(architecture=changed.model_dump(mode="json"), **own)


ADADELTA = {"name": "adadelta", "rho": 0.95, "epsilon": 1e-7}
"""With the learning rate 1.0 that the word "adadelta" meant when the article was written; in
today's Keras it means 0.001, with which hardly anything is learnt."""

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="article-notebook",
            source="the notebook of the article: 3x3 kernels, no dense layer, Adadelta at 1.0",
            architecture={
                "name": "convolutional-autoencoder",
                "size": (28, 28),
                "filters": (16, 8, 8),
                "decoder_padding": ("same", "same", "valid"),
            },
            optimizer=ADADELTA,
            learning_rate=1.0,
        ),
        Preset(
            name="article-figure",
            source="the text and figure of the article: 2x2 kernels, ever longer cubes, a code of 10",
            architecture={
                "name": "convolutional-autoencoder",
                "size": (28, 28),
                "filters": (16, 32, 64),
                "kernel": 2,
                "bottleneck": 10,
            },
            optimizer=ADADELTA,
            learning_rate=1.0,
        ),
        Preset(
            name="keras-blog",
            source="https://blog.keras.io/building-autoencoders-in-keras.html, its denoiser",
            architecture={
                "name": "convolutional-autoencoder",
                "size": (28, 28),
                "filters": (32, 32),
            },
            noise="gaussian:0.5+clip",
            reconstruct=0,
            denoise=100,
        ),
        Preset(
            name="keras-io",
            source="https://keras.io/examples/vision/autoencoder/",
            architecture={
                "name": "convolutional-autoencoder",
                "size": (28, 28),
                "filters": (32, 32),
                "upsampling": "transposed",
            },
        ),
        Preset(
            name="tensorflow",
            source="https://www.tensorflow.org/tutorials/generative/autoencoder, which takes "
            "Fashion-MNIST (--data keras.datasets.fashion_mnist); on digits, which are mostly black, "
            "its squared error often ends in all black: --set loss=binary_crossentropy",
            architecture={
                "name": "convolutional-autoencoder",
                "size": (28, 28),
                "filters": (16, 8),
                "pooling": "none",
                "stride": 2,
                "upsampling": "transposed",
            },
            noise="gaussian:0.2+clip",
            loss="mean_squared_error",
            reconstruct=0,
            denoise=10,
            batch=32,
        ),
        Preset(
            name="detector",
            source="our own: what `ruis mnist anomaly` teaches one digit",
            architecture={
                "name": "convolutional-autoencoder",
                "size": (28, 28),
                "filters": (16, 32),
                "bottleneck": 32,
            },
            reconstruct=30,
            denoise=0,
            batch=64,
        ),
        Preset(
            name="dense",
            source="https://blog.keras.io/building-autoencoders-in-keras.html, its deep autoencoder",
            architecture={"name": "dense-autoencoder", "size": (28, 28), "hidden": (128, 64, 32)},
            reconstruct=50,
            denoise=50,
        ),
    )
}


def get(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.

    Examples
    --------
    >>> get("article-notebook").optimizer["name"]
    'adadelta'
    """
    if name not in PRESETS:
        raise UnknownNameError("preset", name, PRESETS)
    return PRESETS[name]


def quick(preset: Preset) -> Preset:
    """Return a preset that shows in seconds what the whole one shows in minutes.

    Few epochs in small batches, with an optimizer that needs no more. What comes out is blurred,
    and says nothing about the preset.
    """
    return preset.changed(
        reconstruct=min(preset.reconstruct, 5),
        denoise=min(preset.denoise, 7),
        batch=32,
        optimizer="adam",
        learning_rate=3e-3,
    )
