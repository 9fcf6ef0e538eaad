"""The page of the article: whole, in two languages, and its numbers are those of the results."""

from __future__ import annotations

import copy
import json
import math
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

pytest.importorskip("keras", reason="networks need the train extra")
pytest.importorskip("matplotlib", reason="figures need the mnist extra")

from ruis import architectures, features
from ruis.autoencoder import Autoencoder, Fitted
from ruis.cli.console import to_json
from ruis.mnist import texts
from ruis.mnist.data import load, unit
from ruis.mnist.experiments import Odd, Stacked
from ruis.mnist.lessons import Lesson, Scores, add_noise
from ruis.mnist.presets import get
from ruis.mnist.report import Report, numbers
from ruis.mnist.results import Oddities, Results, looks, steps
from ruis.study import Trial

COMMAND = "ruis mnist report -o 'my & article'"
SPECIAL = {"meta", "br"}


def epochs(first, count):
    return tuple(Fitted(n, 1 / n, 1.5 / n, 10 + n / 8, 0.5) for n in range(first, first + count))


def made_lesson(preset, digits, reconstructed, denoised):
    """A lesson as it would be, but for its network, which has learnt nothing."""
    autoencoder = Autoencoder(preset.architecture, seed=1)
    clean = unit(digits.x_test[:10])
    return Lesson(
        preset,
        1,
        autoencoder,
        epochs(1, 2) if reconstructed else (),
        epochs(3, 3) if denoised else (),
        reconstructed,
        denoised,
        clean,
        autoencoder.predict(clean) if reconstructed else None,
        4000,
        1000,
        0.0583,
    )


def made_stacked(psnr):
    examples = np.zeros((10, 28, 28, 1), np.float32)
    pairs = [(mixed, name) for mixed in (False, True) for name in ("dense", "convolutional")]
    return tuple(
        Stacked(name, mixed, 105392, 4, 2.5, value, 0.75, examples)
        for (mixed, name), value in zip(pairs, psnr, strict=True)
    )


@pytest.fixture(scope="module")
def results():
    """What a run would have found, but no network learns here: the numbers are made up."""
    digits = load().first(50, 100)
    preset = get("article-notebook").with_settings({"filters": (4, 2, 2)})
    lesson = made_lesson(
        preset,
        digits,
        Scores(100, math.inf, 1.0, 21.43, 0.8765, 0.0912),
        Scores(1234, 10.97, 0.4661, 16.58, 0.7123, 0.1357),
    )
    dense = made_lesson(
        get("dense").changed(denoise=0),
        digits,
        Scores(100, math.inf, 1.0, 19.76, 0.8012, 0.1),
        None,
    )
    looked = looks(lesson.autoencoder, digits, 4)
    rng = np.random.default_rng(0)
    images, again, heat = rng.random((3, 10, 28, 28), dtype=np.float32)
    noisy = add_noise(unit(digits.x_test[:10]), preset.noise, 1)
    return Results(
        digits,
        1,
        lesson,
        dense,
        None,
        made_stacked((20.11, 18.22, 20.13, 14.44)),
        looked,
        steps(looked),
        (
            Trial("4-2-2", 341, 0.113, 3.2, 0.3, 14.9),
            Trial("8-4-4", 1185, 0.308, 4.4, 0.2, 16.3),
            Trial("16-8-8", 4385, 0.945, 8.6, 0.1, 16.5),
        ),
        16.0,
        Oddities(
            Odd(4, 0.9876, 0.9543, 0.8321, 2.0), images, again, heat, rng.random(5), rng.random(9),
            0.4, 0.054,
        ),
        noisy,
        lesson.autoencoder.predict(noisy),
        83.4,
    )  # fmt: skip


@pytest.fixture(scope="module")
def reports(results):
    return {one: Report(results, texts.get(one), COMMAND) for one in texts.LANGUAGES}


@pytest.fixture(scope="module")
def pages(reports):
    return {language: Parsed(report.html()) for language, report in reports.items()}


