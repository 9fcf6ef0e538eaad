"""What the article claims, measured: what stacking loses, what pooling does, what is odd."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.anomaly import AnomalyDetector
from ruis.autoencoder import Autoencoder
from ruis.errors import EmptyDatasetError, EngineUnavailableError
from ruis.loop import Report
from ruis.mnist.data import hold_out, shuffled, unit, unshuffled
from ruis.mnist.lessons import TEST, TRAIN, add_noise, judged
from ruis.study import study

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.loop import Progress
    from ruis.mnist.data import Digits
    from ruis.mnist.presets import Preset
    from ruis.study import Trial

__all__ = [
    "CODE",
    "Odd",
    "Stacked",
    "filter_study",
    "odd_one",
    "stacking",
    "ways_down",
]

CODE = 32
"""The units of the bottleneck in the comparison of dense and convolutional."""

NETWORKS: dict[str, dict[str, Any]] = {
    "dense": {
        "name": "dense-autoencoder",
        "size": (28, 28),
        "hidden": (64, CODE),
        "activation": "elu",
    },
    "convolutional": {
        "name": "convolutional-autoencoder",
        "size": (28, 28),
        "filters": (16, 32),
        "bottleneck": CODE,
        "activation": "elu",
    },
}
"""About as many parameters: 105,392 and 120,769. ELU, because units of a code of ReLUs may die, and
two seeds are then further apart than two networks."""

FEWEST = 10
"""Images of the normal digit: a fifth of them sets the threshold."""

FILTERS = ((2, 1, 1), (4, 2, 2), (8, 4, 4), (16, 8, 8), (32, 16, 16), (64, 32, 32))


@dataclass(frozen=True, eq=False)
class Stacked:
    """How one network did, with the pixels in their places or shuffled.

    Parameters
    ----------
    network : {"dense", "convolutional"}
        Which.
    shuffled : bool
        Whether one permutation was applied to the pixels of all images.
    parameters, epochs : int
        The numbers that it learnt, and how often it saw all images.
    seconds : float
        The time that it learnt.
    psnr, ssim : float
        Means over the test images, pixels put back in their places; PSNR in dB.
    examples : numpy.ndarray
        What it made of the first ten test images, pixels in their places, (10, 28, 28, 1).
    """

    network: str
    shuffled: bool
    parameters: int
    epochs: int
    seconds: float
    psnr: float
    ssim: float
    examples: NDArray[np.float32]


def stacking(
    digits: Digits,
    *,
    noise: str | None = None,
    epochs: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Stacked, ...]:
    """Compare dense with convolutional: the same code, the same epochs, as many parameters.

    Parameters
    ----------
    digits : Digits
        The images.
    noise : str, optional
        What is to be removed; default: digits are to be reconstructed.
    epochs : int, default 10
        Of each training.
    seed : int, default 0
        Of weights, order, noise and the permutation.
    progress : callable, optional
        Called with a :class:`ruis.loop.Report`.

    Returns
    -------
    tuple of Stacked
        Dense and convolutional with pixels in their places, then both with shuffled pixels.
    """
    (x, _), _ = hold_out(digits)
    clean, test = unit(x), unit(digits.x_test)
    noisy = clean if noise is None else add_noise(clean, noise, seed, TRAIN)
    noisy_test = test if noise is None else add_noise(test, noise, seed, TEST)
    found = []
    for place, (mixed, name) in enumerate(
        (mixed, name) for mixed in (False, True) for name in NETWORKS
    ):

        def moved(images: NDArray[Any], *, there: bool = mixed) -> NDArray[Any]:
            return shuffled(images, seed) if there else images

        autoencoder = Autoencoder(NETWORKS[name], seed=seed)
        autoencoder.compile("adam", "binary_crossentropy")
        history = autoencoder.fit(
            moved(noisy), moved(clean), epochs=epochs, progress=_share(progress, place, 4)
        )
        result = autoencoder.predict(moved(noisy_test))
        result = unshuffled(result, seed) if mixed else result
        scores = judged(result, test, noisy_test)
        found.append(
            Stacked(
                name,
                mixed,
                autoencoder.model.count_params(),
                epochs,
                sum(epoch.seconds for epoch in history),
                scores.psnr,
                scores.ssim,
                result[:10],
            )
        )
    return tuple(found)


def filter_study(
    preset: Preset,
    digits: Digits,
    *,
    filters: tuple[tuple[int, ...], ...] = FILTERS,
    epochs: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Trial, ...]:
    """Teach the preset's network with ever more filters to denoise; see :func:`ruis.study.study`.

    Parameters
    ----------
    preset : Preset
        The network, which has filters, and how it learns.
    digits : Digits
        The images; networks are judged by those that are held out of the training set.
    filters : tuple of tuple of int
        What to try.
    epochs : int, default 5
        Of each training.
    seed : int, default 0
        Of weights, order and noise.
    progress : callable, optional
        Called with a :class:`ruis.loop.Report`.
    """
    base = dict(preset.architecture)
    if any(len(some) != len(base["filters"]) for some in filters):
        base["decoder_padding"] = None  # it has a word for each level, and there are others now
    networks = {
        "-".join(map(str, some)): {**base, "filters": some, "decoder": None} for some in filters
    }
    return _compare(networks, preset, digits, epochs, seed, progress)


def ways_down(
    preset: Preset,
    digits: Digits,
    *,
    epochs: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Trial, ...]:
    """Teach the preset's network with each pooling, with strides, and with dropped borders."""
    base = {**preset.architecture, "decoder_padding": None}
    networks = {
        "max": {**base, "pooling": "max", "stride": 1},
        "average": {**base, "pooling": "average", "stride": 1},
        "sum": {**base, "pooling": "sum", "stride": 1},
        "stride": {**base, "pooling": "none", "stride": 2},
        "valid": {**base, "padding": "valid"},
    }
    return _compare(networks, preset, digits, epochs, seed, progress)


