"""How far from the truth may a denoised pixel be? A table, learnt by conformal prediction.

A denoiser errs more where it had more to remove, and where the scene has structure. Both are seen in
the noisy and the denoised image alone: the local spread of what was removed, and the local contrast of
what is left. Pixels are sorted by these two, and for each class the table holds the quantile of
|clean - denoised| / removed over images whose clean version was known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from ruis.record import Record
from ruis.surroundings import mean_around

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["REACH", "Calibration", "classify", "evidence"]

REACH = 4
"""Pixels around each pixel that are looked at, in each direction."""

FLOOR = 1.0 / 512
"""Added to what was removed, as a fraction of the range: where that is nothing, an error of half a
step of 8 bits is still possible."""

EDGES = (0.08, 0.125, 0.18, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0)
"""Contrast in units of what was removed: between these lie the classes."""

LEVELS = (2.0 / 255, 8.0 / 255, 20.0 / 255, 40.0 / 255)
"""What was removed, in fractions of the range: between these lie the classes of the other kind."""

Quantiles = tuple[float, ...]


class Calibration(Record):
    """What a model's errors were on images whose clean version was known.

    Parameters
    ----------
    coverage : float
        The share of pixels whose true value lies within the interval, 0..1.
    noise : str
        The noise that was on the images, as a spec, or "pairs".
    images, pixels : int
        How many images, and pixels of each, were looked at.
    quantiles : tuple of tuple of float
        For each class of what was removed, and in it for each class of contrast: half the width
        of the interval in units of what was removed.
    left_out : tuple of float
        The coverage of each image by a table that was made without it, in ascending order: what to
        expect of an image that is not among them.

    Raises
    ------
    ConfigError
        If the table has not the shape that this version reads.
    """

    coverage: float = Field(gt=0.5, lt=1)
    noise: str = Field(default="", max_length=10_000)
    images: int = Field(ge=1)
    pixels: int = Field(default=0, ge=0)
    quantiles: tuple[Quantiles, ...]
    left_out: tuple[float, ...] = Field(default=(), max_length=100_000)

    @model_validator(mode="after")
    def _shaped(self) -> Self:
        wanted = (len(LEVELS) + 1, len(EDGES) + 1)
        if len(self.quantiles) != wanted[0] or any(len(r) != wanted[1] for r in self.quantiles):
            raise ValueError(f"the table of quantiles needs {wanted[0]} rows of {wanted[1]}")
        if any(not 0 <= one < 1e6 for row in self.quantiles for one in row):
            raise ValueError("quantiles are at least 0")
        return self

    def half_width(
        self, noisy: NDArray[np.float32], denoised: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return half the width of the interval around each denoised value.

        Parameters
        ----------
        noisy, denoised : numpy.ndarray
            Shape (rows, columns, channels), float32 fractions of the data range.

        Returns
        -------
        numpy.ndarray
            The same shape, float32 fractions of the data range, at least 0.
        """
        import numpy as np

        removed, contrast = evidence(noisy, denoised)
        table = np.asarray(self.quantiles, np.float32)
        width: NDArray[np.float32] = table[classify(removed, contrast)] * removed
        return width


def evidence(
    noisy: NDArray[np.float32], denoised: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what was removed around each pixel, and the contrast that is left.

    Parameters
    ----------
    noisy, denoised : numpy.ndarray
        Shape (rows, columns, channels), float32 fractions of the data range.

    Returns
    -------
    tuple of numpy.ndarray
        The root of the local mean square of what was removed, plus a floor; and the local
        root mean square of the steps between neighbours of the denoised image, over 9x9 and 3x3
        pixels, fewer at the border. Both in fractions of the data range.
    """
    import numpy as np

    removed = np.sqrt(mean_around((noisy - denoised) ** 2, REACH)) + np.float32(FLOOR)
    steps = np.zeros_like(denoised)
    down, right = np.diff(denoised, axis=0) ** 2, np.diff(denoised, axis=1) ** 2
    steps[:-1] += down
    steps[1:] += down
    steps[:, :-1] += right
    steps[:, 1:] += right
    return removed, np.sqrt(mean_around(steps, 1))


def classify(
    removed: NDArray[np.float32], contrast: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the class of each pixel: of what was removed, and of its contrast beside that.

    Parameters
    ----------
    removed, contrast : numpy.ndarray
        From :func:`evidence`.
    """
    import numpy as np

    level = np.searchsorted(np.asarray(LEVELS, np.float32), removed)
    edge = np.searchsorted(np.asarray(EDGES, np.float32), contrast / removed)
    return level, edge
