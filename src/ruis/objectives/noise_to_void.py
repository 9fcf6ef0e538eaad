"""Noise to void: blind spots in single noisy images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ruis.keras_backend import load_keras
from ruis.noise.estimate import estimate_sigma
from ruis.noise.measure.signal import measure_signal_dependence
from ruis.objectives.base import Example, Objective, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["NoiseToVoid"]

LEAST = 0.7
"""The least share of its noise that a network removes."""

BEST_GUESS = 0.03
"""The variance of a guess's error is at least this share of the noise's: less is a slip of measuring."""


class NoiseToVoid(Objective):
    """Some pixels are hidden, and the output shall be what they held.

    A hidden pixel is replaced by one drawn from its neighbourhood, so that the network can guess
    its value only from what is around it: the scene, not its noise.

    The pixel itself is then worth something still. Where the guess has an error of variance e and
    the pixel one of s, the best mixture has (1/e + 1/s)**-1. At the end e + s is measured on hidden
    pixels of images that were held out, s is estimated from these images, and the network removes
    so much less of the noise that the mean PSNR is highest.

    Parameters
    ----------
    cell : int
        One pixel of each square of so many pixels a side is hidden.
    reach : int
        What replaces it lies within so many pixels of it in each direction.
    mask : str
        "point": the pixel alone. "horizontal:N" or "vertical:N": with it, the N pixels on either
        side of it in its row or column, for noise that they share. "square:N": all within N
        pixels. What they are replaced by is drawn from the whole crop.

    References
    ----------
    A. Krull, T.-O. Buchholz and F. Jug, Noise2Void: learning denoising from single noisy images,
    2019, arXiv:1811.10980; C. Broaddus, A. Krull, M. Weigert, U. Schmidt and G. Myers, Removing
    structured noise with self-supervised blind-spot networks, 2020,
    doi:10.1109/ISBI45749.2020.9098336, for masks of lines; E. Hoeck, T.-O. Buchholz, A. Brachmann,
    F. Jug and A. Freytag, N2V2: fixing Noise2Void checkerboard artifacts, 2022, arXiv:2211.08512,
    for leaving the pixel itself out of what may replace it; S. Laine, T. Karras, J. Lehtinen and
    T. Aila, High-quality self-supervised deep image denoising, 2019, arXiv:1901.10277, for what
    the pixel itself is worth.

    Examples
    --------
    >>> noisy = np.random.default_rng(0).random((16, 16, 1), np.float32)
    >>> inputs, target = NoiseToVoid(cell=8).example(noisy, None, np.random.default_rng(0))
    >>> int((inputs != noisy).sum()), target.shape
    (4, (16, 16, 2))
    """

    name: Literal["noise-to-void"] = "noise-to-void"
    cell: int = Field(default=5, ge=2, le=64)
    reach: int = Field(default=2, ge=1, le=32)
    mask: str = Field(
        default="point", pattern=r"^(point|(horizontal|vertical|square):[1-9][0-9]?)$"
    )

    blind_spot: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("noisy",)
    assumes: ClassVar[str] = (
        "noise that is independent from pixel to pixel, beyond what the mask hides, and averages to "
        "nothing"
    )

    def example(
        self,
        noisy: NDArray[np.float32],
        other: NDArray[np.float32] | None,
        rng: np.random.Generator,
    ) -> Example:
        """Hide pixels; the target has one more channel, 1 where it counts."""
        rows, columns = self._places(noisy.shape, rng)
        hidden = noisy.copy()
        if self.mask == "point":
            sources = self._neighbours(rows, columns, noisy.shape, rng)
            hidden[rows, columns] = noisy[sources]
        else:
            self._hide_around(hidden, noisy, rows, columns, rng)
        counts = np.zeros((*noisy.shape[:2], 1), np.float32)
        counts[rows, columns] = 1
        return hidden, np.concatenate([noisy, counts], axis=2)

    def _places(
        self, shape: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw one pixel in each cell."""
        lengths = shape[:2]
        sides = [min(self.cell, length) for length in lengths]  # a narrow image has cells, too
        tops, lefts = np.meshgrid(
            *(
                np.arange(0, length - side + 1, side)
                for length, side in zip(lengths, sides, strict=True)
            ),
            indexing="ij",
        )
        slack = [length % side for length, side in zip(lengths, sides, strict=True)]
        start = [rng.integers(left + 1) for left in slack]  # so that the cells lie elsewhere
        inside = [rng.integers(side, size=tops.shape) for side in sides]
        return (tops + start[0] + inside[0]).ravel(), (lefts + start[1] + inside[1]).ravel()

    def _neighbours(
        self,
        rows: NDArray[Any],
        columns: NDArray[Any],
        shape: tuple[int, ...],
        rng: np.random.Generator,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Draw a neighbour of each pixel, never the pixel itself."""
        width = 2 * self.reach + 1
        pick = rng.integers(width * width - 1, size=rows.shape)
        pick += pick >= width * width // 2  # the middle is the pixel itself
        down, right = np.divmod(pick, width)
        mirrored = []
        for at, step, length in (
            (rows, down - self.reach, shape[0]),
            (columns, right - self.reach, shape[1]),
        ):
            place = at + step
            place = np.where((place < 0) | (place >= length), at - step, place)
            mirrored.append(place.clip(0, length - 1))  # further than the image is long
        return mirrored[0], mirrored[1]

    def _hide_around(
        self,
        hidden: NDArray[np.float32],
        noisy: NDArray[np.float32],
        rows: NDArray[Any],
        columns: NDArray[Any],
        rng: np.random.Generator,
    ) -> None:
        """Replace each pixel, and those that share its noise, by any of the crop."""
        found = re.fullmatch(r"(horizontal|vertical|square):(\d+)", self.mask)
        assert found
        reach = int(found[2])
        steps = range(-reach, reach + 1)
        height, width = noisy.shape[:2]
        for down in (0,) if found[1] == "horizontal" else steps:
            for right in (0,) if found[1] == "vertical" else steps:
                at_row, at_column = rows + down, columns + right
                inside = (at_row >= 0) & (at_row < height) & (at_column >= 0) & (at_column < width)
                count = int(inside.sum())
                drawn = noisy[rng.integers(height, size=count), rng.integers(width, size=count)]
                hidden[at_row[inside], at_column[inside]] = drawn

    def error(self, run: Run, inputs: NDArray[np.float32], target: NDArray[np.float32]) -> float:
        """Compare with what was hidden: the true error, and the variance of the noise."""
        counts = target[..., -1:]
        difference = (target[..., :-1] - run(inputs)) * counts
        total = np.sum(difference**2, dtype=np.float64)
        return float(total / (np.sum(counts, dtype=np.float64) * difference.shape[-1]))

    def strength(
        self,
        run: Run,
        inputs: Sequence[NDArray[np.float32]],
        targets: Sequence[NDArray[np.float32]],
    ) -> float:
        """Weigh the network's guess against the noisy pixel; see :meth:`Objective.strength`.

        Only where each pixel has noise of its own: what others share is not measured well.
        """
        if self.mask != "point":
            return 1.0
        found = []
        for shown, target in zip(inputs, targets, strict=True):
            both, noise = self.error(run, shown[None], target[None]), _variance(target[..., :-1])
            if noise > 0:
                found.append((max(both - noise, BEST_GUESS * noise), noise))
        if not found:
            return 1.0
        guess, pixel = (np.array(each)[:, None] for each in zip(*found, strict=True))
        shares = np.linspace(LEAST, 1, 101)
        errors = shares**2 * guess + (1 - shares) ** 2 * pixel
        return float(shares[np.argmin(np.log(errors).mean(axis=0))])

    def learner(self, network: Any, loss: Any) -> Any:
        """Compare where pixels were hidden, by squares: what averages to the scene."""
        ops = load_keras().ops

        def hidden_squares(target: Any, denoised: Any) -> Any:
            counts = target[..., -1:]
            difference = (target[..., :-1] - ops.cast(denoised, "float32")) * counts
            total = ops.sum(ops.square(difference))
            return total / (ops.sum(counts) * difference.shape[-1])

        return network, hidden_squares


def _variance(noisy: NDArray[np.float32]) -> float:
    """Return the mean variance of the noise in an image; 0 if it is too small to tell."""
    found = []
    for plane in np.moveaxis(noisy, 2, 0):
        dependence = measure_signal_dependence([np.ascontiguousarray(plane)])
        if dependence.depends:
            found.append(dependence.gain * float(plane.mean()) + dependence.offset)
        else:
            found.append(estimate_sigma(plane) ** 2)
    return float(np.mean(found))
