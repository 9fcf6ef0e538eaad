"""Does the noise grow with the brightness? Its gain, and what is left in the dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ruis.noise.blocks import flat_variance, freedom_of, noise_quantile, noisy_blocks, share_below

__all__ = ["SignalDependence", "measure_signal_dependence"]

SIDE = 12
"""Rows and columns of a block: small, so that few hold two brightnesses."""

LEAST, MOST = 40, 20
"""Blocks in a bin of brightness at least, and bins at most."""

CLIPPED = 0.05
NARROW = 0.1
"""A range of brightness smaller than this tells no slope."""

SURE = 3.0
"""The slope counts from so many of its standard errors on."""


ROUNDS = 20
OVERLAP = 2
"""Blocks are laid in two grids, so that they are only half as many as there seem to be."""

SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the blocks that hold noise alone, the quietest so many are looked at, as far as texture lets."""

MOSTLY = 0.94
"""The share of blocks that hold noise alone, from which on all of them are looked at. Where there are
fewer, faint texture is among them."""


@dataclass(frozen=True)
class SignalDependence:
    """The variance of the noise over the brightness: variance = gain * brightness + offset.

    Parameters
    ----------
    gain : float
        Of the Poisson part, as `poisson-gaussian:gain=` takes it; 0 where the variance does not
        grow with the brightness, or too little to be sure.
    offset : float
        The variance at black; its root is the sigma of the rest.
    means, variances : tuple of float
        The points through which the line was laid: brightness, and variance of the noise.
    """

    gain: float
    offset: float
    means: tuple[float, ...] = ()
    variances: tuple[float, ...] = ()

    @property
    def sigma(self) -> float:
        """The standard deviation of the noise at black."""
        return float(max(self.offset, 0.0) ** 0.5)

    @property
    def depends(self) -> bool:
        """Whether the noise grows with the brightness."""
        return self.gain > 0


