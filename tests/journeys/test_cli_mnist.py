"""`ruis mnist`: every step of the article as a command, on few digits."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis import model_file
from ruis.cli import app

pytest.importorskip("keras", reason="learning needs the train extra")
pytest.importorskip("matplotlib", reason="figures need the mnist extra")

from PIL import Image

from ruis.autoencoder import Autoencoder
from ruis.mnist.data import load, unit
from ruis.mnist.lessons import add_noise, judged

SMALL = ("--set", "filters=4,2,2", "--set", "batch=32")


def run(*arguments, code: int = 0):
    done = CliRunner().invoke(app, ["mnist", *map(str, arguments)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert "mistake in ruis" not in done.output
    return done


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> str:
    """Write 400 digits to learn from, and 62 to test: the least that has all ten."""
    digits = load().first(400, 62)
    path = tmp_path_factory.mktemp("data") / "few.npz"
    arrays = ("x_train", "y_train", "x_test", "y_test")
    np.savez(path, **{name: getattr(digits, name) for name in arrays})
    return str(path)


@pytest.fixture(scope="module")
def learnt(data, tmp_path_factory):
    """Teach one network for all tests of this file."""
    path = tmp_path_factory.mktemp("learnt") / "digits.ruis"
    done = run("train", "--data", data, *SMALL, "--epochs", "1,2", "--seed", 3, "-o", path)
    return path, done


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder) -> set[str]:
    found = {path.name for path in Path(folder).iterdir()}
    stems = {name.removesuffix(".svg") for name in found if name.endswith(".svg")}
    assert {f"{stem}.png" for stem in stems} <= found, "each figure in both forms"
    return stems | {name for name in found if not name.endswith((".svg", ".png"))}


def pictures(svg: Path):
    """Return the pictures in a figure's file, (N, rows, columns), 0 to 255."""
    coded = re.findall(r"<image[^>]*base64,([^\"]*)\"", svg.read_text(encoding="utf-8"), re.DOTALL)
    opened = [Image.open(io.BytesIO(base64.b64decode(one))) for one in coded]
    return np.stack([np.asarray(one.convert("L"), np.float32) for one in opened])


# -- show ---------------------------------------------------------------------------------------


def test_show_the_digits_and_what_would_be_learnt(data):
    done = run("show", "--data", data, "--preset", "keras-io", "-o", "seen")
    assert names("seen") == {"digits", "noisy", "cubes"}
    assert "400 digits to learn from, 62 to test" in done.stdout
    assert "50 epochs of reconstructing, 100 of denoising" in done.stdout
    clean, noisy = (pictures(Path("seen", f"{name}.svg")) for name in ("digits", "noisy"))
    np.testing.assert_allclose(clean, load().x_test[:10], atol=2)
    drawn = add_noise(unit(load().x_test[:10]), "gaussian:0.4+clip", 0)
    np.testing.assert_allclose(noisy, drawn[..., 0] * 255, atol=2)


