"""What the report says, as records that every language fills: one field, one text.

Texts are plain, without markup, but for `backticks` around code. A placeholder such as {psnr}
takes a text: numbers are written by :meth:`Texts.number`, as the language writes them. Where the
text depends on what was measured there is one field for each outcome, and the record says when
each of them is true.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass

from ruis.errors import UnknownNameError

__all__ = ["LANGUAGES", "Texts", "get", "paragraphs"]

LANGUAGES = {"en": "ruis.mnist.texts_en", "nl": "ruis.mnist.texts_nl"}
"""Language -> the module whose `TEXTS` are written in it."""


def paragraphs(block: str) -> tuple[str, ...]:
    r"""Return the paragraphs of a block of text: blank lines part them, line ends are spaces.

    Examples
    --------
    >>> paragraphs("One paragraph,\n in two lines.\n\n Another.")
    ('One paragraph, in two lines.', 'Another.')
    """
    return tuple(" ".join(part.split()) for part in block.strip().split("\n\n"))


@dataclass(frozen=True, kw_only=True)
class Section:
    """What every section has: a heading, and paragraphs that hold whatever was measured."""

    heading: str
    text: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """The page as a whole. `quick` where few epochs were learnt, by other settings."""

    title: str
    lead: tuple[str, ...]
    contents: str
    article: str
    quick: str
    made: str


@dataclass(frozen=True, kw_only=True)
class Words:
    """Single words, for axes, legends and the heads of tables."""

    clean: str
    noisy: str
    denoised: str
    reconstruction: str
    heat_map: str
    dense: str
    convolutional: str
    plain: str
    shuffled: str
    training: str
    validation: str
    reconstructing: str
    denoising: str
    epoch: str
    loss: str
    floor: str
    psnr: str
    ssim: str
    seconds: str
    layer: str
    shape: str
    weights: str
    filters: str
    maximum: str
    average: str
    sum: str
    normal: str
    unusual: str
    score: str
    threshold: str
    digits: str
    autoencoder: str
    pca: str
    forest: str


@dataclass(frozen=True, kw_only=True)
class Data(Section):
    """Section 1. `note_package` is for the digits that ship with ruis."""

    figure: str
    note: str
    note_package: str


@dataclass(frozen=True, kw_only=True)
class Column(Section):
    """Section 2: the image as a column, and the dense autoencoder."""

    figure: str
    figure_result: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Stacking(Section):
    """Section 3: dense against convolutional, plain and shuffled.

    The budget. Then, with a tolerance in dB below which a
    difference says nothing: one of `plain_*`, by who is ahead on plain digits; `dense_same` where
    shuffling changes the dense one by less than the tolerance, else `dense_changed`;
    `convolutional_worse` where it costs the convolutional one more than that, else
    `convolutional_unhurt`; `confirmed` where the convolutional one got worse and the dense one
    stayed the same, else `open`.
    """

    budget: str
    figure: str
    figure_result: str
    table: str
    plain_dense: str
    plain_level: str
    plain_convolutional: str
    dense_same: str
    dense_changed: str
    convolutional_worse: str
    convolutional_unhurt: str
    confirmed: str
    open: str


@dataclass(frozen=True, kw_only=True)
class Cubes(Section):
    """Section 4. `note_presets` compares the article's two networks, where both were trained."""

    figure: str
    table: str
    note: str
    note_presets: str


@dataclass(frozen=True, kw_only=True)
class Features(Section):
    """Section 5: filters, how one of them matches a digit, and feature maps."""

    figure_filters: str
    figure_match: str
    figure_maps: str


@dataclass(frozen=True, kw_only=True)
class Steps(Section):
    """Section 6: a paragraph, a caption and a note for each of the four."""

    padding: str
    padding_figure: str
    padding_note: str
    stride: str
    stride_figure: str
    stride_note: str
    relu: str
    relu_figure: str
    relu_note: str
    pooling: str
    pooling_figure: str
    pooling_note: str
    sum_border: str


@dataclass(frozen=True, kw_only=True)
class Training(Section):
    """Section 7. `floor` where the loss is binary cross-entropy, `original` for the article's."""

    figure_loss: str
    figure_psnr: str
    figure_time: str
    note: str
    floor: str
    original: str


@dataclass(frozen=True, kw_only=True)
class Reconstruction(Section):
    """Section 8: clean in, clean out."""

    figure: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Noise(Section):
    """Section 9: the noisy digits. `other` in place of the text, for noise of another kind."""

    other: str
    figure: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Denoised(Section):
    """Section 10: noisy in, denoised out.

    `continued` where the network had learnt to reconstruct before, else `fresh`; `note` where the
    PSNR rose, else `note_worse`; `scores` stands under one digit.
    """

    continued: str
    fresh: str
    figure: str
    scores: str
    note: str
    note_worse: str


@dataclass(frozen=True, kw_only=True)
class Study(Section):
    """Section 11. `found` where a network reaches the wanted quality, else `none`."""

    figure: str
    found: str
    none: str


@dataclass(frozen=True, kw_only=True)
class Pretrained(Section):
    """Section 12."""

    not_measured: str


@dataclass(frozen=True, kw_only=True)
class Anomaly(Section):
    """Section 13. `ahead` where the autoencoder's AUROC is the highest of the three, or `behind`."""

    figure_again: str
    figure_heat: str
    figure_scores: str
    note: str
    ahead: str
    behind: str


@dataclass(frozen=True, kw_only=True)
class Defects(Section):
    """Section 14: one sentence each."""

    seven: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Again(Section):
    """Section 15: the command is put between the text and the note."""

    note: str


@dataclass(frozen=True, kw_only=True)
class Texts:
    """All texts of the report in one language; sections in the order of the page."""

    language: str
    thousands: str
    decimal: str
    words: Words
    page: Page
    data: Data
    column: Column
    stacking: Stacking
    cubes: Cubes
    features: Features
    steps: Steps
    training: Training
    reconstruction: Reconstruction
    noise: Noise
    denoised: Denoised
    study: Study
    pretrained: Pretrained
    anomaly: Anomaly
    defects: Defects
    again: Again

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number as the language writes it.

        Parameters
        ----------
        value : float
            Any number; infinite and undefined ones get a sign of their own.
        digits : int, default 0
            Digits after the decimal mark.

        Examples
        --------
        >>> get("en").number(4385), get("nl").number(4385), get("nl").number(19.257, 2)
        ('4,385', '4.385', '19,26')
        """
        if math.isnan(value):
            return "–"
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        plain = f"{value:z,.{digits}f}"  # z: no minus before a zero
        return plain.translate({ord(","): self.thousands, ord("."): self.decimal})


def get(language: str) -> Texts:
    """Return the texts in a language.

    Parameters
    ----------
    language : str
        A name from `LANGUAGES`: "en" or "nl".

    Returns
    -------
    Texts
        All of them.

    Raises
    ------
    UnknownNameError
        If the report is not written in that language.

    Examples
    --------
    >>> get("nl").words.noisy
    'met ruis'
    """
    if language not in LANGUAGES:
        raise UnknownNameError("language of the report", language, LANGUAGES)
    texts: Texts = importlib.import_module(LANGUAGES[language]).TEXTS
    return texts
