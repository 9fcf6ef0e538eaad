"""How far do neighbouring pixels share their noise, along rows and along columns?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shared", "shared_noise"]

BLOCK = 32
LAGS = 16
QUIET = 0.1
"""The share of blocks that are looked at: those with the least in them are mostly noise."""

AGREE = 0.3
"""Neighbours that agree more than this share their noise; white noise gives some 0.05 at most, the
texture that is left in quiet blocks of photographs up to 0.2."""


@dataclass(frozen=True)
class Shared:
    """How noise is shared.

    Parameters
    ----------
    horizontal, vertical : int
        Pixels along a row (a column) over which noise is shared; 0 where each has its own.
    along_row, along_column : float
        How much direct neighbours agree, -1..1.
    """

    horizontal: int
    vertical: int
    along_row: float
    along_column: float

    @property
    def direction(self) -> str:
        """Where noise is shared: "nowhere", "horizontal", "vertical" or "everywhere"."""
        if not self.horizontal and not self.vertical:
            return "nowhere"
        if self.along_row > 2 * max(self.along_column, 0.0):
            return "horizontal"
        if self.along_column > 2 * max(self.along_row, 0.0):
            return "vertical"
        return "everywhere"


def shared_noise(pixels: NDArray[Any]) -> Shared:
    """Measure how noise is correlated where an image is quietest.

    Each block of 32x32 pixels is freed of its slopes and curves; in the quietest tenth of the
    blocks what is left is noise, and its autocorrelation along rows and columns is taken. Fine
    texture can look like shared noise where noise is faint: look at several images.

    Parameters
    ----------
    pixels : numpy.ndarray
        Shape (rows, columns, channels), floats.

    Returns
    -------
    Shared
        All zero for images smaller than a block.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((128, 128, 1))
    >>> shared_noise(noise).direction
    'nowhere'
    >>> shared_noise(noise[:, :-2] + noise[:, 1:-1] + noise[:, 2:])
    Shared(horizontal=2, vertical=0, along_row=0.6..., along_column=...)
    """
    found = [_blocks(pixels[..., index]) for index in range(pixels.shape[2])]
    blocks = np.concatenate(found) if found else np.zeros((0, BLOCK, BLOCK))
    variances = blocks.var(axis=(1, 2))
    blocks, variances = blocks[variances > 0], variances[variances > 0]
    if not len(blocks):
        return Shared(0, 0, 0.0, 0.0)
    quiet = blocks[variances <= np.quantile(variances, QUIET)]
    across = _correlations(quiet)
    down = _correlations(np.swapaxes(quiet, 1, 2))
    return Shared(_reach(across), _reach(down), float(across[0]), float(down[0]))


def _blocks(channel: NDArray[Any]) -> NDArray[np.float64]:
    """Return whole blocks without their slopes and curves: (blocks, 32, 32)."""
    rows, columns = (length // BLOCK for length in channel.shape)
    whole = channel[: rows * BLOCK, : columns * BLOCK].astype(np.float64)
    blocks = whole.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK)
    row, column = (axis.ravel() for axis in np.mgrid[-1 : 1 : BLOCK * 1j, -1 : 1 : BLOCK * 1j])
    surface = np.stack([np.ones_like(row), row, column, row * column, row**2, column**2], axis=1)
    base, _ = np.linalg.qr(surface)
    left: NDArray[np.float64] = blocks - blocks @ base @ base.T
    return left.reshape(-1, BLOCK, BLOCK)


def _correlations(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the autocorrelation along the last axis at 1, 2, ... pixels."""
    power = float(np.mean(blocks**2))
    lags = range(1, LAGS + 1)
    return np.array([np.mean(blocks[..., :-lag] * blocks[..., lag:]) for lag in lags]) / power


def _reach(correlations: NDArray[np.float64]) -> int:
    """Return over how many pixels, without a gap, neighbours agree; to a third of the threshold."""
    if correlations[0] < AGREE:
        return 0
    apart = np.flatnonzero(correlations < AGREE / 3)
    return int(apart[0]) if apart.size else LAGS