def test_show_as_json_and_every_number_may_be_another():
    done = run(
        "show", "--json", "--epochs", "2,3", "--noise", "gaussian:0.2", "--set", "kernel=5",
        "--set", "bottleneck=10", "--set", "decoder_padding=none", "--set", "batch=64",
        "--set", "learning_rate=0.5", "--set", "optimizer=sgd", "--set", "stride=2",
        "--set", "pooling=none", "--set", "filters=8,6",
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert (document["data"], document["train"], document["test"]) == ("package", 5000, 1000)
    preset = document["preset"]
    assert (preset["reconstruct"], preset["denoise"], preset["batch"]) == (2, 3, 64)
    assert (preset["noise"], preset["optimizer"]) == ("gaussian:0.2", "sgd")
    assert preset["learning_rate"] == 0.5
    assert preset["architecture"]["filters"] == [8, 6]
    assert preset["architecture"]["kernel"] == 5
    shapes = {one["name"]: one["shape"] for one in document["layers"]}
    assert shapes["down1"] == [14, 14, 8]
    assert shapes["code"][-1] == 10
    assert names(document["folder"]) == {"digits", "noisy", "cubes"}


def test_digits_may_come_from_a_folder_of_idx_files():
    digits = load().first(20, 10)
    Path("idx").mkdir()
    for start, images, labels in (("train", digits.x_train, digits.y_train),
                                  ("t10k", digits.x_test, digits.y_test)):  # fmt: skip
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
            Path("idx", f"{start}-{kind}-ubyte").write_bytes(head + array.tobytes())
    document = json.loads(run("show", "--data", "idx", "--json").stdout)
    assert (document["data"], document["train"], document["test"]) == ("idx", 20, 10)


# -- train, denoise and features ----------------------------------------------------------------


@pytest.mark.slow
def test_train_writes_a_model_its_history_and_its_figures(learnt):
    path, done = learnt
    model = model_file.load(path)
    assert model.manifest.noise == "gaussian:sigma=0.4+clip"
    assert model.manifest.training.seed == 3
    assert model.architecture.filters == (4, 2, 2)
    figures = path.with_suffix(".figures")
    assert names(figures) == {"loss", "psnr", "time", "reconstructed", "noisy", "denoised",
                              "history.csv"}  # fmt: skip
    with (figures / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["phase"], row["epoch"]) for row in rows] == [
        ("reconstruct", "1"), ("denoise", "2"), ("denoise", "3"),
    ]  # fmt: skip
    assert all(float(row["validation_loss"]) > 0 for row in rows)
    assert "341 parameters" in done.stdout
    assert "the loss cannot fall below 0.0" in done.stdout
    assert f"ruis mnist denoise --model {path}" in done.stdout
    assert "epoch 3" in done.stderr, "how it went is no result"
    assert "epoch 3" not in done.stdout


@pytest.mark.slow
def test_denoise_shows_and_scores_the_output_on_the_noisy_digits(learnt, data):
    """The mistake of the article: its "denoised" digits came from clean ones."""
    path, _ = learnt
    done = run("denoise", "--model", path, "--data", data, "--seed", 5, "-o", "out", "--json")
    document = json.loads(done.stdout)
    denoiser = ruis.load(path, precision="f32")
    clean = unit(load().first(400, 62).x_test)
    noisy = add_noise(clean, "gaussian:0.4+clip", 5)

    def denoised(images):
        return np.stack([denoiser.denoise(image, channel_axis=2) for image in images])

    right, wrong = denoised(noisy), denoised(clean)
    shown = pictures(Path("out/denoised.svg"))
    np.testing.assert_allclose(shown[:10], noisy[:10, ..., 0] * 255, atol=2)
    np.testing.assert_allclose(shown[10:], np.clip(right[:10, ..., 0], 0, 1) * 255, atol=2)
    for drawn, mistaken in zip(shown[10:], np.clip(wrong[:10, ..., 0], 0, 1) * 255, strict=True):
        assert np.abs(drawn - mistaken).max() > 4, "else this test could not tell them apart"
    assert document["psnr"] == pytest.approx(judged(right, clean, noisy).psnr, abs=1e-3)
    assert abs(document["psnr"] - judged(wrong, clean, noisy).psnr) > 0.02
    assert document["images"] == 62
    assert document["noise"] == "gaussian:sigma=0.4+clip"


@pytest.mark.slow
def test_denoise_takes_other_noise_and_says_what_it_did(learnt, data):
    path, _ = learnt
    given = ("denoise", "--model", path, "--data", data, "-o", "out")
    done = run(*given, "--noise", "gaussian:0.1+clip")
    assert "gaussian:0.1+clip, seed 0, 62 test digits" in done.stdout
    noisy, denoised = (line.split() for line in done.stdout.splitlines()[2:4])
    assert (noisy[0], denoised[0]) == ("noisy", "denoised")
    assert 20 < float(noisy[1]) < 24
    before = Path("out/denoised.svg").read_bytes()
    assert "--overwrite" in run(*given, code=3).stderr
    assert Path("out/denoised.svg").read_bytes() == before
    run(*given, "--overwrite")
    assert Path("out/denoised.svg").read_bytes() != before


