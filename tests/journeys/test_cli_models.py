"""`ruis evaluate`, `inspect`, `compare`, `models`, `export` and `doctor`."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis import architectures, model_file, zoo
from ruis.cli import app
from ruis.denoiser import Denoiser
from ruis.engines import ENGINES
from ruis.errors import EngineUnavailableError
from ruis.image import Image, ImageInfo
from ruis.manifest import Manifest, Score

NETWORK = {"name": "unet", "widths": (8,), "blocks": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """A model that removes nothing: what is measured is then known."""
    path = tmp_path_factory.mktemp("model") / "same.ruis"
    shapes = architectures.parse(NETWORK).tensors
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    scores = (Score(images="Set", noise="gaussian:25/255", psnr=30, ssim=0.9, noisy_psnr=20),)
    manifest = Manifest(
        name="same", purpose="Removes nothing.", architecture=NETWORK, scores=scores
    )
    model_file.save(path, manifest, weights)
    return str(path)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """Folders `clean` and `noisy` with two images of the same names; sigma is 0.1."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name in ("b.png", "a.png"):
        clean = np.full((48, 56, 1), 0.5, np.float32)
        for kind, pixels in (("clean", clean), ("noisy", clean + rng.normal(0, 0.1, clean.shape))):
            stored = (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)
            (folder / kind).mkdir(exist_ok=True)
            ruis.write(Image(stored, ImageInfo(stored.dtype, (0, 255))), folder / kind / name)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, code: int = 0):
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


# -- evaluate ----------------------------------------------------------------------------------------


def test_evaluation_as_json_is_the_document_that_was_promised(model, images):
    done = run("evaluate", "--model", model, "--clean", images / "clean", "--noise",
               "gaussian:25.5/255", "--json")  # fmt: skip
    document = json.loads(done.stdout)
    assert list(document) == [
        "model", "noise", "seed", "mean", "images", "seconds", "megapixels_per_second",
        "range_used", "sigma", "strength", "notes",
    ]  # fmt: skip
    assert document["model"] == "same"
    assert document["noise"] == "gaussian:25.5/255"
    assert document["seed"] == 0
    assert [image["name"] for image in document["images"]] == ["a.png", "b.png"]
    assert set(document["images"][0]) == {"name", "psnr", "ssim", "noisy_psnr"}
    assert set(document["mean"]) == {"psnr", "ssim", "noisy_psnr"}
    assert document["mean"]["noisy_psnr"] == pytest.approx(20, abs=0.3)
    assert document["mean"]["psnr"] == pytest.approx(document["mean"]["noisy_psnr"], abs=0.2)


def test_evaluation_as_text_is_a_table_with_the_means_last(model, images):
    done = run("evaluate", "--model", model, "--clean", images / "clean", "--noisy",
               images / "noisy")  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0] == "same on pairs"
    assert [line.split()[0] for line in lines[1:5]] == ["image", "a.png", "b.png", "mean"]
    assert "Mpx/s" in lines[5]


def test_the_seed_decides_the_noise(model, images):
    def psnr(seed: int) -> float:
        done = run("evaluate", "--model", model, "--clean", images / "clean", "--noise",
                   "gaussian:0.1", "--seed", seed, "--json")  # fmt: skip
        return json.loads(done.stdout)["mean"]["psnr"]

    assert psnr(1) == psnr(1) != psnr(2)


def test_identical_images_have_no_psnr_in_json(model, images):
    done = run("evaluate", "--model", model, "--clean", images / "clean", "--noisy",
               images / "clean", "--precision", "f32", "--json")  # fmt: skip
    assert json.loads(done.stdout)["mean"]["noisy_psnr"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ((), 2, "either --noise SPEC"),
        (("--noise", "gaussian:0.1", "--noisy", "x"), 2, "either --noise SPEC"),
        (("--noisy", "x", "--seed", "1"), 2, "--seed"),
        (("--noise", "gausian:0.1"), 2, "Did you mean 'gaussian'"),
        (("--noisy", "nowhere"), 3, "nowhere"),
    ],
)
def test_what_is_wrong_with_an_evaluation_is_said(model, images, arguments, code, reason):
    done = run("evaluate", "--model", model, "--clean", images / "clean", *arguments, code=code)
    assert reason in done.stderr


