"""The plain network: a stack of convolutions, whose result is subtracted from the noisy image.

With two hidden layers it is small enough to learn from one image alone without learning its noise
by heart; with fifteen it is the shape of DnCNN.

Sources: Y. Mansour and R. Heckel, Zero-shot Noise2Noise, 2023, arXiv:2303.11253 (two hidden
layers of 48 filters, the last convolution 1x1); K. Zhang et al., Beyond a Gaussian denoiser, 2017,
doi:10.1109/TIP.2017.2662206.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ruis.architectures.base import Activation, Architecture

if TYPE_CHECKING:
    from ruis.layers import Layers

__all__ = ["Plain"]

Filters = Annotated[int, Field(ge=1, le=4096)]


class Plain(Architecture):
    """The plain network.

    Parameters
    ----------
    channels : int
        The channels of the image.
    filters : tuple of int
        Of each hidden 3x3 convolution.
    activation : str
        Of the hidden convolutions; Keras' name for it.
    last_kernel : int
        The side of the last convolution, in pixels.
    bias : bool
        Whether convolutions have one. Without it f(a x) = a f(x), for activations of that kind.

    Examples
    --------
    >>> small = Plain(channels=3)
    >>> round(small.kmac_per_pixel), small.geometry.radius
    (22, 2)
    """

    name: Literal["plain"] = "plain"
    filters: tuple[Filters, ...] = Field(default=(48, 48), min_length=1, max_length=64)
    activation: Activation = "relu"
    last_kernel: Literal[1, 3, 5] = 1
    bias: bool = False

    @property
    def scale_free(self) -> bool:
        """Whether there is no bias, and the activation does not mind the scale."""
        return not self.bias and self.activation in ("relu", "leaky_relu", "linear")

    def connect(self, layers: Layers, noisy: Any) -> Any:
        """Describe the network; see :meth:`Architecture.connect`."""
        x = noisy
        for level, filters in enumerate(self.filters, start=1):
            x = layers.conv(
                f"conv{level}", x, filters, 3, bias=self.bias, activation=self.activation
            )
        noise = layers.conv("last", x, self.channels, self.last_kernel, bias=self.bias, gain=0.1)
        return layers.subtract("denoised", noisy, noise)
