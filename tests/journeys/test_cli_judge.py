"""inspect, compare, calibrate and --uncertainty, as people type them."""

from __future__ import annotations

import json
import re
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

import ruis
from ruis import model_file
from ruis.cli import app
from ruis.errors import ImageWriteError
from ruis.image import Image, ImageInfo


def run(*arguments: str | Path):
    return CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "120"})


def write(path: Path, unit: np.ndarray) -> Path:
    pixels = np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0.0, 255.0))), path)
    return path


def scene(seed: int = 0) -> np.ndarray:
    row, column = np.indices((160, 200), dtype=np.float32)
    light = 0.2 + 0.4 * row / 160 + 0.2 * ((row // 40 + (column + 11 * seed) // 30) % 2)
    return light[..., None]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean").mkdir()
    (tmp_path / "noisy").mkdir()
    for seed in range(4):
        rng = np.random.default_rng(seed)
        write(tmp_path / "clean" / f"{seed}.png", scene(seed))
        write(tmp_path / "noisy" / f"{seed}.png", scene(seed) + rng.normal(0, 0.08, (160, 200, 1)))
    return tmp_path


# -- inspect ---------------------------------------------------------------------------------------


def test_inspect_says_what_noise_it_is_and_what_to_do(folder):
    done = run("inspect", "noisy/0.png")
    assert done.exit_code == 0
    assert re.search(r"noise +white: sigma (19|20|21)\.\d/255", done.stdout)
    assert "The model gray fits: ruis denoise noisy/0.png." in done.stdout.replace("\n", " ")


def test_the_picture_of_an_inspection_never_replaces_the_image(folder):
    before = Path("noisy/0.png").read_bytes()
    done = run("inspect", "noisy/0.png", "--picture", "noisy/../noisy/0.png", "--overwrite")
    assert done.exit_code == 2
    assert "image itself" in done.stderr
    assert Path("noisy/0.png").read_bytes() == before


def test_a_command_to_copy_is_quoted_for_a_shell(folder):
    shutil.copyfile("noisy/0.png", "noisy/two words.png")
    try:
        assert "'noisy/two words.png'" in run("inspect", "noisy/two words.png").stdout
    finally:
        Path("noisy/two words.png").unlink()


def test_inspect_as_json(folder):
    found = json.loads(run("inspect", "noisy/0.png", "--json").stdout)
    assert found["kind"] == "white"
    assert found["noise"].startswith("gaussian:")
    assert found["warnings"] == []
    assert "white" in found["summary"]


def test_inspect_looks_at_the_middle_of_a_stack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shots = [scene(0) + np.random.default_rng(i).normal(0, 0.08, (160, 200, 1)) for i in range(5)]
    pages = np.rint(255 * np.clip(shots, 0, 1)[..., 0]).astype(np.uint8)
    tifffile.imwrite("cells.tif", pages)
    done = run("inspect", "cells.tif", "--json")
    found = json.loads(done.stdout)
    assert (found["plane"], found["planes"], found["kind"]) == (2, 5, "white")
    assert "this is number 3" in done.stderr
    tifffile.imwrite("one.tif", pages[2])
    assert json.loads(run("inspect", "one.tif", "--json").stdout)["sigma"] == found["sigma"]
    assert run("inspect", "one.tif", "--axes", "ZYX").exit_code != 0


def test_compare_looks_at_the_middle_of_stacks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clean = np.rint(255 * np.repeat(scene()[None, ..., 0], 5, axis=0)).astype(np.uint8)
    noise = np.random.default_rng(0).integers(-20, 21, clean.shape)
    tifffile.imwrite("noisy.tif", np.clip(clean + noise, 0, 255).astype(np.uint8))
    tifffile.imwrite("clean.tif", clean)
    tifffile.imwrite("short.tif", clean[:4], photometric="minisblack")
    done = run("compare", "noisy.tif", "clean.tif", "--clean", "clean.tif", "--json")
    assert abs(json.loads(done.stdout)["psnr_before"] - 26.6) < 0.5  # noise of variance 140
    assert "number 3 is compared" in done.stderr
    refused = run("compare", "noisy.tif", "short.tif")
    assert refused.exit_code != 0
    assert "short.tif 4" in refused.stderr.replace("\n", " ")


def test_the_axes_of_stacks_that_do_not_say_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    zarr = pytest.importorskip("zarr", reason="reading Zarr needs the zarr extra")
    clean = np.rint(255 * np.repeat(scene()[None, ..., 0], 5, axis=0)).astype(np.uint8)
    noise = np.random.default_rng(0).integers(-20, 21, clean.shape)
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    zarr.save_array("noisy.zarr", noisy)
    np.save("clean.npy", clean)
    refused = run("compare", "noisy.zarr", "clean.npy")
    assert refused.exit_code != 0
    assert "--axes" in refused.stderr
    done = run("compare", "noisy.zarr", "clean.npy", "--axes", "ZYX", "--report", "compared.html")
    assert done.exit_code == 0, done.stderr
    assert "number 3 is compared" in done.stderr
    assert "compared.html" in done.stderr
    found = json.loads(run("inspect", "clean.npy", "--axes", "ZYX", "--json").stdout)
    assert (found["plane"], found["planes"]) == (2, 5)


def test_the_command_that_is_recommended_says_what_was_said(tmp_path, monkeypatch):
    """It is typed as it stands."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    film = np.stack([scene(seed)[..., 0] + rng.normal(0, 0.08, (160, 200)) for seed in range(3)])
    np.save("film.npy", (2000 * film - 900).astype(np.int16))
    done = run("inspect", "film.npy", "--axes", "tyx", "--data-range=-900,1100")
    command = "ruis denoise --axes tyx --data-range=-900,1100 film.npy"
    assert f"The model gray fits: {command}." in " ".join(done.stdout.split())
    done = run(*command.split()[1:])
    assert done.exit_code == 0, done.stderr
    assert np.load("film.denoised.npy").shape == film.shape
    images = ("film.npy", "film.denoised.npy", "--axes", "TYX")
    found = json.loads(run("compare", *images, "--data-range=-900,1100", "--json").stdout)
    assert found["sigma_before"] == pytest.approx(0.08, rel=0.1)
    assert found["white"] == 1100


def test_values_of_signed_integers_are_judged_by_what_is_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noisy = scene()[..., 0] + np.random.default_rng(0).normal(0, 0.1, (160, 200))
    tifffile.imwrite("hounsfield.tif", (2000 * noisy - 900).astype(np.int16))
    found = json.loads(run("inspect", "hounsfield.tif", "--json").stdout)
    assert found["kind"] == "white"
    assert found["sigma"] * 255 < 1
    assert found["sigma_used"] == pytest.approx(0.1, rel=0.3)


def test_noise_in_the_low_end_of_the_range_is_told_of_what_is_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dark").mkdir()
    for seed in range(3):
        noisy = scene() + np.random.default_rng(seed).normal(0, 0.08, (160, 200, 1))
        pixels = np.rint(np.clip(noisy, 0, 1) * 4095).astype(np.uint16)
        ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0.0, 65535.0))), f"dark/{seed}.tif")
    text = run("inspect", "dark").stdout
    assert re.search(r"0\.tif +1\.\d/255 +2\d\.\d/255", text)
    assert "of what is used of it" in " ".join(text.split())
    compared = run("compare", "dark/0.tif", "dark/1.tif").stdout
    assert re.search(r"values up to 3\d00 count as white", compared)
    assert re.search(r"sigma 2\d\.\d/255 before", compared)


def test_inspect_draws_a_picture(folder):
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib: the mnist extra")
    assert run("inspect", "noisy/0.png", "--picture", "noise.png").exit_code == 0
    drawn = ruis.read("noise.png")
    assert drawn.columns == 1600
    assert drawn.pixels[..., :3].std() > 20
    again = run("inspect", "noisy/0.png", "--picture", "noise.png")
    assert again.exit_code == 3
    assert "--overwrite" in again.stderr


def test_scikit_image_is_a_second_opinion(folder):
    pytest.importorskip("pywt", reason="scikit-image's estimate needs PyWavelets: the mnist extra")
    found = json.loads(run("inspect", "noisy/0.png", "--scikit-image", "--json").stdout)
    assert found["sigma_scikit_image"] == pytest.approx(0.08, rel=0.15)


def test_a_folder_is_summed_up_past_what_cannot_be_read(folder):
    (folder / "noisy" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no")
    write(
        folder / "noisy" / "loud.png",
        scene() + np.random.default_rng(9).normal(0, 0.25, (160, 200, 1)),
    )
    done = run("inspect", "noisy", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert found["total"]["images"] == 5
    assert found["total"]["outliers"] == ["loud.png"]
    assert [Path(one["input"]).name for one in found["failed"]] == ["broken.png"]
    text = run("inspect", "noisy")
    assert "5 images with sigma from" in text.stdout
    assert "broken.png" in text.stderr


def test_an_empty_folder_is_told_of(tmp_path):
    done = run("inspect", tmp_path)
    assert done.exit_code == 3
    assert "no image" in done.stderr


# -- compare ---------------------------------------------------------------------------------------


def test_compare_writes_a_page_that_needs_no_other(folder):
    done = run(
        "compare", "noisy/0.png", "clean/0.png", "--clean", "clean/0.png", "--report", "c.html"
    )
    assert done.exit_code == 0
    assert "looks like noise alone" in done.stdout.replace("\n", " ")
    page = Path("c.html").read_text(encoding="utf-8")
    assert page.count('type="range"') == 2
    assert not re.search(r"https?://", page)
    assert run("compare", "noisy/0.png", "clean/0.png", "--report", "c.html").exit_code == 3
    assert run("compare", "noisy/0.png", "clean/0.png", "--report", "c.txt").exit_code == 2


@pytest.mark.parametrize(
    ("command", "writer"),
    [
        (
            ("evaluate", "--model", "gray-fast", "--clean", "clean", "--noisy", "noisy"),
            "ruis.cli.report.write_report",
        ),
        (("compare", "noisy/0.png", "clean/0.png"), "ruis.cli.compare_report.write_comparison"),
    ],
)
def test_figures_are_shown_also_where_their_page_cannot_be_written(
    folder, monkeypatch, command, writer
):
    def full(page, *others, **settings):
        raise ImageWriteError("the disk is full.", source=str(page))

    module, _, name = writer.rpartition(".")
    monkeypatch.setattr(import_module(module), name, full)
    done = run(*command, "--report", "page.html")
    assert done.exit_code == 3
    assert "page.html: the disk is full" in done.stderr
    assert "dB" in done.stdout or "whiteness" in done.stdout
    document = json.loads(run(*command, "--report", "page.html", "--json").stdout)
    assert document


@pytest.mark.slow
def test_the_slider_works_in_a_browser(folder):
    playwright = pytest.importorskip("playwright.sync_api", reason="a browser is driven by it")
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("there is no /usr/bin/chromium")
    assert run("compare", "noisy/0.png", "clean/0.png", "--report", "c.html").exit_code == 0
    asked: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=str(chromium),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(message.text))
        page.goto(Path("c.html").resolve().as_uri())
        clip = "getComputedStyle(document.querySelector('.over')).clipPath"
        before = page.evaluate(clip)
        page.focus("#slide")
        page.keyboard.press("Home")
        assert page.evaluate(clip) != before
        assert page.get_attribute("#slide", "aria-valuetext") == "0 percent before"
        box = page.locator(".pair").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20)
        page.mouse.down()
        page.mouse.up()
        assert page.input_value("#slide") == "75"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()
    assert [one for one in asked if not one.startswith(("data:", "file:"))] == []


# -- uncertainty -----------------------------------------------------------------------------------


def test_from_calibration_to_a_map(folder):
    done = run("calibrate", "gray", "--clean", "clean", "--noise", "gaussian:0.08", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["output"] == "gray.calibrated.ruis"
    assert told["images"] == 4
    assert model_file.load("gray.calibrated.ruis").manifest.calibration.coverage == 0.9
    done = run("denoise", "noisy/0.png", "-o", "out.png", "--model", "gray.calibrated.ruis",
               "--uncertainty", "auto", "--json")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["outputs"][0]["uncertainty"] == "out.uncertainty.tif"
    half = ruis.read("out.uncertainty.tif").pixels[..., 0]
    clean, denoised = (ruis.read(one).pixels[..., 0] / 255.0 for one in ("clean/0.png", "out.png"))
    assert half.dtype == np.float32
    assert (np.abs(clean - denoised) <= half).mean() == pytest.approx(0.9, abs=0.07)


def test_where_an_image_cannot_be_written_no_map_is(folder):
    run("calibrate", "gray", "--clean", "clean", "--noise", "gaussian:0.08")
    np.save("a.npy", np.random.default_rng(0).random((40, 50), np.float32))
    arguments = ("denoise", "a.npy", "--model", "gray.calibrated.ruis", "--uncertainty", "auto")
    refused = run(*arguments, "-o", "out.png")
    assert refused.exit_code == 3
    assert not [*folder.glob("out*")]
    assert run(*arguments, "-o", "out.tif").exit_code == 0
    assert (folder / "out.uncertainty.tif").exists()


def test_where_a_map_cannot_be_written_no_image_is(folder, monkeypatch):
    run("calibrate", "gray", "--clean", "clean", "--noise", "gaussian:0.08")

    def full(*_, **__):
        raise ImageWriteError("no space left.", source="out.uncertainty.tif")

    monkeypatch.setattr(import_module("ruis.cli.steps"), "write_uncertainty", full)
    done = run("denoise", "noisy/0.png", "-o", "out.png", "--model", "gray.calibrated.ruis",
               "--uncertainty", "auto")  # fmt: skip
    assert done.exit_code == 3
    assert not [*folder.glob("out*")]


def test_an_uncalibrated_model_says_how_and_leaves_nothing(folder):
    done = run("denoise", "noisy/0.png", "--uncertainty", "auto", "--model", "gray")
    assert done.exit_code == 3
    assert "ruis calibrate gray" in done.stderr
    assert sorted(path.name for path in (folder / "noisy").iterdir()) == [
        f"{i}.png" for i in range(4)
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("noisy/0.png", "--uncertainty", "map.png"),
        ("noisy/0.png", "--uncertainty", "auto", "--strength", "0.5"),
        ("noisy/0.png", "--uncertainty", "auto", "--sigma", "5/255"),
        ("noisy", "-o", "out/", "--uncertainty", "map.tif"),
        ("noisy/0.png", "--uncertainty", "nowhere/map.tif"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(folder, arguments):
    done = run("denoise", *arguments)
    assert done.exit_code == 2
    assert "--uncertainty" in done.stderr
    assert not (folder / "out").exists()


def test_two_inputs_for_one_map_are_refused_before_anything_is_done(folder):
    image = ruis.read("noisy/0.png")
    for name in ("photo.bmp", "photo.png", "x.jpg", "x.uncertainty.tif"):
        ruis.write(image, name)
    there = {path.name for path in folder.iterdir()}
    for inputs, said in [
        (("photo.bmp", "photo.png"), "photo.bmp and photo.png would both become"),
        (("x.jpg", "x.uncertainty.tif"), "is an input itself"),
    ]:
        done = run("denoise", *inputs, "--uncertainty", "auto", "--overwrite")
        assert done.exit_code == 2
        assert said in done.stderr
    assert {path.name for path in folder.iterdir()} == there


def test_calibrate_replaces_nothing_unasked(folder):
    arguments = ("calibrate", "gray", "--clean", "clean", "--noise", "gaussian:0.08")
    Path("gray.calibrated.ruis").write_bytes(b"mine")
    assert run(*arguments).exit_code == 3
    assert Path("gray.calibrated.ruis").read_bytes() == b"mine"
    assert run("calibrate", "gray", "--clean", "clean").exit_code == 2


def test_a_note_where_the_noise_is_more_than_the_model_learnt(folder):
    write(folder / "loud.png", 0.5 + np.random.default_rng(0).normal(0, 0.34, (160, 200, 1)))
    done = run("denoise", "loud.png", "--model", "gray")
    assert done.exit_code == 0
    assert "stronger than what the model" in done.stderr
    assert "stronger" not in run("denoise", "noisy/0.png", "--model", "gray").stderr
