"""Neighbour to neighbour: two small pictures out of one noisy picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ruis.keras_backend import load_keras
from ruis.objectives.base import Example, Objective, Run, learner_class

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NeighbourToNeighbour"]

BESIDE = np.array([(0, 1), (0, 2), (1, 0), (1, 3), (2, 0), (2, 3), (3, 1), (3, 2)])
"""The pairs of neighbours in a square of 2x2 pixels, which are numbered in reading order."""


class NeighbourToNeighbour(Objective):
    """From each square of 2x2 pixels two neighbours are drawn: the output for the picture of the
    first shall be the picture of the second.

    The two scenes differ a little, where there is detail. So the network must also agree with
    itself: the difference between its output and the second picture shall be the difference
    between the same two samples of its output on the whole picture.

    Parameters
    ----------
    agreement : float
        How much that counts against the first demand.

    References
    ----------
    T. Huang, S. Li, X. Jia, H. Lu and J. Liu, Neighbor2Neighbor: self-supervised denoising from
    single noisy images, 2021, arXiv:2101.02824.

    Examples
    --------
    >>> noisy = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    >>> whole, picks = NeighbourToNeighbour().example(noisy, None, np.random.default_rng(0))
    >>> picks.shape, picks.sum(axis=(0, 1)).reshape(2, 4).sum(axis=1).tolist()
    ((2, 2, 8), [4.0, 4.0])
    """

    name: Literal["neighbour-to-neighbour"] = "neighbour-to-neighbour"
    agreement: float = Field(default=1.0, ge=0)

    needs: ClassVar[tuple[str, ...]] = ("noisy",)
    halves: ClassVar[bool] = True
    assumes: ClassVar[str] = (
        "noise that is independent from pixel to pixel and averages to nothing, and pictures whose "
        "neighbouring pixels are alike"
    )

    def example(
        self,
        noisy: NDArray[np.float32],
        other: NDArray[np.float32] | None,
        rng: np.random.Generator,
    ) -> Example:
        """Return the crop, and which two of each 2x2 pixels were drawn, as eight channels."""
        rows, columns = noisy.shape[0] // 2, noisy.shape[1] // 2
        drawn = BESIDE[rng.integers(len(BESIDE), size=(rows, columns))]
        picks = np.eye(4, dtype=np.float32)[drawn].reshape(rows, columns, 8)
        return noisy[: 2 * rows, : 2 * columns], picks

    def error(self, run: Run, inputs: NDArray[np.float32], target: NDArray[np.float32]) -> float:
        """Compare the output for the first neighbours with the second ones."""
        cells = _cells(inputs, np)
        first, second = _drawn(cells, target, np)
        return float(np.mean((second - run(first)) ** 2, dtype=np.float64))

    def learner(self, network: Any, loss: Any) -> Any:
        """Run the network on the picture of the first neighbours as well."""
        ops = load_keras().ops

        def compare(network: Any, whole: Any, picks: Any, denoised: Any) -> Any:
            first, second = _drawn(_cells(whole, ops), picks, ops)
            one, other = _drawn(_cells(ops.stop_gradient(denoised), ops), picks, ops)
            difference = ops.cast(network(first, training=True), "float32") - second
            disagreement = difference - (one - other)
            return ops.mean(ops.square(difference)) + self.agreement * ops.mean(
                ops.square(disagreement)
            )

        return learner_class()(network, compare), None


def _cells(images: Any, ops: Any) -> Any:
    """Return the squares of 2x2 pixels: (batch, rows / 2, columns / 2, 4, channels)."""
    corners = [images[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return ops.stack(corners, axis=3)


def _drawn(cells: Any, picks: Any, ops: Any) -> tuple[Any, Any]:
    """Return the pictures of the first and of the second neighbours."""
    return tuple(ops.sum(cells * picks[..., start : start + 4, None], axis=3) for start in (0, 4))
