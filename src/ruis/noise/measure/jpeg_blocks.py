"""Was the image once compressed as JPEG? Its blocks of 8x8 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Blocks", "measure_blocks"]

SIDE = 8
SURE, CHANCES = 0.008, 2.5
"""A strength that counts, and so many standard errors that it must be above chance."""

LEAST = 24


@dataclass(frozen=True)
class Blocks:
    """How much more neighbours differ where two blocks of JPEG meet.

    Parameters
    ----------
    strength : float
        By which share more often steps are larger across the seams than beside them; 0 where it
        might be chance.
    phase : tuple of int
        The row and the column, 0..7, at which blocks begin.
    """

    strength: float
    phase: tuple[int, int]

    @property
    def found(self) -> bool:
        """Whether the image was compressed, as far as can be seen."""
        return self.strength > 0


def measure_blocks(windows: Sequence[NDArray[np.float32]]) -> Blocks:
    """Look for seams every eight rows and columns.

    At each column it is counted how often the step to the next column is larger than the mean of
    the steps on either side of it; likewise at rows. In an image that was never compressed, that is
    equally often everywhere; JPEG makes it more often at one of eight places.

    Parameters
    ----------
    windows : sequence of numpy.ndarray
        Shape (rows, columns), float32; all begin at a multiple of 8 rows and columns of the image.

    References
    ----------
    Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and
    quantizer estimation", IEEE Transactions on Image Processing, 2003,
    doi:10.1109/TIP.2002.807361; Z. Wang, A. C. Bovik, B. L. Evans, "Blind measurement of blocking
    artifacts in images", ICIP, 2000, doi:10.1109/ICIP.2000.899622.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((256, 256), np.float32)
    >>> measure_blocks([noise]).found
    False
    >>> measure_blocks([noise + 2 * np.kron(noise[:32, :32], np.ones((8, 8), np.float32))]).found
    True
    """
    if min(windows[0].shape) < LEAST:
        return Blocks(0.0, (0, 0))
    column, right = _excess(windows)
    row, down = _excess([window.T for window in windows])
    strength = min(right, down)
    chance = 0.5 / (sum(window.size for window in windows) / SIDE) ** 0.5
    sure = strength > max(SURE, CHANCES * chance)
    return Blocks(strength if sure else 0.0, (row, column))


def _excess(windows: Sequence[NDArray[np.float32]]) -> tuple[int, float]:
    """Return the column at which blocks begin, and how much more often steps are large there."""
    total, count = np.zeros(SIDE), np.zeros(SIDE)
    for window in windows:
        step = np.abs(np.diff(window, axis=1))
        beside = (step[:, :-2] + step[:, 2:]) / 2
        larger = (step[:, 1:-1] > beside).astype(np.float64) + 0.5 * (step[:, 1:-1] == beside)
        at = np.arange(2, 2 + larger.shape[1]) % SIDE  # the column after the step
        total += np.bincount(at, larger.mean(axis=0), SIDE)
        count += np.bincount(at, minlength=SIDE)
    often = total / np.maximum(count, 1)
    place = int(often.argmax())
    others = np.delete(often, place)
    return place, float(often[place] - others.max())