class Parsed(HTMLParser):
    """A page, read strictly: every element is closed where it was opened."""

    def __init__(self, html):
        super().__init__()
        self.html, self.open, self.tags, self.parts = html, [], [], []
        self.feed(html)
        self.close()
        assert not self.open, "not closed"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes), tuple(self.open)))
        if tag not in SPECIAL:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes), tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> where nothing is open"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.parts.append((tuple(self.open), data))

    def inside(self, tag, *, without="style"):
        """Return the text of every element of a kind, drawings and style left out."""
        found = "".join(
            data for place, data in self.parts
            if tag in place and "svg" not in place and without not in place
        )  # fmt: skip
        return " ".join(found.split())

    def notes(self):
        found = re.findall(r'<p class="note">(.*?)</p>', self.html, re.DOTALL)
        return [unescape(re.sub("<[^>]*>", "", one)) for one in found]


both = pytest.mark.parametrize("language", texts.LANGUAGES)


@both
def test_the_page_is_whole_and_says_its_language(pages, language):
    page = pages[language]
    assert page.html.startswith("<!doctype html>")
    (root,) = (of for tag, of, _ in page.tags if tag == "html")
    assert root["lang"] == language
    assert len([1 for tag, *_ in page.tags if tag == "h1"]) == 1
    assert page.inside("title") == texts.get(language).page.title
    assert page.html.count("<title>" + texts.get(language).page.title) == 1


@both
def test_the_page_has_all_sections_in_order_and_each_says_something(pages, language):
    own = texts.get(language)
    headings = [getattr(own, name).heading for name in (
        "data", "column", "stacking", "cubes", "features", "steps", "training", "reconstruction",
        "noise", "denoised", "study", "pretrained", "anomaly", "defects", "again",
    )]  # fmt: skip
    found = re.findall(r'<h2 id="s(\d+)"><a href="#s\1">\d+\. (.*?)</a>', pages[language].html)
    assert [(int(number), unescape(heading)) for number, heading in found] == list(
        enumerate(headings, start=1)
    )
    sections = re.findall(r"<section.*?</section>", pages[language].html, re.DOTALL)
    assert len(sections) == 15
    assert all("<p" in section for section in sections)
    with_figures = [n for n, section in enumerate(sections, 1) if "<svg" in section]
    assert with_figures == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13]


@both
def test_the_page_asks_for_nothing_from_elsewhere(pages, language):
    page = pages[language]
    assert not {tag for tag, *_ in page.tags} & {"link", "script", "iframe", "object", "img"}
    for tag, of, _ in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "poster", "action"):
            if name in of:
                assert of[name].startswith(("#", "data:image/png;base64,")), (tag, of[name][:80])
    assert not re.search(r"@import|url\((?!#)", page.html)


@both
def test_every_id_is_there_once_and_every_reference_is_met(pages, language):
    page = pages[language]
    ids = [of["id"] for _, of, _ in page.tags if "id" in of]
    assert len(ids) == len(set(ids)) > 100
    aims = {of[name][1:] for _, of, _ in page.tags for name in ("href", "xlink:href")
            if of.get(name, "").startswith("#")}  # fmt: skip
    aims |= set(re.findall(r"url\(#([^)]*)\)", page.html))
    aims |= {of["aria-labelledby"] for _, of, _ in page.tags if "aria-labelledby" in of}
    assert aims <= set(ids)


@both
def test_every_figure_is_in_the_page_and_has_words_for_those_who_do_not_see_it(
    reports, pages, language
):
    page = pages[language]
    drawings = re.findall(r"<figure>(.*?)</figure>", page.html, re.DOTALL)
    assert len(drawings) == len(reports[language].figures) >= 25
    for drawn in drawings:
        alternative = re.search(r'<svg[^>]*role="img"[^>]*>\s*<title>([^<]+)</title>', drawn)
        caption = re.search(r"<figcaption>(.+)</figcaption>", drawn)[1]
        assert alternative[1] == re.sub("</?code>", "", caption)


