"""Does the noise grow with the brightness? Its gain, and what is left in the dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ruis.noise.estimate import flat_variance, freedom_of, noisy_blocks

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
    weights that fall with the variance, and once more without the points that lie far from it.

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
    gain, offset, error = _line(across, found)
    if gain < SURE * error or gain * (across[-1] - across[0]) < 0.25 * flat:
        return SignalDependence(0.0, flat, *points)
    if offset < 0:  # light cannot be less certain than its own quanta make it
        weights = 1 / np.maximum(found, 1e-12) ** 2
        gain, offset = float((weights * across * found).sum() / (weights * across**2).sum()), 0.0
    return SignalDependence(gain, offset, *points)


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Fit y = slope * x + offset, points far from it left out; with the slope's standard error."""
    scale = np.maximum(y, 0.05 * y.max())
    weights = 1 / scale**2
    for _ in range(6):
        centre, level = np.average(x, weights=weights), np.average(y, weights=weights)
        spread = (weights * (x - centre) ** 2).sum()
        slope = float((weights * (x - centre) * (y - level)).sum() / spread)
        offset = float(level - slope * centre)
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
