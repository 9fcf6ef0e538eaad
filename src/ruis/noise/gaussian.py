"""Additive white Gaussian noise."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from ruis.noise import NoiseModel, Share, fixed

__all__ = ["Gaussian"]


@final
class Gaussian(NoiseModel):
    """Noise of the same strength everywhere, independent from value to value.

    Parameters
    ----------
    sigma : float or (float, float)
        Standard deviation, as a fraction of the data range; or a range to draw it from.

    Examples
    --------
    >>> import numpy as np
    >>> clean = np.full((64, 64, 1), 0.5, np.float32)
    >>> noisy = Gaussian(sigma=0.1).add(clean, np.random.default_rng(0))
    >>> round(float(noisy.std()), 2)
    0.1
    """

    example: ClassVar[str] = "gaussian:25/255"
    name: Literal["gaussian"] = "gaussian"
    sigma: Share

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        noise = rng.standard_normal(clean.shape, dtype=np.float32)
        noise *= np.float32(fixed(self.sigma))
        noise += clean
        return noise

    def sigma_map(self, clean: NDArray[np.float32]) -> float | None:
        """Return sigma, the same everywhere; None while it is a range."""
        return None if isinstance(self.sigma, tuple) else self.sigma
