"""Which of the values that an image could hold does it use?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Levels", "measure_levels"]


@dataclass(frozen=True)
class Levels:
    """Values that an image uses.

    Parameters
    ----------
    bits : int or None
        The bits that its values need, when what all have in common is left out; None for floats.
    dark, bright : float
        The share of pixels at the lowest and at the highest value of the range, 0..1.
    """

    bits: int | None
    dark: float
    bright: float


def measure_levels(windows: Sequence[NDArray[Any]], data_range: tuple[float, float]) -> Levels:
    """Count the bits that are used, and the pixels that are clipped.

    Parameters
    ----------
    windows : sequence of numpy.ndarray
        Stored values, any shape.
    data_range : tuple of float
        The stored values that mean black and white.

    Examples
    --------
    >>> import numpy as np
    >>> twelve = (np.arange(4096, dtype=np.uint16) << 4).reshape(64, 64)
    >>> measure_levels([twelve], (0.0, 65535.0)).bits
    12
    """
    total = sum(window.size for window in windows)
    low, high = data_range
    dark, bright = (
        sum(int((window == end).sum()) for window in windows) / total for end in (low, high)
    )
    if windows[0].dtype.kind == "f":  # they may go beyond their range, and then nothing was clipped
        dark = 0.0 if any(bool((window < low).any()) for window in windows) else dark
        bright = 0.0 if any(bool((window > high).any()) for window in windows) else bright
    return Levels(_bits(windows), dark, bright)


def _bits(windows: Sequence[NDArray[Any]]) -> int | None:
    kind = windows[0].dtype.kind
    if kind == "b":
        return 1
    if kind not in "ui":
        return None
    values = np.unique(np.concatenate([np.unique(window) for window in windows]))
    steps = [int(after) - int(before) for before, after in pairwise(values)]
    if not steps:
        return 0
    step = math.gcd(*steps)
    return ((int(values[-1]) - int(values[0])) // step).bit_length()
