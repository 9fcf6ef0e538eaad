"""Pictures that several tests are made of."""

from __future__ import annotations

import numpy as np


def noise(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Uniform noise over the whole range, always the same."""
    unit = np.random.default_rng(0).random(shape)
    if np.dtype(dtype).kind == "f":
        return unit.astype(dtype)
    return (unit * np.iinfo(dtype).max).astype(dtype)
