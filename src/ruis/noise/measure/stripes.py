"""Is the noise striped: does each row, or each column, have an offset of its own?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stripes", "measure_stripes"]

PARTS = 4
"""Into so many parts each row is cut; what parts that do not touch share is the row's own."""

SHORTEST = 32
"""Pixels that rows and columns must have at least."""

OUTLIER = 3.0
LEAST, AGREEMENT = 0.3 / 255, 0.25


@dataclass(frozen=True)
class Stripes:
    """How strong stripes are, as standard deviations in fractions of the data range.

    Parameters
    ----------
    rows : float
        Of the offsets of rows: horizontal stripes. 0 where there are none.
    columns : float
        Of the offsets of columns: vertical stripes.
    row_agreement, column_agreement : float
        How far the offsets agree from one part of the image to another, -1..1; 0 is chance.
    """

    rows: float
    columns: float
    row_agreement: float
    column_agreement: float

    @property
    def direction(self) -> str | None:
        """The direction of the stronger ones, "horizontal" or "vertical"; None where there are none."""
        if not (self.rows or self.columns):
            return None
        return "horizontal" if self.rows >= self.columns else "vertical"


def measure_stripes(
    across: Sequence[NDArray[np.float32]], down: Sequence[NDArray[np.float32]]
) -> Stripes:
    """Find what is shared by far parts of a row, or of a column, and is no scene.

    The second differences between rows are taken, and their median in each part of a row: a scene's
    edges are few, and rarely run on from one part into another. What the medians of parts share is
    the row's own offset; their covariance is its variance.

    Parameters
    ----------
    across : sequence of numpy.ndarray
        Bands (rows, columns) as wide as the image allows, for stripes along rows.
    down : sequence of numpy.ndarray
        Bands as high as the image allows, for stripes along columns.

    References
    ----------
    The structure of the noise is that of E. R. Fossum's and others' row and column noise, EMVA
    Standard 1288, release 4.0, 2021, section 8: spatial variances of row and column means.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(0, 0.05, (256, 256)) + rng.normal(0, 0.02, (256, 1))
    >>> found = measure_stripes([noise.astype(np.float32)], [noise.astype(np.float32)])
    >>> found.direction, round(found.rows, 2), found.columns
    ('horizontal', 0.02, 0.0)
    """
    rows = _shared(list(across))
    columns = _shared([band.T for band in down])
    return Stripes(rows[0], columns[0], rows[1], columns[1])


def _shared(bands: list[NDArray[np.float32]]) -> tuple[float, float]:
    """Return the standard deviation of the rows' offsets, and how well parts agree on them."""
    bands = [band for band in bands if min(band.shape) >= SHORTEST]
    if not bands:
        return 0.0, 0.0
    offsets = np.concatenate([_offsets(band) for band in bands], axis=1)
    spread = 1.4826 * np.median(np.abs(offsets), axis=1, keepdims=True)
    if not spread.all():
        return 0.0, 0.0
    limited = np.clip(offsets, -OUTLIER * spread, OUTLIER * spread)
    covariances, agreements = [], []
    for first in range(PARTS):
        for second in range(first + 2, PARTS):
            a, b = limited[first], limited[second]
            covariance = float(np.mean(a * b))
            covariances.append(covariance)
            agreements.append(covariance / float(np.sqrt(np.mean(a * a) * np.mean(b * b))))
    agreement, least = float(np.median(agreements)), min(agreements)
    strength = max(float(np.median(covariances)), 0.0) ** 0.5
    chance = 5.5 / offsets.shape[1] ** 0.5  # four standard errors of a correlation that is none
    sure = least > max(AGREEMENT, chance) and strength > LEAST
    return (strength if sure else 0.0), agreement


def _offsets(band: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (parts, rows - 2): the median second difference of rows in each part, to unit variance."""
    second = (2 * band[1:-1] - band[:-2] - band[2:]) / 6**0.5
    parts = np.array_split(second, PARTS, axis=1)
    return np.stack([np.median(part, axis=1) for part in parts]).astype(np.float64)
