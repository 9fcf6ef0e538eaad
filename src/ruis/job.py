"""One image on its way through one engine, tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.engines.base import Engine
    from ruis.intensity import Intensity
    from ruis.tiling import Plan, Tile

__all__ = ["Job", "Progress"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """What is the same for all tiles of an image.

    Parameters
    ----------
    engine : Engine
        What runs the network.
    scale : Intensity
        How stored values become model values.
    group : int
        How many channels go through the network together.
    sigma : float
        What the network is told; 0 where it is blind.
    strength : float
        The share of what the network removes that is removed, 0..1.
    """

    engine: Engine
    scale: Intensity
    group: int
    sigma: float
    strength: float

    def run(
        self, stored: NDArray[Any], cut: Plan, channels: int, progress: Progress | None
    ) -> NDArray[Any]:
        """Return the denoised pixels; what is beyond `channels` is alpha, and copied."""
        denoised = np.empty_like(stored)
        denoised[..., channels:] = stored[..., channels:]
        for count, tile in enumerate(cut, start=1):
            window = self.scale.to_unit(cut.read(stored[..., :channels], tile))
            if stored.dtype.kind == "f" and not np.isfinite(window).all():
                raise ImageError("it holds values that are not numbers; replace them first.")
            for first in range(0, channels, self.group):
                some = np.s_[..., first : first + self.group]
                self._tile(window[some], denoised[some], tile)
            if progress:
                progress(count, len(cut))
        return denoised

    def _tile(self, noisy: NDArray[np.float32], into: NDArray[Any], tile: Tile) -> None:
        inputs = self.engine.network.input_channels
        batch = np.empty((1, *noisy.shape[:2], inputs), np.float32)
        batch[0, ..., : self.group] = noisy
        batch[0, ..., self.group :] = self.sigma
        result = self.engine.run(batch)[0][tile.keep]
        if self.strength < 1:
            kept = noisy[tile.keep]
            result = kept + np.float32(self.strength) * (result - kept)
        into[tile.write] = self.scale.from_unit(result)
