"""White Gaussian noise in one rectangle of the image."""

from __future__ import annotations

from types import EllipsisType
from typing import Annotated, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from ruis.noise import Amount, NoiseModel, between, fixed

__all__ = ["Region"]


@final
class Region(NoiseModel):
    """White noise in a rectangle, and none elsewhere: noise that differs from place to place.

    Added to other noise (`gaussian:0.01+region:0.1`) it teaches a network what differs from place
    to place: rough spots on smooth surfaces, and sigma maps that are not the same everywhere. Such
    maps are after K. Zhang, W. Zuo, L. Zhang, FFDNet: toward a fast and flexible solution for CNN
    based image denoising, 2018, arXiv:1710.04026.

    Parameters
    ----------
    sigma : float or (float, float)
        Standard deviation within the rectangle, as a fraction of the data range; or a range to
        draw it from.
    height, width : float or (float, float)
        Its size, as a share of the image's rows and columns; drawn from 0.05 to 0.5 by default.
    row, column : float or (float, float)
        Where it lies: 0 at the first row or column, 1 at the last, and between in proportion.

    Examples
    --------
    >>> import numpy as np
    >>> clean = np.full((64, 64, 1), 0.5, np.float32)
    >>> region = Region(sigma=0.1, height=0.25, width=0.5, row=0, column=1)
    >>> noisy = region.add(clean, np.random.default_rng(0))
    >>> np.argwhere(noisy != clean)[:, :2].min(axis=0).tolist()
    [0, 32]
    """

    example: ClassVar[str] = "region:sigma=0.1"
    name: Literal["region"] = "region"
    sigma: Annotated[Amount, between(0)]
    height: Annotated[Amount, between(0, 1)] = (0.05, 0.5)
    width: Annotated[Amount, between(0, 1)] = (0.05, 0.5)
    row: Annotated[Amount, between(0, 1)] = (0.0, 1.0)
    column: Annotated[Amount, between(0, 1)] = (0.0, 1.0)

    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        noisy = clean.copy()
        inside = noisy[self._inside(clean.shape)]
        noise = rng.standard_normal(inside.shape, dtype=np.float32)
        inside += noise * np.float32(fixed(self.sigma))
        return noisy

    def sigma_map(self, clean: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Return sigma within the rectangle and 0 elsewhere; None while a setting is a range."""
        settings = (self.sigma, self.height, self.width, self.row, self.column)
        if any(isinstance(setting, tuple) for setting in settings):
            return None
        sigma = np.zeros_like(clean)
        sigma[self._inside(clean.shape)] = fixed(self.sigma)
        return sigma

    def _inside(self, shape: tuple[int, ...]) -> tuple[slice | EllipsisType, ...]:
        """Return where the rectangle is, at least one pixel large."""
        rows = _stretch(shape[-3], fixed(self.height), fixed(self.row))
        columns = _stretch(shape[-2], fixed(self.width), fixed(self.column))
        return (..., rows, columns, slice(None))


def _stretch(length: int, share: float, place: float) -> slice:
    """Return which part of an axis is taken: `share` of it, at `place` of what is left."""
    size = max(1, round(share * length))
    start = round(place * (length - size))
    return slice(start, start + size)