def test_a_report_is_one_page_with_pictures(model, images):
    arguments = ["evaluate", "--model", model, "--clean", images / "clean", "--noise",
                 "gaussian:0.1", "--report", "page.html"]  # fmt: skip
    run(*arguments)
    page = Path("page.html").read_text(encoding="utf-8")
    assert re.search(r"<td>a\.png<td>(19|20)\.\d\d<td>", page)
    assert re.search(r"<td>mean<td>(19|20)\.\d\d<td>", page)
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 6, "noisy, denoised and clean, of the best and the worst"
    assert ruis.formats.read_bytes(b64decode(pictures[0])).rows == 48
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "it needs no other file"
    assert "--overwrite" in run(*arguments, code=3).stderr
    run(*arguments, "--overwrite")
    assert ".html" in run(*arguments[:-1], "page.txt", code=2).stderr


# -- inspect and compare -----------------------------------------------------------------------------


def test_an_image_is_described_with_its_noise(images):
    text = run("inspect", images / "noisy" / "a.png").stdout
    assert "56x48 pixels, png" in text
    assert "1 (gray)" in text
    assert "model     gray" in text
    facts = json.loads(run("inspect", images / "noisy" / "a.png", "--json").stdout)
    assert facts["sigma"] == pytest.approx(0.1, rel=0.1)
    assert facts["dtype"] == "uint8"
    assert facts["data_range"] == [0.0, 255.0]
    assert facts["model"] == "gray"


def test_each_channel_has_its_noise():
    noise = np.random.default_rng(0).normal(0, 1, (96, 96, 3)) * [0.02, 0.05, 0.1]
    pixels = ((0.5 + noise) * 65535).clip(0, 65535).astype(np.uint16)
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 65535), colour="rgb")), "a.tif")
    facts = json.loads(run("inspect", "a.tif", "--json").stdout)
    assert facts["sigma_per_channel"] == pytest.approx([0.02, 0.05, 0.1], rel=0.1)
    assert facts["model"] == "white-color"
    each = ", ".join(f"{255 * sigma:.1f}" for sigma in facts["sigma_per_channel"])
    assert f"channels: {each}" in run("inspect", "a.tif").stdout


def test_what_was_removed_is_judged(images):
    noisy, clean = images / "noisy" / "a.png", images / "clean" / "a.png"
    found = json.loads(run("compare", noisy, clean, "--clean", clean, "--json").stdout)
    assert found["whiteness"] == pytest.approx(0, abs=0.05)
    assert found["removed"] == pytest.approx(0.1, rel=0.1)
    assert found["sigma_before"] == pytest.approx(0.1, rel=0.1)
    assert found["psnr_before"] == pytest.approx(20, abs=0.5)
    assert found["psnr_after"] is None, "infinite"
    text = run("compare", noisy, clean).stdout
    assert "like white noise" in text
    assert "PSNR" not in text


def test_structure_in_what_was_removed_is_found():
    ramp = np.indices((64, 64)).sum(0).astype(np.uint8)[..., None]
    for name, pixels in (("ramp.png", ramp), ("flat.png", np.full_like(ramp, 63))):
        ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255))), name)
    assert "structure" in run("compare", "ramp.png", "flat.png").stdout


def test_images_of_other_sizes_cannot_be_compared(images):
    make = np.zeros((8, 9, 1), np.uint8)
    ruis.write(Image(make, ImageInfo(make.dtype, (0, 255))), "small.png")
    done = run("compare", images / "clean" / "a.png", "small.png", code=3)
    assert "8x9x1" in done.stderr


# -- models ------------------------------------------------------------------------------------------


def test_a_card_is_shown(model):
    assert run("models", model).stdout.startswith("# same\n\nRemoves nothing.")


def test_the_facts_of_a_model_are_json(model):
    facts = json.loads(run("models", model, "--json").stdout)
    assert facts["name"] == "same"
    assert facts["channels"] == 1
    assert facts["takes_sigma"] is True
    assert facts["scores"][0]["psnr"] == 30


def test_the_models_that_ship_are_listed(model, monkeypatch):
    monkeypatch.setattr(zoo, "SHIPPED", {"same": ""})
    monkeypatch.setattr(zoo, "find", lambda name: model_file.load(model))
    head, row, purpose, *_ = run("models").stdout.splitlines()
    assert head.split()[:2] == ["name", "channels"]
    assert row.split()[0] == "same"
    assert "Set gaussian:25/255: 30.00" in row
    assert purpose == "same: Removes nothing."
    (facts,) = json.loads(run("models", "--json").stdout)["models"]
    assert facts["name"] == "same"


def test_where_an_error_comes_from_is_shown_to_those_who_ask():
    done = CliRunner().invoke(app, ["models", "nowhere", "--debug"])
    assert done.exit_code == 2
    assert "Traceback" in done.stderr