@pytest.mark.slow
def test_without_a_model_one_is_taught_quickly_and_as_told(data):
    done = run("denoise", "--data", data, *SMALL, "--epochs", "0,9", "-o", "out")
    assert "No --model" in done.stderr
    assert "0 epochs of reconstructing, 9 of denoising" in done.stderr, "more than is quick"
    assert "article-notebook on gaussian" in done.stdout
    assert "step 90," in done.stderr, "ten batches of 32 in each epoch"


def test_any_gray_model_that_ships_may_be_tried_on_digits(data):
    done = run("denoise", "--model", "gray", "--data", data, "--noise", "gaussian:0.1+clip",
               "-o", "out", "--json")  # fmt: skip
    document = json.loads(done.stdout)
    assert document["psnr"] > document["noisy_psnr"] + 2


@pytest.mark.slow
def test_features_draws_what_is_inside(learnt, data):
    path, _ = learnt
    done = run("features", "--model", path, "--data", data, "--digit", 7, "-o", "out", "--json")
    levels = {f"maps-{kind}{n}" for kind in ("down", "pool") for n in (1, 2, 3)}
    assert names("out") == {"cubes", "filters", "match", "padding", "stride", "relu", "pooling",
                            *levels}  # fmt: skip
    document = json.loads(done.stdout)
    assert document["digit"] == 7
    assert {"name": "pool3", "shape": [4, 4, 2]} in document["layers"]
    assert "feature" not in done.stderr
    Path("out/filters.png").unlink()
    Path("out/filters.svg").unlink()
    for kind in ("png", "svg"):
        Path(f"out/cubes.{kind}").unlink()
    done = run("features", "--model", path, "--data", data, "-o", "out", code=3)
    assert "--overwrite" in done.stderr
    assert not Path("out/cubes.png").exists(), "nothing is written when one is in the way"


# -- what is measured ---------------------------------------------------------------------------


@pytest.mark.slow
def test_compare_dense_with_convolutional(data):
    done = run("compare", "--data", data, "--preset", "dense", "--epochs", 1, "-o", "out", "--json")
    assert names("out") == {"shuffled", "stacked", "stacked-psnr"}
    document = json.loads(done.stdout)
    assert [(one["network"], one["shuffled"]) for one in document["stacking"]] == [
        ("dense", False), ("convolutional", False), ("dense", True), ("convolutional", True),
    ]  # fmt: skip
    assert all(one["epochs"] == 1 and one["psnr"] > 0 for one in document["stacking"])
    assert document["ways_down"] == [], "a dense network has none"


@pytest.mark.slow
def test_study_names_the_smallest_that_is_good_enough(data):
    given = ("--data", data, "--epochs", 1, "--filters", "2,2", "--filters", "8,4,4", "--set",
             "batch=32")  # fmt: skip
    done = run("study", *given, "--wanted", "1", "-o", "out")
    assert names("out") == {"study"}
    assert [line.split()[0] for line in done.stdout.splitlines()[1:3]] == ["2-2", "8-4-4"]
    assert re.search(r"The smallest that reaches 1\.00 dB: 2-2, \d+ weights", done.stdout)


@pytest.mark.slow
def test_anomaly_sets_the_autoencoder_beside_what_is_simple(data):
    pytest.importorskip("sklearn", reason="the other detectors need the mnist extra")
    done = run("anomaly", "--data", data, "--digit", 1, "--epochs", 2, "--set", "filters=4,4",
               "--set", "bottleneck=8", "-o", "out", "--json")  # fmt: skip
    assert names("out") == {"again", "heat", "scores"}
    document = json.loads(done.stdout)
    (found,) = document["digits"]
    assert found["digit"] == 1
    assert found["pca"] > 0.8
    assert all(0 <= found[name] <= 1 for name in ("autoencoder", "isolation_forest"))
    assert document["preset"]["reconstruct"] == 2


