"""Noise to noise: two noisy shots of one scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from ruis.objectives.base import Example, Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NoiseToNoise"]


class NoiseToNoise(Objective):
    """The output for one shot shall be the other shot: on average over noise that is its scene.

    Which of the two goes in is drawn for each crop.

    References
    ----------
    J. Lehtinen, J. Munkberg, J. Hasselgren, S. Laine, T. Karras, M. Aittala and T. Aila,
    Noise2Noise: learning image restoration without clean data, 2018, arXiv:1803.04189.

    Examples
    --------
    >>> first, second = np.zeros((2, 2, 2, 1), np.float32) + np.float32([[[[0]]], [[[1]]]])
    >>> inputs, target = NoiseToNoise().example(first, second, np.random.default_rng(0))
    >>> float(abs(inputs - target).max())
    1.0
    """

    name: Literal["noise-to-noise"] = "noise-to-noise"
    needs: ClassVar[tuple[str, ...]] = ("noisy", "second")
    assumes: ClassVar[str] = (
        "two shots of the same scene that do not move against each other, whose noise is "
        "independent and averages to nothing"
    )

    def example(
        self,
        noisy: NDArray[np.float32],
        other: NDArray[np.float32] | None,
        rng: np.random.Generator,
    ) -> Example:
        """Pair the shots, in either order; see :meth:`Objective.example`."""
        assert other is not None
        return (noisy, other) if rng.integers(2) else (other, noisy)