@both
def test_no_placeholder_is_left(pages, language):
    page = pages[language]
    assert not re.search(r"[{}]", page.inside("body"))
    assert not re.search(r"\b(nan|None|inf)\b", page.inside("body"))


def test_nothing_was_left_in_the_other_language(pages):
    english, dutch = texts.get("en"), texts.get("nl")
    for name in ("data", "column", "stacking", "cubes", "features", "steps", "training", "study",
                 "reconstruction", "noise", "denoised", "pretrained", "anomaly", "again"):  # fmt: skip
        for page, other in (("nl", english), ("en", dutch)):
            body = pages[page].inside("body")
            assert getattr(other, name).heading not in body
            first = getattr(other, name).text[0].partition("{")[0]
            assert first not in body
    words = set(re.findall(r"<text[^>]*>([^<]*)</text>", pages["nl"].html))
    assert {"met ruis", "ontruist"} <= words
    assert not words & {"denoised", "epoch", "seconds", "shuffled", "dense", "loss"}


def test_numbers_are_written_as_the_language_writes_them(pages):
    english, dutch = pages["en"].notes(), pages["nl"].notes()
    for notes, decimal, thousands in ((english, ".", ","), (dutch, ",", ".")):
        whole = " ".join(notes)
        for number in ("16.6", "11.0", "0.466", "0.712", "0.988", "4,000", "1,234"):
            written = number.translate({ord("."): decimal, ord(","): thousands})
            assert re.search(rf"(?<![\d.,]){re.escape(written)}(?!\d)", whole), written
            assert not re.search(rf"(?<![\d.,]){re.escape(number)}(?!\d)", " ".join(dutch))


@both
def test_the_notes_say_what_was_found(results, pages, language):
    own, notes = texts.get(language), pages[language].notes()
    scores, recon = results.lesson.denoised, results.lesson.reconstruction
    assert notes.count(own.denoised.note.format(
        images=own.number(scores.images), noisy_psnr=own.number(scores.noisy_psnr, 1),
        psnr=own.number(scores.psnr, 1), noisy_ssim=own.number(scores.noisy_ssim, 3),
        ssim=own.number(scores.ssim, 3),
    )) == 1  # fmt: skip
    assert notes.count(own.noise.note.format(
        psnr=own.number(scores.noisy_psnr, 1), ssim=own.number(scores.noisy_ssim, 3)
    )) == 1  # fmt: skip
    assert notes.count(own.reconstruction.note.format(
        images=own.number(recon.images), psnr=own.number(recon.psnr, 1),
        ssim=own.number(recon.ssim, 3),
    )) == 1  # fmt: skip
    assert notes.count(own.study.found.format(
        count=3, wanted=own.number(16, 1), filters="8-4-4", parameters=own.number(1185),
        psnr=own.number(16.3, 1), seconds="4",
    )) == 1, "the smallest that is good enough, not the best"  # fmt: skip
    figures = (own.number(value, 3) for value in (0.9876, 0.9543, 0.8321))
    found = own.anomaly.note.format(**dict(zip(("autoencoder", "pca", "forest"), figures,
                                               strict=True)))  # fmt: skip
    assert f"{found} {own.anomaly.ahead}" in notes


def test_the_layers_and_their_weights_add_up(results, pages):
    model = results.lesson.autoencoder.model
    rows = re.findall(r"<tr><td>(\w+)</td><td>([\dx]+)</td><td>(\d+)</td></tr>", pages["en"].html)
    assert sum(int(weights) for *_, weights in rows) == model.count_params() == 341
    assert rows[0] == ("noisy", "28x28x1", "0")
    assert ("pool3", "4x4x2", "0") in rows
    assert any("341 weights in all" in note and "784" in note for note in pages["en"].notes())
    assert any("code 32" in note for note in pages["en"].notes()), "the smallest cube"


