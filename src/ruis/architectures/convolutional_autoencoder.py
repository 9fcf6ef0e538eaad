"""The convolutional autoencoder: the network of the article, with every number a parameter.

Convolutions and pooling (or strides) lead down to a code, convolutions with repeated pixels (or
transposed convolutions) lead up again; a dense autoencoder may sit in the middle. The defaults are
the article's own network:

    Input 28x28x1 - Conv 16 - MaxPool 2 - Conv 8 - MaxPool 2 - Conv 8 - MaxPool 2
    - Conv 8 - UpSample 2 - Conv 8 - UpSample 2 - Conv 16 - UpSample 2 - Conv 1, sigmoid

In the article one convolution of the decoder drops its border (`valid`), so that 28 pixels come
out where 28 went in, and no other size closes. Here every size closes: the geometry asks for
multiples of what the levels divide by, and with `padding="valid"` the image gets a border of zeros
first, as wide as all convolutions together take away, and what is left of it is cropped at the end.
Both are numbers that follow from the parameters alone, and keep the result where the image was.

Source: F. Chollet, Building autoencoders in Keras, 2016,
https://blog.keras.io/building-autoencoders-in-keras.html; D. Masci et al., Stacked convolutional
auto-encoders for hierarchical feature extraction, 2011, doi:10.1007/978-3-642-21735-7_7.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ruis.architectures.base import Architecture
from ruis.layers import Padding, Trace

if TYPE_CHECKING:
    from ruis.layers import Layers, Signal

__all__ = ["ConvolutionalAutoencoder"]

Filters = Annotated[int, Field(ge=1, le=4096)]
Side = Annotated[int, Field(ge=1, le=1024)]

Activation = Literal[
    "relu", "sigmoid", "tanh", "linear", "elu", "selu", "softplus", "softsign", "leaky_relu",
    "relu6", "gelu", "silu", "mish", "celu", "hard_sigmoid", "hard_silu", "hard_tanh",
    "exponential", "log_sigmoid", "squareplus", "sparse_plus", "soft_shrink", "hard_shrink",
    "tanh_shrink", "threshold",
]  # fmt: skip
"""Keras' activations of single values. Only the keras engine has them all."""

LARGEST_MULTIPLE = 256
LARGEST_RADIUS = 1024
"""In pixels: a network that divides further, or sees further, would need tiles beyond any use."""


