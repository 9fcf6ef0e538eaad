"""Do neighbouring pixels share their noise?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["REACH", "Correlation", "measure_correlation"]

REACH = 16
"""Pixels up to which the noise of two pixels is compared."""

NEAR = 5
"""Pixels up to which that is drawn."""

AGREE, ALIKE = 0.3, 0.1
"""Neighbours that agree more than the first share their noise, over as many pixels as agree more than the
second. White noise gives some 0.05, and the texture that is left in flat blocks of photographs up to
0.2: forty images of BSDS500 with noise of 25/255."""

SIDE = 32
QUIET = 0.05
FEW = 4


@dataclass(frozen=True, eq=False)
class Correlation:
    """How alike the noise of two pixels is, by their distance.

    Parameters
    ----------
    map : numpy.ndarray
        Shape (33, 33), -1..1: over rows and columns apart, from -16 to 16; the middle is 1.
    flat : numpy.ndarray
        Shape (32, 32): the quietest block that was looked at, its plane taken off.
    """

    map: NDArray[np.float32]
    flat: NDArray[np.float32]

    @property
    def near(self) -> NDArray[np.float32]:
        """The middle of the map, from -5 to 5."""
        near = slice(REACH - NEAR, REACH + NEAR + 1)
        return self.map[near, near]

    @property
    def horizontal(self) -> float:
        """The correlation of neighbours in a row."""
        return float(self.map[REACH, REACH + 1])

    @property
    def vertical(self) -> float:
        """The correlation of neighbours in a column."""
        return float(self.map[REACH + 1, REACH])

    @property
    def direction(self) -> str:
        """Where pixels share their noise: "nowhere", "horizontal", "vertical" or "everywhere"."""
        if max(self.horizontal, self.vertical) < AGREE:
            return "nowhere"
        if self.horizontal > 2 * max(self.vertical, 0.0):
            return "horizontal"
        if self.vertical > 2 * max(self.horizontal, 0.0):
            return "vertical"
        return "everywhere"

    @property
    def reach(self) -> int:
        """Over how many pixels they share it; 0 where each has its own."""
        shared = {"horizontal": self.horizontal, "vertical": self.vertical}
        return max(self.length(way) if value >= AGREE else 0 for way, value in shared.items())

    def length(self, direction: str) -> int:
        """Return how many pixels along a row or column the noise stays alike, up to 16.

        Parameters
        ----------
        direction : {"horizontal", "vertical"}
            Along a row, or along a column.
        """
        line = (
            self.map[REACH, REACH + 1 :]
            if direction == "horizontal"
            else self.map[REACH + 1 :, REACH]
        )
        unlike = np.flatnonzero(line < ALIKE)
        return int(unlike[0]) if unlike.size else REACH


def measure_correlation(windows: Sequence[NDArray[np.float32]]) -> Correlation:
    """Measure the autocorrelation of the noise where the scene is flattest.

    Blocks whose means of 8x8 pixels differ least are taken to be flat; a plane is taken off each,
    and their autocorrelations are averaged, each over the number of pairs of pixels that it has. Fine
    texture can look like shared noise where noise is faint: look at several images.

    Parameters
    ----------
    windows : sequence of numpy.ndarray
        Shape (rows, columns), float32.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((512, 512), np.float32)
    >>> found = measure_correlation([noise])
    >>> abs(found.horizontal) < 0.05
    True
    >>> found = measure_correlation([noise[:, 1:] + noise[:, :-1]])
    >>> found.direction, found.reach
    ('horizontal', 1)
    """
    blocks = np.concatenate([_cut(window) for window in windows])
    if not blocks.shape[0]:
        empty = np.zeros((2 * REACH + 1,) * 2, np.float32)
        empty[REACH, REACH] = 1
        return Correlation(empty, np.zeros((SIDE, SIDE), np.float32))
    blocks = _without_plane(blocks)
    total = blocks.var(axis=(1, 2))
    means = blocks.reshape(-1, 4, SIDE // 4, 4, SIDE // 4).mean(axis=(2, 4))
    rough = means.var(axis=(1, 2)) * (SIDE // 4) ** 2
    usable = np.flatnonzero(total > 0)  # a block of one value tells nothing
    if not usable.size:
        usable = np.arange(len(total))
    order = usable[np.argsort((rough + total)[usable], kind="stable")]
    chosen = blocks[order[: max(FEW, round(QUIET * order.size))]]
    return Correlation(_autocorrelation(chosen), chosen[0])


def _cut(window: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = (length // SIDE for length in window.shape)
    whole = window[: rows * SIDE, : columns * SIDE]
    blocks = whole.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2)
    return np.ascontiguousarray(blocks).reshape(-1, SIDE, SIDE)


def _without_plane(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the best-fitting plane off each block."""
    ramp = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    norm = SIDE * float((ramp**2).sum())
    flat = blocks - blocks.mean(axis=(1, 2), keepdims=True)
    down = (flat * ramp[:, None]).sum(axis=(1, 2), keepdims=True) / norm
    right = (flat * ramp).sum(axis=(1, 2), keepdims=True) / norm
    plane: NDArray[np.float32] = flat - down * ramp[:, None] - right * ramp
    return plane


def _autocorrelation(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = 1 / np.maximum(blocks.var(axis=(1, 2)), 1e-12)  # all count alike
    padded = np.fft.rfft2(blocks, (2 * SIDE, 2 * SIDE))
    power = (np.abs(padded) ** 2 * weights[:, None, None]).sum(axis=0)
    sums = np.fft.irfft2(power, (2 * SIDE, 2 * SIDE))
    lags = np.arange(-REACH, REACH + 1)
    pairs = np.outer(SIDE - np.abs(lags), SIDE - np.abs(lags))
    covariance = sums[np.ix_(lags, lags)] / pairs
    middle = covariance[REACH, REACH]
    correlation = covariance / middle if middle > 0 else np.zeros_like(covariance)
    correlation[REACH, REACH] = 1
    return correlation.astype(np.float32)
