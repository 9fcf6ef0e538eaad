"""The article as one page: every figure and number from one run, in English or Dutch."""

from __future__ import annotations

import re
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

import ruis
from ruis import figures, processor
from ruis.mnist import drawings
from ruis.mnist.data import PACKAGE
from ruis.mnist.experiments import CODE
from ruis.mnist.page import Piece, figure, note, page, paragraph, section, table
from ruis.study import smallest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ruis.mnist.results import Results
    from ruis.mnist.texts import Section, Texts

__all__ = ["Report", "numbers"]

TOLERANCE = 0.5
"""In dB: a smaller difference between two trainings says nothing. Two that differ in their seed
alone, five epochs over 30,000 digits, were up to 0.4 dB apart."""

ORIGINAL = {"reconstruct": ("0.0993", 50), "denoise": ("0.1130", 100)}
"""The validation loss after so many epochs that the article's notebook shows."""


class Report:
    """The page, from results and texts.

    Parameters
    ----------
    results : Results
        What was computed.
    texts : Texts
        In which language.
    command : str
        What to type to make the page again.
    quick : bool, default False
        Whether little was learnt, so that the page is made in a minute; it says so.
    """

    def __init__(
        self, results: Results, texts: Texts, command: str, *, quick: bool = False
    ) -> None:
        self.quick = quick
        self.results = results
        self.texts = texts
        self.command = command
        found = smallest(results.trials, results.wanted)
        self.chosen = found
        with figures.decimal_mark(texts.decimal):
            self.figures: dict[str, Figure] = drawings.of_results(
                results, texts, found.name if found else None
            )

    def html(self) -> str:
        """Return the page."""
        texts, results = self.texts, self.results
        written: list[tuple[Section, list[Piece]]] = [
            (texts.data, self._data()),
            (texts.column, self._column()),
            (texts.stacking, self._stacking()),
            (texts.cubes, self._cubes()),
            (texts.features, self._features()),
            (texts.steps, self._steps()),
            (texts.training, self._training()),
            (texts.reconstruction, self._reconstruction()),
            (texts.noise, self._noise()),
            (texts.denoised, self._denoised()),
            (texts.study, self._study()),
            (texts.pretrained, [note(texts.pretrained.not_measured)]),
            (texts.anomaly, self._anomaly()),
            (texts.defects, self._defects()),
            (texts.again, self._again()),
        ]
        sections = [
            section(place, one.heading, [*map(self._text, self._said(one)), *pieces])
            for place, (one, pieces) in enumerate(written, start=1)
        ]
        made = texts.page.made.format(
            version=ruis.__version__,
            minutes=texts.number(results.seconds / 60, 1),
            processor=processor.describe(),
            seed=results.seed,
        )
        return page(
            texts.language,
            texts.page.title,
            [paragraph(one, "lead") for one in texts.page.lead]
            + [paragraph(texts.page.article, "quiet")]
            + [note(texts.page.quick)] * self.quick,
            texts.page.contents,
            [one.heading for one, _ in written],
            sections,
            [paragraph(made, "quiet")],
        )

    def _said(self, one: Section) -> tuple[str, ...]:
        """Return the paragraphs of a section: of the noise, those that are true of it."""
        if one is self.texts.noise and self._sigma() is None:
            return (self.texts.noise.other,)
        return one.text

    def _text(self, text: str) -> Piece:
        """Return a paragraph, with what every section may mention put in."""
        results = self.results
        known = {
            "units": CODE,
            "digit": results.looks.digit,
            "sigma": self._sigma(),
            "noise": results.lesson.preset.noise,
            "count": len(results.trials),
        }
        return paragraph(text.format(**known))

    def _sigma(self) -> str | None:
        """Return the standard deviation of the noise, if it is Gaussian and clipped, as it was."""
        found = re.fullmatch(
            r"gaussian:(?:sigma=)?(\d*\.?\d+(?:/\d+)?)\+clip", self.results.lesson.preset.noise
        )
        return found[1].replace(".", self.texts.decimal) if found else None

    def _n(self, value: float, digits: int = 0) -> str:
        return self.texts.number(value, digits)

    def _drawn(self, name: str, caption: str) -> Piece:
        """Return a figure by its name, or nothing where there is none."""
        return figure(self.figures[name], name, caption) if name in self.figures else ""

    # -- the sections -------------------------------------------------------------------------

    def _data(self) -> list[Piece]:
        texts, digits = self.texts.data, self.results.digits
        lesson = self.results.lesson
        labels = ", ".join(str(n) for n in digits.y_test[:10])
        counts = texts.note.format(
            train=self._n(lesson.images),
            held_out=self._n(lesson.held_out),
            test=self._n(len(digits.x_test)),
            source=digits.source,
        )
        packaged = texts.note_package if digits.source == PACKAGE else ""
        return [
            self._drawn("digits", texts.figure.format(labels=labels)),
            note(counts, packaged),
        ]

    def _column(self) -> list[Piece]:
        texts, dense = self.texts.column, self.results.dense
        scores = dense.reconstruction
        assert scores is not None  # the dense one learns to reconstruct
        units = dense.preset.architecture["hidden"]
        layers = ", ".join(map(str, (*units, *units[-2::-1], 784)))
        return [
            self._drawn("column", texts.figure.format(label=self.results.looks.digit)),
            self._drawn("dense", texts.figure_result),
            note(
                texts.note.format(
                    layers=layers,
                    parameters=self._n(dense.autoencoder.model.count_params()),
                    epochs=len(dense.reconstructing),
                    psnr=self._n(scores.psnr, 1),
                    ssim=self._n(scores.ssim, 3),
                )
            ),
        ]

    def _stacking(self) -> list[Piece]:
        texts, words = self.texts.stacking, self.texts.words
        of = {(one.network, one.shuffled): one for one in self.results.stacked}
        dense, mixed_dense = of["dense", False], of["dense", True]
        conv, mixed_conv = of["convolutional", False], of["convolutional", True]
        lead = dense.psnr - conv.psnr
        plain = (
            texts.plain_level
            if abs(lead) < TOLERANCE
            else texts.plain_dense
            if lead > 0
            else texts.plain_convolutional
        )
        same = abs(dense.psnr - mixed_dense.psnr) < TOLERANCE
        worse = conv.psnr - mixed_conv.psnr > TOLERANCE
        values = {
            "dense": self._n(dense.psnr, 1),
            "convolutional": self._n(conv.psnr, 1),
            "tolerance": self._n(TOLERANCE, 1),
        }

        def change(text: str, before: float, after: float) -> str:
            return text.format(plain=self._n(before, 1), shuffled=self._n(after, 1))

        budget = texts.budget.format(
            epochs=dense.epochs,
            images=self._n(self.results.lesson.images),
            dense_parameters=self._n(dense.parameters),
            convolutional_parameters=self._n(conv.parameters),
        )
        rows = [
            [
                getattr(words, name),
                self._n(of[name, False].psnr, 2),
                self._n(of[name, True].psnr, 2),
                self._n(of[name, False].seconds, 1),
            ]
            for name in ("dense", "convolutional")
        ]
        return [
            paragraph(budget),
            self._drawn("shuffled", texts.figure),
            self._drawn("stacked", texts.figure_result),
            self._drawn("stacked-psnr", texts.table),
            table(["", words.plain, words.shuffled, words.seconds], rows, texts.table),
            note(
                plain.format(**values),
                change(
                    texts.dense_same if same else texts.dense_changed, dense.psnr, mixed_dense.psnr
                ),
                change(
                    texts.convolutional_worse if worse else texts.convolutional_unhurt,
                    conv.psnr,
                    mixed_conv.psnr,
                ),
                texts.confirmed if same and worse else texts.open,
            ),
        ]

    def _cubes(self) -> list[Piece]:
        texts, words, looks = self.texts.cubes, self.texts.words, self.results.looks
        rows = [
            [name, "x".join(map(str, shape)), self._n(looks.weights.get(name, 0))]
            for name, shape in looks.shapes
        ]
        made = dict(looks.shapes)
        last = [name for name in made if name.startswith(("down", "pool"))][-1]
        code = int(np.prod(made.get("code", made[last])))
        counted = texts.note.format(
            parameters=self._n(sum(looks.weights.values())),
            pixels=self._n(looks.image.size),
            code=self._n(code),
        )
        return [
            self._drawn("cubes", texts.figure),
            table([words.layer, words.shape, words.weights], rows, texts.table),
            note(counted, self._both_presets()),
        ]

    def _both_presets(self) -> str:
        """Compare the article's two networks, where both were taught."""
        hidden, lesson = self.results.hidden, self.results.lesson
        if hidden is None or hidden.denoised is None or lesson.denoised is None:
            return ""
        return self.texts.cubes.note_presets.format(
            psnr_hidden=self._n(hidden.denoised.psnr, 1),
            parameters_hidden=self._n(hidden.autoencoder.model.count_params()),
            psnr_notebook=self._n(lesson.denoised.psnr, 1),
            parameters_notebook=self._n(lesson.autoencoder.model.count_params()),
        )

    def _features(self) -> list[Piece]:
        texts, looks = self.texts.features, self.results.looks
        if looks.kernels is None:
            return []
        rows, _, _, count = looks.kernels.shape
        captions = {
            "filters": texts.figure_filters.format(count=count, layer=looks.layer, kernel=rows),
            "match": texts.figure_match.format(digit=looks.digit),
        }
        captions |= {
            f"maps-{name}": texts.figure_maps.format(layer=name, digit=looks.digit)
            for name in looks.maps
        }
        return [self._drawn(name, caption) for name, caption in captions.items()]

    def _steps(self) -> list[Piece]:
        texts, steps = self.texts.steps, self.results.steps

        def size(values: Any) -> str:
            return "x".join(map(str, values.shape[:2]))

        before, kernel = size(steps.same), self.results.looks.kernels
        pooled = steps.pooled["max"]
        negative = self._n(100 * float(np.mean(steps.same < 0)))
        after = {stride: size(made) for stride, made in steps.strides.items()}
        return [
            paragraph(texts.padding),
            self._drawn("padding", texts.padding_figure),
            note(
                texts.padding_note.format(
                    kernel=3 if kernel is None else kernel.shape[0],
                    same=before,
                    valid=size(steps.valid),
                    before=size(self.results.looks.image),
                )
            ),
            paragraph(texts.stride),
            self._drawn("stride", texts.stride_figure.format(strides="1, 2, 3")),
            note(texts.stride_note.format(stride=2, after=after[2], before=after[1])),
            paragraph(texts.relu),
            self._drawn("relu", texts.relu_figure),
            note(texts.relu_note.format(share=negative)),
            paragraph(texts.pooling.format(size=2)),
            self._drawn("pooling", texts.pooling_figure),
            note(
                texts.pooling_note.format(before=before, after=size(pooled)),
                texts.sum_border.format(wrong=self._n(steps.wrong), right=self._n(steps.right)),
            ),
        ]

    def _training(self) -> list[Piece]:
        texts, lesson = self.texts.training, self.results.lesson
        told = []
        headings = {
            "reconstruct": self.texts.reconstruction.heading,
            "denoise": self.texts.denoised.heading,
        }
        for phase, epochs in drawings.phases(lesson):
            losses = [epoch.validation_loss for epoch in epochs]
            told.append(
                f"{headings[phase]}: "
                + texts.note.format(
                    optimizer=self._optimizer(),
                    epochs=len(epochs),
                    batch=lesson.preset.batch,
                    seconds=self._n(sum(epoch.seconds for epoch in epochs)),
                    first=self._n(losses[0], 4),
                    last=self._n(losses[-1], 4),
                    best=self._n(min(losses), 4),
                    psnr=self._n(epochs[-1].psnr, 1),
                )
            )
            if lesson.preset.name == "article-notebook":
                loss, count = ORIGINAL[phase]
                loss = loss.replace(".", self.texts.decimal)
                told[-1] += " " + texts.original.format(loss=loss, epochs=count)
        last = drawings.phases(lesson)[-1][1][-1].validation_loss
        if lesson.preset.loss == "binary_crossentropy":
            told.append(
                texts.floor.format(
                    floor=self._n(lesson.floor, 4), above=self._n(last - lesson.floor, 4)
                )
            )
        return [
            self._drawn("loss", texts.figure_loss),
            self._drawn("psnr", texts.figure_psnr),
            self._drawn("time", texts.figure_time),
            *map(note, told),
        ]

    def _optimizer(self) -> str:
        """Name the optimizer with its learning rate."""
        preset = self.results.lesson.preset
        chosen = preset.optimizer
        name = chosen if isinstance(chosen, str) else chosen["name"]
        rate = preset.learning_rate
        if rate is None:
            return str(name).capitalize()
        written = f"{rate:g}" if rate % 1 else f"{rate:.1f}"
        return f"{str(name).capitalize()} ({written.replace('.', self.texts.decimal)})"

    def _reconstruction(self) -> list[Piece]:
        texts, scores = self.texts.reconstruction, self.results.lesson.reconstruction
        if scores is None:
            return []
        values = texts.note.format(
            images=self._n(scores.images),
            psnr=self._n(scores.psnr, 1),
            ssim=self._n(scores.ssim, 3),
        )
        return [self._drawn("reconstructed", texts.figure), note(values)]

    def _noise(self) -> list[Piece]:
        texts, scores = self.texts.noise, self.results.lesson.denoised
        if scores is None:
            return []
        values = texts.note.format(
            psnr=self._n(scores.noisy_psnr, 1), ssim=self._n(scores.noisy_ssim, 3)
        )
        return [self._drawn("noisy", texts.figure), note(values)]

    def _denoised(self) -> list[Piece]:
        texts, lesson = self.texts.denoised, self.results.lesson
        scores = lesson.denoised
        if scores is None:
            return []
        text = texts.note if scores.psnr > scores.noisy_psnr else texts.note_worse
        values = text.format(
            images=self._n(scores.images),
            noisy_psnr=self._n(scores.noisy_psnr, 1),
            psnr=self._n(scores.psnr, 1),
            noisy_ssim=self._n(scores.noisy_ssim, 3),
            ssim=self._n(scores.ssim, 3),
        )
        return [
            paragraph(texts.continued if lesson.reconstructing else texts.fresh),
            self._drawn("denoised", texts.figure),
            note(values),
        ]

    def _study(self) -> list[Piece]:
        texts, trials = self.texts.study, self.results.trials
        best = max(trials, key=lambda trial: trial.psnr)
        told = self.chosen or best
        text = texts.found if self.chosen else texts.none
        values = text.format(
            count=len(trials),
            wanted=self._n(self.results.wanted, 1),
            filters=told.name,
            parameters=self._n(told.parameters),
            psnr=self._n(told.psnr, 1),
            seconds=self._n(told.seconds),
        )
        return [self._drawn("study", texts.figure), note(values)]

    def _anomaly(self) -> list[Piece]:
        texts, words, odd = self.texts.anomaly, self.texts.words, self.results.odd
        found = {
            words.autoencoder: odd.odd.autoencoder,
            words.pca: odd.odd.pca,
            words.forest: odd.odd.isolation_forest,
        }
        best = max(found, key=lambda name: found[name])
        values = texts.note.format(
            autoencoder=self._n(odd.odd.autoencoder, 3),
            pca=self._n(odd.odd.pca, 3),
            forest=self._n(odd.odd.isolation_forest, 3),
        )
        ahead = best == words.autoencoder
        return [
            self._drawn("again", texts.figure_again.format(digit=odd.odd.digit)),
            self._drawn("heat", texts.figure_heat),
            self._drawn("scores", texts.figure_scores.format(share=self._n(100 * odd.above, 1))),
            note(values, texts.ahead if ahead else texts.behind.format(best=best)),
        ]

    def _defects(self) -> list[Piece]:
        items = "".join(f"<li>{paragraph(one)}</li>" for one in self.texts.defects.seven)
        return [f"<ol>{items}</ol>"]

    def _again(self) -> list[Piece]:
        return [
            f"<pre><code>{escape(self.command)}</code></pre>",
            paragraph(self.texts.again.note),
        ]


def numbers(results: Results) -> dict[str, Any]:
    """Return every number of a report, for programs: one JSON document."""
    lesson = results.lesson

    def phase(epochs: Any) -> list[dict[str, Any]]:
        return [asdict(epoch) for epoch in epochs]

    def scores(one: Any) -> dict[str, Any] | None:
        return None if one is None else asdict(one)

    return {
        "data": results.digits.source,
        "seed": results.seed,
        "seconds": results.seconds,
        "preset": lesson.preset.model_dump(mode="json"),
        "reconstructing": phase(lesson.reconstructing),
        "denoising": phase(lesson.denoising),
        "reconstruction": scores(lesson.reconstruction),
        "denoised": scores(lesson.denoised),
        "dense": scores(results.dense.reconstruction),
        "hidden": scores(results.hidden.denoised) if results.hidden else None,
        "stacking": [
            {
                "network": one.network,
                "shuffled": one.shuffled,
                "parameters": one.parameters,
                "epochs": one.epochs,
                "seconds": one.seconds,
                "psnr": one.psnr,
                "ssim": one.ssim,
            }
            for one in results.stacked
        ],
        "study": [asdict(trial) for trial in results.trials],
        "anomaly": asdict(results.odd.odd),
    }
