"""Folders -> (clean, noisy) patches -> batches.

Every batch is a function of (seed, epoch, step): no state, so a training may stop and go on
anywhere and sees what it would have seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import formats
from ruis.errors import ConfigError, EmptyDatasetError
from ruis.intensity import Intensity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.image import Image
    from ruis.noise import NoiseModel

__all__ = ["Patches", "Sample", "Validation", "find", "load", "pair", "split", "to_channels"]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Red, green and blue in gray: ITU-R BT.601, as the field's gray test sets were made."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Sample:
    """One training image in its stored dtype, with its noisy counterpart where there is one.

    Parameters
    ----------
    name : str
        The file's name.
    clean : numpy.ndarray
        Shape (rows, columns, channels).
    noisy : numpy.ndarray, optional
        The same shape and dtype; None where noise is added by a model.
    data_range : tuple of float, optional
        The stored values that mean black and white; default: those of the dtype.
    weight : float
        How often one of its pixels is visited, against those of other images.
    """

    name: str
    clean: NDArray[Any]
    noisy: NDArray[Any] | None = None
    data_range: tuple[float, float] | None = None
    weight: float = 1.0

    @property
    def scale(self) -> Intensity:
        """How its stored values become model values."""
        return Intensity.of(self.clean.dtype, self.data_range)


def find(folder: str | Path) -> list[Path]:
    """List the images in a folder, in the order of their names.

    Raises
    ------
    EmptyDatasetError
        If the folder is not there or holds no image of a format that ruis reads.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise EmptyDatasetError(f"{folder} is not a folder of images.")
    found = sorted(p for p in folder.iterdir() if p.is_file() and formats.is_image_name(p))
    if not found:
        raise EmptyDatasetError(f"{folder} holds no images of a format that ruis reads.")
    return found


