"""`ruis study`: from a folder of clean images to the smallest network that is good enough."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis.cli import app
from ruis.image import Image, ImageInfo

pytest.importorskip("keras", reason="learning needs the train extra")
pytest.importorskip("matplotlib", reason="figures need the mnist extra")

NOISE = ("--clean", "clean", "--noise", "gaussian:25/255")
FEW = ("--crops", "64", "--patch", "16", "--epochs", "2")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Make six images of soft stripes, in colour."""
    monkeypatch.chdir(tmp_path)
    Path("clean").mkdir()
    rows, columns = np.mgrid[:48, :40]
    for number in range(6):
        waves = [np.sin((rows * (number + 1) + columns * channel) / 9) for channel in (1, 2, 3)]
        pixels = np.rint(127 + 120 * np.stack(waves, axis=2)).astype(np.uint8)
        ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255), colour="rgb")),
                   f"clean/{number}.png")  # fmt: skip


def run(*arguments: str, code: int = 0):
    done = CliRunner().invoke(app, ["study", *arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert "mistake in ruis" not in done.output
    return done


@pytest.mark.slow
def test_the_smallest_network_that_is_good_enough_is_named():
    done = run(*NOISE, *FEW, "--filters", "4", "--filters", "8,8", "--wanted", "1", "-o", "out")
    assert {path.name for path in Path("out").iterdir()} == {"study.png", "study.svg"}
    head, small, large, told, where = done.stdout.splitlines()
    assert head.split()[:2] == ["network", "weights"]
    assert [small.split()[0], large.split()[0]] == ["4", "8-8"]
    assert int(small.split()[1]) < int(large.split()[1])
    assert re.match(r"The smallest that reaches 1\.00 dB: 4, \d+ weights", told)
    assert "out/study.png" in where
    assert "epoch 2" in done.stderr
    drawn = Path("out/study.svg").read_text(encoding="utf-8")
    assert {"4", "8-8", "1.0 dB"} <= set(re.findall(r"<text[^>]*>([^<]*)</text>", drawn))


@pytest.mark.slow
def test_a_wish_that_no_network_meets_is_said_and_colour_has_more_weights():
    given = (*NOISE, *FEW, "--filters", "4", "--wanted", "99", "--json", "--epochs", "1")
    gray = json.loads(run(*given, "-o", "gray").stdout)
    colour = json.loads(run(*given, "--colour", "-o", "colour").stdout)
    assert gray["smallest"] is colour["smallest"] is None
    assert gray["wanted"] == 99
    (one,), (three,) = gray["trials"], colour["trials"]
    assert one["name"] == three["name"] == "4"
    assert one["parameters"] < three["parameters"]
    assert 0 < one["psnr"] < 99


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ((*NOISE, "--filters", "8,x"), 2, "not '8,x'"),
        ((*NOISE, "--filters", "0"), 2, "filters"),
        ((*NOISE, "--patch", "20", "--filters", "8,8,8"), 2, "take a multiple of 8"),
        ((*NOISE, "--patch", "8"), 2, "--patch"),
        ((*NOISE, "--epochs", "0"), 2, "--epochs"),
        (("--clean", "clean", "--noise", "gausian:0.1"), 2, "Did you mean 'gaussian'"),
        (("--clean", "nowhere", "--noise", "gaussian:0.1"), 3, "nowhere"),
        (("--clean", "clean"), 2, "--noise"),
        (("--noise", "gaussian:0.1"), 2, "--clean"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(arguments, code, reason):
    done = run(*arguments, "-o", "out", code=code)
    assert reason in " ".join(re.sub(r"[│\n]", " ", done.stderr).split())
    assert not done.stdout
    assert "epoch" not in done.stderr or "--epochs" in done.stderr
    assert not [path for path in Path().rglob("*") if path.is_file() and path.suffix != ".png"]
    assert not list(Path().glob("out/*"))


def test_crops_must_fit_into_the_images():
    done = run(*NOISE, "--patch", "64", "-o", "out", code=3)
    assert "64" in done.stderr


def test_what_is_there_already_is_kept():
    Path("out").mkdir()
    Path("out/study.svg").write_text("precious")
    assert "--overwrite" in run(*NOISE, "-o", "out", code=3).stderr
    assert Path("out/study.svg").read_text() == "precious"
    assert "it is a file" in run(*NOISE, "-o", "out/study.svg", code=2).stderr