def test_no_model_of_this_name_is_wrong_usage():
    assert "nowhere" in run("models", "nowhere", code=2).stderr


# -- export ------------------------------------------------------------------------------------------


def test_a_model_is_exported_and_the_difference_told(model):
    pytest.importorskip("onnxruntime")
    done = run("export", model, "--to", "onnx", "-o", "same.onnx")
    assert "largest difference" in done.stdout
    assert Path("same.onnx").stat().st_size > 1000
    assert "--overwrite" in run("export", model, "--to", "onnx", "-o", "same.onnx", code=3).stderr
    document = json.loads(
        run("export", model, "--to", "onnx", "-o", "same.onnx", "--overwrite", "--json").stdout
    )
    assert document["largest_difference"] < 1e-4


def test_another_kind_of_export_is_wrong_usage_and_says_what_there_is(model):
    assert "onnx" in run("export", model, "--to", "coreml", "-o", "x", code=2).stderr


# -- doctor ------------------------------------------------------------------------------------------


@pytest.fixture
def without_learned_engines(monkeypatch):
    """As where only the base of ruis is installed; and no need to wait for TensorFlow."""
    known = ENGINES.load

    def load(name):
        if name != "openvino":
            raise EngineUnavailableError(f"the {name} engine", {"keras": "train"}.get(name, name))
        return known(name)

    monkeypatch.setattr(ENGINES, "load", load)
    monkeypatch.setattr(import_module("ruis.cli.doctor"), "prepare_engine", lambda name: None)


@pytest.mark.usefixtures("without_learned_engines")
def test_the_doctor_tests_what_is_there_and_says_how_to_get_the_rest():
    text = run("doctor").stdout
    assert "openvino: works" in text
    assert 'keras: not installed: pip install "ruis[train]"' in text
    assert "only read: raw, gif" in text
    report = json.loads(run("doctor", "--json").stdout)
    assert report["healthy"] is True
    assert report["versions"]["ruis"] == ruis.__version__
    assert report["engines"]["openvino"]["state"] == "works"
    assert report["engines"]["onnxruntime"]["state"] == "missing"
    assert report["processor"]["threads"] >= 1


@pytest.mark.usefixtures("without_learned_engines")
def test_the_doctor_finds_an_engine_that_fails(monkeypatch):
    def fails(self, batch):
        raise RuntimeError("wrong processor")

    openvino = ENGINES.load("openvino")
    monkeypatch.setattr(openvino, "_ready", fails)
    done = run("doctor", code=3)
    assert "wrong processor" in done.stdout
    assert "cannot be denoised" in done.stdout


@pytest.mark.usefixtures("without_learned_engines")
@pytest.mark.parametrize("raised", [TypeError, AttributeError])
def test_the_doctor_reports_a_library_that_does_not_fit(monkeypatch, raised):
    def fails(self, batch):
        raise raised("unexpected")

    monkeypatch.setattr(ENGINES.load("openvino"), "_ready", fails)
    done = run("doctor", code=3)
    assert f"{raised.__name__}: unexpected" in done.stdout


@pytest.mark.usefixtures("without_learned_engines")
def test_the_doctor_reports_a_result_that_is_no_number(monkeypatch):
    monkeypatch.setattr(Denoiser, "denoise", lambda self, noisy, **_: np.full_like(noisy, np.nan))
    assert "differs" in run("doctor", code=3).stdout


@pytest.mark.usefixtures("without_learned_engines")
def test_the_doctor_finds_a_model_that_is_not_the_one_that_shipped(monkeypatch, folder):
    monkeypatch.setattr(zoo, "SHIPPED", {"gray": "0" * 64})
    monkeypatch.setattr(zoo, "FOLDER", folder)
    Path("gray.ruis").write_bytes(b"something else")
    assert "install ruis again" in run("doctor", code=3).stdout


def test_engines_that_are_here_agree(monkeypatch):
    pytest.importorskip("onnxruntime")
    known = ENGINES.load
    unavailable = EngineUnavailableError("the keras engine", "train")

    def load(name):
        if name == "keras":
            raise unavailable
        return known(name)

    monkeypatch.setattr(ENGINES, "load", load)
    monkeypatch.setattr(import_module("ruis.cli.doctor"), "prepare_engine", lambda name: None)
    engines = json.loads(run("doctor", "--json").stdout)["engines"]
    assert 0 < engines["onnxruntime"]["largest_difference"] < 1e-4