# -- the report ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_report_writes_pages_figures_and_numbers(data):
    pytest.importorskip("sklearn", reason="the other detectors need the mnist extra")
    done = run(
        "report", "--quick", "--data", data, *SMALL, "--epochs", "1,2", "--lang", "en", "--lang",
        "nl", "-o", "article", "--json",
    )  # fmt: skip
    document = json.loads(done.stdout)
    kept = json.loads(Path("article/numbers.json").read_text(encoding="utf-8"))
    assert {name: document[name] for name in kept} == kept
    assert [len(kept[phase]) for phase in ("reconstructing", "denoising")] == [1, 2]
    assert kept["preset"]["batch"] == 32
    assert [one["name"] for one in kept["study"]] == ["1-1-1", "2-1-1", "4-2-2"]
    assert names("article") == {"article.en.html", "article.nl.html", "numbers.json", "figures"}
    assert len(names("article/figures")) >= 25
    for language, decimal in (("en", "."), ("nl", ",")):
        page = Path(f"article/article.{language}.html").read_text(encoding="utf-8")
        assert f'<html lang="{language}">' in page
        assert page.count("<section") == 15
        assert page.count("<figure>") == len(names("article/figures"))
        assert f"{kept['denoised']['psnr']:.1f} dB".replace(".", decimal) in page
    before = {path: path.read_bytes() for path in Path("article").rglob("*.*")}
    again = run("report", "--quick", "--data", data, *SMALL, "-o", "article", code=3)
    assert "--overwrite" in again.stderr
    assert "epoch" not in again.stderr, "said before any work"
    assert before == {path: path.read_bytes() for path in Path("article").rglob("*.*")}


def test_a_report_is_refused_where_only_its_figures_would_be_in_the_way(data):
    Path("article/figures").mkdir(parents=True)
    done = run("report", "--quick", "--data", data, "-o", "article", code=3)
    assert "article/figures exists already" in done.stderr.replace(": ", " ")
    assert names("article") == {"figures"}


# -- what is wrong ------------------------------------------------------------------------------

COMMANDS = ("show", "train", "denoise", "compare", "features", "study", "anomaly", "report")


def files():
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("--preset", "keras-oi"), 2, "Did you mean 'keras-io'"),
        (("--set", "filtres=3"), 2, "Did you mean 'filters'"),
        (("--set", "filters"), 2, "KEY=VALUE"),
        (("--set", "filters=0,2,2"), 2, "filters"),
        (("--set", "batch=many"), 2, "batch"),
        (("--set", "kernel=-3"), 2, "kernel"),
        (("--epochs", "0"), 2, "epochs"),
        (("--epochs", "a"), 2, "epochs"),
        (("--noise", "gausian:0.4"), 2, "Did you mean 'gaussian'"),
        (("--seed", "-1"), 2, "seed"),
        (("--data", "nowhere.npz"), 3, "nowhere.npz is neither"),
        (("--data", "packge"), 2, "Did you mean 'package'"),
        (("--data", "broken.npz"), 3, "broken.npz"),
        (("--output", "nowhere/deep/out"), 2, "no folder nowhere"),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_wrong_is_said_before_any_work(command, arguments, code, reason):
    Path("broken.npz").write_bytes(b"PK\3\4 is how it begins")
    before = files()
    more = () if "--output" in arguments else ("-o", "a.ruis" if command == "train" else "out")
    if command == "train" and "--output" in arguments:
        arguments = ("--output", "nowhere/deep/out.ruis")
    done = run(command, *arguments, *more, code=code)
    assert reason in " ".join(re.sub(r"[│\n]", " ", done.stderr).split())
    assert files() == before
    assert not done.stdout
    assert not Path("out").exists()


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "train"])
def test_a_folder_that_is_a_file_is_refused(command, data):
    Path("out").write_text("precious")
    done = run(command, "--data", data, "-o", "out", code=2)
    assert "it is a file" in done.stderr
    assert Path("out").read_text() == "precious"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("show", "noisy.svg"), ("denoise", "denoised.png"), ("compare", "stacked.svg"),
        ("features", "filters.png"), ("study", "study.svg"), ("anomaly", "heat.png"),
        ("report", "article.en.html"), ("report", "numbers.json"),
    ],
)  # fmt: skip
def test_what_is_there_already_is_kept(command, name, data):
    Path("out").mkdir()
    Path("out", name).write_text("precious")
    done = run(command, "--data", data, "-o", "out", code=3)
    assert name in done.stderr
    assert "--overwrite" in done.stderr
    assert files() == {Path("out", name): b"precious"}