def measure_signal_dependence(windows: Sequence[NDArray[np.float32]]) -> SignalDependence:
    """Lay a line through the variance of the noise at each brightness.

    Blocks are sorted into bins by their mean; in each bin the quietest blocks tell the variance, as
    for :func:`ruis.noise.estimate.estimate_sigma`. The line is fitted by least squares with
    weights that fall with the variance, and once more without the points that lie far from it; where
    most blocks hold noise alone, then to the blocks themselves.

    Parameters
    ----------
    windows : sequence of numpy.ndarray
        Shape (rows, columns), float32 fractions of the data range, all alike.

    References
    ----------
    A. Foi, M. Trimeche, V. Katkovnik, K. Egiazarian, "Practical Poissonian-Gaussian noise modeling
    and fitting for single-image raw-data", IEEE Transactions on Image Processing, 2008,
    doi:10.1109/TIP.2008.2001399.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.linspace(0.1, 0.9, 512, dtype=np.float32) * np.ones((512, 1), np.float32)
    >>> noise = np.random.default_rng(0).standard_normal(ramp.shape, np.float32)
    >>> found = measure_signal_dependence([ramp + noise * np.sqrt(0.01 * ramp)])
    >>> round(found.gain, 3), found.sigma < 0.01
    (0.01, True)
    """
    if min(windows[0].shape) < SIDE + 4:
        return SignalDependence(0.0, 0.0)
    variances, clipped, means = noisy_blocks(windows, SIDE)
    usable = np.isfinite(variances) & (clipped <= CLIPPED)
    variances, means = variances[usable], means[usable]
    bins = min(MOST, variances.size // LEAST)
    if not bins:
        return SignalDependence(0.0, float(np.median(variances)) if variances.size else 0.0)
    freedom = freedom_of(SIDE)
    order = np.argsort(means, kind="stable")
    groups = np.array_split(order, bins)
    across = np.array([means[group].mean(dtype=np.float64) for group in groups])
    slope, level = 0.0, 1.0
    for _ in range(3):  # the darker blocks of a bin are quieter for that alone: it is allowed for
        expected = np.maximum(slope * means + level, 0.05 * (slope + level))
        alike = np.maximum(slope * across + level, 0.05 * (slope + level))
        found = alike * [flat_variance(variances[g] / expected[g], freedom) for g in groups]
        if bins < 3 or not found.all():
            break
        slope, level, error = _line(across, found)
        slope, level = (slope, level) if slope > 0 else (0.0, 1.0)
    points = tuple(across.tolist()), tuple(found.tolist())
    flat = float(np.median(found))
    if bins < 3 or across[-1] - across[0] < NARROW or flat <= 0:
        return SignalDependence(0.0, flat, *points)
    fitted = _line(across, found)
    gain, offset, error = _refined(means, variances, freedom, fitted) or fitted
    if gain < SURE * error or gain * (across[-1] - across[0]) < 0.25 * flat:
        return SignalDependence(0.0, flat, *points)
    if offset < 0:  # light cannot be less certain than its own quanta make it
        weights = 1 / np.maximum(found, 1e-12) ** 2
        gain, offset = float((weights * across * found).sum() / (weights * across**2).sum()), 0.0
    return SignalDependence(gain, offset, *points)


def _refined(
    means: NDArray[np.float32],
    variances: NDArray[np.float32],
    freedom: float,
    begun: tuple[float, float, float],
) -> tuple[float, float, float] | None:
    """Fit the line once more, to all blocks that look like noise alone, if most of them do.

    These are the blocks whose variance is below a quantile of what noise alone would show; texture
    is above it. What is cut off of the noise with it is known, and allowed for.

    Returns
    -------
    tuple of float, or None
        Slope, level and the slope's standard error.
    """
    slope, level, _ = begun
    x, y = means.astype(np.float64), variances.astype(np.float64)
    floor = 0.05 * max(level, level + slope * float(x.max()))
    if floor <= 0:
        return None
    spread = np.inf
    for _ in range(ROUNDS):
        line = np.maximum(slope * x + level, floor)
        share = _noise_share(y / line, freedom)
        end = noise_quantile(share, freedom)
        kept = y / line <= end
        if kept.sum() < LEAST or np.ptp(x[kept]) < NARROW:
            return None
        left = share_below(end * freedom / (freedom + 2), freedom + 2) / share
        weights = 1 / line[kept] ** 2
        slope, level, spread = _weighted_line(x[kept], y[kept] / left, weights)
    line = np.maximum(slope * x + level, floor)
    if np.mean(y / line <= noise_quantile(0.5, freedom)) < 0.5 * MOSTLY:
        return None
    return slope, level, float((OVERLAP * 2 / freedom / spread) ** 0.5)


def _noise_share(ratio: NDArray[np.float64], freedom: float) -> float:
    """Return the largest share below which blocks are spread as noise alone would be."""
    below = [int((ratio <= noise_quantile(share, freedom)).sum()) for share in SHARES]
    for share, count in zip(SHARES[:0:-1], below[:0:-1], strict=True):
        expected = below[0] * share / SHARES[0]
        if count <= 1.1 * expected + 2 * expected**0.5:
            return share
    return SHARES[0]


def _weighted_line(
    x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Fit y = slope * x + level by least squares; with the weighted spread of x."""
    centre, height = np.average(x, weights=weights), np.average(y, weights=weights)
    spread = float((weights * (x - centre) ** 2).sum())
    slope = float((weights * (x - centre) * (y - height)).sum() / spread)
    return slope, float(height - slope * centre), spread


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Fit y = slope * x + offset, points far from it left out; with the slope's standard error."""
    scale = np.maximum(y, 0.05 * y.max())
    weights = 1 / scale**2
    for _ in range(6):
        slope, offset, spread = _weighted_line(x, y, weights)
        away = (y - slope * x - offset) / scale
        typical = max(1.4826 * float(np.median(np.abs(away))), 1e-6)
        scale = np.maximum(np.abs(slope * x + offset), 0.05 * y.max())
        # what texture adds is only ever more: points above the line are trusted less
        trust = np.where(
            away > 0, 1 / (1 + (away / (1.5 * typical)) ** 2), 1 / (1 + (away / (3 * typical)) ** 2)
        )
        weights = trust / scale**2
    residual = (weights * (y - slope * x - offset) ** 2).sum() / weights.sum()
    error = (residual * weights.sum() / max(len(x) - 2, 1) / spread) ** 0.5
    return slope, offset, float(error)
