"""The figures of the article, from what was computed; the words come from the caller's texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ruis import figures
from ruis.metrics.psnr import psnr
from ruis.metrics.ssim import ssim
from ruis.mnist.data import shuffled, unit
from ruis.mnist.lessons import add_noise

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ruis.autoencoder import Fitted
    from ruis.mnist.data import Digits
    from ruis.mnist.experiments import Stacked
    from ruis.mnist.lessons import Lesson
    from ruis.mnist.results import Looks, Oddities, Results, Steps
    from ruis.mnist.texts import Texts
    from ruis.study import Trial

    Figures = dict[str, Figure]

__all__ = [
    "denoised",
    "of_lesson",
    "of_looks",
    "of_oddities",
    "of_results",
    "of_stacked",
    "of_steps",
    "of_trials",
    "phases",
]


def phases(lesson: Lesson) -> list[tuple[str, tuple[Fitted, ...]]]:
    """Return the phases that a lesson had, by name."""
    both = (("reconstruct", lesson.reconstructing), ("denoise", lesson.denoising))
    return [(name, epochs) for name, epochs in both if epochs]


def of_lesson(lesson: Lesson, texts: Texts) -> Figures:
    """Draw the curves of a lesson, and the first ten test digits as it left them."""
    drawn = _curves(lesson, texts)
    clean = lesson.originals
    if lesson.reconstructions is not None:
        drawn["reconstructed"] = _below(texts, clean, clean, lesson.reconstructions)
    if lesson.denoising:
        noisy = add_noise(clean, lesson.preset.noise, lesson.seed)
        drawn["noisy"] = figures.image_rows([(texts.words.noisy, noisy)])
        drawn["denoised"] = denoised(texts, clean, noisy, lesson.autoencoder.predict(noisy))
    return drawn


def denoised(
    texts: Texts,
    clean: NDArray[np.float32],
    noisy: NDArray[np.float32],
    result: NDArray[np.float32],
) -> Figure:
    """Draw noisy digits over the denoised ones, with PSNR and SSIM against the clean ones.

    Parameters
    ----------
    texts : Texts
        The words.
    clean, noisy, result : numpy.ndarray
        Shape (N, rows, columns, 1); `result` is what a model made of `noisy`.
    """
    return _below(texts, clean, noisy, result)


def _below(
    texts: Texts,
    clean: NDArray[np.float32],
    above: NDArray[np.float32],
    result: NDArray[np.float32],
) -> Figure:
    words, same = texts.words, above is clean
    captions = [_scores(texts, clean, np.clip(result, 0, 1))]
    captions.insert(0, [""] * len(clean) if same else _scores(texts, clean, above))
    rows = [
        (words.clean if same else words.noisy, above),
        (words.reconstruction if same else words.denoised, np.clip(result, 0, 1)),
    ]
    return figures.image_rows(rows, captions)


def _scores(texts: Texts, clean: NDArray[np.float32], images: NDArray[np.float32]) -> list[str]:
    return [
        f"{texts.number(psnr(c, i), 1)} dB\n{texts.number(ssim(c, i), 2)}"
        for c, i in zip(clean, images, strict=True)
    ]


def _curves(lesson: Lesson, texts: Texts) -> Figures:
    """Draw loss, PSNR and time over the epochs of both phases."""
    words = texts.words
    said = {"reconstruct": words.reconstructing, "denoise": words.denoising}
    losses: dict[str, tuple[list[float], list[float]]] = {}
    quality, timed = dict(losses), dict(losses)
    begun = 0.0
    for phase, epochs in phases(lesson):  # each by itself: noisy digits are another task
        at = [float(epoch.epoch) for epoch in epochs]
        passed = begun + np.cumsum([epoch.seconds for epoch in epochs])
        psnrs = [epoch.psnr for epoch in epochs]
        name = said[phase]
        losses[f"{name}: {words.training}"] = (at, [epoch.loss for epoch in epochs])
        losses[f"{name}: {words.validation}"] = (at, [epoch.validation_loss for epoch in epochs])
        quality[name] = (at, psnrs)
        timed[name] = (passed.tolist(), psnrs)
        begun = float(passed[-1])
    levels = None
    if lesson.preset.loss == "binary_crossentropy":
        levels = {words.floor: lesson.floor}
    return {
        "loss": figures.curves(losses, words.epoch, words.loss, levels=levels),
        "psnr": figures.curves(quality, words.epoch, words.psnr),
        "time": figures.curves(timed, words.seconds, words.psnr),
    }


def of_stacked(stacked: tuple[Stacked, ...], digits: Digits, seed: int, texts: Texts) -> Figures:
    """Draw what dense and convolutional give back, plain and shuffled."""
    words = texts.words
    first = unit(digits.x_test[:10])
    mixed = shuffled(first, seed)
    rows = [(f"{_named(one, texts)}", np.clip(one.examples, 0, 1)) for one in stacked]
    groups = {
        place: {
            getattr(words, one.network): one.psnr
            for one in stacked
            if one.shuffled == (place == words.shuffled)
        }
        for place in (words.plain, words.shuffled)
    }
    return {
        "shuffled": figures.image_rows([(words.plain, first), (words.shuffled, mixed)]),
        "stacked": figures.image_rows(rows),
        "stacked-psnr": figures.bars(groups, words.psnr),
    }


def _named(one: Stacked, texts: Texts) -> str:
    words = texts.words
    return f"{getattr(words, one.network)}, {words.shuffled if one.shuffled else words.plain}"


def of_looks(looks: Looks, texts: Texts) -> Figures:
    """Draw the cubes of a network, its filters, how one fits, and its feature maps."""
    drawn = {"cubes": figures.cubes(looks.shapes)}
    if looks.kernels is not None and looks.match is not None:
        drawn["filters"] = figures.filters(looks.kernels)
        pictures = np.stack([looks.image, _stretched(looks.match)[..., None]])
        drawn["match"] = figures.image_rows([("", pictures)])
    for name, maps in looks.maps.items():
        drawn[f"maps-{name}"] = figures.feature_maps(maps)
    return drawn


def _stretched(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values from their lowest, as 0, to their highest, as 1."""
    low, high = float(values.min()), float(values.max())
    stretched: NDArray[np.float32] = (values - low) / max(high - low, 1e-12)
    return stretched


