"""What does not fit into the range is cut off, as sensors and files do."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from ruis.noise import NoiseModel

__all__ = ["Clip"]


@final
class Clip(NoiseModel):
    """Values below black become black, values above white become white.

    It comes last: `gaussian:0.4+clip` is the noise of the Keras tutorials on denoising digits.

    Examples
    --------
    >>> import numpy as np
    >>> from ruis.noise import parse
    >>> clean = np.zeros((8, 8, 1), np.float32)
    >>> noisy = parse("gaussian:0.4+clip").add(clean, np.random.default_rng(0))
    >>> float(noisy.min())
    0.0
    """

    example: ClassVar[str] = "clip"
    name: Literal["clip"] = "clip"

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        return np.clip(clean, np.float32(0), np.float32(1))
