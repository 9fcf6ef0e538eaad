"""Quantisation: too few levels."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from ruis.noise import NoiseModel, WholeAmount, between

__all__ = ["Quantisation"]


@final
class Quantisation(NoiseModel):
    """Values are clipped to 0..1 and rounded to the nearest of evenly spaced levels.

    Nothing is left to chance here, unless the number of levels is a range.

    Parameters
    ----------
    levels : int or (int, int), optional
        The number of levels, black and white included, 2 to 65536; or a range to draw it from.
    bits : int or (int, int), optional
        The same as 2**bits levels, 1 to 16. Give one of the two.

    References
    ----------
    W. R. Bennett, "Spectra of quantized signals", Bell System Technical Journal, 1948,
    doi:10.1002/j.1538-7305.1948.tb01340.x: the error is nearly uniform and white.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.linspace(0, 1, 5, dtype=np.float32).reshape(1, 5, 1)
    >>> Quantisation(levels=3).add(ramp + 0.01, np.random.default_rng(0)).ravel().tolist()
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """

    example: ClassVar[str] = "quantisation:bits=3..6"
    name: Literal["quantisation"] = "quantisation"
    levels: Annotated[WholeAmount, between(2, 65536)] | None = None
    bits: Annotated[WholeAmount, between(1, 16)] | None = None

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if (self.levels is None) == (self.bits is None):
            raise ValueError("give either levels or bits")
        return self

    def _steps(self) -> int | None:
        """Return the number of steps from black to white; None while it is a range."""
        count: Any = self.levels if self.bits is None else self.bits
        if isinstance(count, tuple):
            return None
        return int(count if self.bits is None else 2**count) - 1

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        steps = np.float32(self._steps() or 1)
        noisy = np.clip(clean, 0, 1)
        noisy *= steps
        np.rint(noisy, out=noisy)
        noisy /= steps
        return noisy

    def sigma_map(self, clean: NDArray[np.float32]) -> float | None:
        """Return step / sqrt(12), which holds over many pixels; None while a setting is a range."""
        steps = self._steps()
        return None if steps is None else 1 / (steps * math.sqrt(12))
