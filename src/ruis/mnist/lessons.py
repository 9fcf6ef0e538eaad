"""Digits are taught to a network, phase by phase, and what it learnt is judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import ruis
from ruis import noise, processor
from ruis.autoencoder import Autoencoder, Fitted
from ruis.metrics.psnr import psnr
from ruis.metrics.ssim import ssim
from ruis.mnist.data import hold_out, unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.loop import Progress
    from ruis.mnist.data import Digits
    from ruis.mnist.presets import Preset
    from ruis.model_file import ModelFile

__all__ = ["Lesson", "Scores", "add_noise", "entropy", "judged", "score", "teach"]

TEST, TRAIN, HELD_OUT = 0, 1, 2
"""Which noise is drawn: that of each set depends on the seed and on nothing else."""

TERMS = "Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0"


@dataclass(frozen=True)
class Scores:
    """How close images come to the clean ones, on average.

    Parameters
    ----------
    images : int
        How many.
    noisy_psnr, noisy_ssim : float
        Of what went in: PSNR in dB, infinite where it is the clean image; SSIM.
    psnr, ssim : float
        Of what came out.
    loss : float
        The binary cross-entropy, whatever the network was taught with; it cannot fall below
        :func:`entropy` of the clean images.
    """

    images: int
    noisy_psnr: float
    noisy_ssim: float
    psnr: float
    ssim: float
    loss: float


@dataclass(frozen=True, eq=False)
class Lesson:
    """A network that was taught digits.

    Parameters
    ----------
    preset : Preset
        What was followed.
    seed : int
        Of weights, order and noise.
    autoencoder : Autoencoder
        The network after the last phase.
    reconstructing, denoising : tuple of Fitted
        The epochs of the two phases.
    reconstruction : Scores or None
        Of the test set after the first phase, clean to clean, if there was one.
    denoised : Scores or None
        Of the test set after the second, noisy to clean, if there was one.
    originals, reconstructions : numpy.ndarray
        The first ten test images and what the network made of them after the first phase, shape
        (10, 28, 28, 1), or none.
    images, held_out : int
        How many images each epoch learnt from, and was judged by.
    floor : float
        The entropy of those that it was judged by: their cross-entropy cannot fall below it.
    """

    preset: Preset
    seed: int
    autoencoder: Autoencoder
    reconstructing: tuple[Fitted, ...]
    denoising: tuple[Fitted, ...]
    reconstruction: Scores | None
    denoised: Scores | None
    originals: NDArray[np.float32]
    reconstructions: NDArray[np.float32] | None
    images: int
    held_out: int
    floor: float

    @property
    def seconds(self) -> float:
        """The time spent on learning, validation not counted."""
        return sum(epoch.seconds for epoch in (*self.reconstructing, *self.denoising))

    @property
    def images_per_second(self) -> float:
        """The rate of the median epoch."""
        epochs = (*self.reconstructing, *self.denoising)
        return self.images / float(np.median([epoch.seconds for epoch in epochs]))

    def save(self, path: str | Path, *, overwrite: bool = False) -> ModelFile:
        """Write the network as a model file; see :meth:`ruis.autoencoder.Autoencoder.save`."""
        preset, last = self.preset, (*self.reconstructing, *self.denoising)[-1]
        denoises = bool(self.denoising)
        steps = math.ceil(self.images / preset.batch)
        manifest = {
            "name": preset.name,
            "purpose": f"{'Denoises' if denoises else 'Reconstructs'} handwritten digits, 28x28.",
            "noise": str(noise.parse(preset.noise)) if denoises else "none",
            "limits": ["for digits of MNIST, white on black, and nothing else"],
            "data": [{"name": "MNIST", "terms": TERMS, "images": self.images + self.held_out}],
            "training": {
                "recipe": preset.model_dump(mode="json", exclude_none=True),
                "seed": self.seed,
                "minutes": round(self.seconds / 60, 2),
                "steps": steps * (len(self.reconstructing) + len(self.denoising)),
                "best_epoch": last.epoch,
                "validation_psnr": round(last.psnr, 3),
                "machine": processor.describe(),
                "versions": {"ruis": ruis.__version__},
            },
        }
        return self.autoencoder.save(path, manifest, overwrite=overwrite)


def teach(
    preset: Preset, digits: Digits, *, seed: int = 0, progress: Progress | None = None
) -> Lesson:
    """Teach a network to reconstruct digits, then to denoise them.

    Nothing is chosen by the test images: they are looked at once, at the end of each phase.

    Parameters
    ----------
    preset : Preset
        The network and how it learns.
    digits : Digits
        The images; the last of the training images are held out to judge epochs by.
    seed : int, default 0
        Of weights, order and noise.
    progress : callable, optional
        Called with a :class:`ruis.loop.Report`.

    Returns
    -------
    Lesson
        The network and its history.
    """
    taught, held = hold_out(digits, preset.held_out)
    clean, held_out, test = unit(taught.x), unit(held.x), unit(digits.x_test)
    autoencoder = Autoencoder(preset.architecture, seed=seed)
    autoencoder.compile(preset.optimizer, preset.loss, learning_rate=preset.learning_rate)
    settings: dict[str, Any] = {"batch_size": preset.batch, "progress": progress}
    reconstructing: tuple[Fitted, ...] = ()
    reconstruction = reconstructions = None
    if preset.reconstruct:
        reconstructing = autoencoder.fit(
            clean, clean, epochs=preset.reconstruct, validation=(held_out, held_out), **settings
        )
        reconstruction = score(autoencoder.predict, test, test)
        reconstructions = autoencoder.predict(test[:10])
    denoising: tuple[Fitted, ...] = ()
    denoised = None
    if preset.denoise:
        noisy = add_noise(clean, preset.noise, seed, TRAIN)
        noisy_held = add_noise(held_out, preset.noise, seed, HELD_OUT)
        denoising = autoencoder.fit(
            noisy, clean, epochs=preset.denoise, validation=(noisy_held, held_out), **settings
        )
        denoised = score(autoencoder.predict, test, add_noise(test, preset.noise, seed))
    return Lesson(
        preset,
        seed,
        autoencoder,
        reconstructing,
        denoising,
        reconstruction,
        denoised,
        test[:10],
        reconstructions,
        len(clean),
        len(held_out),
        entropy(held_out),
    )


def add_noise(
    clean: NDArray[np.float32], spec: str, seed: int, which: int = TEST
) -> NDArray[np.float32]:
    """Add noise to images, once.

    Parameters
    ----------
    clean : numpy.ndarray
        Shape (N, rows, columns, channels), float32 in [0, 1].
    spec : str
        As :func:`ruis.noise.parse` takes it; a range is drawn once for each image.
    seed, which : int
        Together they decide the noise.

    Returns
    -------
    numpy.ndarray
        The same shape.
    """
    model, rng = noise.parse(spec), np.random.default_rng([seed, which])
    noisy = [model.sample(rng).add(image, rng) for image in clean]
    return np.stack(noisy).astype(np.float32, copy=False)


def score(
    denoise: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    clean: NDArray[np.float32],
    noisy: NDArray[np.float32],
) -> Scores:
    """Judge what a network makes of noisy images.

    Parameters
    ----------
    denoise : callable
        (N, rows, columns, 1) to the same; it is given `noisy` and never sees `clean`.
    clean, noisy : numpy.ndarray
        Shape (N, rows, columns, 1), float32.

    Returns
    -------
    Scores
        Means over the images.
    """
    return judged(denoise(noisy), clean, noisy)


def judged(
    result: NDArray[np.float32], clean: NDArray[np.float32], noisy: NDArray[np.float32]
) -> Scores:
    """Judge what was made of noisy images already; see :func:`score`."""
    limited = np.clip(result, 0, 1)
    before = [(psnr(c, n), ssim(c, n)) for c, n in zip(clean, noisy, strict=True)]
    after = [(psnr(c, d), ssim(c, d)) for c, d in zip(clean, limited, strict=True)]
    noisy_psnr, noisy_ssim = np.mean(before, axis=0).tolist()
    mean_psnr, mean_ssim = np.mean(after, axis=0).tolist()
    loss = cross_entropy(clean, result)
    return Scores(len(clean), noisy_psnr, noisy_ssim, mean_psnr, mean_ssim, loss)


def cross_entropy(clean: NDArray[Any], result: NDArray[Any]) -> float:
    """Return the mean binary cross-entropy, clipped as Keras clips it, in nats."""
    p = np.clip(result.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(clean * np.log(p) + (1 - clean) * np.log1p(-p)))


def entropy(clean: NDArray[Any]) -> float:
    """Return the cross-entropy of a perfect reconstruction: the floor of that loss, in nats.

    Examples
    --------
    >>> import numpy as np
    >>> round(entropy(np.array([0.0, 0.5, 1.0])), 4) == round(float(np.log(2)) / 3, 4)
    True
    """
    return cross_entropy(clean, clean)