def test_the_article_s_own_loss_stands_beside_ours_for_its_own_network_only(results, reports):
    report = copy.copy(reports["nl"])
    assert "0,0993" in "".join(report._training())
    assert "0,1130" in "".join(report._training())
    other = results.lesson.preset.changed(name="keras-io")
    report.results = replace(results, lesson=replace(results.lesson, preset=other))
    assert "0,0993" not in "".join(report._training())


@pytest.mark.parametrize(
    ("psnr", "fields"),
    [
        ((20.0, 18.0, 20.0, 14.0), ("plain_dense", "dense_same", "convolutional_worse",
                                    "confirmed")),
        ((18.0, 20.0, 18.1, 14.0), ("plain_convolutional", "dense_same", "convolutional_worse",
                                    "confirmed")),
        ((18.0, 18.1, 18.1, 18.1), ("plain_level", "dense_same", "convolutional_unhurt", "open")),
        ((20.0, 18.0, 19.0, 14.0), ("plain_dense", "dense_changed", "convolutional_worse",
                                    "open")),
        ((20.0, 18.0, 21.0, 19.0), ("plain_dense", "dense_changed", "convolutional_unhurt",
                                    "open")),
    ],
)  # fmt: skip
def test_the_words_about_stacking_follow_from_the_numbers(results, reports, psnr, fields):
    report = copy.copy(reports["en"])
    report.results = replace(results, stacked=made_stacked(psnr))
    note = report._stacking()[-1]
    own = report.texts.stacking
    outcomes = (
        "plain_dense", "plain_convolutional", "plain_level", "dense_same", "dense_changed",
        "convolutional_worse", "convolutional_unhurt", "confirmed", "open",
    )  # fmt: skip
    said = []
    for name in outcomes:
        pattern = re.escape(getattr(own, name))
        if re.search(re.sub(r"\\{\w+\\}", r"[\\d.]+", pattern), unescape(note)):
            said.append(name)
    assert set(said) == set(fields)


def test_a_network_that_made_it_worse_is_not_praised(results, reports):
    report = copy.copy(reports["en"])
    bad = replace(results.lesson.denoised, psnr=9.4)
    report.results = replace(results, lesson=replace(results.lesson, denoised=bad))
    assert report.texts.denoised.note_worse.format(
        images="1,234", noisy_psnr="11.0", psnr="9.4", noisy_ssim="0.466", ssim="0.712"
    ) in report._denoised()[-1]  # fmt: skip


def test_a_network_without_the_first_phase_starts_from_random_weights(results, reports):
    report = copy.copy(reports["en"])
    assert report.texts.denoised.continued in "".join(report._denoised())
    fresh = replace(results.lesson, reconstructing=(), reconstruction=None)
    report.results = replace(results, lesson=fresh)
    assert report.texts.denoised.fresh in "".join(report._denoised())
    assert report._reconstruction() == []


def test_a_wish_that_no_network_meets_is_said(results, reports):
    report = copy.copy(reports["en"])
    report.results, report.chosen = replace(results, wanted=30.0), None
    note = report._study()[-1]
    assert "30.0" in note
    assert "16-8-8" in note, "the best there is"


def test_a_simple_detector_that_is_better_is_named(results, reports):
    report = copy.copy(reports["en"])
    odd = replace(results.odd, odd=Odd(4, 0.8, 0.95, 0.9, 1.0))
    report.results = replace(results, odd=odd)
    assert report.texts.anomaly.behind.format(best="PCA") in report._anomaly()[-1]


