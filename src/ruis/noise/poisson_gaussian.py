"""Poisson-Gaussian noise: what a sensor's raw values carry."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from ruis.noise import Amount, NoiseModel, between, fixed

__all__ = ["PoissonGaussian"]

_NO_GAIN = 1e-9
"""A gain below this counts as none: its shot noise is less than float32 can tell from 1.0 by far."""


@final
class PoissonGaussian(NoiseModel):
    """Shot noise that grows with the signal, and read noise that does not.

    The shot noise is drawn from the exact Poisson distribution, not from its Gaussian
    approximation. Negative clean values get read noise alone.

    Parameters
    ----------
    gain : float or (float, float)
        The part of the data range that one photon makes; or a range to draw it from. The shot
        noise has the variance gain * clean.
    sigma : float or (float, float)
        Standard deviation of the read noise, as a fraction of the data range; or a range.

    References
    ----------
    A. Foi, M. Trimeche, V. Katkovnik, K. Egiazarian, "Practical Poissonian-Gaussian noise modeling
    and fitting for single-image raw-data", IEEE Transactions on Image Processing, 2008,
    doi:10.1109/TIP.2008.2001399.

    Examples
    --------
    >>> import numpy as np
    >>> model = PoissonGaussian(gain=0.01, sigma=0.02)
    >>> model.sigma_map(np.full((1, 1, 1), 0.5, np.float32)).round(4).item()
    0.07349999994039536
    """

    example: ClassVar[str] = "poisson-gaussian:gain=0.01,sigma=0.02"
    name: Literal["poisson-gaussian"] = "poisson-gaussian"
    gain: Annotated[Amount, between(0, 1e3)]
    sigma: Annotated[Amount, between(0)]

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        gain, sigma = fixed(self.gain), fixed(self.sigma)
        noisy = rng.standard_normal(clean.shape, dtype=np.float32)
        noisy *= np.float32(sigma)
        if gain >= _NO_GAIN:
            counts = rng.poisson(np.maximum(clean, 0, dtype=np.float64) / gain)
            noisy += (counts * gain).astype(np.float32)
            noisy += np.minimum(clean, 0)
        else:
            noisy += clean
        return noisy

    def sigma_map(self, clean: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Return sqrt(gain * clean + sigma**2); None while a setting is a range."""
        if isinstance(self.gain, tuple) or isinstance(self.sigma, tuple):
            return None
        gain, read_variance = np.float32(self.gain), np.float32(self.sigma**2)
        sigma: NDArray[np.float32] = np.sqrt(np.maximum(clean, 0) * gain + read_variance)
        return sigma