def pair(clean: Sequence[Path], noisy: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Match clean and noisy files by name, whatever their suffix.

    Raises
    ------
    EmptyDatasetError
        If a file has no counterpart, or two have one name; the message names the first.
    """
    for paths in (clean, noisy):
        counts = Counter(path.stem for path in paths)
        twice = next((path for path in paths if counts[path.stem] > 1), None)
        if twice:
            raise EmptyDatasetError(f"two files are called {twice.stem}, one of them {twice}.")
    others = {path.stem: path for path in noisy}
    stems = {path.stem for path in clean}
    alone = [path for path in clean if path.stem not in others]
    alone += [path for path in noisy if path.stem not in stems]
    if alone:
        raise EmptyDatasetError(
            f"{len(alone)} files have no counterpart of the same name, the first: {alone[0]}."
        )
    return [(path, others[path.stem]) for path in clean]


def to_channels(image: Image, channels: int) -> NDArray[Any]:
    """Return an image's pixels, alpha dropped, with the channels that a network learns from.

    Parameters
    ----------
    image : Image
        Any image.
    channels : int
        1 turns RGB into gray (BT.601); 3 repeats gray three times.

    Raises
    ------
    ConfigError
        If the channels cannot be had from this image.
    """
    pixels = image.pixels[..., : image.channels]
    if image.channels == channels:
        return pixels
    if channels == 1 and image.info.colour == "rgb":
        scale = Intensity(pixels.dtype, image.info.data_range)
        return scale.from_unit((scale.to_unit(pixels) @ LUMA)[..., None])
    if channels == 3 and image.channels == 1:
        return np.repeat(pixels, 3, axis=2)
    raise ConfigError(
        f"{image.info.source} has {image.channels} channels; the network learns from {channels}."
    )


def load(
    clean: str | Path,
    channels: int,
    *,
    noisy: str | Path | None = None,
    exclude: Collection[str] = (),
    progress: Progress | None = None,
) -> list[Sample]:
    """Read a folder of clean images, or two folders of pairs.

    Parameters
    ----------
    clean : path
        The folder of clean images.
    channels : int
        The channels that the network learns from.
    noisy : path, optional
        The folder of their noisy counterparts, of the same names.
    exclude : collection of str
        Names of files to leave out.
    progress : callable, optional
        Called with (images read, images in all).

    Raises
    ------
    EmptyDatasetError
        If there is no image, or a pair is incomplete or differs in size.
    ConfigError
        If a name to leave out is not there.
    """
    paths = find(clean)
    pairs: list[tuple[Path, Path | None]] = [(path, None) for path in paths]
    if noisy is not None:
        pairs = list(pair(paths, find(noisy)))
    unknown = set(exclude) - {path.name for path in paths}
    if unknown:
        raise ConfigError(f"{clean} has no {min(unknown)!r} to leave out.")
    pairs = [(path, other) for path, other in pairs if path.name not in exclude]
    samples = []
    for count, (path, other) in enumerate(pairs, start=1):
        samples.append(_sample(path, other, channels))
        if progress:
            progress(count, len(pairs))
    return samples


def _sample(path: Path, other: Path | None, channels: int) -> Sample:
    image = formats.read(path)
    clean, data_range = to_channels(image, channels), image.info.data_range
    if other is None:
        return Sample(path.name, clean, None, data_range)
    image = formats.read(other)
    noisy = to_channels(image, channels)
    if (noisy.shape, noisy.dtype, image.info.data_range) != (clean.shape, clean.dtype, data_range):
        raise EmptyDatasetError(
            f"{path} and {other} are no pair: {clean.shape} {clean.dtype} "
            f"against {noisy.shape} {noisy.dtype}."
        )
    return Sample(path.name, clean, noisy, data_range)


def split(samples: Sequence[Sample], held_out: int, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Hold some samples out of training, the same ones for the same seed.

    Returns
    -------
    tuple of list of Sample
        (for training, for validation). With a single image, that image is both.
    """
    if len(samples) == 1:
        return list(samples), list(samples)
    order = np.random.default_rng([seed, 0x5EED]).permutation(len(samples))
    held = set(order[: min(held_out, max(1, len(samples) // 5))].tolist())
    training = [sample for i, sample in enumerate(samples) if i not in held]
    return training, [sample for i, sample in enumerate(samples) if i in held]


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
    seed : int
        Of everything random here.

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
        seed: int,
    ) -> None:
        self.samples = [s for s in samples if min(s.clean.shape[:2]) >= patch]
        if not self.samples:
            raise EmptyDatasetError(f"no training image is as large as a patch of {patch} pixels.")
        self.noise = noise
        self.patch = patch
        self.batch_size = batch
        self.takes_sigma = takes_sigma
        self.sigma_given = sigma_given
        self.seed = seed
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
            The network's input (batch, patch, patch, channels [+ sigma]) and the clean crops
            (batch, patch, patch, channels), float32.
        """
        crops = [self._crop(epoch, step, index) for index in range(self.batch_size)]
        inputs, targets = zip(*crops, strict=True)
        return np.stack(inputs), np.stack(targets)

    def _crop(self, epoch: int, step: int, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        rng = np.random.default_rng([self.seed, epoch, step, index])
        sample = self.samples[int(np.searchsorted(self._chances, rng.random()))]
        rows, columns, _ = sample.clean.shape
        top = int(rng.integers(rows - self.patch + 1))
        left = int(rng.integers(columns - self.patch + 1))
        window = np.s_[top : top + self.patch, left : left + self.patch]
        turn, mirrored = int(rng.integers(4)), bool(rng.integers(2))

        def cut(pixels: NDArray[Any]) -> NDArray[np.float32]:
            turned = np.rot90(pixels[window], turn)
            return sample.scale.to_unit(turned[:, ::-1] if mirrored else turned)

        clean = cut(sample.clean)
        other = None if sample.noisy is None else cut(sample.noisy)
        noisy, sigma = add_noise(clean, self.noise, rng, other)
        if rng.random() >= self.sigma_given:
            sigma = 0.0
        return (with_sigma(noisy, sigma) if self.takes_sigma else noisy), clean


def add_noise(
    clean: NDArray[np.float32],
    noise: NoiseModel | None,
    rng: np.random.Generator,
    noisy: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | float]:
    """Return (noisy, sigma): the pair's own noisy image, or a draw of the noise model.

    Sigma is a number, or a map of shape (rows, columns, 1), as a fraction of the range; 0 where it
    is not known.
    """
    if noise is None:
        assert noisy is not None
        return noisy, 0.0
    drawn = noise.sample(rng)
    sigma = drawn.sigma_map(clean)
    if sigma is not None and not np.isscalar(sigma):
        sigma = np.asarray(sigma, np.float32).mean(axis=2, keepdims=True)
    return drawn.add(clean, rng), 0.0 if sigma is None else sigma


def with_sigma(
    noisy: NDArray[np.float32], sigma: NDArray[np.float32] | float
) -> NDArray[np.float32]:
    """Append the sigma channel to an image of shape (rows, columns, channels)."""
    channel = np.broadcast_to(np.asarray(sigma, np.float32), (*noisy.shape[:2], 1))
    return np.concatenate([noisy, channel], axis=2)


class Validation:
    """Held-out crops with fixed noise, and the PSNR that a network reaches on them.

    Parameters
    ----------
    samples : sequence of Sample
        The held-out images; a centre crop of each is used.
    noise : NoiseModel, optional
        What is added; None where the samples are pairs.
    multiple : int
        Crops are multiples of this.
    takes_sigma : bool
        Whether the network has a sigma channel; it stays zero: validation is blind.
    seed : int
        Of the noise.
    side : int
        The longest side of a crop, in pixels.
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
    ) -> None:
        self.inputs: list[NDArray[np.float32]] = []
        self.clean: list[NDArray[np.float32]] = []
        for index, sample in enumerate(samples):
            window = _centre(sample.clean.shape, side, multiple)
            clean = sample.scale.to_unit(sample.clean[window])
            other = None if sample.noisy is None else sample.scale.to_unit(sample.noisy[window])
            rng = np.random.default_rng([seed, 0x7A11DA7E, index])
            noisy, _ = add_noise(clean, noise, rng, other)
            self.inputs.append(with_sigma(noisy, 0.0) if takes_sigma else noisy)
            self.clean.append(clean)

    def psnr(self, run: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> float:
        """Return the mean PSNR in dB that `run`, a batch to batch function, reaches."""
        from ruis.metrics.psnr import psnr

        results = [run(noisy[None])[0] for noisy in self.inputs]
        pairs = zip(self.clean, results, strict=True)
        return float(np.mean([psnr(clean, np.clip(result, 0, 1)) for clean, result in pairs]))


def _shape(sample: Sample) -> tuple[int, int, int]:
    rows, columns, channels = sample.clean.shape
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
