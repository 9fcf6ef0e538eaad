"""Layers that Keras trains."""

from __future__ import annotations

import functools
import math
from typing import Any

from ruis.keras_backend import load_keras
from ruis.layers import Convolution, Layers, Padding, Pooling, Sides

__all__ = ["KerasLayers", "any_size", "sum_pooling", "without_sigma"]


@functools.cache
def sum_pooling() -> Any:
    """Return the class of a Keras layer that sums windows, which Keras does not have.

    `SumPooling2D(pool_size, padding="valid", name=None)`: (batch, rows, columns, channels) ->
    (batch, rows / pool_size, columns / pool_size, channels), rounded down for `valid`, which drops
    what fills no window, and up for `same`, where what lies outside adds nothing. An average times
    the window's area is not that: at `same` borders Keras divides by what is inside alone.

    Examples
    --------
    >>> import numpy as np
    >>> ones = np.ones((1, 3, 5, 1), np.float32)
    >>> np.asarray(sum_pooling()(2, padding="same")(ones))[0, ..., 0]
    array([[4., 4., 2.],
           [2., 2., 1.]], dtype=float32)
    """
    load_keras()
    import keras
    from keras import ops

    class SumPooling2D(keras.layers.Layer):
        """The sum of each window."""

        def __init__(self, pool_size: int, padding: Padding = "valid", **settings: Any) -> None:
            super().__init__(**settings)
            self.pool_size = pool_size
            self.padding = padding

        def call(self, x: Any) -> Any:
            """Sum, which is the average of whole windows, zeros included, times their area."""
            size = self.pool_size
            if self.padding == "same":
                x = _with_zeros(x, [_short(length, size) for length in ops.shape(x)[1:3]])
            return ops.average_pool(x, size, size, "valid") * float(size * size)

        def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
            """Say what comes out."""
            more = self.pool_size - 1 if self.padding == "same" else 0
            sides = [n if n is None else (n + more) // self.pool_size for n in shape[1:3]]
            return (shape[0], *sides, shape[3])

        def get_config(self) -> dict[str, Any]:
            """Return the settings."""
            settings: dict[str, Any] = super().get_config()
            return {**settings, "pool_size": self.pool_size, "padding": self.padding}

    return SumPooling2D


@functools.cache
def any_size() -> tuple[Any, Any]:
    """Return the classes of two Keras layers that let a network take images of any size.

    `PadToMultiple(multiple)` puts zeros below and right of an image, `CropAs()` takes from its
    first input what is more than its second has. Both keep float32, whatever the policy.
    """
    load_keras()
    import keras
    from keras import ops

    class PadToMultiple(keras.layers.Layer):
        """Zeros up to the next multiple."""

        def __init__(self, multiple: int, **settings: Any) -> None:
            super().__init__(dtype="float32", **settings)
            self.multiple = multiple

        def call(self, x: Any) -> Any:
            """Pad."""
            short = [_short(length, self.multiple) for length in ops.shape(x)[1:3]]
            return ops.pad(x, ((0, 0), (0, short[0]), (0, short[1]), (0, 0)))

        def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
            """Say what comes out."""
            sides = [n if n is None else n + _short(n, self.multiple) for n in shape[1:3]]
            return (shape[0], *sides, shape[3])

    class CropAs(keras.layers.Layer):
        """The upper left part that is as large as another image."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(dtype="float32", **settings)

        def call(self, whole: Any, image: Any) -> Any:
            """Crop."""
            _, rows, columns, _ = ops.shape(image)
            return whole[:, :rows, :columns]

        def compute_output_shape(
            self, whole_shape: tuple[int | None, ...], image_shape: tuple[int | None, ...]
        ) -> tuple[int | None, ...]:
            """Say what comes out."""
            return (whole_shape[0], *image_shape[1:3], whole_shape[3])

    return PadToMultiple, CropAs


def without_sigma(network: Any) -> Any:
    """Return a Keras model of the image alone: what the network does where sigma is not known.

    Parameters
    ----------
    network : keras.Model
        Its last input channel holds sigma; its variables are shared.
    """
    keras = load_keras()
    rows, columns, channels = network.input_shape[1:]
    noisy = keras.Input((rows, columns, channels - 1), name="noisy_alone")
    unknown = keras.ops.zeros_like(noisy[..., :1])
    return keras.Model(noisy, network(keras.ops.concatenate([noisy, unknown], axis=-1)))


def _short(length: Any, multiple: int) -> Any:
    """Return what is missing to the next multiple."""
    return -length % multiple


def _with_zeros(x: Any, short: list[Any]) -> Any:
    """Pad as Keras does for `same`: the odd zero comes last."""
    ops = load_keras().ops
    sides = [(total // 2, total - total // 2) for total in short]
    return ops.pad(x, ((0, 0), *sides, (0, 0)))


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

    def pool(
        self, name: str, x: Any, kind: Pooling, size: int, *, padding: Padding = "same"
    ) -> Any:
        """Pool."""
        layers = self.keras.layers
        pooling = {
            "max": layers.MaxPooling2D,
            "average": layers.AveragePooling2D,
            "sum": sum_pooling(),
        }[kind]
        return pooling(size, padding=padding, name=name)(x)

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

    def pad(self, name: str, x: Any, rows: Sides, columns: Sides) -> Any:
        """Put zeros around."""
        return self.keras.layers.ZeroPadding2D((rows, columns), name=name)(x)

    def crop(self, name: str, x: Any, rows: Sides, columns: Sides) -> Any:
        """Take a border away."""
        return self.keras.layers.Cropping2D((rows, columns), name=name)(x)

    def add(self, name: str, x: Any, y: Any) -> Any:
        """Add."""
        return self.keras.layers.Add(name=name)([x, y])

    def subtract(self, name: str, x: Any, y: Any) -> Any:
        """Subtract in float32, whatever the policy."""
        return self.keras.layers.Subtract(name=name, dtype="float32")([x, y])

    def channels(self, x: Any, count: int) -> Any:
        """Keep the first channels."""
        return x if x.shape[-1] == count else x[..., :count]
