"""Everything that the report tells, computed once, whatever the language."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import features
from ruis.errors import EmptyDatasetError
from ruis.keras_backend import load_keras
from ruis.mnist.data import unit
from ruis.mnist.experiments import (
    Odd,
    Stacked,
    filter_study,
    odd_one,
    stacking,
)
from ruis.mnist.lessons import Lesson, add_noise, teach
from ruis.mnist.presets import get

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.autoencoder import Autoencoder
    from ruis.loop import Progress
    from ruis.mnist.data import Digits
    from ruis.mnist.presets import Preset
    from ruis.study import Trial

__all__ = [
    "Amount",
    "Looks",
    "Oddities",
    "Results",
    "Steps",
    "compute",
    "looks",
    "oddities",
    "steps",
]


@dataclass(frozen=True)
class Amount:
    """How much is computed for a report.

    Parameters
    ----------
    dense : int
        Epochs of the dense autoencoder.
    stacking : int
        Epochs of each network in the comparison of dense and convolutional.
    study : int
        Epochs of each network in the study of filters.
    shares : tuple of float
        The networks of that study: the filters of the preset's, times these.
    anomaly : int
        Epochs of the anomaly detector.
    """

    dense: int = 20
    stacking: int = 10
    study: int = 5
    shares: tuple[float, ...] = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4)
    anomaly: int = 30


@dataclass(frozen=True, eq=False)
class Looks:
    """What a network looks for, on one digit.

    Parameters
    ----------
    digit : int
        Which it is.
    image : numpy.ndarray
        Shape (28, 28, 1).
    shapes : list of (str, (int, int, int))
        Every layer, and what it makes.
    weights : dict of str to int
        The numbers that a layer learnt, by its name.
    layer : str
        The first layer that has filters, if there is one.
    kernels : numpy.ndarray or None
        Its filters, (rows, columns, channels, filters).
    best : int
        The filter that finds both what fits it best and what fits it least.
    match : numpy.ndarray or None
        Where it fits, (28, 28).
    maps : dict of str to numpy.ndarray
        The feature maps of the layers with filters and of the poolings.
    """

    digit: int
    image: NDArray[np.float32]
    shapes: list[tuple[str, tuple[int, int, int]]]
    weights: dict[str, int]
    layer: str
    kernels: NDArray[np.float32] | None
    best: int
    match: NDArray[np.float32] | None
    maps: dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Steps:
    """What padding, stride, ReLU and pooling do to one digit and one filter.

    Parameters
    ----------
    same, valid : numpy.ndarray
        The filter's map with each padding.
    strides : dict of int to numpy.ndarray
        The maps by stride.
    rectified : numpy.ndarray
        `same` after ReLU.
    pooled : dict of str to numpy.ndarray
        `rectified` after pooling by "max", "average", "sum".
    wrong, right : float
        The average times the area, and the sum, of ones in a corner window of which one value is
        inside.
    """

    same: NDArray[np.float32]
    valid: NDArray[np.float32]
    strides: dict[int, NDArray[np.float32]]
    rectified: NDArray[np.float32]
    pooled: dict[str, NDArray[np.float32]]
    wrong: float
    right: float


@dataclass(frozen=True, eq=False)
class Oddities:
    """One digit is normal: the figures, and some digits with their heat maps.

    Parameters
    ----------
    odd : Odd
        AUROC of each method.
    images, again, heat : numpy.ndarray
        One of each digit, its reconstruction and its heat map, (10, 28, 28).
    normal, unusual : numpy.ndarray
        The scores of normal and of odd test digits.
    threshold : float
        Of the detector.
    above : float
        The share of the digits that it was fitted to that is above.
    """

    odd: Odd
    images: NDArray[np.float32]
    again: NDArray[np.float32]
    heat: NDArray[np.float32]
    normal: NDArray[np.float64]
    unusual: NDArray[np.float64]
    threshold: float
    above: float


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that the report tells; see :func:`compute`."""

    digits: Digits
    seed: int
    lesson: Lesson
    dense: Lesson
    hidden: Lesson | None
    stacked: tuple[Stacked, ...]
    looks: Looks
    steps: Steps
    trials: tuple[Trial, ...]
    wanted: float
    odd: Oddities
    noisy: NDArray[np.float32]
    denoised: NDArray[np.float32]
    seconds: float


def compute(
    preset: Preset,
    digits: Digits,
    *,
    amount: Amount | None = None,
    digit: int = 4,
    hidden: bool = False,
    seed: int = 0,
    progress: Callable[[str], Progress | None] = lambda part: None,
) -> Results:
    """Compute everything that the report tells.

    Parameters
    ----------
    preset : Preset
        The network of the report; it has filters, and learns both to reconstruct and to denoise.
    digits : Digits
        The images.
    amount : Amount, optional
        How much.
    digit : int, default 4
        The digit that is looked at closely, and that is normal to the anomaly detector.
    hidden : bool, default False
        Whether the network of the article's figure, with its code of 10 numbers, is taught as well.
    seed : int, default 0
        Of everything random.
    progress : callable, optional
        Called with the name of each part, returns what is called with the reports of that part.

    Returns
    -------
    Results
        For :class:`ruis.mnist.report.Report`.

    Raises
    ------
    EmptyDatasetError
        If one of the ten digits is not among the test images; nothing was taught then.
    """
    begun = time.perf_counter()
    for number in range(10):
        _first(digits, number)
    amount = amount or Amount()
    lesson = teach(preset, digits, seed=seed, progress=progress("lesson"))
    dense = get("dense").changed(reconstruct=amount.dense, denoise=0)
    test = unit(digits.x_test)
    noisy = add_noise(test, preset.noise, seed)[:10]
    looked = looks(lesson.autoencoder, digits, digit)
    trials = filter_study(
        preset,
        digits,
        filters=_scaled(preset.architecture["filters"], amount.shares),
        epochs=amount.study,
        seed=seed,
        progress=progress("study"),
    )
    figure = get("article-figure").changed(
        reconstruct=preset.reconstruct, denoise=preset.denoise, noise=preset.noise
    )
    return Results(
        digits,
        seed,
        lesson,
        teach(dense, digits, seed=seed, progress=progress("dense")),
        teach(figure, digits, seed=seed, progress=progress("hidden")) if hidden else None,
        stacking(digits, epochs=amount.stacking, seed=seed, progress=progress("stacking")),
        looked,
        steps(looked),
        trials,
        max(trial.psnr for trial in trials) - 0.5,
        oddities(
            get("detector").changed(reconstruct=amount.anomaly),
            digits,
            digit,
            seed=seed,
            progress=progress("anomaly"),
        ),
        noisy,
        lesson.autoencoder.predict(noisy),  # of the noisy ones: this is what the article got wrong
        time.perf_counter() - begun,
    )


