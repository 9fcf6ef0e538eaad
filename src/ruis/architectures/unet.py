"""The bias-free residual U-Net: the network of the models that ship.

Pixels are unshuffled by two into a stem; each level has residual blocks `x + conv(relu(conv(x)))`;
2x2 strided convolutions lead down, 1x1 convolutions with a pixel-shuffle lead up; skips are added;
the result is subtracted from the noisy image. There is no bias and no normalisation, hence
f(a x) = a f(x) for every a > 0: one network serves every range and exposure.

Both shuffles are written as the strided convolutions that they are: a 3x3 convolution after a
pixel-unshuffle by two is a 6x6 convolution of stride two, and a 1x1 (3x3) convolution before a
pixel-shuffle is a transposed 2x2 (6x6) convolution of stride two. The numbers are the same, and
Keras trains them 1.5 times faster on a CPU (`docs/decisions/0003-unet-as-strided-convolutions.md`).

Sources: O. Ronneberger et al., U-Net, 2015, doi:10.1007/978-3-319-24574-4_28; S. Mohan et al.,
Robust and interpretable blind image denoising via bias-free convolutional neural networks, 2020,
arXiv:1906.05478; K. Zhang et al., FFDNet, 2018, doi:10.1109/TIP.2018.2839891 (the sigma channel);
W. Shi et al., Real-time single image super-resolution (pixel-shuffle), 2016,
doi:10.1109/CVPR.2016.207; K. He et al., Delving deep into rectifiers, 2015,
doi:10.1109/ICCV.2015.123 (initialisation).
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from ruis.architectures.base import Architecture
from ruis.tiling import Geometry

__all__ = ["UNet"]

Width = Annotated[int, Field(ge=1, le=4096)]

RESIDUAL_GAIN = 0.1
"""The share of He's scale in each block's second convolution and in the tail: a network that
starts near the identity reaches 0.3 dB more in the first minutes."""


class UNet(Architecture):
    """The bias-free residual U-Net.

    Parameters
    ----------
    channels : int
        The channels of the image.
    widths : tuple of int
        The filters of each level, from fine to coarse; multiples of 32 run fastest.
    blocks : int
        The residual blocks of each level, on the way down and again on the way up.
    sigma_channel : bool
        Whether a further input channel holds sigma as a fraction of the data range (0: unknown).

    Examples
    --------
    >>> fast = UNet(widths=(32, 64, 128), blocks=1)
    >>> fast.geometry
    Geometry(multiple=8, radius=46, size=None)
    >>> round(fast.kmac_per_pixel)
    27
    """

    name: Literal["unet"] = "unet"
    widths: tuple[Width, ...] = Field(default=(64, 128, 256), min_length=1, max_length=6)
    blocks: int = Field(default=2, ge=1, le=32)
    sigma_channel: bool = True

    @property
    def takes_sigma(self) -> bool:
        """Whether sigma is an input."""
        return self.sigma_channel

    @property
    def scale_free(self) -> bool:
        """Always: no layer has a bias."""
        return True

    @property
    def geometry(self) -> Geometry:
        """Multiples of two per level; the radius from the deepest path, at its worst phase."""
        multiple = 2 ** len(self.widths)
        reach = [self._reach(phase) for phase in range(multiple)]
        return Geometry(multiple, max(max(reach)))

    def _reach(self, pixel: int) -> tuple[int, int]:
        """How far left and right of an output pixel the network looks."""
        first, last = pixel // 2 - 1, pixel // 2 + 1  # the tail: 3x3 on the unshuffled grid
        for _ in self.widths[1:]:
            first, last = (first - 2 * self.blocks) // 2, (last + 2 * self.blocks) // 2
        first, last = first - 2 * self.blocks, last + 2 * self.blocks
        for _ in self.widths[1:]:
            first, last = 2 * first - 2 * self.blocks, 2 * last + 1 + 2 * self.blocks
        return pixel - 2 * (first - 1), 2 * (last + 1) + 1 - pixel

    @property
    def kmac_per_pixel(self) -> float:
        """Thousands of multiplications per input pixel."""
        total = 0.0
        for level, width in enumerate(self.widths):
            sides = 1 if level == len(self.widths) - 1 else 2
            total += sides * self.blocks * 2 * 9 * width * width / 4 ** (level + 1)
        for level, (fine, coarse) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            total += 2 * 4 * fine * coarse / 4 ** (level + 2)
        ends = 9 * self.widths[0] * (self.input_channels + self.channels)
        return (total + ends) / 1000

    def build(self, *, seed: int = 0) -> Any:
        """Build the network; see :meth:`Architecture.build`."""
        from ruis.architectures.backend import load_keras

        keras = load_keras()
        plan = _Plan(keras, seed)
        noisy = keras.Input((None, None, self.input_channels), name="noisy")
        image = noisy[..., : self.channels] if self.sigma_channel else noisy
        x = plan.conv("stem", self.widths[0], 6, noisy, stride=2)
        skips = []
        for level, width in enumerate(self.widths):
            if level:
                skips.append(x)
                x = plan.conv(f"down{level}", width, 2, x, stride=2)
            x = self._level(plan, f"down{level}", width, x)
        for level in reversed(range(len(self.widths) - 1)):
            x = plan.grow(f"up{level}", self.widths[level], 2, x)
            x = keras.layers.Add(name=f"skip{level}")([x, skips[level]])
            x = self._level(plan, f"up{level}", self.widths[level], x)
        noise = plan.grow("tail", self.channels, 6, x, gain=RESIDUAL_GAIN)
        denoised = keras.layers.Subtract(name="denoised", dtype="float32")([image, noise])
        return keras.Model(noisy, denoised, name="unet")

    def _level(self, plan: _Plan, name: str, width: int, x: Any) -> Any:
        for block in range(self.blocks):
            here = f"{name}_block{block}"
            inner = plan.conv(f"{here}_first", width, 3, x, activation="relu")
            inner = plan.conv(f"{here}_second", width, 3, inner, gain=RESIDUAL_GAIN)
            x = plan.keras.layers.Add(name=f"{here}_sum")([x, inner])
        return x


class _Plan:
    """Bias-free layers with their initialisation: He's scale times `gain`, seeded one by one."""

    def __init__(self, keras: Any, seed: int) -> None:
        self.keras = keras
        self.seed = seed
        self.count = 0

    def _initializer(self, fan_in: float, gain: float) -> Any:
        self.count += 1
        return self.keras.initializers.RandomNormal(
            stddev=gain * math.sqrt(2.0 / fan_in), seed=self.seed * 10_007 + self.count
        )

    def conv(
        self,
        name: str,
        filters: int,
        kernel: int,
        x: Any,
        *,
        stride: int = 1,
        activation: str | None = None,
        gain: float = 1.0,
    ) -> Any:
        """Convolve."""
        layer = self.keras.layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding="same",
            use_bias=False,
            activation=activation,
            kernel_initializer=self._initializer(kernel * kernel * x.shape[-1], gain),
            name=name,
        )
        return layer(x)

    def grow(self, name: str, filters: int, kernel: int, x: Any, *, gain: float = 1.0) -> Any:
        """Double the size: a convolution and a pixel-shuffle in one."""
        seen = (kernel // 2) ** 2 * x.shape[-1]  # what one output pixel is computed from
        layer = self.keras.layers.Conv2DTranspose(
            filters,
            kernel,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=self._initializer(seen, gain),
            name=name,
        )
        return layer(x)
