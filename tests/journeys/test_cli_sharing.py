"""`ruis models pull` and `push`: through a folder, a real server, and what speaks like the Hub."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis import architectures, model_file, sharing
from ruis.cli import app
from ruis.errors import ConfigError, ModelCorruptError, RuisError, TransferError
from ruis.image import Image, ImageInfo
from ruis.manifest import Manifest
from ruis.sharing import web
from ruis.zoo import store

NETWORK = {"name": "unet", "widths": (8,), "blocks": 1}


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("RUIS_MODELS", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "store"


def make(path: Path, name: str = "grain", seed: int = 0) -> Path:
    shapes = architectures.parse(NETWORK).tensors
    rng = np.random.default_rng(seed)
    weights = {key: rng.normal(0, 0.01, shape).astype("f4") for key, shape in shapes.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(name=name, purpose="Film grain.", architecture=NETWORK)
    model_file.save(path, manifest, weights)
    return path


@pytest.fixture
def model(tmp_path) -> Path:
    return make(tmp_path / "mine" / "grain.ruis")


@pytest.fixture(scope="module")
def server(tmp_path_factory, repository):
    """A real server process: (URL, its folder)."""
    folder = tmp_path_factory.mktemp("server")
    script = repository / "tests" / "servers" / "hub.py"
    with subprocess.Popen(
        [sys.executable, script, folder], stdout=subprocess.PIPE, text=True
    ) as process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}", folder
        process.terminate()


@pytest.fixture
def hub(server, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="the hub extra")
    url, folder = server
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    return folder


def run(*arguments, code: int = 0):
    done = CliRunner().invoke(app, ["models", *map(str, arguments)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def nothing_kept(folder: Path) -> bool:
    return not folder.exists() or not list(folder.iterdir())


def test_through_a_folder_and_then_by_name(model, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    assert "grain.ruis" in run("push", model, shared).stdout
    line = (shared / "grain.ruis.sha256").read_text()
    assert line == f"{digest(model)}  grain.ruis\n", "as sha256sum writes and checks it"
    pulled = json.loads(run("pull", shared, "--json").stdout)
    assert pulled == {
        "name": "grain", "source": str(shared / "grain.ruis"), "sha256": digest(model)
    }  # fmt: skip
    assert "grain: Film grain. (pulled from" in run().stdout
    names = [one["name"] for one in json.loads(run("--json").stdout)["models"]]
    assert names[-1] == "grain"
    assert run("grain").stdout.startswith("# grain")
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 1)).astype("u1")
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255))), "a.png")
    done = CliRunner().invoke(app, ["denoise", "a.png", "--model", "grain", "--json"])
    assert json.loads(done.stdout)["outputs"][0]["model"] == "grain"


def test_a_name_that_nobody_has_says_what_was_pulled(model):
    run("pull", model)
    said = run("graim", code=2).stderr
    assert "pulled (grain)" in said
    assert "Did you mean 'grain'" in said


def test_a_url_needs_its_hash(server, own_store):
    url, folder = server
    address, sha = f"{url}/files/web.ruis", digest(make(folder / "web.ruis"))
    assert "--sha256" in run("pull", address, code=2).stderr
    assert nothing_kept(own_store)
    run("pull", address, "--sha256", sha)
    assert store.record_of("grain").source == address
    run("pull", f"{address}#sha256={sha.upper()}")
    assert sha in run("pull", address, "--unpinned").stderr
    wrong = run("pull", address, "--name", "other", "--sha256", "0" * 64, code=3).stderr
    assert "nothing is kept" in wrong
    assert "64 hexadecimal" in run("pull", address, "--sha256", "abc", code=2).stderr
    assert store.names() == ["grain"]


WRONG_WAYS = [
    ("files/nothing.ruis", 2, "no such file (404)"),
    ("half", 3, "broke off|cannot be fetched"),
    ("ftp/a.ruis", 3, "not followed"),
    ("away/a.ruis", 3, "cannot be fetched"),
    ("api/nothing", 2, "404"),
]


@pytest.mark.parametrize("path", [way[0] for way in WRONG_WAYS])
def test_no_connection_is_left_to_the_garbage_collector(server, tmp_path, path):
    gc.collect()
    with pytest.raises(RuisError) as caught:
        web.fetch(f"{server[0]}/{path}", tmp_path, None)
    caught.value.ring = caught.value  # sockets that only reference counting closes stay open
    del caught
    gc.collect()  # warns of each socket that nobody closed, and warnings are errors


@pytest.mark.parametrize(("path", "code", "reason"), WRONG_WAYS)
def test_what_goes_wrong_on_the_way_is_said(server, own_store, path, code, reason):
    done = run("pull", f"{server[0]}/{path}", "--unpinned", code=code)
    assert any(one in done.stderr for one in reason.split("|")), done.stderr
    assert nothing_kept(own_store)


def test_an_address_that_cannot_be_one_is_said(own_store):
    done = run("pull", "http://127.0.0.1:9/my model.ruis", "--unpinned", code=3)
    assert "cannot be fetched" in done.stderr
    assert "mistake in ruis" not in done.stderr


def test_what_is_no_model_is_not_kept(server, own_store, tmp_path):
    (server[1] / "page.ruis").write_bytes(b"<html>")
    with zipfile.ZipFile(tmp_path / "evil.ruis", "w") as archive:
        archive.writestr("weights.pkl", b"cos\nsystem\n")
    for source in (f"{server[0]}/files/page.ruis", tmp_path / "evil.ruis"):
        assert "no model file" in run("pull", source, "--unpinned", code=3).stderr
    assert nothing_kept(own_store)


def test_names_are_not_taken_from_anyone(model, tmp_path):
    run("pull", model)
    other = make(tmp_path / "other" / "grain.ruis", seed=1)
    assert "--name" in run("pull", other, code=2).stderr
    assert store.record_of("grain").sha256 == digest(model)
    run("pull", model)  # the same again is no quarrel
    run("pull", other, "--name", "grain2")
    run("pull", other, "--overwrite")
    assert store.record_of("grain").sha256 == digest(other)
    assert len(list(store.folder().glob("*.ruis"))) == 1, "what no name leads to goes away"
    gray = make(tmp_path / "gray.ruis", name="gray")
    assert "ships with ruis" in run("pull", gray, code=2).stderr
    assert "pattern" in run("pull", model, "--name", "../x", code=2).stderr


def test_what_was_pulled_is_removed_and_nothing_else(model, own_store):
    run("pull", model)
    run("pull", model, "--name", "again")
    assert run("remove", "grain").stdout == "grain was removed.\n"
    assert run("again").stdout.startswith("# grain"), "another name leads to the same file"
    missing = run("remove", "grain", code=2)
    assert "no model 'grain' was pulled; these were: again" in missing.stderr
    assert json.loads(run("remove", "again", "--json").stdout) == {"removed": "again"}
    assert nothing_kept(own_store)
    assert "ships with ruis" in run("remove", "gray", code=2).stderr


@pytest.mark.parametrize("name", ["auto", "medium", "fast", "push", "remove"])
def test_what_means_something_else_is_no_name(model, own_store, name):
    assert "means something else" in run("pull", model, "--name", name, code=2).stderr
    assert nothing_kept(own_store)


def test_what_others_put_into_the_folder_stays_there(model, own_store):
    mine = make(own_store / "mine.ruis", seed=2)
    run("pull", model)
    run("pull", make(model.with_name("new.ruis"), seed=3), "--name", "grain", "--overwrite")
    assert mine.exists()


def test_a_detector_finds_a_pulled_model_again(model, tmp_path, monkeypatch):
    run("pull", model, "--name", "mine")
    rng = np.random.default_rng(0)
    for number in range(3):
        pixels = rng.integers(0, 255, (40, 48, 1)).astype("u1")
        Path("normal").mkdir(exist_ok=True)
        ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255))), f"normal/{number}.png")
    Path("deep").mkdir()
    fit = ["anomaly", "fit", "normal", "-o", "deep/d.json", "--model", "mine"]
    done = CliRunner().invoke(app, fit)
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(tmp_path / "deep")
    done = CliRunner().invoke(app, ["anomaly", "score", "d.json", "../normal/0.png"])
    assert done.exit_code == 0, done.output


def test_json_before_a_name_is_not_passed_over(model):
    run("pull", model)
    assert "comes after" in run("--json", "grain", code=2).stderr


def test_a_folder_with_several_models_asks_which(model, tmp_path):
    make(model.with_name("second.ruis"), "second")
    assert "say which" in run("pull", model.parent, code=2).stderr
    assert "there is no model" in run("pull", tmp_path / "none", code=2).stderr
    assert "is no folder" in run("push", model, tmp_path / "none", code=2).stderr
    assert "only read" in run("push", model, "https://example.org/", code=2).stderr


def test_a_damaged_file_is_called_by_the_name_that_was_given(model, own_store):
    model.write_bytes(model.read_bytes()[:1000])
    said = run("pull", model, code=3).stderr
    assert said.startswith(f"ruis: {model} is no model file")
    assert ".pull-" not in said
    assert nothing_kept(own_store)


def test_a_hash_beside_the_file_is_believed_more_than_the_file(model, tmp_path, own_store):
    model.with_name("grain.ruis.sha256").write_text("0" * 64 + "  grain.ruis\n")
    assert "its source announces" in run("pull", model, code=3).stderr
    assert nothing_kept(own_store)


def test_a_damaged_store_is_noticed_and_the_rest_still_listed(model, tmp_path):
    run("pull", model)
    run("pull", make(tmp_path / "b.ruis", "second", seed=2))
    file = store.path_of("grain")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelCorruptError, match="pull 'grain' again"):
        store.path_of("grain")
    listed = run()
    assert "pull 'grain' again" in listed.stderr
    assert "second: Film grain." in listed.stdout
    run("pull", model)
    assert store.path_of("grain").is_file()


def test_a_pushed_model_is_not_replaced_unasked(model, tmp_path):
    run("push", model, tmp_path)
    assert "exists already" in run("push", model, tmp_path, code=3).stderr
    run("push", model, tmp_path, "--overwrite")


def test_to_the_hub_and_back(hub, model):
    place = run("push", model, "hf:me/my-noise", "--license", "apache-2.0").stdout.split(" -> ")[1]
    card = (hub / "me" / "my-noise" / "README.md").read_text()
    assert card.startswith(
        "---\nlibrary_name: ruis\npipeline_tag: image-to-image\nlicense: apache-2.0"
    )
    assert "# grain\n\nFilm grain." in card
    assert "ruis models pull hf:me/my-noise" in card
    assert digest(hub / "me" / "my-noise" / "grain.ruis") == digest(model)
    for source in ("hf:me/my-noise", place.strip()):
        pulled = json.loads(run("pull", source, "--json").stdout)
        assert pulled["sha256"] == digest(model)
        assert pulled["source"] == place.strip(), "with the commit: the same file, tomorrow too"


def test_what_the_hub_refuses_is_said(hub, model, own_store, monkeypatch):
    assert "hf:me/nobody" in run("pull", "hf:me/nobody", code=2).stderr
    (hub / "me" / "empty").mkdir(parents=True, exist_ok=True)
    assert "no .ruis file" in run("pull", "hf:me/empty", code=2).stderr
    assert "hf:OWNER/NAME" in run("pull", "hf:nonsense", code=2).stderr
    make(hub / "me" / "lies" / "a.ruis")
    (hub / "me" / "lies.a.ruis.said").write_text("0" * 64)
    assert "its source announces" in run("pull", "hf:me/lies", code=3).stderr
    make(hub / "me" / "lies" / "b.ruis")
    assert "several models" in run("pull", "hf:me/lies", code=2).stderr
    monkeypatch.setenv("HF_TOKEN", "wrong")
    assert "hf:me/my-noise" in run("push", model, "hf:me/my-noise", code=3).stderr
    assert nothing_kept(own_store)


def test_a_hub_that_is_not_there(model, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="the hub extra")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(TransferError, match="hf:me/x"):
        sharing.push(model, "hf:me/x")


def test_the_store_is_where_the_system_keeps_such_data(monkeypatch, tmp_path):
    monkeypatch.delenv("RUIS_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert store.folder() == tmp_path / "xdg" / "ruis" / "models"
    assert os.fspath(store.folder()).endswith("models")


def test_a_file_where_the_store_should_be_is_said(monkeypatch, tmp_path, model):
    (tmp_path / "taken").write_bytes(b"")
    for place in ("taken", "taken/below"):
        monkeypatch.setenv("RUIS_MODELS", str(tmp_path / place))
        with pytest.raises(ConfigError, match="a file is in its place"):
            sharing.pull(str(model), name="mine")
        assert store.names() == []
