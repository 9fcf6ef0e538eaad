"""`ruis features`: from a model and an image to a folder of figures."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis import architectures, formats, model_file
from ruis.cli import app
from ruis.image import Image, ImageInfo
from ruis.manifest import Manifest

pytest.importorskip("keras", reason="looking into a network needs the train extra")
pytest.importorskip("matplotlib", reason="figures need the mnist extra")

NETWORK = {"name": "convolutional-autoencoder", "filters": (4, 3), "bottleneck": 5, "size": (8, 12)}
LAYERS = ["down1", "pool1", "down2", "pool2", "code_flat", "code", "uncode", "cube", "wide1",
          "repeat1", "wide2", "repeat2", "tail"]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("model") / "coded.ruis"
    rng = np.random.default_rng(0)
    shapes = architectures.parse(NETWORK).tensors
    weights = {
        name: rng.normal(0, 1 / math.sqrt(math.prod(shape[:-1])), shape).astype("f4")
        for name, shape in shapes.items()
    }
    manifest = Manifest(name="coded", architecture=NETWORK)
    model_file.save(path, manifest, weights)
    return str(path)


@pytest.fixture(autouse=True)
def image(tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    write("digit.png", 8, 12)
    return "digit.png"


def write(name: str, rows: int, columns: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (rows, columns, 1), dtype=np.uint8)
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255))), name)


def run(*arguments: str, code: int = 0):
    done = CliRunner().invoke(app, ["features", *map(str, arguments)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def stems(folder: str) -> set[str]:
    names = [path.name for path in Path(folder).iterdir()]
    found = {name.removesuffix(".svg") for name in names if name.endswith(".svg")}
    assert set(names) == {one + end for one in found for end in (".png", ".svg")}
    return found


def test_a_folder_of_figures_is_made(model, image):
    done = run(model, image, "-o", "deep/figures")
    assert stems("deep/figures") == {"shapes", "filters", *(f"maps-{name}" for name in LAYERS)}
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["layer", "rows", "columns", "maps", "filter"]
    assert lines[1] == ["noisy", "8", "12", "1"]
    assert lines[2] == ["down1", "8", "12", "4", "3x3x1"]
    assert [line[0] for line in lines[2:-1]] == LAYERS
    assert ["code", "1", "1", "5"] in lines
    assert done.stdout.splitlines()[-1].startswith("15 figures")
    drawn = Path("deep/figures/shapes.svg").read_text(encoding="utf-8")
    assert ">8 × 12 × 4</text>" in drawn
    assert formats.read("deep/figures/maps-down1.png").columns == 1600


def test_layers_may_be_chosen_and_the_document_is_json(model, image):
    done = run(model, image, "-o", "out", "--layer", "wide1", "--layer", "code", "--json")
    assert stems("out") == {"shapes", "filters", "filters-wide1", "maps-wide1", "maps-code"}
    document = json.loads(done.stdout)
    assert list(document) == ["model", "image", "layers", "outputs"]
    assert document["layers"][1] == {"name": "down1", "rows": 8, "columns": 12, "maps": 4}
    assert sorted(document["outputs"]) == sorted(str(path) for path in Path("out").iterdir())


def test_figures_are_replaced_only_when_told(model, image):
    arguments = (model, image, "-o", "out", "--layer", "code")
    run(*arguments)
    before = Path("out/maps-code.png").read_bytes()
    Path("out/filters.png").unlink()
    assert "--overwrite" in run(*arguments, code=3).stderr
    assert not Path("out/filters.png").exists(), "nothing is written when one is in the way"
    run(*arguments, "--overwrite")
    assert Path("out/filters.png").exists()
    assert Path("out/maps-code.png").read_bytes() == before


def test_the_middle_of_a_large_image_is_shown(model):
    write("large.png", 300, 260)
    done = run(model, "large.png", "-o", "out", "--layer", "down1")
    assert "the middle is shown, 256x256 pixels" in done.stderr
    assert "turned into gray" not in done.stderr
    assert "4 maps of 256 × 256" in Path("out/maps-down1.svg").read_text(encoding="utf-8")


def test_a_model_that_ships_will_do_and_that_colours_go_is_said():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb")), "red.png")
    done = run("documents", "red.png", "-o", "out", "--layer", "stem")
    assert "turned into gray" in done.stderr
    assert "stem" in done.stdout
    assert stems("out") == {"shapes", "filters", "maps-stem"}


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"model": "gary"}, 2, "Did you mean 'gray'"),
        ({"image": "nowhere.png"}, 3, "nowhere.png"),
        ({"layer": "dwon1"}, 2, "Did you mean 'down1'"),
        ({"output": "digit.png"}, 2, "give a folder"),
        ({"output": "digit.png/out"}, 3, "digit.png/out"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(model, image, change, code, reason):
    given = {"model": model, "image": image, "output": "out", "layer": "code"} | change
    done = run(given["model"], given["image"], "-o", given["output"], "--layer", given["layer"],
               code=code)  # fmt: skip
    assert reason in done.stderr
    assert [path.name for path in Path().iterdir()] == ["digit.png"]