def _scaled(filters: Sequence[int], shares: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    """Return fewer and more filters, at least one on each level."""
    scaled = (tuple(max(1, round(count * share)) for count in filters) for share in shares)
    return tuple(dict.fromkeys(scaled))


def looks(autoencoder: Autoencoder, digits: Digits, digit: int) -> Looks:
    """Look into a network with the first test image of a digit; see :class:`Looks`."""
    model, architecture = autoencoder.model, autoencoder.architecture
    chosen = _first(digits, digit)
    image = unit(digits.x_test[chosen : chosen + 1])[0]
    kernels = features.filters(model)
    layer = next(iter(kernels), "")
    found: Any = {"kernels": None, "match": None, "best": 0}
    if layer:
        fits = [
            features.match(image, kernels[layer][..., n]) for n in range(kernels[layer].shape[3])
        ]
        # The one that finds most, for and against: what ReLU takes away is then to be seen, too.
        best = int(np.argmax([min(fit.max(), -fit.min()) for fit in fits]))
        found = {"kernels": kernels[layer], "match": fits[best], "best": best}
    weights: dict[str, int] = {}
    for name, shape in architecture.tensors.items():
        key = name.partition("/")[0]
        weights[key] = weights.get(key, 0) + int(np.prod(shape))
    shapes = features.shapes(architecture, (image.shape[0], image.shape[1]))
    maps = {
        name: made
        for name, made in features.feature_maps(model, image).items()
        if made.shape[0] > 1 and name.startswith(("down", "pool"))
    }
    return Looks(digit, image, shapes, weights, layer, maps=maps, **found)


def _first(digits: Digits, digit: int) -> int:
    """Return the place of the first test image of a digit."""
    places = np.flatnonzero(digits.y_test == digit)
    if not len(places):
        raise EmptyDatasetError(
            f"no {digit} is among the {len(digits.y_test)} test images from {digits.source}: "
            "take another digit, or other data."
        )
    return int(places[0])


def steps(looked: Looks) -> Steps:
    """Let Keras' own layers, and our sum, work on a digit; see :class:`Steps`."""
    from ruis.architectures.keras_layers import sum_pooling

    keras = load_keras()
    ops, layers = keras.ops, keras.layers
    kernels = looked.kernels
    if kernels is None:  # a dense network has no filters: any will do to show what they do
        kernels = np.array([[1, 0, -1]] * 3, np.float32)[..., None, None]
    kernel = kernels[..., looked.best : looked.best + 1]

    def slid(stride: int = 1, padding: str = "same") -> Any:
        return ops.conv(looked.image[None], kernel, strides=stride, padding=padding)

    rectified = ops.relu(slid())
    pools = {
        "max": layers.MaxPooling2D(2),
        "average": layers.AveragePooling2D(2),
        "sum": sum_pooling()(2),
    }
    ones = np.ones((1, 3, 3, 1), np.float32)
    average = layers.AveragePooling2D(2, padding="same")(ones)
    whole = sum_pooling()(2, padding="same")(ones)
    return Steps(
        _flat(slid()),
        _flat(slid(padding="valid")),
        {stride: _flat(slid(stride)) for stride in (1, 2, 3)},
        _flat(rectified),
        {name: _flat(pool(rectified)) for name, pool in pools.items()},
        4 * float(_flat(average)[-1, -1]),
        float(_flat(whole)[-1, -1]),
    )


def _flat(batch: Any) -> NDArray[np.float32]:
    """Return the one map of a batch of one."""
    return np.asarray(batch, np.float32)[0, ..., 0]


def oddities(
    preset: Preset, digits: Digits, digit: int, *, seed: int = 0, progress: Progress | None = None
) -> Oddities:
    """Learn one digit, and look at all; see :class:`Oddities` and :func:`odd_one`."""
    places = [_first(digits, n) for n in range(10)]
    odd, autoencoder, detector = odd_one(preset, digits, digit, seed=seed, progress=progress)
    test = unit(digits.x_test)
    scores = detector.decision_function(test)
    images = test[places]
    again = autoencoder.predict(images)
    normal = digits.y_test == digit
    return Oddities(
        odd,
        images[..., 0],
        again[..., 0],
        detector.heat_maps(images),
        scores[normal],
        scores[~normal],
        detector.threshold_,
        float(np.mean(detector.labels_)),
    )