def test_the_article_s_two_networks_are_compared_where_both_were_taught(results, reports):
    report = copy.copy(reports["nl"])
    assert "10 eenheden" not in report._cubes()[-1]
    report.results = replace(results, hidden=results.lesson)
    note = report._cubes()[-1]
    assert "10 eenheden" in note
    assert note.count("16,6 dB") == 2


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        ("gaussian:0.4+clip", "0,4"),
        ("gaussian:sigma=0.25+clip", "0,25"),
        ("gaussian:25/255+clip", "25/255"),
        ("gaussian:0.4", None),  # nothing is set to 0 or 1
        ("gaussian:0..0.4+clip", None),
        ("salt-and-pepper:0.1", None),
    ],
)
def test_only_clipped_gaussian_noise_is_called_that_and_all_other_is_named(
    results, reports, spec, written
):
    report = copy.copy(reports["nl"])
    preset = results.lesson.preset.changed(noise=spec)
    report.results = replace(results, lesson=replace(results.lesson, preset=preset))
    assert report._sigma() == written
    said = " ".join(map(report._text, report._said(report.texts.noise)))
    assert ("normale verdeling" in said) == (written is not None)
    assert (written or spec) in said


@pytest.mark.parametrize(
    ("name", "code"),
    [("keras-io", "1.568"), ("article-figure", "10"), ("dense", "32"), ("detector", "32")],
)
def test_the_code_is_what_the_encoder_ends_in_however_long(name, code, results, reports):
    report = copy.copy(reports["nl"])
    architecture = architectures.parse(get(name).architecture)
    shapes = features.shapes(architecture, (28, 28))
    report.results = replace(results, looks=replace(results.looks, shapes=shapes))
    assert f"de code {code}" in report._cubes()[-1]


def test_a_page_that_was_made_quickly_says_so(results):
    for language in texts.LANGUAGES:
        own = texts.get(language)
        quick, whole = (
            Report(results, own, COMMAND, quick=quick).html() for quick in (True, False)
        )
        assert own.page.quick in quick
        assert own.page.quick not in whole


@both
def test_the_command_and_what_it_ran_on_are_told(pages, language):
    page = pages[language]
    assert COMMAND in page.inside("pre")
    assert texts.get(language).number(83.4 / 60, 1) in page.inside("footer")


def test_the_data_of_the_package_are_said_to_be_few(results, reports):
    report = copy.copy(reports["en"])
    assert report.texts.data.note_package in report._data()[-1]
    digits = copy.copy(results.digits)
    object.__setattr__(digits, "source", "a<b>.npz")
    report.results = replace(results, digits=digits)
    assert report.texts.data.note_package not in report._data()[-1]
    assert "a&lt;b&gt;.npz" in report._data()[-1]


def test_the_numbers_are_json_and_those_of_the_results(results):
    def refused(name):
        raise AssertionError(name)

    found = json.loads(to_json(numbers(results)), parse_constant=refused)
    assert found["reconstruction"]["noisy_psnr"] is None, "infinite: JSON has no such number"
    assert found["reconstruction"]["psnr"] == 21.43
    assert found["denoised"]["psnr"] == 16.58
    assert found["dense"]["psnr"] == 19.76
    assert found["hidden"] is None
    assert [len(found[phase]) for phase in ("reconstructing", "denoising")] == [2, 3]
    assert [one["psnr"] for one in found["stacking"]] == [20.11, 18.22, 20.13, 14.44]
    assert [one["name"] for one in found["study"]] == ["4-2-2", "8-4-4", "16-8-8"]
    assert found["anomaly"]["pca"] == 0.9543
    assert found["preset"]["architecture"]["filters"] == [4, 2, 2]
    assert (found["seed"], found["data"]) == (1, "package")


def test_the_denoised_figure_is_that_of_the_results(results, reports):
    """The page shows what the model made of the noisy digits; see `Results.denoised`."""
    images = [one.get_array() for one in reports["en"].figures["denoised"].axes[0].images]
    predict = results.lesson.autoencoder.predict
    for place in range(10):
        np.testing.assert_array_equal(images[place], results.noisy[place, ..., 0])
        np.testing.assert_array_equal(images[10 + place], results.denoised[place, ..., 0])
    wrong = np.clip(predict(unit(results.digits.x_test[:10])), 0, 1)
    assert all(
        np.abs(images[10 + place] - wrong[place, ..., 0]).max() > 0.01 for place in range(10)
    )
