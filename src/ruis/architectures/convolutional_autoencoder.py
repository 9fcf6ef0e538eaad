"""The convolutional autoencoder: the network of the article, with every number a parameter.

Convolutions and pooling (or strides) lead down to a code, convolutions with repeated pixels (or
transposed convolutions) lead up again; a dense autoencoder may sit in the middle. The defaults are
the article's own network:

    Input 28x28x1 - Conv 16 - MaxPool 2 - Conv 8 - MaxPool 2 - Conv 8 - MaxPool 2
    - Conv 8 - UpSample 2 - Conv 8 - UpSample 2 - Conv 16 - UpSample 2 - Conv 1, sigmoid

In the article the last but one convolution drops its border (`valid`), so that 28 pixels come out
where 28 went in, and hardly any other size closes. Here every size closes. A network for any size
asks for multiples of what the levels divide by. One for a fixed `size` rounds up at each level, as
Keras does for `same`, and one that closes by itself, like the article's own with
`size=(28, 28), decoder_padding=("same", "same", "valid")`, is left as it is. Else, where borders
are dropped, the image gets a border of zeros first, as wide as all convolutions together take away,
and what is left of it is cropped at the end. Both are numbers that follow from the parameters
alone, and keep the result where the image was.

Source: F. Chollet, Building autoencoders in Keras, 2016,
https://blog.keras.io/building-autoencoders-in-keras.html; D. Masci et al., Stacked convolutional
auto-encoders for hierarchical feature extraction, 2011, doi:10.1007/978-3-642-21735-7_7.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ruis.architectures.base import Activation, Architecture, Side
from ruis.layers import Padding, Sides, Trace

if TYPE_CHECKING:
    from ruis.layers import Layers, Signal

__all__ = ["ConvolutionalAutoencoder"]

Filters = Annotated[int, Field(ge=1, le=4096)]

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
        The (rows, columns) of the only images that the network takes. Default: any.
    decoder : tuple of int, optional
        The filters of each level of the decoder, from coarse to fine. Default: the encoder's,
        mirrored. Further levels than the encoder's do not grow; with fewer, the last grows by what
        is left.
    decoder_padding : tuple of {"same", "valid"}, optional
        The padding of each level of the decoder. Default: `padding`.
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
    (28, 28)
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
    decoder_padding: tuple[Padding, ...] | None = None
    upsampling: Literal["repeat", "transposed"] = "repeat"

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if self.bottleneck is not None and self.size is None:
            raise ValueError("a bottleneck needs a size: it joins every pixel with every other")
        if self.decoder_padding and len(self.decoder_padding) != len(self._ups):
            raise ValueError(f"decoder_padding needs one word per level: {len(self._ups)} of them")
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
        """The size that was asked for."""
        return self.size

    def connect(self, layers: Layers, noisy: Any) -> Any:
        """Describe the network; see :meth:`Architecture.connect`."""
        frames = [self._frame(short) for short in self._short]
        border, margin = ([frame[part] for frame in frames] for part in (0, 1))
        x = layers.pad("border", noisy, *border) if any(map(any, border)) else noisy
        x = self._encode(layers, x)
        if self.bottleneck is not None:
            rows, columns = self._code_size
            units = rows * columns * self.filters[-1]
            x = layers.dense("code", x, self.bottleneck, activation=self.activation)
            x = layers.dense("uncode", x, units, activation=self.activation)
            x = layers.reshape("cube", x, (rows, columns, self.filters[-1]))
        x = self._decode(layers, x)
        return layers.crop("margin", x, *margin) if any(map(any, margin)) else x

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
                x = layers.pool(
                    f"pool{level}", x, self.pooling, self.pool_size, padding=self.padding
                )
        return x

    def _decode(self, layers: Layers, x: Any) -> Any:
        for level, ((filters, factor), padding) in enumerate(
            zip(self._ups, self._up_paddings, strict=True), start=1
        ):
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
            x = self._plain(layers, f"wide{level}", x, filters, padding, self.activation)
            if factor > 1:
                x = layers.repeat(f"repeat{level}", x, factor)
        return self._plain(layers, "tail", x, self.channels, self.padding, self.output_activation)

    def _plain(
        self, layers: Layers, name: str, x: Any, filters: int, padding: Padding, activation: str
    ) -> Any:
        return layers.conv(
            name,
            x,
            filters,
            self.kernel,
            padding=padding,
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
    def _up_paddings(self) -> tuple[Padding, ...]:
        """The padding of each level of the decoder."""
        return self.decoder_padding or (self.padding,) * len(self._ups)

    @property
    def _short(self) -> tuple[int, int]:
        """What rows and columns lack to the next multiple; nothing where any size is taken."""
        rows, columns = self.size or (0, 0)
        return -rows % self._divisor, -columns % self._divisor

    def _frame(self, short: int) -> tuple[Sides, Sides]:
        """The zeros before and after an axis, and the pixels cropped before and after the result.

        As few zeros as let the axis close, with the result over the image: pixel i of the last
        layer looks at i + (first + last) / 2 of the padded image. `short` is what the axis lacks
        to the next multiple.
        """
        if self.size is not None and self._lost(short) == short:
            return (0, 0), (0, 0)
        ahead = 0
        if "valid" in (self.padding, *self._up_paddings):
            trace = Trace()
            end: Signal = self._decode(trace, self._encode(trace, trace.start(self.channels)))
            ahead = math.floor((end.first + end.last) / 2)
        before = max(0, ahead)
        margin = before - ahead

        def closes(zeros: int) -> bool:
            return zeros >= before and self._lost(short - zeros) <= short - margin

        # `_divisor` more zeros let exactly as many more pixels come out, hence the upper end.
        most = before + max(0, self._lost(short)) + margin + self._divisor
        zeros = bisect_left(range(most), x=True, key=closes)
        left = short - self._lost(short - zeros)  # pixels more than went in
        return (before, zeros - before), (margin, left - margin)

    def _lost(self, lost: int) -> int:
        """Return how many pixels come out fewer than a multiple, where `lost` go in fewer."""
        for _ in self.filters:
            lost = self._code_lost(lost)
        for (_, factor), padding in zip(self._ups, self._up_paddings, strict=True):
            if padding == "valid" and (self.upsampling == "repeat" or factor == 1):
                lost += self.kernel - 1
            lost *= factor
        return lost + (self.kernel - 1 if self.padding == "valid" else 0)

    def _code_lost(self, lost: int) -> int:
        """Do the same for one level of the encoder, in pixels of the next.

        `same` rounds sizes up, hence what is lost down, and `valid` the other way round.
        """
        pool = self._factor // self.stride
        if self.padding == "same":
            return lost // self.stride // pool
        lost += self.kernel - self.stride
        convolved = math.ceil(lost / self.stride)
        return math.ceil(convolved / pool)

    @property
    def _code_size(self) -> tuple[int, int]:
        """The (rows, columns) of the code."""
        assert self.size is not None
        sides = []
        for side, short in zip(self.size, self._short, strict=True):
            lost = short - sum(self._frame(short)[0])
            for _ in self.filters:
                lost = self._code_lost(lost)
            sides.append((side + short) // self._divisor - lost)
        return sides[0], sides[1]
