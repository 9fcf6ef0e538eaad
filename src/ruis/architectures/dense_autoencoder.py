"""The dense autoencoder: every pixel joined with every unit, through a narrow code.

The image is stacked into one column of numbers, layers of fewer and fewer units lead to the code,
and as many lead back. Where two pixels stand to each other is not known to it: with the pixels of
all images in another order it learns the same.

Source: G. Hinton and R. Salakhutdinov, Reducing the dimensionality of data with neural networks,
2006, doi:10.1126/science.1127647.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ruis.architectures.base import Activation, Architecture, Side

if TYPE_CHECKING:
    from ruis.layers import Layers

__all__ = ["DenseAutoencoder"]

Units = Annotated[int, Field(ge=1, le=65536)]


class DenseAutoencoder(Architecture):
    """The dense autoencoder.

    Parameters
    ----------
    channels : int
        The channels of the image.
    size : tuple of int
        The (rows, columns) of the only images that it takes.
    hidden : tuple of int
        The units of each layer of the encoder, the code last; the decoder mirrors them.
    activation : str
        Of every layer but the last; Keras' name for it.
    output_activation : str
        Of the last layer.

    Examples
    --------
    >>> import math
    >>> digits = DenseAutoencoder(size=(28, 28), hidden=(32,))
    >>> sum(math.prod(shape) for shape in digits.tensors.values())
    50992
    """

    name: Literal["dense-autoencoder"] = "dense-autoencoder"
    size: tuple[Side, Side] = (28, 28)
    hidden: tuple[Units, ...] = Field(default=(128, 64, 32), min_length=1, max_length=16)
    activation: Activation = "relu"
    output_activation: Activation = "sigmoid"

    @property
    def fixed_size(self) -> tuple[int, int]:
        """The size that was asked for."""
        return self.size

    def connect(self, layers: Layers, noisy: Any) -> Any:
        """Describe the network; see :meth:`Architecture.connect`."""
        x = noisy
        for level, units in enumerate(self.hidden, start=1):
            x = layers.dense(f"down{level}", x, units, activation=self.activation)
        for level, units in enumerate(self.hidden[-2::-1], start=1):
            x = layers.dense(f"up{level}", x, units, activation=self.activation)
        rows, columns = self.size
        x = layers.dense(
            "tail", x, rows * columns * self.channels, activation=self.output_activation
        )
        return layers.reshape("image", x, (rows, columns, self.channels))
