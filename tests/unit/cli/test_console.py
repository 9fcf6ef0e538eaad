"""What is printed for people and for scripts."""

from __future__ import annotations

import io
import json
import math
import sys

import pytest

from ruis.cli.console import duration, print_json, table
from ruis.cli.progress import progress_line, seconds_left


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.424, "0.42 s"),
        (12.4, "12 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3900, "1 h 05 min"),
        (math.nan, "?"),
    ],
)
def test_a_duration_is_written_for_people(seconds, text):
    assert duration(seconds) == text


def test_a_rough_duration_has_no_fractions_and_never_says_zero_too_early():
    assert duration(0.2, rough=True) == "1 s"
    assert duration(3.2, rough=True) == "4 s"


def test_json_has_no_numbers_that_json_does_not_know(capsys):
    print_json({"psnr": math.inf, "images": [{"psnr": math.nan}, {"psnr": 1.5}], "name": "é"})
    text = capsys.readouterr().out
    assert json.loads(text) == {
        "psnr": None,
        "images": [{"psnr": None}, {"psnr": 1.5}],
        "name": "é",
    }


def test_a_table_is_aligned_and_plain_where_no_person_looks(capsys):
    table([("image", "dB"), ("a.png", "9.50"), ("long name.png", "30.10")])
    assert capsys.readouterr().out.splitlines() == [
        "image             dB",
        "a.png           9.50",
        "long name.png  30.10",
    ]


def test_a_table_on_a_terminal_has_the_same_cells(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    table([("image", "dB"), ("[a].png", "9.50"), ("mean", "9.50")], last_apart=True)
    assert "[a].png" in screen.getvalue(), "no markup is read in file names"


def test_progress_is_shown_on_a_terminal_alone(monkeypatch):
    screen = Terminal()
    with progress_line() as update:
        assert update is None
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen)
    with progress_line() as update:
        update(0.5, "[photo].jpg, tile 3 of 6")
    assert "[photo].jpg, tile 3 of 6" in screen.getvalue()
    monkeypatch.setenv("TERM", "dumb")
    with progress_line() as update:
        assert update is None


def test_the_time_left_is_told_once_it_can_be(monkeypatch):
    assert seconds_left(0.0, 0.0) == ""
    monkeypatch.setattr("time.perf_counter", lambda: 130.0)
    assert seconds_left(100.0, 0.25) == ", 1 min 30 s left"