def of_steps(steps: Steps, texts: Texts) -> Figures:
    """Draw what padding, stride, ReLU and pooling do to one map."""
    words = texts.words

    def side_by_side(**maps: NDArray[np.float32]) -> Figure:
        """Draw maps of different sizes, each pixel as large as in the others."""
        side = max(one.shape[0] for one in maps.values())
        padded = [
            np.pad(one, _margins(one.shape, side), constant_values=np.nan) for one in maps.values()
        ]
        titles = [f"{name.strip('_')}: {one.shape[0]}x{one.shape[1]}" for name, one in maps.items()]
        return figures.feature_maps(np.stack(padded, axis=2), titles)

    pooled = np.stack([_stretched(one)[..., None] for one in steps.pooled.values()])
    heights = [
        f"{getattr(words, {'max': 'maximum'}.get(name, name))}\n0 – {texts.number(one.max(), 2)}"
        for name, one in steps.pooled.items()
    ]
    return {
        "padding": side_by_side(same=steps.same, valid=steps.valid),
        "stride": side_by_side(**{str(n): one for n, one in steps.strides.items()}),
        "relu": side_by_side(linear=steps.same, ReLU=steps.rectified),
        "pooling": figures.image_rows([("", pooled)], [heights]),
    }


def _margins(shape: tuple[int, ...], side: int) -> list[tuple[int, int]]:
    return [((side - n) // 2, side - n - (side - n) // 2) for n in shape]


def of_trials(trials: tuple[Trial, ...], wanted: float, chosen: str | None, texts: Texts) -> Figure:
    """Draw quality against time, the smallest network that suffices marked."""
    words = texts.words
    points = [(trial.name, trial.seconds, trial.psnr) for trial in trials]
    return figures.quality_against_cost(
        points,
        words.seconds,
        words.psnr,
        wanted=wanted,
        wanted_label=f"{texts.number(wanted, 1)} dB",
        chosen=chosen,
    )


def of_oddities(odd: Oddities, texts: Texts) -> Figures:
    """Draw one digit of each kind with its heat map, and the scores of all."""
    words = texts.words
    marks = (words.normal, words.unusual)
    captions = [f"{n}\n{marks[int(n != odd.odd.digit)]}" for n in range(10)]

    def sorted_scores(scores: NDArray[np.float64]) -> tuple[list[float], list[float]]:
        shares = np.linspace(0, 100, len(scores))
        return shares.tolist(), np.sort(scores).tolist()

    series = {
        words.normal: sorted_scores(odd.normal),
        words.unusual: sorted_scores(odd.unusual),
    }
    return {
        "again": figures.image_rows(
            [(words.clean, odd.images), (words.reconstruction, np.clip(odd.again, 0, 1))]
        ),
        "heat": figures.heat_maps(odd.images, odd.heat, captions),
        "scores": figures.curves(
            series, f"{words.digits} (%)", words.score, levels={words.threshold: odd.threshold}
        ),
    }


def of_results(results: Results, texts: Texts, chosen: str | None) -> Figures:
    """Draw everything that the report shows, by name."""
    lesson = results.lesson
    clean = lesson.originals
    drawn = {
        "digits": figures.image_rows([("", clean)], [[str(n) for n in results.digits.y_test[:10]]]),
        "column": figures.stacked_column(results.looks.image),
        **of_lesson(lesson, texts),
        **of_stacked(results.stacked, results.digits, results.seed, texts),
        **of_looks(results.looks, texts),
        **of_steps(results.steps, texts),
        "study": of_trials(results.trials, results.wanted, chosen, texts),
        **of_oddities(results.odd, texts),
    }
    if results.dense.reconstructions is not None:
        drawn["dense"] = _below(texts, clean, clean, results.dense.reconstructions)
    drawn["denoised"] = denoised(texts, clean, results.noisy, results.denoised)
    return drawn
