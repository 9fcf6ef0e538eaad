import dataclasses
import math
import re
import string

import pytest

from ruis.errors import UnknownNameError
from ruis.mnist import texts

SECTIONS = [
    "data", "column", "stacking", "cubes", "features", "steps", "training", "reconstruction",
    "noise", "denoised", "study", "pretrained", "anomaly", "defects", "again",
]  # fmt: skip

SAME = {"words.psnr", "words.ssim", "words.pca", "words.forest", "words.filters", "denoised.scores"}
"""Names and numbers, and a word that is the same in both languages."""


def flat(record, path=""):
    """Return every text of a record by its path: "data.figure", "defects.seven.0"."""
    if isinstance(record, str):
        return {path: record}
    if isinstance(record, tuple):
        parts = enumerate(record)
    else:
        assert dataclasses.is_dataclass(record), f"{path} is a {type(record).__name__}"
        parts = ((field.name, getattr(record, field.name)) for field in dataclasses.fields(record))
    found = {}
    for name, value in parts:
        found |= flat(value, f"{path}.{name}".lstrip("."))
    return found


def placeholders(text):
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name is not None})


ENGLISH, DUTCH = flat(texts.get("en")), flat(texts.get("nl"))
BOTH = [pytest.param(text, id=f"{language} {path}")
        for language, found in (("en", ENGLISH), ("nl", DUTCH))
        for path, text in found.items()
        if path not in {"language", "thousands", "decimal"}]  # fmt: skip


def test_both_languages_say_everything():
    assert ENGLISH.keys() == DUTCH.keys()
    assert len(ENGLISH) > 150


def test_the_page_has_its_fifteen_sections_in_order():
    fields = [field.name for field in dataclasses.fields(texts.Texts)]
    assert fields[-15:] == SECTIONS
    for name in SECTIONS:
        section = getattr(texts.get("nl"), name)
        assert isinstance(section, texts.Section)
        assert 1 <= len(section.text) <= 3
    assert len(texts.get("en").defects.seven) == 7


def test_no_text_was_left_untranslated():
    assert {path for path in ENGLISH if ENGLISH[path] == DUTCH[path]} == SAME


def test_headings_differ_from_each_other():
    for language in texts.LANGUAGES:
        headings = {getattr(texts.get(language), name).heading for name in SECTIONS}
        assert len(headings) == 15


@pytest.mark.parametrize("path", ENGLISH)
def test_the_placeholders_agree(path):
    assert placeholders(ENGLISH[path]) == placeholders(DUTCH[path])


@pytest.mark.parametrize("text", BOTH)
def test_a_text_is_whole(text):
    assert text == " ".join(text.split()), "spaces"
    assert text
    said = re.sub(r"`[^`]*`", "", text)
    assert not re.search(r"[a-z][,;:.!?][A-Za-z]", said), "a space was lost between two lines"
    assert all(len(word) < 25 for word in re.findall(r"\w+", text)), "two words grew together"
    assert text.count("`") % 2 == 0
    assert not re.search(r"\b(gt|ground truth|x_hat|lq)\b", text)


@pytest.mark.parametrize("text", BOTH)
def test_a_placeholder_is_a_bare_name_that_takes_a_text(text):
    for _, name, spec, conversion in string.Formatter().parse(text):
        if name is not None:
            assert re.fullmatch("[a-z_]+", name)
            assert not spec
            assert conversion is None
    filled = text.format(**dict.fromkeys(placeholders(text), "12,3"))
    assert "{" not in filled
    assert "}" not in filled


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_paragraphs_and_captions_are_sentences(language):
    found = flat(texts.get(language))
    for path, text in found.items():
        section, _, rest = path.partition(".")
        if section in SECTIONS and not rest.startswith(("heading", "scores")):
            assert text[-1] in ".:", path
            assert text[0].isupper() or text[0] in "{0123456789", path


def test_the_denoised_figure_says_what_it_shows():
    assert "output on the noisy input" in texts.get("en").denoised.figure
    assert "uitkomst van het model op die invoer met ruis" in texts.get("nl").denoised.figure


def test_every_figure_and_outcome_has_its_numbers():
    here = {path: set(placeholders(text)) for path, text in ENGLISH.items()}
    for outcome in ("plain_dense", "plain_level", "plain_convolutional"):
        assert {"dense", "convolutional"} <= here[f"stacking.{outcome}"]
    for outcome in ("dense_same", "dense_changed", "convolutional_worse", "convolutional_unhurt"):
        assert here[f"stacking.{outcome}"] == {"plain", "shuffled"}
    assert here["denoised.note"] == here["denoised.note_worse"]
    assert here["denoised.note"] >= {"noisy_psnr", "psnr", "noisy_ssim", "ssim"}
    assert here["study.found"] <= here["study.none"]
    assert "floor" in here["training.floor"]


@pytest.mark.parametrize(
    ("value", "digits", "english", "dutch"),
    [
        (60000, 0, "60,000", "60.000"),
        (1234567.891, 2, "1,234,567.89", "1.234.567,89"),
        (-0.0001, 2, "0.00", "0,00"),
        (-1.25, 1, "-1.2", "-1,2"),
        (0.0581, 4, "0.0581", "0,0581"),
        (math.inf, 2, "∞", "∞"),
        (-math.inf, 2, "-∞", "-∞"),
        (math.nan, 2, "–", "–"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(value, digits, english, dutch):
    assert texts.get("en").number(value, digits) == english
    assert texts.get("nl").number(value, digits) == dutch


def test_a_language_that_is_not_there_is_refused():
    with pytest.raises(UnknownNameError, match=r"no language of the report 'fr'.*Known: en, nl"):
        texts.get("fr")
    with pytest.raises(dataclasses.FrozenInstanceError):
        texts.get("en").language = "fr"
