"""Supervised: the clean picture is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from ruis.objectives.base import Example, Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Supervised"]


class Supervised(Objective):
    """The output shall be the clean picture; what is best where clean pictures can be had.

    References
    ----------
    K. Zhang, W. Zuo, Y. Chen, D. Meng and L. Zhang, Beyond a Gaussian denoiser: residual learning
    of deep CNN for image denoising, 2017, doi:10.1109/TIP.2017.2662206.

    Examples
    --------
    >>> noisy, clean = np.ones((2, 8, 8, 1), np.float32)
    >>> Supervised().example(noisy, clean, np.random.default_rng(0))[1] is clean
    True
    """

    name: Literal["supervised"] = "supervised"
    needs: ClassVar[tuple[str, ...]] = ("clean",)
    assumes: ClassVar[str] = "nothing: clean pictures show what noise is"
    stops_early: ClassVar[bool] = True

    def example(
        self,
        noisy: NDArray[np.float32],
        other: NDArray[np.float32] | None,
        rng: np.random.Generator,
    ) -> Example:
        """Pair the noisy crop with the clean one; see :meth:`Objective.example`."""
        assert other is not None
        return noisy, other
