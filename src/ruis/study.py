"""How large must a network be? Teach several, and see what quality each reaches and what it costs.

"The more filters, the more features are found and the longer it takes: use as few as possible" is
good advice that names no number. This measures it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import architectures, dataset, examples, noise, survey
from ruis.autoencoder import Autoencoder
from ruis.errors import ConfigError
from ruis.loop import Report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.loop import Progress

    Pairs = tuple[NDArray[np.float32], NDArray[np.float32]]

__all__ = ["Trial", "crops", "smallest", "study"]


@dataclass(frozen=True)
class Trial:
    """What one network cost and how well it did.

    Parameters
    ----------
    name : str
        Which network.
    parameters : int
        The numbers that it learnt.
    kmac_per_pixel : float
        Thousands of multiplications per input pixel.
    seconds : float
        The time that it learnt.
    loss, psnr : float
        Of the validation images after the last epoch; the mean PSNR in dB.
    """

    name: str
    parameters: int
    kmac_per_pixel: float
    seconds: float
    loss: float
    psnr: float


def study(
    networks: Mapping[str, Mapping[str, Any]],
    training: Pairs,
    validation: Pairs,
    *,
    epochs: int = 5,
    batch_size: int = 128,
    optimizer: Any = "adam",
    learning_rate: float | None = None,
    loss: Any = "mean_squared_error",
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Trial, ...]:
    """Teach several networks the same, one after the other.

    Parameters
    ----------
    networks : mapping of str to mapping
        Architectures by the names that they shall have in the result.
    training, validation : (numpy.ndarray, numpy.ndarray)
        Inputs and targets, each (N, rows, columns, channels), float32.
    epochs : int, default 5
        How many times each network sees the training images.
    batch_size : int, default 128
        Images per step.
    optimizer, learning_rate, loss : str or object, float, str or object
        As :meth:`ruis.autoencoder.Autoencoder.compile` takes them.
    seed : int, default 0
        Of weights and order, the same for all.
    progress : callable, optional
        Called with a :class:`ruis.loop.Report` whose fraction is that of the whole study.

    Returns
    -------
    tuple of Trial
        In the order of `networks`.

    Raises
    ------
    ConfigError
        If there is no network, or one makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((64, 8, 8, 1), dtype=np.float32)
    >>> networks = {
    ...     str(n): {"name": "dense-autoencoder", "size": [8, 8], "hidden": [n]} for n in (2, 48)
    ... }
    >>> small, large = study(networks, (images, images), (images, images), epochs=3, batch_size=8)
    >>> small.parameters < large.parameters
    True
    """
    if not networks:
        raise ConfigError("a study needs at least one network.")
    parsed = {name: architectures.parse(network) for name, network in networks.items()}
    tell = progress or (lambda report: None)
    trials: list[Trial] = []
    for place, (name, architecture) in enumerate(parsed.items()):

        def told(report: Report, done: int = place) -> None:
            tell(replace(report, fraction=(done + report.fraction) / len(parsed)))

        autoencoder = Autoencoder(architecture, seed=seed)
        autoencoder.compile(optimizer, loss, learning_rate=learning_rate)
        history = autoencoder.fit(
            *training,
            epochs=epochs,
            batch_size=batch_size,
            validation=validation,
            progress=told,
        )
        trials.append(
            Trial(
                name,
                sum(math.prod(shape) for shape in architecture.tensors.values()),
                architecture.kmac_per_pixel,
                sum(epoch.seconds for epoch in history),
                history[-1].validation_loss,
                history[-1].psnr,
            )
        )
    return tuple(trials)


def smallest(trials: Sequence[Trial], psnr: float) -> Trial | None:
    """Return the network with the fewest multiplications that reaches a PSNR, or None.

    Parameters
    ----------
    trials : sequence of Trial
        From :func:`study`.
    psnr : float
        The wanted quality, in dB.

    Examples
    --------
    >>> trials = [Trial("large", 90, 9.0, 2, 0, 30.0), Trial("small", 10, 1.0, 1, 0, 29.9)]
    >>> smallest(trials, 29.5).name, smallest(trials, 31)
    ('small', None)
    """
    enough = [trial for trial in trials if trial.psnr >= psnr]
    return min(enough, key=lambda trial: (trial.kmac_per_pixel, trial.parameters), default=None)


def crops(
    folder: str | Path,
    spec: str,
    *,
    channels: int = 1,
    patch: int = 64,
    count: int = 1024,
    seed: int = 0,
) -> tuple[Pairs, Pairs]:
    """Cut noisy and clean crops from a folder of clean images, for training and for validation.

    Parameters
    ----------
    folder : path
        The clean images.
    spec : str
        The noise to add, as :func:`ruis.noise.parse` takes it; in fractions of what the images use,
        where that is far from what their files can hold.
    channels : int, default 1
        Of the crops.
    patch : int, default 64
        Their side, in pixels.
    count : int, default 1024
        How many there are for training; a quarter as many come from held-out images.
    seed : int, default 0
        Which crops are cut, and of the noise.

    Returns
    -------
    tuple
        (noisy, clean) for training and (noisy, clean) for validation, (N, patch, patch, channels).

    Raises
    ------
    EmptyDatasetError
        If there is no image as large as a crop.
    """
    model = noise.parse(spec)
    white = survey.look(Path(folder), None).white
    training, held_out = dataset.split(dataset.load(folder, channels, white=white), 16, patch)
    sets = []
    for part, (samples, size) in enumerate(((training, count), (held_out, max(1, count // 4)))):
        patches = examples.Patches(
            samples,
            model,
            patch=patch,
            batch=size,
            takes_sigma=False,
            sigma_given=0,
            seed=seed,
        )
        sets.append(patches.batch(part, 0))
    return sets[0], sets[1]
