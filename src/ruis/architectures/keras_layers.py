"""Layers that Keras trains."""

from __future__ import annotations

import math
from typing import Any

from ruis.keras_backend import load_keras
from ruis.layers import Convolution, Layers, Pooling

__all__ = ["KerasLayers"]


class KerasLayers(Layers):
    """Layers of Keras, with He's initialisation, seeded one by one.

    Parameters
    ----------
    seed : int
        Of the initial weights.
    """

    def __init__(self, seed: int) -> None:
        self.keras = load_keras()
        self.seed = seed
        self.count = 0

    def _initializer(self, fan_in: float, gain: float) -> Any:
        self.count += 1
        return self.keras.initializers.RandomNormal(
            stddev=gain * math.sqrt(2.0 / fan_in), seed=self.seed * 10_007 + self.count
        )

    def convolve(self, x: Any, spec: Convolution) -> Any:
        """Convolve."""
        fan_in = spec.kernel**2 * x.shape[-1]
        layer = self.keras.layers.Conv2D(padding=spec.padding, **self._settings(spec, fan_in))
        return layer(x)

    def convolve_transposed(self, x: Any, spec: Convolution) -> Any:
        """Convolve transposed."""
        seen = (spec.kernel / spec.stride) ** 2 * x.shape[-1]  # for one output pixel
        layer = self.keras.layers.Conv2DTranspose(padding="same", **self._settings(spec, seen))
        return layer(x)

    def _settings(self, spec: Convolution, fan_in: float) -> dict[str, Any]:
        return {
            "filters": spec.filters,
            "kernel_size": spec.kernel,
            "strides": spec.stride,
            "use_bias": spec.bias,
            "activation": spec.activation,
            "kernel_initializer": self._initializer(fan_in, spec.gain),
            "name": spec.name,
        }

    def pool(self, name: str, x: Any, kind: Pooling, size: int) -> Any:
        """Pool; sizes are multiples, so that a sum is the average times the window's area."""
        layers = self.keras.layers
        if kind == "max":
            return layers.MaxPooling2D(size, name=name)(x)
        average = layers.AveragePooling2D(size, name=name)(x)
        if kind == "average":
            return average
        return layers.Rescaling(float(size * size), name=f"{name}_area")(average)

    def repeat(self, name: str, x: Any, size: int) -> Any:
        """Repeat pixels."""
        return self.keras.layers.UpSampling2D(size, name=name)(x)

    def dense(self, name: str, x: Any, units: int, *, activation: str | None = None) -> Any:
        """Flatten and multiply."""
        flat = self.keras.layers.Flatten(name=f"{name}_flat")(x)
        start = self._initializer(flat.shape[-1], 1.0)
        layer = self.keras.layers.Dense(
            units, activation=activation, kernel_initializer=start, name=name
        )
        return layer(flat)

    def reshape(self, name: str, x: Any, shape: tuple[int, int, int]) -> Any:
        """Change the shape."""
        return self.keras.layers.Reshape(shape, name=name)(x)

    def pad(self, name: str, x: Any, before: int, after: int) -> Any:
        """Put zeros around."""
        sides = ((before, after), (before, after))
        return self.keras.layers.ZeroPadding2D(sides, name=name)(x)

    def crop(self, name: str, x: Any, before: int, after: int) -> Any:
        """Take a border away."""
        sides = ((before, after), (before, after))
        return self.keras.layers.Cropping2D(sides, name=name)(x)

    def add(self, name: str, x: Any, y: Any) -> Any:
        """Add."""
        return self.keras.layers.Add(name=name)([x, y])

    def subtract(self, name: str, x: Any, y: Any) -> Any:
        """Subtract in float32, whatever the policy."""
        return self.keras.layers.Subtract(name=name, dtype="float32")([x, y])

    def channels(self, x: Any, count: int) -> Any:
        """Keep the first channels."""
        return x if x.shape[-1] == count else x[..., :count]
