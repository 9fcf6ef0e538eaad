"""Training images -> batches of examples.

Every batch is a function of (seed, epoch, step): no state, so a training may stop and go on
anywhere and sees what it would have seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import EmptyDatasetError
from ruis.noise.jpeg import Jpeg
from ruis.objectives.supervised import Supervised
from ruis.resample import resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.dataset import Sample
    from ruis.noise import NoiseModel
    from ruis.objectives.base import Objective, Run

__all__ = ["Patches", "Shown", "Validation", "add_noise", "with_sigma"]

JPEG = Jpeg(quality=(60, 95))
"""What was done to most photographs before anyone denoises them."""

LEAST_ERROR = 1e-12
"""The mean squared error that counts where there is less: a blank image without an error shall not outweigh all others."""


class Patches:
    """Batches of random crops with their noise.

    Parameters
    ----------
    samples : sequence of Sample
        The training images; large ones are visited more often, pixel by pixel.
    noise : NoiseModel, optional
        What is added to the clean crops; None where the samples are pairs.
    patch, batch : int
        The side of a crop in pixels, and crops per batch.
    takes_sigma : bool
        Whether the network has a sigma channel.
    sigma_given : float
        The share of crops for which that channel holds sigma; else it holds 0.
    sigma_error : float, optional
        How far off that sigma is: the standard deviation of its logarithm. With it, noise whose sigma
        its model does not know is told as the crop has it, in all channels together; without, as 0.
    seed : int
        Of everything random here.
    zoom : tuple of float
        (how many times a crop is enlarged at least, and at most, the share of crops that are).
    compressed : float
        The share of crops that are compressed as JPEG, with their noise and without, alike.
    turned : bool
        Whether crops are turned by quarters and mirrored, each as often.
    objective : Objective, optional
        What makes examples of crops; default: supervised.

    Raises
    ------
    EmptyDatasetError
        If no image is as large as a patch.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        noise: NoiseModel | None,
        *,
        patch: int,
        batch: int,
        takes_sigma: bool,
        sigma_given: float,
        sigma_error: float | None = None,
        seed: int,
        zoom: tuple[float, float, float] = (1.0, 1.0, 0.0),
        compressed: float = 0.0,
        turned: bool = True,
        objective: Objective | None = None,
    ) -> None:
        self.samples = [s for s in samples if min(s.pixels.shape[:2]) >= patch]
        if not self.samples:
            raise EmptyDatasetError(f"no training image is as large as a patch of {patch} pixels.")
        self.noise = noise
        self.patch = patch
        self.batch_size = batch
        self.takes_sigma = takes_sigma
        self.sigma_given = sigma_given
        self.sigma_error = sigma_error
        self.seed = seed
        self.objective = objective or Supervised()
        self.zoom = zoom
        self.compressed = compressed
        self.turned = turned
        places = [
            sample.weight * (rows - patch + 1) * (columns - patch + 1)
            for sample, (rows, columns, _) in zip(
                self.samples, map(_shape, self.samples), strict=True
            )
        ]
        self._chances = np.cumsum(places) / np.sum(places)

    def batch(self, epoch: int, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one batch, the same for the same (seed, epoch, step).

        Returns
        -------
        tuple of numpy.ndarray
            The network's input (batch, patch, patch, channels [+ sigma]), float32, and what the
            objective compares its output with: the clean crops, if it is supervised.
        """
        crops = [self._crop(epoch, step, index) for index in range(self.batch_size)]
        inputs, targets = zip(*crops, strict=True)
        return np.stack(inputs), np.stack(targets)

    def _crop(self, epoch: int, step: int, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        rng = np.random.default_rng([self.seed, epoch, step, index])
        sample = self.samples[int(np.searchsorted(self._chances, rng.random()))]
        rows, columns, _ = sample.pixels.shape
        side = self._side(rng)
        top = int(rng.integers(rows - side + 1))
        left = int(rng.integers(columns - side + 1))
        window = np.s_[top : top + side, left : left + side]
        turn, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        if not self.turned:
            turn, mirrored = 0, False

        def cut(pixels: NDArray[Any]) -> NDArray[np.float32]:
            turned = np.rot90(pixels[window], turn)
            return sample.scale.to_unit(turned[:, ::-1] if mirrored else turned)

        if sample.clean is None:
            assert sample.noisy is not None
            second = None if sample.second is None else cut(sample.second)
            return self.objective.example(cut(sample.noisy), second, rng)
        clean = cut(sample.clean)
        if side != self.patch:
            clean = resized(clean, self.patch, self.patch)
        other = None if sample.noisy is None else cut(sample.noisy)
        noisy, sigma = add_noise(clean, self.noise, rng, other)
        told = rng.random() < self.sigma_given
        if self.compressed and rng.random() < self.compressed:
            jpeg = JPEG.sample(rng)
            noisy, clean = jpeg.add(noisy, rng), jpeg.add(clean, rng)
            sigma = _as_strong(sigma, float((noisy - clean).std()))
        if told and self.sigma_error is not None:
            known = float((noisy - clean).std()) if sigma is None else sigma
            sigma = known * math.exp(self.sigma_error * rng.standard_normal())
        if not told or sigma is None:
            sigma = 0.0
        inputs = with_sigma(noisy, sigma) if self.takes_sigma else noisy
        return self.objective.example(inputs, clean, rng)

    def _side(self, rng: np.random.Generator) -> int:
        """Draw how many pixels a side become a patch."""
        least, most, share = self.zoom
        if most == 1 or rng.random() >= share:
            return self.patch
        return math.ceil(self.patch / (least * math.pow(most / least, rng.random())))


def add_noise(
    clean: NDArray[np.float32],
    noise: NoiseModel | None,
    rng: np.random.Generator,
    noisy: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | float | None]:
    """Return (noisy, sigma): the pair's own noisy image, or a draw of the noise model.

    Sigma is a number, or a map of shape (rows, columns, 1), as a fraction of the range; of a pair 0,
    and None where the noise model does not know it. Of noise that depends on the scene it is a number: in a map
    the network would see the scene without its noise, which nobody can show it later.
    """
    if noise is None:
        assert noisy is not None
        return noisy, 0.0
    drawn = noise.sample(rng)
    sigma = drawn.sigma_map(clean)
    if isinstance(sigma, np.ndarray):
        elsewhere = drawn.sigma_map(np.full_like(clean, 0.5))
        if np.array_equal(sigma, np.asarray(elsewhere)):
            sigma = np.asarray(sigma, np.float32).mean(axis=2, keepdims=True)
        else:
            sigma = float(np.sqrt(np.mean(np.square(sigma))))
    return drawn.add(clean, rng), sigma


def _as_strong(
    sigma: NDArray[np.float32] | float | None, strength: float
) -> NDArray[np.float32] | float | None:
    """Return a known sigma for noise that has become weaker or stronger: its root mean square is `strength`."""
    if sigma is None:
        return None
    before = float(np.sqrt(np.mean(np.square(sigma))))
    return sigma * (strength / before) if before else sigma


def with_sigma(
    noisy: NDArray[np.float32], sigma: NDArray[np.float32] | float
) -> NDArray[np.float32]:
    """Append the sigma channel to an image of shape (rows, columns, channels)."""
    channel = np.broadcast_to(np.asarray(sigma, np.float32), (*noisy.shape[:2], 1))
    return np.concatenate([noisy, channel], axis=2)


@dataclass(frozen=True, eq=False)
class Shown:
    """The crop by which a person sees how training goes.

    Parameters
    ----------
    name : str
        The image that it is from.
    noisy : numpy.ndarray
        Shape (rows, columns, channels), float32, fractions of the data range.
    clean : numpy.ndarray, optional
        The same without noise, where it is known.
    """

    name: str
    noisy: NDArray[np.float32]
    clean: NDArray[np.float32] | None = None


class Validation:
    """Held-out examples with fixed noise, and how well a network does on them.

    Parameters
    ----------
    samples : sequence of Sample
        The held-out images; a centre crop of each is used.
    noise : NoiseModel, optional
        What is added to clean ones.
    multiple : int
        Crops are multiples of this.
    takes_sigma : bool
        Whether the network has a sigma channel; it stays zero: validation is blind.
    seed : int
        Of the noise.
    side : int
        The longest side of a crop, in pixels.
    objective : Objective, optional
        What makes examples of them; default: supervised.
    told : bool
        Whether it is told sigma all the same, as far as that is known: for networks that are never blind.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        noise: NoiseModel | None,
        *,
        multiple: int,
        takes_sigma: bool,
        seed: int,
        side: int = 256,
        objective: Objective | None = None,
        told: bool = False,
    ) -> None:
        self.objective = objective or Supervised()
        self.shown: Shown | None = None
        self.inputs: list[NDArray[np.float32]] = []
        self.targets: list[NDArray[np.float32]] = []
        self.bounded: list[bool] = []
        for index, sample in enumerate(samples):
            window = _centre(sample.pixels.shape, side, multiple)
            rng = np.random.default_rng([seed, 0x7A11DA7E, index])
            noisy, other, sigma = _unit(sample, window, noise, rng)
            if self.shown is None:
                clean = None if sample.clean is None else other
                self.shown = Shown(sample.name, noisy, clean)
            known = sigma if told and sigma is not None else 0.0
            inputs = with_sigma(noisy, known) if takes_sigma else noisy
            inputs, target = self.objective.example(inputs, other, rng)
            self.inputs.append(inputs)
            self.targets.append(target)
            self.bounded.append(sample.scale.bounded)

    def psnr(self, run: Run) -> float:
        """Return the mean PSNR in dB that `run`, a batch to batch function, reaches.

        Against the clean images, if the objective has them. Else against what it compares with,
        which is noisy: less, by the variance of that noise, and good to compare epochs by.
        """
        found = [self._error(run, index) for index in range(len(self.inputs))]
        return float(np.mean([-10 * math.log10(max(error, LEAST_ERROR)) for error in found]))

    def _error(self, run: Run, index: int) -> float:
        """Return the mean squared error on one example, its values limited as they are when they are stored."""

        def limited(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.clip(run(batch), 0, 1)

        judged = limited if self.objective.stops_early and self.bounded[index] else run
        return self.objective.error(judged, self.inputs[index][None], self.targets[index][None])

    def strength(self, run: Run) -> float:
        """Return the share of what `run` removes that is best removed; see `Objective.strength`."""
        return self.objective.strength(run, self.inputs, self.targets)


def _unit(
    sample: Sample,
    window: tuple[slice, slice],
    noise: NoiseModel | None,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.float32] | float | None]:
    """Return the noisy crop, the clean one or the second shot, as fractions of the range, and sigma if it is known."""

    def cut(pixels: NDArray[Any] | None) -> NDArray[np.float32] | None:
        return None if pixels is None else sample.scale.to_unit(pixels[window])

    clean, noisy = cut(sample.clean), cut(sample.noisy)
    if clean is None:
        assert noisy is not None
        return noisy, cut(sample.second), None
    made, sigma = add_noise(clean, noise, rng, noisy)
    return made, clean, sigma


def _shape(sample: Sample) -> tuple[int, int, int]:
    rows, columns, channels = sample.pixels.shape
    return rows, columns, channels


def _centre(shape: tuple[int, ...], side: int, multiple: int) -> tuple[slice, slice]:
    def middle(length: int) -> slice:
        size = min(length, side) // multiple * multiple
        if size == 0:
            raise EmptyDatasetError(
                f"a validation image of {shape[0]}x{shape[1]} pixels is too small for the "
                f"network, which needs multiples of {multiple}."
            )
        start = (length - size) // 2
        return slice(start, start + size)

    return middle(shape[0]), middle(shape[1])
