"""This room: parameters -> keras.Model + Geometry; one module each.

May touch: keras, when a network is built, and tiling's Geometry.
Must not: read files, train, know another architecture, or import keras when it is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ruis.registry import Registry

if TYPE_CHECKING:
    from ruis.architectures.base import Architecture

__all__ = ["ARCHITECTURES", "parse"]

ARCHITECTURES = Registry(
    "architecture",
    "ruis.architectures",
    {
        "unet": "ruis.architectures.unet:UNet",
        "dense-autoencoder": "ruis.architectures.dense_autoencoder:DenseAutoencoder",
        "convolutional-autoencoder": (
            "ruis.architectures.convolutional_autoencoder:ConvolutionalAutoencoder"
        ),
        "plain": "ruis.architectures.plain:Plain",
        "pretrained-encoder": "ruis.architectures.pretrained_encoder:PretrainedEncoder",
    },
)


def parse(data: Mapping[str, Any]) -> Architecture:
    """Build the parameters of a network from their mapping, `{"name": "unet", ...}`.

    Raises
    ------
    ConfigError
        If there is no name, or a parameter is unknown or out of bounds.
    """
    architecture: Architecture = ARCHITECTURES.record(data)
    return architecture
