"""The pieces of the page: text is escaped, and what is made is whole."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

pytest.importorskip("matplotlib", reason="figures need the mnist extra")

from ruis import figures
from ruis.mnist import page

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Parsed(HTMLParser):
    """The elements of a page; what is opened must be closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


HOSTILE = '<b> & "x" `a<b`'


@pytest.mark.parametrize(
    "piece",
    [
        page.paragraph(HOSTILE),
        page.note(HOSTILE),
        page.section(1, HOSTILE, []),
        page.table([HOSTILE], [[HOSTILE]], HOSTILE),
        page.page("en", HOSTILE, [], HOSTILE, [HOSTILE], [], []),
    ],
)
def test_what_is_text_stays_text(piece):
    parsed = Parsed(piece)
    assert "b" not in {tag for tag, _ in parsed.tags}
    assert '<b> & "x"' in parsed.text
    assert "a<b" in parsed.text


def test_empty_pieces_are_left_out():
    assert page.note("", "One.", "", "Two.") == '<p class="note">One. Two.</p>'
    assert "\n\n" not in page.section(1, "One", ["", page.paragraph("text"), ""])


def test_a_figure_has_its_caption_twice_for_those_who_see_and_who_do_not():
    drawn = figures.bars({"plain": {"dense": 24.1}}, "PSNR")
    parsed = Parsed(page.figure(drawn, "psnr", "With `same` & more."))
    assert [tag for tag, _ in parsed.tags if tag in {"figure", "svg", "title", "figcaption"}] == [
        "figure", "svg", "title", "figcaption",
    ]  # fmt: skip
    assert parsed.text.count("With same & more.") == 2
    assert dict(parsed.tags)["svg"]["role"] == "img"
    assert all(of["id"].startswith("psnr-") for _, of in parsed.tags if "id" in of)


def test_a_table_says_what_its_columns_are():
    parsed = Parsed(page.table(["", "PSNR"], [["dense", "24.1"], ["other", "23"]], "In dB."))
    tags = [tag for tag, _ in parsed.tags]
    assert (tags.count("tr"), tags.count("th"), tags.count("td")) == (3, 2, 4)
    assert all(of == {"scope": "col"} for tag, of in parsed.tags if tag == "th")
    assert "caption" in tags


def test_the_list_of_contents_leads_to_the_sections():
    headings = ["First & best", "Second"]
    sections = [page.section(n, one, []) for n, one in enumerate(headings, start=1)]
    parsed = Parsed(page.page("nl", "Titel", ["<p>a</p>"], "Inhoud", headings, sections, []))
    assert ("html", {"lang": "nl"}) in parsed.tags
    assert ("meta", {"charset": "utf-8"}) in parsed.tags
    aims = [of["href"] for tag, of in parsed.tags if tag == "a"]
    assert aims == ["#s1", "#s2"] * 2
    assert [of["id"] for _, of in parsed.tags if "id" in of] == ["s1", "s2"]
    assert parsed.text.count("First & best") == 2