class ConvolutionalAutoencoder(Architecture):
    """The convolutional autoencoder.

    Parameters
    ----------
    channels : int
        The channels of the image.
    filters : tuple of int
        The filters of each level of the encoder, from fine to coarse.
    kernel : int
        The side of every kernel, in pixels.
    stride : int
        By how many pixels the encoder's filters move; the way down where there is no pooling.
    padding : {"same", "valid"}
        Whether each convolution pads with zeros, or drops its border (the image is then padded
        once, before the first).
    pooling : {"max", "average", "sum", "none"}
        What follows each convolution of the encoder.
    pool_size : int
        The side of the pooled windows, in pixels.
    activation : str
        Of every layer but the last; Keras' name for it.
    output_activation : str
        Of the last layer.
    bias : bool
        Whether convolutions add a bias.
    bottleneck : int, optional
        The hidden units of a dense autoencoder in the middle; it needs `size`. Default: none.
    size : tuple of int, optional
        The (rows, columns) of the only images that a network with a bottleneck takes, rounded up
        to multiples of what the levels divide by.
    decoder : tuple of int, optional
        The filters of each level of the decoder, from coarse to fine. Default: the encoder's,
        mirrored. Further levels than the encoder's do not grow; with fewer, the last grows by what
        is left.
    upsampling : {"repeat", "transposed"}
        Whether a level of the decoder convolves and then repeats pixels, or is a transposed
        convolution.

    Examples
    --------
    >>> import math
    >>> article = ConvolutionalAutoencoder()
    >>> sum(math.prod(shape) for shape in article.tensors.values())
    4385
    >>> article.geometry
    Geometry(multiple=8, radius=29, size=None)
    >>> with_code_of_ten = ConvolutionalAutoencoder(bottleneck=10, size=(28, 28))
    >>> with_code_of_ten.geometry.size
    (32, 32)
    """

    name: Literal["convolutional-autoencoder"] = "convolutional-autoencoder"
    filters: tuple[Filters, ...] = Field(default=(16, 8, 8), min_length=1, max_length=8)
    kernel: int = Field(default=3, ge=1, le=31)
    stride: int = Field(default=1, ge=1, le=16)
    padding: Padding = "same"
    pooling: Literal["max", "average", "sum", "none"] = "max"
    pool_size: int = Field(default=2, ge=1, le=16)
    activation: Activation = "relu"
    output_activation: Activation = "sigmoid"
    bias: bool = True
    bottleneck: int | None = Field(default=None, ge=1, le=65536)
    size: tuple[Side, Side] | None = None
    decoder: tuple[Filters, ...] | None = Field(default=None, min_length=1, max_length=8)
    upsampling: Literal["repeat", "transposed"] = "repeat"

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if (self.bottleneck is None) != (self.size is None):
            raise ValueError("a bottleneck and a size need each other: give both, or neither")
        if self._divisor > LARGEST_MULTIPLE:
            raise ValueError(
                f"the levels divide the image by {self._divisor}; at most {LARGEST_MULTIPLE} "
                "makes sense: take fewer levels, a smaller stride or smaller windows"
            )
        trace = Trace()
        end = self._decode(trace, self._encode(trace, trace.start(self.channels)))
        if end.last - end.first > 2 * LARGEST_RADIUS:
            raise ValueError(
                f"the network would see {int(end.last - end.first) // 2} pixels far; at most "
                f"{LARGEST_RADIUS} makes sense: take fewer levels or a smaller kernel"
            )
        return self

    @property
    def scale_free(self) -> bool:
        """Without biases, if every activation keeps f(a x) = a f(x)."""
        linear = {"relu", "linear", "leaky_relu"}
        dense = self.bottleneck is not None  # its layers have biases
        return not (self.bias or dense) and {self.activation, self.output_activation} <= linear

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """With a bottleneck, `size` rounded up to a multiple of what the levels divide by."""
        if self.size is None:
            return None
        rows, columns = (-(-side // self._divisor) * self._divisor for side in self.size)
        return rows, columns

    def connect(self, layers: Layers, noisy: Any) -> Any:
        """Describe the network; see :meth:`Architecture.connect`."""
        border, margin = self._frame
        x = layers.pad("border", noisy, *border) if any(border) else noisy
        x = self._encode(layers, x)
        if self.bottleneck is not None:
            rows, columns = self._code_size
            units = rows * columns * self.filters[-1]
            x = layers.dense("code", x, self.bottleneck, activation=self.activation)
            x = layers.dense("uncode", x, units, activation=self.activation)
            x = layers.reshape("cube", x, (rows, columns, self.filters[-1]))
        x = self._decode(layers, x)
        return layers.crop("margin", x, *margin) if any(margin) else x

    def _encode(self, layers: Layers, x: Any) -> Any:
        for level, filters in enumerate(self.filters, start=1):
            x = layers.conv(
                f"down{level}",
                x,
                filters,
                self.kernel,
                stride=self.stride,
                padding=self.padding,
                bias=self.bias,
                activation=self.activation,
            )
            if self.pooling != "none" and self.pool_size > 1:
                x = layers.pool(f"pool{level}", x, self.pooling, self.pool_size)
        return x

    def _decode(self, layers: Layers, x: Any) -> Any:
        for level, (filters, factor) in enumerate(self._ups, start=1):
            if self.upsampling == "transposed" and factor > 1:
                x = layers.grow(
                    f"up{level}",
                    x,
                    filters,
                    max(self.kernel, factor),
                    stride=factor,
                    bias=self.bias,
                    activation=self.activation,
                )
                continue
            x = self._plain(layers, f"wide{level}", x, filters, self.activation)
            if factor > 1:
                x = layers.repeat(f"repeat{level}", x, factor)
        return self._plain(layers, "tail", x, self.channels, self.output_activation)

    def _plain(self, layers: Layers, name: str, x: Any, filters: int, activation: str) -> Any:
        return layers.conv(
            name,
            x,
            filters,
            self.kernel,
            padding=self.padding,
            bias=self.bias,
            activation=activation,
        )

    @property
    def _factor(self) -> int:
        """By how much each level of the encoder divides the size."""
        return self.stride * (1 if self.pooling == "none" else self.pool_size)

    @property
    def _divisor(self) -> int:
        """By how much all of them do."""
        return self._factor ** len(self.filters)

    @property
    def _ups(self) -> list[tuple[int, int]]:
        """The filters of each level of the decoder, and by how much it grows."""
        filters = self.decoder or self.filters[::-1]
        factors = [self._factor] * len(self.filters)
        kept = len(filters) - 1
        grow = [*factors[:kept], *[1] * (kept - len(factors)), math.prod(factors[kept:])]
        return list(zip(filters, grow, strict=True))

    @property
    def _frame(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The zeros before and after the image, and the pixels cropped before and after the result.

        Nothing for `same`. For `valid`: as few zeros as let every size close, with the result over
        the image: pixel i of the last layer looks at i + (first + last) / 2 of the padded image.
        """
        if self.padding == "same":
            return (0, 0), (0, 0)
        trace = Trace()
        end: Signal = self._decode(trace, self._encode(trace, trace.start(self.channels)))
        ahead = math.floor((end.first + end.last) / 2)
        before = max(0, ahead)
        margin = before - ahead

        def closes(zeros: int) -> bool:
            return zeros >= before and self._lost(-zeros) <= -margin

        # `_divisor` more zeros let exactly as many more pixels come out, hence the upper end.
        most = before + max(0, self._lost(0)) + margin + self._divisor
        zeros = bisect_left(range(most), x=True, key=closes)
        left = -self._lost(-zeros)  # pixels more than went in
        return (before, zeros - before), (margin, left - margin)

    def _lost(self, lost: int) -> int:
        """Return how many pixels fewer come out than go in, where `lost` are missing already."""
        for _ in self.filters:
            lost = self._code_lost(lost)
        for _, factor in self._ups:
            if self.upsampling == "repeat" or factor == 1:
                lost += self.kernel - 1
            lost *= factor
        return lost + self.kernel - 1

    def _code_lost(self, lost: int) -> int:
        """Do the same for one level of the encoder, in pixels of the next."""
        if self.padding == "valid":
            lost += self.kernel - self.stride
        lost = -(-lost // self.stride)
        return -(-lost // (self._factor // self.stride))

    @property
    def _code_size(self) -> tuple[int, int]:
        """The (rows, columns) of the code."""
        assert self.fixed_size is not None
        lost = -sum(self._frame[0])
        for _ in self.filters:
            lost = self._code_lost(lost)
        rows, columns = (side // self._divisor - lost for side in self.fixed_size)
        return rows, columns
