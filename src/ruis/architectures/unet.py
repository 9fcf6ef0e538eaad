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

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ruis.architectures.base import Architecture

if TYPE_CHECKING:
    from ruis.layers import Layers

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
    residual : bool
        Whether the result is subtracted from the noisy image. Without it, the result is the image.

    Examples
    --------
    >>> fast = UNet(widths=(32, 64, 128), blocks=1)
    >>> fast.geometry
    Geometry(multiple=8, radius=51, size=None)
    >>> round(fast.kmac_per_pixel)
    26
    """

    name: Literal["unet"] = "unet"
    widths: tuple[Width, ...] = Field(default=(64, 128, 256), min_length=1, max_length=6)
    blocks: int = Field(default=2, ge=1, le=32)
    sigma_channel: bool = True
    residual: bool = True

    @property
    def takes_sigma(self) -> bool:
        """Whether sigma is an input."""
        return self.sigma_channel

    @property
    def scale_free(self) -> bool:
        """Always: no layer has a bias."""
        return True

    def weakened(self, weights: Mapping[str, Any], strength: float) -> dict[str, Any] | None:
        """Return weights with a smaller tail; see :meth:`Architecture.weakened`."""
        if not self.residual:
            return None
        return {
            path: value * np.float32(strength) if path.startswith("tail/") else value
            for path, value in weights.items()
        }

    def blinded(self, weights: Mapping[str, Any]) -> tuple[Architecture, Mapping[str, Any]]:
        """Leave out the channel for sigma, which is zero; see :meth:`Architecture.blinded`."""
        if not self.sigma_channel:
            return self, weights
        stem = np.ascontiguousarray(weights["stem/kernel"][:, :, : self.channels])
        return self.model_copy(update={"sigma_channel": False}), {**weights, "stem/kernel": stem}

    def begun(
        self, other: Architecture, weights: Mapping[str, Any], fresh: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Begin as the same network with fewer blocks, narrower levels or other channels, too.

        A block whose second convolution is zero changes nothing, and learns at once. So do filters
        of which none that was there before takes anything. Of other channels, the network sees the
        mean, and finds in each the mean of what was found: what has equal channels, as a gray
        picture in colour has, is denoised as before. See :meth:`Architecture.begun`.

        Source: T. Chen, I. Goodfellow and J. Shlens, Net2Net: Accelerating learning via knowledge
        transfer, 2015, arXiv:1511.05641.
        """
        if not isinstance(other, UNet) or not self._may_begin_as(other):
            return None
        begun = {**weights}
        if other.channels != self.channels:
            seen = other.channels / self.channels  # what enters shall not be more than before
            for path, share in (("stem/kernel", seen), ("tail/kernel", 1.0)):
                if path in begun:
                    begun[path] = _alike(begun[path], other.channels, self.channels, share)
        for path, value in fresh.items():
            if path in begun:
                begun[path] = _widened(begun[path], value, transposed=path in self._transposed)
            else:
                begun[path] = np.zeros_like(value) if "_second/" in path else value
        return begun

    def _may_begin_as(self, other: UNet) -> bool:
        larger = {"blocks": self.blocks, "channels": self.channels, "widths": self.widths}
        return (
            other.model_copy(update=larger) == self
            and other.blocks <= self.blocks
            and len(other.widths) == len(self.widths)
            and all(had <= has for had, has in zip(other.widths, self.widths, strict=True))
        )

    @property
    def _transposed(self) -> set[str]:
        """The kernels that are (rows, columns, filters, channels), not (rows, columns, channels, filters)."""
        return {"tail/kernel", *(f"up{level}/kernel" for level in range(len(self.widths) - 1))}

    def connect(self, layers: Layers, noisy: Any) -> Any:
        """Describe the network; see :meth:`Architecture.connect`."""
        image = layers.channels(noisy, self.channels) if self.sigma_channel else noisy
        x = layers.conv("stem", noisy, self.widths[0], 6, stride=2)
        skips = []
        for level, width in enumerate(self.widths):
            if level:
                skips.append(x)
                x = layers.conv(f"down{level}", x, width, 2, stride=2)
            x = self._level(layers, f"down{level}", width, x)
        for level in reversed(range(len(self.widths) - 1)):
            x = layers.grow(f"up{level}", x, self.widths[level], 2)
            x = layers.add(f"skip{level}", x, skips[level])
            x = self._level(layers, f"up{level}", self.widths[level], x)
        if not self.residual:
            return layers.grow("tail", x, self.channels, 6)
        noise = layers.grow("tail", x, self.channels, 6, gain=RESIDUAL_GAIN)
        return layers.subtract("denoised", image, noise)

    def _level(self, layers: Layers, name: str, width: int, x: Any) -> Any:
        for block in range(self.blocks):
            here = f"{name}_block{block}"
            inner = layers.conv(f"{here}_first", x, width, 3, activation="relu")
            inner = layers.conv(f"{here}_second", inner, width, 3, gain=RESIDUAL_GAIN)
            x = layers.add(f"{here}_sum", x, inner)
        return x


def _alike(kernel: Any, have: int, want: int, share: float) -> Any:
    """Return a kernel, (rows, columns, channels, filters), for other channels, all treated alike.

    What comes after the image's channels stays: sigma.
    """
    mean = share * kernel[:, :, :have].mean(axis=2, keepdims=True)
    return np.concatenate([np.repeat(mean, want, axis=2), kernel[:, :, have:]], axis=2)


def _widened(kernel: Any, fresh: Any, *, transposed: bool) -> Any:
    """Return a kernel with more channels and filters, of which the old filters take the old channels alone."""
    entering, leaving = (3, 2) if transposed else (2, 3)
    old: list[slice] = [slice(None)] * 4
    old[leaving] = slice(kernel.shape[leaving])
    widened = np.array(fresh)
    widened[tuple(old)] = 0
    old[entering] = slice(kernel.shape[entering])
    widened[tuple(old)] = kernel
    return widened
