"""`ruis anomaly`: from a folder of normal images to the names of the odd ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis import model_file
from ruis.cli import app
from ruis.errors import EmptyDatasetError
from ruis.image import Image, ImageInfo

SIDE = 64


def surface(rng: np.random.Generator) -> np.ndarray:
    """Make one soft surface with a little grain."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    slope = rng.uniform(-0.15, 0.15, 2)
    return 0.5 + slope[0] * rows + slope[1] * columns + rng.normal(0, 0.01, (SIDE, SIDE))


def write(path: Path, gray: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.rint(255 * np.clip(gray, 0, 1)).astype(np.uint8)[..., None]
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0.0, 255.0))), path)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Make normal and new images, and a detector on a model that ships."""
    folder = tmp_path_factory.mktemp("anomaly")
    rng = np.random.default_rng(0)
    for number in range(12):
        write(folder / "normal" / f"{number:02}.png", surface(rng))
    for number in range(4):
        image = surface(rng)
        if number % 2:
            image[28:36, 10 + number : 30 + number] += rng.normal(0, 0.1, (8, 20))  # it is rough
        write(folder / "new" / f"{number}.png", image)
    done = CliRunner().invoke(
        app,
        [
            *("anomaly", "fit", str(folder / "normal"), "-o", str(folder / "d.json")),
            *("--model", "gray", "--threshold", "sd=6"),
        ],
    )
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, fitted):
    """Stand in an empty folder beside which everything is."""
    monkeypatch.chdir(tmp_path)
    for name in ("normal", "new", "d.json"):
        Path(name).symlink_to(fitted / name)
    return tmp_path


def run(*arguments: str, code: int = 0):
    done = CliRunner().invoke(app, ["anomaly", *arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def test_odd_images_are_named():
    done = run("score", "d.json", "new")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["image", "score", "threshold", "verdict"]
    assert [(line[0], line[3]) for line in lines[1:]] == [
        ("new/0.png", "normal"),
        ("new/1.png", "odd"),
        ("new/2.png", "normal"),
        ("new/3.png", "odd"),
    ]
    assert "2 of 4 images are odd" in done.stderr


def test_the_oddest_first():
    document = json.loads(run("score", "d.json", "new", "--sort", "--json").stdout)
    scores = [one["score"] for one in document["images"]]
    assert scores == sorted(scores, reverse=True)
    assert {one["input"] for one in document["images"][:2]} == {"new/1.png", "new/3.png"}


def test_one_json_document():
    document = json.loads(run("score", "d.json", "new/1.png", "--json").stdout)
    assert document["detector"] == "d.json"
    assert document["failed"] == []
    (one,) = document["images"]
    assert one["odd"] is True
    assert one["score"] > document["threshold"]
    assert one["heat_map"] is None


def test_a_heat_map_is_coloured_where_the_image_is_rough(folder):
    run("score", "d.json", "new", "--heat-maps", "heat")
    assert sorted(p.name for p in Path("heat").iterdir()) == [f"{n}.png.png" for n in range(4)]
    odd = ruis.read("heat/1.png.png").pixels.astype(int)
    coloured = np.ptp(odd, axis=2) > 60
    rows, columns = np.nonzero(coloured)
    assert 22 <= rows.min() <= rows.max() <= 41
    assert 5 <= columns.min() <= columns.max() <= 36
    normal = ruis.read("heat/0.png.png").pixels.astype(int)
    assert (np.ptp(normal, axis=2) > 60).mean() < 0.01


def test_heat_maps_replace_nothing_unless_told():
    run("score", "d.json", "new/1.png", "--heat-maps", "heat")
    before = Path("heat/1.png.png").read_bytes()
    done = run("score", "d.json", "new/1.png", "--heat-maps", "heat", code=3)
    assert "--overwrite" in done.stderr
    assert Path("heat/1.png.png").read_bytes() == before
    run("score", "d.json", "new/1.png", "--heat-maps", "heat", "--overwrite")


def test_two_heat_maps_of_one_name_are_refused(fitted):
    one, other = "new/1.png", str(fitted / "other" / "1.png")
    write(Path(other), np.full((SIDE, SIDE), 0.5))
    assert "both be" in run("score", "d.json", one, other, "--heat-maps", "h", code=2).stderr
    run("score", "d.json", one, other)


def test_a_broken_image_is_named_and_the_others_are_scored(fitted):
    Path("broken.png").write_bytes(Path("new/0.png").read_bytes()[:60])
    done = run("score", "d.json", "new/0.png", "broken.png", "new/1.png", "--json", code=1)
    document = json.loads(done.stdout)
    assert [one["input"] for one in document["images"]] == ["new/0.png", "new/1.png"]
    (failed,) = document["failed"]
    assert failed["input"] == "broken.png"
    assert failed["error"] == "CorruptImageError"
    assert "broken.png" in done.stderr
    assert "broken.png" in run("score", "d.json", "broken.png", code=3).stderr


def test_images_that_are_not_there():
    done = run("score", "d.json", "nowhere.png", "new/0.png", code=1)
    assert "nowhere.png" in done.stderr
    assert "new/0.png" in done.stdout


def test_a_detector_that_is_not_there():
    assert "no detector nowhere.json" in run("score", "nowhere.json", "new", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        (("--threshold", "quantil=0.9"), "Did you mean 'quantile'", 2),
        (("--threshold", "sd"), "sd=3", 2),
        (("--score", "worst"), "worst", 2),
        (("--model", "nothing"), "no model", 2),
        (("--model", "gray", "--minutes", "1"), "nothing is taught", 2),
        (("--minutes", "0"), "minutes", 2),
        (("-o", "a.txt"), ".json", 2),
        (("-o", "no/a.json"), "no folder", 2),
        (("-o", "d.json"), "--overwrite", 3),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_learnt(arguments, reason, code):
    given = arguments if "-o" in arguments else (*arguments, "-o", "a.json")
    assert reason in run("fit", "normal", *given, code=code).output
    assert not Path("a.json").exists()
    assert not Path("a.ruis").exists()


def test_one_normal_image_is_too_few(tmp_path):
    write(Path("one/a.png"), np.full((SIDE, SIDE), 0.5))
    assert "two or more" in run("fit", "one", "-o", "a.json", code=3).stderr
    assert "no images" in run("fit", str(tmp_path / "one" / ".."), "-o", "a.json", code=3).stderr


def test_what_was_fitted_as_json(fitted):
    arguments = ("normal", "-o", "a.json", "--model", "gray", "--threshold", "contamination=0.25")
    document = json.loads(run("fit", *arguments, "--json").stdout)
    assert (document["images"], document["odd"]) == (12, 3)
    assert document["rule"] == "contamination=0.25"
    assert document["threshold"] == json.loads(Path("a.json").read_text())["threshold"]


@pytest.mark.slow
def test_without_a_model_one_is_taught_and_kept():
    pytest.importorskip("keras", reason="training needs the train extra")
    done = run("fit", "normal", "-o", "mine.json", "--minutes", "0.05", "--seed", "3")
    assert "for 3 s (--minutes" in done.stderr
    assert "ruis anomaly score mine.json" in done.stdout
    model = model_file.load("mine.ruis")
    assert model.architecture.name == "convolutional-autoencoder"
    assert model.manifest.training.seed == 3
    assert json.loads(Path("mine.json").read_text())["model"]["path"] == "mine.ruis"
    assert sorted(p.name for p in Path().iterdir() if not p.is_symlink()) == [
        "mine.json",
        "mine.ruis",
    ]
    run("score", "mine.json", "new")
    Path("mine.ruis").unlink()
    assert "mine.ruis" in run("score", "mine.json", "new", code=2).stderr


@pytest.mark.parametrize("command", ["fit", "score"])
def test_help_shows_examples_on_lines_of_their_own(command):
    lines = [line.strip() for line in run(command, "--help").stdout.splitlines()]
    assert len([line for line in lines if line.startswith(f"ruis anomaly {command} ")]) >= 2


def stacks(folder: Path) -> None:
    """Write surfaces as TIFFs of three pages."""
    import tifffile

    folder.mkdir()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        pages = [np.rint(255 * surface(rng)).astype(np.uint8) for _ in range(3)]
        tifffile.imwrite(folder / f"{seed}.tif", np.stack(pages), photometric="minisblack")


def test_each_page_of_a_stack_is_an_image():
    stacks(Path("stacks"))
    done = run("fit", "stacks", "-o", "s.json", "--model", "gray", "--json")
    assert json.loads(done.stdout)["images"] == 9


@pytest.mark.slow
def test_an_older_detector_stays_whole_where_fitting_fails(monkeypatch):
    pytest.importorskip("keras", reason="training needs the train extra")
    taught = ("-o", "mine.json", "--minutes", "0.02")
    run("fit", "normal", *taught)

    def fails(self, images):
        raise EmptyDatasetError("there is something wrong with them.")

    monkeypatch.setattr("ruis.anomaly.AnomalyDetector.fit", fails)
    before = Path("mine.ruis").read_bytes(), Path("mine.json").read_bytes()
    run("fit", "normal", *taught, "--seed", "5", "--overwrite", code=3)
    assert (Path("mine.ruis").read_bytes(), Path("mine.json").read_bytes()) == before
    run("fit", "normal", "-o", "other.json", "--minutes", "0.02", code=3)
    assert not Path("other.ruis").exists()
