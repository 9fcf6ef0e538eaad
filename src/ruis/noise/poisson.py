"""Poisson noise: the counting of photons."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from ruis.noise import Amount, NoiseModel, between, fixed

__all__ = ["Poisson"]


@final
class Poisson(NoiseModel):
    """Shot noise: each value is a count of photons, scaled back to the data range.

    The count is drawn from the exact Poisson distribution. Below zero there are no photons, so
    negative clean values come back as they are.

    Parameters
    ----------
    peak : float or (float, float)
        The mean number of photons where the clean value is 1.0; or a range to draw it from.
        Fewer photons, more noise: the variance is clean / peak.

    Examples
    --------
    >>> import numpy as np
    >>> noisy = Poisson(peak=4).add(np.ones((1, 3, 1), np.float32), np.random.default_rng(0))
    >>> (noisy * 4).ravel().tolist()  # whole photons
    [2.0, 0.0, 7.0]
    """

    example: ClassVar[str] = "poisson:peak=30"
    name: Literal["poisson"] = "poisson"
    peak: Annotated[Amount, between(1e-3, 1e9)]

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        peak = fixed(self.peak)
        counts = rng.poisson(np.maximum(clean, 0, dtype=np.float64) * peak)
        noisy: NDArray[np.float32] = (counts / peak).astype(np.float32)
        return np.where(clean < 0, clean, noisy)

    def sigma_map(self, clean: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Return sqrt(clean / peak); None while the peak is a range."""
        if isinstance(self.peak, tuple):
            return None
        return np.sqrt(np.maximum(clean, 0) / np.float32(self.peak), dtype=np.float32)
