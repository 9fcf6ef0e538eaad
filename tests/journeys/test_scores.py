"""What the card of a model that ships says of it is what its command gives."""

import json
import shlex

import pytest
from typer.testing import CliRunner

from ruis import zoo
from ruis.cli import app

CHECKED = {
    "gray": "Set12",
    "gray-fast": "Set12",
    "gray-medium": "Set12",
    "photo": "real/noisy,real/clean",
    "photo-fast": "real/noisy,real/clean",
    "white-color": "Kodak24",
    "white-color-fast": "Kodak24",
    "white-color-medium": "Kodak24",
}
"""One score of each model: where most can go wrong, at sigma 25/255 if it is of white noise."""

ROUNDING = 0.02
"""What another processor may make of it, in dB: bfloat16 or float32, and the order of sums."""


def test_every_model_that_says_how_well_it_does_is_checked():
    scored = {name for name in zoo.SHIPPED if zoo.find(name).manifest.scores}
    assert scored == set(CHECKED)


@pytest.mark.parametrize("name", CHECKED)
def test_a_card_says_what_its_command_gives(shared_data, name):
    (score,) = (
        score
        for score in zoo.find(name).manifest.scores
        if score.images == CHECKED[name] and score.noise in ("gaussian:25/255", "pairs")
    )
    _, *words = (word.replace("DATA/", f"{shared_data}/") for word in shlex.split(score.command))
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)["mean"]
    assert found["psnr"] == pytest.approx(score.psnr, abs=ROUNDING)
    assert found["noisy_psnr"] == pytest.approx(score.noisy_psnr, abs=ROUNDING)
    assert found["ssim"] == pytest.approx(score.ssim, abs=1e-3)
