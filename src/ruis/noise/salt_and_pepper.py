"""Salt-and-pepper noise: values that are lost."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from ruis.noise import Amount, NoiseModel, between, fixed

__all__ = ["SaltAndPepper"]


@final
class SaltAndPepper(NoiseModel):
    """Some values, each channel on its own, become white (1.0) or black (0.0); the rest stays.

    Parameters
    ----------
    share : float or (float, float)
        The share of the values that is lost, 0 to 1; or a range to draw it from.
    salt : float or (float, float), default 0.5
        The share of white among the lost values, 0 to 1; or a range to draw it from.

    Examples
    --------
    >>> import numpy as np
    >>> clean = np.full((100, 100, 1), 0.5, np.float32)
    >>> noisy = SaltAndPepper(share=0.1).add(clean, np.random.default_rng(0))
    >>> round(float((noisy != clean).mean()), 2)
    0.1
    """

    example: ClassVar[str] = "salt-and-pepper:0.05"
    name: Literal["salt-and-pepper"] = "salt-and-pepper"
    share: Annotated[Amount, between(0, 1)]
    salt: Annotated[Amount, between(0, 1)] = 0.5

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        share, salt = np.float32(fixed(self.share)), np.float32(fixed(self.salt))
        chance = rng.random(clean.shape, dtype=np.float32)
        noisy = np.where(chance < share, np.float32(0), clean)
        noisy[chance < share * salt] = 1
        return noisy