def _compare(
    networks: dict[str, dict[str, Any]],
    preset: Preset,
    digits: Digits,
    epochs: int,
    seed: int,
    progress: Progress | None,
) -> tuple[Trial, ...]:
    taught, held = hold_out(digits, preset.held_out)
    clean, judged = unit(taught.x), unit(held.x)
    return study(
        networks,
        (add_noise(clean, preset.noise, seed, TRAIN), clean),
        (add_noise(judged, preset.noise, seed), judged),
        epochs=epochs,
        batch_size=preset.batch,
        optimizer=preset.optimizer,
        learning_rate=preset.learning_rate,
        loss=preset.loss,
        seed=seed,
        progress=progress,
    )


@dataclass(frozen=True)
class Odd:
    """One digit is normal, all others are odd: how well each method tells them apart.

    Parameters
    ----------
    digit : int
        The normal one.
    autoencoder, pca, isolation_forest : float
        AUROC over the test set: 0.5 is a guess, 1 is perfect.
    seconds : float
        The time that the autoencoder learnt.
    """

    digit: int
    autoencoder: float
    pca: float
    isolation_forest: float
    seconds: float


def odd_one(
    preset: Preset, digits: Digits, digit: int, *, seed: int = 0, progress: Progress | None = None
) -> tuple[Odd, Autoencoder, AnomalyDetector]:
    """Learn one digit, and score all digits of the test set by their reconstruction error.

    Parameters
    ----------
    preset : Preset
        The network and how it learns: "detector", or another.
    digits : Digits
        The images.
    digit : int
        The normal one.
    seed : int, default 0
        Of everything random.
    progress : callable, optional
        Called with a :class:`ruis.loop.Report`.

    Returns
    -------
    Odd, Autoencoder, AnomalyDetector
        The figures, what learnt the digit, and the fitted detector.

    Raises
    ------
    EmptyDatasetError
        If there are fewer than ten training images of that digit.
    EngineUnavailableError
        If scikit-learn, which the others come from, is not installed.
    """
    try:
        from sklearn.decomposition import PCA
        from sklearn.ensemble import IsolationForest
        from sklearn.metrics import roc_auc_score
    except ImportError as error:
        raise EngineUnavailableError("Comparing detectors", "mnist") from error
    normal = unit(digits.x_train[digits.y_train == digit])
    if len(normal) < FEWEST:
        raise EmptyDatasetError(
            f"{len(normal)} of the training images from {digits.source} are a {digit}: "
            f"at least {FEWEST} are needed."
        )
    kept = len(normal) - len(normal) // 5  # the rest sets the threshold: it was not learnt from
    normal, held = normal[:kept], normal[kept:]
    test, odd = unit(digits.x_test), digits.y_test != digit
    autoencoder = Autoencoder(preset.architecture, seed=seed)
    autoencoder.compile(preset.optimizer, preset.loss, learning_rate=preset.learning_rate)
    settings: dict[str, Any] = {"batch_size": preset.batch, "progress": progress}
    if preset.reconstruct:
        autoencoder.fit(normal, normal, epochs=preset.reconstruct, **settings)
    if preset.denoise:
        noisy = add_noise(normal, preset.noise, seed, TRAIN)
        autoencoder.fit(noisy, normal, epochs=preset.denoise, **settings)
    detector = AnomalyDetector(autoencoder, score="mse", smoothing=1.0, border=0).fit(held)
    flat, flat_test = normal.reshape(len(normal), -1), test.reshape(len(test), -1)
    units = min(preset.architecture.get("bottleneck") or CODE, *flat.shape)
    pca = PCA(units, random_state=seed).fit(flat)
    distances = ((pca.inverse_transform(pca.transform(flat_test)) - flat_test) ** 2).mean(axis=1)
    forest = IsolationForest(random_state=seed).fit(flat)
    figures = [
        float(roc_auc_score(odd, scores))
        for scores in (
            detector.decision_function(test),
            distances,
            -forest.score_samples(flat_test),
        )
    ]
    seconds = sum(epoch.seconds for epoch in autoencoder.history)
    return Odd(digit, figures[0], figures[1], figures[2], seconds), autoencoder, detector


def _share(progress: Progress | None, done: int, parts: int) -> Progress | None:
    """Return a progress that counts for one of several parts."""
    if progress is None:
        return None
    tell = progress

    def told(report: Report) -> None:
        tell(replace(report, fraction=(done + report.fraction) / parts))

    return told
