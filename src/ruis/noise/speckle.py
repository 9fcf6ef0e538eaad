"""Speckle: multiplicative noise."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from ruis.noise import Amount, NoiseModel, between, fixed

__all__ = ["Speckle"]


@final
class Speckle(NoiseModel):
    """Noise in proportion to the signal: clean * (1 + sigma * Gaussian), as after many looks.

    Parameters
    ----------
    sigma : float or (float, float)
        Standard deviation, as a fraction of the clean value; or a range to draw it from.

    References
    ----------
    J. W. Goodman, "Some fundamental properties of speckle", Journal of the Optical Society of
    America, 1976, doi:10.1364/JOSA.66.001145.

    Examples
    --------
    >>> import numpy as np
    >>> Speckle(sigma=0.5).sigma_map(np.full((1, 1, 1), 0.5, np.float32)).item()
    0.25
    """

    example: ClassVar[str] = "speckle:0.1"
    name: Literal["speckle"] = "speckle"
    sigma: Annotated[Amount, between(0)]

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        noise = rng.standard_normal(clean.shape, dtype=np.float32)
        noise *= np.float32(fixed(self.sigma))
        noise += 1
        noise *= clean
        return noise

    def sigma_map(self, clean: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Return sigma * |clean|; None while sigma is a range."""
        return None if isinstance(self.sigma, tuple) else np.abs(clean) * np.float32(self.sigma)
