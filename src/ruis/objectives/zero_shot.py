"""Zero shot: one noisy picture, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from ruis.keras_backend import load_keras
from ruis.objectives.base import Example, Objective, Run, learner_class

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ZeroShot"]


class ZeroShot(Objective):
    """The means of the two diagonals of each 2x2 pixels are two small pictures of one scene; the
    output for either shall be the other, and what the output for the whole picture becomes when
    it is made small in the same way.

    For one picture, and a network so small that it cannot learn its noise by heart.

    References
    ----------
    Y. Mansour and R. Heckel, Zero-shot Noise2Noise: efficient image denoising without any data,
    2023, arXiv:2303.11253.

    Examples
    --------
    >>> noisy = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    >>> whole, target = ZeroShot().example(noisy, None, np.random.default_rng(0))
    >>> whole is noisy, target is noisy
    (True, True)
    """

    name: Literal["zero-shot"] = "zero-shot"

    needs: ClassVar[tuple[str, ...]] = ("noisy",)
    halves: ClassVar[bool] = True
    assumes: ClassVar[str] = (
        "noise that is independent from pixel to pixel and averages to nothing, and enough of it "
        "to matter more than the finest detail"
    )

    def example(
        self,
        noisy: NDArray[np.float32],
        other: NDArray[np.float32] | None,
        rng: np.random.Generator,
    ) -> Example:
        """Return the crop, an even number of rows and columns of it, twice."""
        rows, columns = (length // 2 * 2 for length in noisy.shape[:2])
        if (rows, columns) != noisy.shape[:2]:
            noisy = noisy[:rows, :columns]
        return noisy, noisy

    def error(self, run: Run, inputs: NDArray[np.float32], target: NDArray[np.float32]) -> float:
        """Compare the output for either small picture with the other."""
        one, other = _diagonals(inputs)
        errors = [np.mean((run(a) - b) ** 2) for a, b in ((one, other), (other, one))]
        return float(np.mean(errors))

    def learner(self, network: Any, loss: Any) -> Any:
        """Run the network on both small pictures as well."""
        ops = load_keras().ops

        def compare(network: Any, whole: Any, target: Any, denoised: Any) -> Any:
            small = _diagonals(whole)
            results = [ops.cast(network(one, training=True), "float32") for one in small]
            later = _diagonals(ops.cast(denoised, "float32"))
            other = sum(
                ops.mean(ops.square(result - noisy))
                for result, noisy in zip(results, small[::-1], strict=True)
            )
            same = sum(
                ops.mean(ops.square(result - after))
                for result, after in zip(results, later, strict=True)
            )
            return (other + same) / 2

        return learner_class()(network, compare), None


def _diagonals(images: Any) -> tuple[Any, Any]:
    """Return the means of the two diagonals of each square of 2x2 pixels."""
    corners = [images[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    return (corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2