@pytest.mark.parametrize("name", ["a.ruis", "a.figures/loss.png", "a.figures/history.csv"])
def test_train_replaces_nothing_untold(name, data):
    Path("a.figures").mkdir()
    Path(name).write_text("precious")
    done = run("train", "--data", data, "-o", "a.ruis", code=3)
    assert "--overwrite" in done.stderr
    assert files() == {Path(name): b"precious"}


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("train", "-o", "a.zip"), 2, "ends in .ruis"),
        (("denoise", "--model", "nowhere.ruis"), 2, "no model file"),
        (("denoise", "--model", "photo"), 2, "not made for gray images of 28x28"),
        (("denoise", "--model", "gray", "--epochs", "3"), 2, "leave out --epochs"),
        (("features", "--model", "gray", "--set", "batch=7"), 2, "leave out --set"),
        (("denoise", "--model", "gray", "--preset", "dense"), 2, "leave out --preset"),
        (("denoise", "--model", "documents", "--noise", "none"), 2, "noise"),
        (("anomaly", "--noise", "gaussian:0.4"), 2, "leave out --noise"),
        (("features", "--model", "gray"), 2, "no autoencoder for gray images of 28x28"),
        (("features", "--digit", "10"), 2, "--digit"),
        (("study", "--filters", "8,x"), 2, "16,8,8"),
        (("study", "--preset", "dense"), 2, "no filters"),
        (("study", "--epochs", "1.5"), 2, "--epochs"),
        (("compare", "--epochs", "0"), 2, "--epochs"),
        (("report", "--lang", "fr", "-o", "out"), 2, "Known: en, nl"),
        (("report", "--preset", "detector", "-o", "out"), 2, "ends in denoising"),
        (("report", "--preset", "dense", "-o", "out"), 2, "filters"),
        (("report",), 2, "--output"),
    ],
)
def test_each_command_refuses_what_makes_no_sense_to_it(arguments, code, reason, data):
    command, *more = arguments
    done = run(command, "--data", data, *more, code=code)
    assert reason in " ".join(re.sub(r"[│\n]", " ", done.stderr).split())
    assert not files()
    assert "epoch " not in done.stderr


def test_a_model_that_only_reconstructs_must_be_told_the_noise(data):
    network = {"name": "dense-autoencoder", "size": (28, 28), "hidden": (8,)}
    Autoencoder(network).save("a.ruis", {"name": "a", "noise": "none"})
    done = run("denoise", "--model", "a.ruis", "--data", data, "-o", "out", code=2)
    assert "--noise" in done.stderr
    run("denoise", "--model", "a.ruis", "--data", data, "--noise", "gaussian:0.4", "-o", "out")


def test_a_digit_that_the_data_do_not_have_is_said(data):
    few = load().first(400, 60)
    arrays = ("x_train", "y_train", "x_test", "y_test")
    np.savez("fewer.npz", **{name: getattr(few, name) for name in arrays})
    for command in ("anomaly", "report"):
        done = run(command, "--data", "fewer.npz", "-o", "out", code=3)
        assert "no 8 is among the 60 test images" in done.stderr
        assert "epoch " not in done.stderr


def test_what_is_wrong_is_named_before_digits_are_fetched(tmp_path):
    """In the order of what costs least: a word that is wrong, before a download."""
    asked = ("--data", "keras.datasets", "--set", "nonsense=1", "-o", tmp_path / "a.ruis")
    done = run("train", *asked, code=2)
    assert "nonsense" in done.stderr


def test_a_missing_package_is_named_before_anything_is_taught(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    asked = ("--data", data, *SMALL, "--epochs", "1,1", "-o", tmp_path / "report")
    done = run("report", *asked, code=3)
    assert "ruis[mnist]" in done.stderr
    assert not (tmp_path / "report").exists()
