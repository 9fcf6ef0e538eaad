"""The few layers of which our networks are made, and what a network is without running it.

An architecture describes its network once, as calls on a :class:`Layers`. Keras trains what it
makes of those calls, an engine runs what it makes of them, and :class:`Trace` makes of them the
tensors, the cost and the geometry. So a model file needs to hold no graph that somebody else drew.

Sizes are channels last, (rows, columns, channels), and images are multiples of the geometry. A
kernel has the shape (height, width, channels in, filters), a transposed kernel (height, width,
filters, channels in), a bias (filters,), dense weights (units in, units).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ruis.errors import ConfigError
from ruis.tiling import Geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Convolution",
    "Layers",
    "Network",
    "Padding",
    "Pooling",
    "Sides",
    "Signal",
    "Trace",
    "same_padding",
]

Padding = Literal["same", "valid"]
Pooling = Literal["max", "average", "sum"]
Sides = tuple[int, int]
"""How many before and after an axis."""


def same_padding(kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after an axis whose length is a multiple of the stride.

    Examples
    --------
    >>> same_padding(3, 1), same_padding(6, 2), same_padding(2, 2), same_padding(2, 1)
    ((1, 1), (2, 2), (0, 0), (0, 1))
    """
    total = max(kernel - stride, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Convolution:
    """One convolution, plain or transposed; see :meth:`Layers.conv` and :meth:`Layers.grow`."""

    name: str
    filters: int
    kernel: int
    stride: int = 1
    padding: Padding = "same"
    bias: bool = False
    activation: str | None = None
    gain: float = 1.0

    @property
    def sides(self) -> tuple[int, int]:
        """The zeros before and after each axis."""
        return same_padding(self.kernel, self.stride) if self.padding == "same" else (0, 0)


class Layers(ABC):
    """What an architecture may be made of; `x` is whatever the maker calls a signal."""

    def conv(
        self,
        name: str,
        x: Any,
        filters: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: Padding = "same",
        bias: bool = False,
        activation: str | None = None,
        gain: float = 1.0,
    ) -> Any:
        """Convolve; tensors `name/kernel` and `name/bias`. He's scale times `gain` at first."""
        return self.convolve(
            x, Convolution(name, filters, kernel, stride, padding, bias, activation, gain)
        )

    def grow(
        self,
        name: str,
        x: Any,
        filters: int,
        kernel: int,
        *,
        stride: int = 2,
        bias: bool = False,
        activation: str | None = None,
        gain: float = 1.0,
    ) -> Any:
        """Convolve transposed, so that the size grows by `stride`; `kernel` is at least that.

        With a kernel of `stride` this is a 1x1 convolution and a pixel-shuffle, with three times
        `stride` a 3x3 convolution and a pixel-shuffle.
        """
        return self.convolve_transposed(
            x, Convolution(name, filters, kernel, stride, "same", bias, activation, gain)
        )

    @abstractmethod
    def convolve(self, x: Any, spec: Convolution) -> Any:
        """Do what :meth:`conv` says."""

    @abstractmethod
    def convolve_transposed(self, x: Any, spec: Convolution) -> Any:
        """Do what :meth:`grow` says."""

    @abstractmethod
    def pool(
        self, name: str, x: Any, kind: Pooling, size: int, *, padding: Padding = "same"
    ) -> Any:
        """Turn each `size` x `size` window into its maximum, average or sum.

        Where the size is no multiple, `same` pools what is there of the last window, and `valid`
        drops it: what lies outside is in no maximum, counts in no average and adds to no sum.
        """

    @abstractmethod
    def repeat(self, name: str, x: Any, size: int) -> Any:
        """Repeat each pixel `size` times in both directions."""

    @abstractmethod
    def dense(self, name: str, x: Any, units: int, *, activation: str | None = None) -> Any:
        """Flatten and multiply with a matrix; tensors `name/kernel` and `name/bias`."""

    @abstractmethod
    def reshape(self, name: str, x: Any, shape: tuple[int, int, int]) -> Any:
        """Turn the units of a dense layer into (rows, columns, channels)."""

    @abstractmethod
    def pad(self, name: str, x: Any, rows: Sides, columns: Sides) -> Any:
        """Put zeros before and after the rows and the columns."""

    @abstractmethod
    def crop(self, name: str, x: Any, rows: Sides, columns: Sides) -> Any:
        """Take rows and columns away before and after."""

    @abstractmethod
    def add(self, name: str, x: Any, y: Any) -> Any:
        """Add two signals of one shape."""

    @abstractmethod
    def subtract(self, name: str, x: Any, y: Any) -> Any:
        """Subtract in float32: what is subtracted from is as exact as the image."""

    @abstractmethod
    def channels(self, x: Any, count: int) -> Any:
        """Keep the first `count` channels."""


@dataclass(frozen=True)
class Signal:
    """What a trace knows of a signal.

    A pixel at position i of it depends on the input pixels from scale * i + first to
    scale * i + last.
    """

    channels: int
    scale: Fraction = Fraction(1)
    first: Fraction = Fraction(0)
    last: Fraction = Fraction(0)
    size: tuple[int, int] | None = None


class Trace(Layers):
    """Layers that compute nothing and keep account.

    Parameters
    ----------
    size : tuple of int, optional
        The (rows, columns) of the input, where the network takes no other.

    Attributes
    ----------
    tensors : dict of str to tuple of int
        The network's tensors by name, in the order of their making.
    macs : Fraction
        Multiplications per input pixel.
    coarsest : int
        What every scale divides: sizes must be its multiples.
    widest : Fraction
        The most values that one signal holds per input pixel.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self.tensors: dict[str, tuple[int, ...]] = {}
        self.macs = Fraction(0)
        self.coarsest = 1
        self.widest = Fraction(0)
        self.size = size

    def start(self, channels: int) -> Signal:
        """Return the input's signal."""
        return Signal(channels, size=self.size)

    def geometry(self, output: Signal) -> Geometry:
        """Return the geometry of the network that ends in `output`."""
        if self.size is not None:
            if output.size != self.size:
                raise ConfigError(f"{self.size} pixels go in, and {output.size} come out.")
            return Geometry(1, 0, self.size)
        if output.scale != 1:
            raise ConfigError("the network's output has another size than its input.")
        reach = max(-output.first, output.last, Fraction(0))
        return Geometry(self.coarsest, math.floor(reach))

    def _weigh(self, spec: Convolution, kernel: tuple[int, ...]) -> None:
        self._note(f"{spec.name}/kernel", kernel)
        if spec.bias:
            self._note(f"{spec.name}/bias", (spec.filters,))

    def _note(self, name: str, shape: tuple[int, ...]) -> None:
        if name in self.tensors:
            raise ConfigError(f"two layers are called {name.partition('/')[0]!r}.")
        self.tensors[name] = shape

    def _at(self, x: Signal, **changes: Any) -> Signal:
        signal = replace(x, **changes)
        self.widest = max(self.widest, signal.channels / signal.scale**2)
        self.coarsest = math.lcm(self.coarsest, signal.scale.numerator)
        return signal

    def convolve(self, x: Signal, spec: Convolution) -> Signal:
        """Account for a convolution."""
        self._weigh(spec, (spec.kernel, spec.kernel, x.channels, spec.filters))
        before = spec.sides[0]
        scale = x.scale * spec.stride
        self.macs += spec.kernel**2 * x.channels * spec.filters / scale**2
        size = x.size
        if size:
            fewer = 0 if spec.padding == "same" else spec.kernel - 1
            size = (-(-(size[0] - fewer) // spec.stride), -(-(size[1] - fewer) // spec.stride))
        return self._at(
            x,
            channels=spec.filters,
            scale=scale,
            first=x.first - x.scale * before,
            last=x.last + x.scale * (spec.kernel - 1 - before),
            size=size,
        )

    def convolve_transposed(self, x: Signal, spec: Convolution) -> Signal:
        """Account for a transposed convolution."""
        if spec.kernel < spec.stride:
            raise ConfigError(
                f"a transposed kernel of {spec.kernel} leaves gaps at stride {spec.stride}."
            )
        self._weigh(spec, (spec.kernel, spec.kernel, spec.filters, x.channels))
        before = spec.sides[0]
        self.macs += spec.kernel**2 * x.channels * spec.filters / x.scale**2
        scale = x.scale / spec.stride
        return self._at(
            x,
            channels=spec.filters,
            scale=scale,
            first=x.first + scale * (before - spec.kernel + 1),
            last=x.last + scale * before,
            size=x.size and (x.size[0] * spec.stride, x.size[1] * spec.stride),
        )

    def pool(
        self, name: str, x: Signal, kind: Pooling, size: int, *, padding: Padding = "same"
    ) -> Signal:
        """Account for a pooling."""
        more = size - 1 if padding == "same" else 0
        return self._at(
            x,
            scale=x.scale * size,
            last=x.last + x.scale * (size - 1),
            size=x.size and ((x.size[0] + more) // size, (x.size[1] + more) // size),
        )

    def repeat(self, name: str, x: Signal, size: int) -> Signal:
        """Account for a repetition."""
        return self._at(
            x,
            scale=x.scale / size,
            first=x.first - x.scale / size * (size - 1),
            size=x.size and (x.size[0] * size, x.size[1] * size),
        )

    def dense(self, name: str, x: Signal, units: int, *, activation: str | None = None) -> Signal:
        """Account for a dense layer."""
        if self.size is None:
            raise ConfigError("a network with a dense layer needs a fixed size.")
        rows, columns = x.size or (1, 1)
        inputs = rows * columns * x.channels
        self._note(f"{name}/kernel", (inputs, units))
        self._note(f"{name}/bias", (units,))
        self.macs += Fraction(inputs * units, self.size[0] * self.size[1])
        return replace(x, channels=units, size=(1, 1))

    def reshape(self, name: str, x: Signal, shape: tuple[int, int, int]) -> Signal:
        """Account for a change of shape."""
        if shape[0] * shape[1] * shape[2] != x.channels:
            raise ConfigError(f"{x.channels} units cannot take the shape {shape}.")
        return replace(x, channels=shape[2], size=shape[:2])

    def pad(self, name: str, x: Signal, rows: Sides, columns: Sides) -> Signal:
        """Account for a border of zeros."""
        shifts = (-rows[0], -columns[0])
        return self._moved(x, shifts, (sum(rows), sum(columns)))

    def crop(self, name: str, x: Signal, rows: Sides, columns: Sides) -> Signal:
        """Account for a border taken away."""
        return self._moved(x, (rows[0], columns[0]), (-sum(rows), -sum(columns)))

    def _moved(self, x: Signal, by: tuple[int, int], more: tuple[int, int]) -> Signal:
        return replace(
            x,
            first=x.first + x.scale * min(by),
            last=x.last + x.scale * max(by),
            size=x.size and (x.size[0] + more[0], x.size[1] + more[1]),
        )

    def add(self, name: str, x: Signal, y: Signal) -> Signal:
        """Account for a sum."""
        return self._union(name, (x, y))

    def subtract(self, name: str, x: Signal, y: Signal) -> Signal:
        """Account for a difference."""
        return self._union(name, (x, y))

    def _union(self, name: str, parts: Sequence[Signal]) -> Signal:
        x, y = parts
        if (x.channels, x.scale) != (y.channels, y.scale):
            raise ConfigError(f"{name!r} joins signals of different shapes: {x} and {y}.")
        return replace(x, first=min(x.first, y.first), last=max(x.last, y.last))

    def channels(self, x: Signal, count: int) -> Signal:
        """Account for channels left out."""
        return replace(x, channels=count)


class Network(Protocol):
    """What an engine needs to know of an architecture."""

    @property
    def channels(self) -> int:
        """The channels of the image."""

    @property
    def input_channels(self) -> int:
        """The channels of the input, sigma included."""

    @property
    def geometry(self) -> Geometry:
        """What the network asks of its input's size."""

    def connect(self, layers: Layers, noisy: Any) -> Any:
        """Describe the network."""

    def build(self, *, seed: int = 0) -> Any:
        """Build the network in Keras."""
