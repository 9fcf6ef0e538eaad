"""`ruis denoise`, as a person or a script meets it."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import ruis
from ruis import model_file
from ruis.cli import app
from ruis.denoiser import Denoiser
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import ModelCorruptError
from ruis.image import Image, ImageInfo


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(name: str, *, channels: int = 1, dtype: str = "uint8", size=(40, 48), seed: int = 0):
    """Write a noisy image and return it."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    limit = np.iinfo(dtype).max
    pixels = np.random.default_rng(seed).integers(0, limit, (*size, channels)).astype(dtype)
    colour = "rgb" if channels >= 3 else "gray"
    info = ImageInfo(pixels.dtype, (0, limit), colour=colour, alpha=channels in {2, 4})
    image = Image(pixels, info)
    ruis.write(image, name, record="")
    return image


def run(*arguments: str, code: int = 0):
    """Run a command in this process."""
    done = CliRunner().invoke(app, ["denoise", *arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


# -- one image ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "channels", "dtype"),
    [("a.png", 1, "uint8"), ("a.png", 4, "uint16"), ("a.tif", 3, "uint16"), ("a.bmp", 3, "uint8")],
)
def test_an_image_is_denoised_beside_itself_with_its_dtype_and_alpha(model, name, channels, dtype):
    noisy = make(name, channels=channels, dtype=dtype)
    done = run(name, "--model", model, "--precision", "f32")
    denoised = ruis.read(name.replace(".", ".denoised."))
    np.testing.assert_array_equal(denoised.pixels, noisy.pixels)
    assert denoised.pixels.dtype == dtype
    assert f"{name} -> {name.replace('.', '.denoised.')}: same, sigma " in done.stdout
    assert "/255, " in done.stdout
    assert "Mpx/s" in done.stdout


def test_the_output_says_what_was_done_to_it(model):
    make("a.png")
    run("a.png", "--model", model, "--sigma", "20/255", "--strength", "0.5")
    software = ruis.read("a.denoised.png").info.metadata.software
    wanted = "denoised with same, sigma 20.0/255 (given), strength 0.5"
    assert software == f"ruis {ruis.__version__}: {wanted}"


def test_metadata_is_kept_or_stripped(model):
    pixels = make("x.png").pixels
    metadata = ruis.Metadata(description="my cat", resolution=(300.0, 300.0))
    info = ImageInfo(pixels.dtype, (0, 255), metadata=metadata)
    ruis.write(Image(pixels, info), "a.tif")
    run("a.tif", "-o", "kept.tif", "--model", model)
    run("a.tif", "-o", "bare.tif", "--model", model, "--strip-metadata")
    assert ruis.read("kept.tif").info.metadata.description == "my cat"
    bare = ruis.read("bare.tif").info.metadata
    assert bare.description is None
    assert bare.software is None
    assert bare.resolution == (300.0, 300.0)


def test_the_settings_reach_the_denoiser(model, monkeypatch):
    make("a.png")
    told = {}
    known = Denoiser.run

    def spy(self, noisy, *, sigma, strength, **others):
        told.update(
            sigma=sigma, strength=strength, precision=self.networks.precision, tile=self.tile
        )
        return known(self, noisy, sigma=sigma, strength=strength, **others)

    monkeypatch.setattr(Denoiser, "run", spy)
    run("a.png", "--model", model, "--sigma", "51/255", "--strength", "0.25", "--precision", "f32",
        "--tile", "128")  # fmt: skip
    assert told == {
        "sigma": pytest.approx(0.2), "strength": 0.25, "precision": "f32", "tile": 128
    }  # fmt: skip


def test_notes_are_told(model):
    make("a.png", channels=3)
    assert "denoised one by one" in run("a.png", "--model", model).stderr


def test_auto_chooses_by_the_channels_and_says_so(model, monkeypatch):
    make("gray.png")
    make("photo.png", channels=3)
    loaded = []

    def load(name, **settings):
        loaded.append(name)
        return Denoiser(model_file.load(model), **settings)

    monkeypatch.setattr(import_module("ruis.denoise"), "load", load)
    done = run("gray.png", "photo.png")
    assert sorted(loaded) == ["gray", "white-color"]
    assert ": same (auto: no colours), sigma " in done.stdout
    assert (
        ": same (auto: camera noise), sigma " in done.stdout or ": same (auto: white" in done.stdout
    )


def test_a_model_is_loaded_once_for_many_images(model, monkeypatch):
    for index in range(3):
        make(f"{index}.png")
    known = import_module("ruis.denoise").load
    loaded = []
    monkeypatch.setattr(
        import_module("ruis.denoise"),
        "load",
        lambda name, **s: loaded.append(name) or known(name, **s),
    )
    run(".", "--model", model)
    assert loaded == [model]


@pytest.fixture
def compiled(monkeypatch):
    """The shapes for which a network is compiled, and whether in bfloat16."""
    shapes, known = [], OpenVINOEngine._compile
    monkeypatch.setattr(
        OpenVINOEngine,
        "_compile",
        lambda self, shape: shapes.append((shape, self.precision)) or known(self, shape),
    )
    return shapes


@pytest.mark.parametrize("orientation", [1, 6])
def test_what_is_compiled_while_an_image_is_read_is_what_it_needs(
    compiled, monkeypatch, orientation
):
    begun = Event()
    expect = Denoiser.expect
    monkeypatch.setattr(Denoiser, "expect", lambda *a, **k: expect(*a, **k) or begun.set())
    read = import_module("ruis.formats").read
    monkeypatch.setattr(
        import_module("ruis.formats"), "read", lambda *a, **k: begun.wait(10) and read(*a, **k)
    )
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    noisy = np.random.default_rng(0).normal(128, 30, (520, 700, 3)).clip(0, 255).astype(np.uint8)
    Pillow.fromarray(noisy).save("a.jpg", exif=exif)
    run("a.jpg", "--model", "photo-fast")
    (((_, *sides, _), _),) = compiled
    assert sides == ([576, 704] if orientation == 1 else [704, 576])


@pytest.mark.parametrize("nothing", [("--sigma", "0"), ("--strength", "0")])
def test_nothing_is_compiled_where_nothing_is_removed(model, compiled, nothing):
    make("a.png", size=(600, 500))
    run("a.png", "--model", model, *nothing)
    assert compiled == []


def test_a_single_image_is_cut_as_one(model, monkeypatch):
    cut = []
    known = Denoiser.run
    monkeypatch.setattr(
        Denoiser, "run", lambda self, *a, **k: cut.append(self.once) or known(self, *a, **k)
    )
    make("a.png")
    make("b.png", size=(900, 700))
    run("a.png", "--model", model)
    run("a.png", "b.png", "-o", "out", "--model", model)
    assert cut == [True, False, False]


def test_a_model_that_was_only_likely_may_be_broken(monkeypatch):
    known = import_module("ruis.denoise").load

    def load(name, **settings):
        if name == "photo":
            raise ModelCorruptError("it is not the file that shipped")
        return known(name, **settings)

    monkeypatch.setattr(import_module("ruis.denoise"), "load", load)
    gray = np.random.default_rng(0).normal(128, 25, (400, 400)).clip(0, 255).astype(np.uint8)
    Pillow.fromarray(np.stack([gray] * 3, axis=2)).save("gray-as-rgb.png")
    assert ": gray (auto: " in run("gray-as-rgb.png").stdout


def test_a_model_that_is_not_there_leaves_no_folder(monkeypatch):
    known = import_module("ruis.denoise").load
    monkeypatch.setattr(
        import_module("ruis.denoise"), "load", lambda *a, **k: time.sleep(0.3) or known(*a, **k)
    )
    make("in/a.png")
    run("in/a.png", "-o", "out/", "--model", "no-such-model", code=2)
    assert not Path("out").exists()


# -- many images -------------------------------------------------------------------------------------


@pytest.mark.parametrize("processors", [1, 3])
def test_small_images_side_by_side_are_what_they_are_alone(model, monkeypatch, processors):
    monkeypatch.setattr(import_module("ruis.cli.denoising"), "threads", lambda: processors)
    names = [f"{index:02}.png" for index in range(12)]
    for index, name in enumerate(names):
        # one is large, and one is none
        make(f"in/{name}", size=(900, 600) if index == 5 else (40 + index, 48), seed=index)
    Path("in/07.png").write_bytes(b"nothing")
    done = run("in", "-o", "out", "--model", model, code=1)
    told = [line.split(" -> ")[0] for line in done.stdout.splitlines() if " -> " in line]
    assert told == [f"in/{name}" for name in names if name != "07.png"]  # in their order
    assert "1 failed" in done.stderr
    assert "in/07.png" in done.stderr
    assert not Path("out/07.png").exists()
    for name in (names[0], names[5], names[11]):
        run(f"in/{name}", "-o", f"alone-{name}", "--model", model)
        assert Path(f"alone-{name}").read_bytes() == Path(f"out/{name}").read_bytes()


def test_an_output_among_the_inputs_is_said_to_be_one(model):
    make("a.png")
    make("a.denoised.png")
    done = run("a.png", "a.denoised.png", "--model", model, "--overwrite")
    assert "1 skipped (made from another of them)" in done.stderr
    assert "their output is there" not in done.stderr


def test_where_memory_is_not_known_small_images_are_side_by_side(model, monkeypatch):
    denoising = import_module("ruis.cli.denoising")
    monkeypatch.setattr(denoising, "available_memory", lambda: math.inf)
    monkeypatch.setattr(denoising, "threads", lambda: 3)
    lanes, whole = [], denoising.Work.side_by_side
    monkeypatch.setattr(
        denoising.Work, "side_by_side", lambda self, *a: lanes.append(self.lanes) or whole(self, *a)
    )
    for index in range(3):
        make(f"in/{index}.png")
    run("in", "-o", "out", "--model", model)
    assert lanes == [3]


@pytest.mark.parametrize("processors", [1, 3])
def test_what_no_image_survives_ends_the_work(model, monkeypatch, processors):
    monkeypatch.setattr(import_module("ruis.cli.denoising"), "threads", lambda: processors)
    for index in range(6):
        make(f"in/{index}.png")
    arguments = ["denoise", "in", "-o", "out", "--model", model, "--uncertainty", "auto", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 3
    document = json.loads(done.stdout)
    assert not document["outputs"]
    assert [Path(one["input"]).name for one in document["failed"]] == [f"{i}.png" for i in range(6)]
    assert not list(Path("out").glob("*"))


def test_a_folder_is_denoised_past_a_bad_file_and_the_end_names_it(model):
    make("scans/a.png")
    make("scans/deep/a.png", seed=1)
    Path("scans/bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Path("scans/empty.jpg").touch()
    done = run("scans", "-o", "clean", "--recursive", "--model", model, code=1)
    assert sorted(p.as_posix() for p in Path("clean").rglob("*.*")) == [
        "clean/a.png",
        "clean/deep/a.png",
    ]
    assert "2 of 4 images denoised" in done.stderr
    after = done.stderr[done.stderr.index("2 failed:") :]
    assert "scans/bad.png: " in after
    assert "scans/empty.jpg: the file is empty" in after
    assert len(done.stdout.splitlines()) == 2, "results alone are on standard output"


def test_a_second_run_skips_what_is_done(model):
    make("scans/a.png")
    run("scans", "-o", "clean", "--model", model)
    before = Path("clean/a.png").stat().st_mtime_ns
    make("scans/b.png")
    done = run("scans", "-o", "clean", "--model", model, "--skip-existing")
    assert Path("clean/a.png").stat().st_mtime_ns == before
    assert Path("clean/b.png").exists()
    assert "1 skipped" in done.stderr
    assert (
        "skipped" in run("scans/a.png", "-o", "clean", "--model", model, "--skip-existing").stderr
    )


def test_nothing_that_exists_is_replaced_unasked(model):
    noisy = make("a.png")
    Path("a.denoised.png").write_text("mine")
    assert "--overwrite" in run("a.png", "--model", model, code=3).stderr
    assert "--overwrite" in run("a.png", "-o", ".", "--model", model, code=3).stderr
    assert Path("a.denoised.png").read_text() == "mine"
    np.testing.assert_array_equal(ruis.read("a.png").pixels, noisy.pixels)
    run("a.png", "--model", model, "--overwrite")
    assert ruis.read("a.denoised.png").rows == noisy.rows


def test_two_inputs_for_one_output_are_refused_before_anything_is_done(model):
    make("one/a.png")
    make("two/a.png")
    done = run("one/a.png", "two/a.png", "-o", "out", "--model", model, code=2)
    assert "would both become" in done.stderr
    assert not Path("out").exists()


def test_a_link_does_not_lead_the_output_out_of_its_folder(model):
    make("scans/sub/a.png")
    make("scans/b.png")
    Path("elsewhere").mkdir()
    Path("out").mkdir()
    Path("out/sub").symlink_to(Path("elsewhere").resolve())
    done = run("scans", "-o", "out", "--recursive", "--model", model, code=1)
    assert "leads out of" in done.stderr
    assert not list(Path("elsewhere").iterdir())
    assert Path("out/b.png").exists()


def test_a_mistake_of_ours_in_one_image_does_not_end_the_others(model, monkeypatch):
    make("a.png")
    make("b.png")
    known = Denoiser.run

    def fails(self, noisy, **settings):
        if "a.png" in noisy.info.source:
            raise ZeroDivisionError("oops")
        return known(self, noisy, **settings)

    monkeypatch.setattr(Denoiser, "run", fails)
    done = run("a.png", "b.png", "--model", model, code=1)
    assert "ZeroDivisionError: oops" in done.stderr
    assert "please report" in done.stderr
    assert Path("b.denoised.png").exists()


def test_a_person_at_a_terminal_sees_images_tiles_and_the_rate(model, monkeypatch):
    make("a.png", size=(900, 600))
    make("b.png", size=(900, 600))
    lines = []

    @contextmanager
    def line():
        yield lambda fraction, text: lines.append((round(fraction, 3), text))

    monkeypatch.setattr(import_module("ruis.cli.denoising"), "progress_line", line)
    run("a.png", "b.png", "--model", model, "--tile", "512")
    fractions = [fraction for fraction, _ in lines]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert lines[0][1] == "1 of 2: a.png"
    assert any("2 of 2: b.png, tile 2 of " in text for _, text in lines)
    assert all("Mpx/s" in text and "left" in text for _, text in lines if "tile" in text)


# -- for scripts -------------------------------------------------------------------------------------


def test_a_setting_that_no_image_could_be_denoised_with_is_said_once(model):
    make("a.png")
    make("b.png")
    done = run("a.png", "b.png", "--model", "auto", "--engine", "openvin", code=2)
    assert done.stderr.count("Did you mean 'openvino'") == 1


def test_json_is_one_document_and_nothing_else(model):
    make("a.png", channels=3)
    Path("bad.png").write_bytes(b"nothing")
    done = run("a.png", "bad.png", "--model", model, "--json", "--sigma", "51/255", code=1)
    document = json.loads(done.stdout)
    assert set(document) == {"outputs", "failed", "skipped"}
    (output,) = document["outputs"]
    assert output.pop("seconds") > 0
    assert output == {
        "input": "a.png",
        "output": "a.denoised.png",
        "model": "same",
        "chosen": None,
        "sigma": pytest.approx(0.2),
        "sigma_given": True,
        "notes": ["3 channels, denoised one by one with 'same'"],
    }
    (failed,) = document["failed"]
    assert failed["input"] == "bad.png"
    assert failed["error"] == "UnsupportedFormatError"
    assert "bad.png" in failed["message"]


def test_the_document_tells_what_a_person_is_told(model):
    make("a.png", channels=3)
    Pillow.fromarray(np.zeros((8, 8), np.uint8)).convert("P").save("palette.png")
    first = json.loads(run("a.png", "palette.png", "--json").stdout)
    told = {one["input"]: one for one in first["outputs"]}
    assert told["a.png"]["chosen"]
    assert not told["a.png"]["sigma_given"]
    assert any("palette" in note for note in told["palette.png"]["notes"])
    assert first["skipped"] == []
    again = json.loads(run("a.png", "palette.png", "--json", "--skip-existing").stdout)
    assert again == {"outputs": [], "failed": [], "skipped": ["a.png", "palette.png"]}


@pytest.mark.parametrize("setting", [("--model", "grey"), ("--engine", "openvin")])
def test_a_wrong_name_is_wrong_also_where_all_is_done(model, setting):
    make("a.png")
    run("a.png", "--model", model)
    for how in ((), ("--skip-existing",)):
        done = run("a.png", *setting, *how, code=2)
        assert "Did you mean" in done.stderr
    assert "(auto, medium, fast)" in run("a.png", "--model", "grey", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        ((), 2, "Missing argument"),
        (("missing.png",), 3, "there is no such file"),
        (("*.png",), 3, "no file fits"),
        (("a.jpg", "--model", "nowhere.ruis"), 2, "nowhere.ruis"),
        (("a.jpg", "--engine", "openvin"), 2, "Did you mean 'openvino'"),
        (("a.jpg", "--sigma", "25"), 2, "did you mean 25/255"),
        (("a.jpg", "--strength", "2"), 2, "--strength"),
        (("a.jpg", "--precision", "f64"), 2, "--precision"),
        (("a.jpg", "-o", "a"), 2, "-o"),
        (("a.jpg", "--overwrite", "--skip-existing"), 2, "contradict"),
        (("a.jpg", "--max-pixels", "1000"), 3, "exceed the limit"),
    ],
)
def test_what_goes_wrong_is_said_in_words_and_by_the_exit_code(model, arguments, code, reason):
    make("a.jpg")
    chosen = arguments if "--model" in arguments else (*arguments, "--model", model)
    done = run(*chosen, code=code)
    assert reason in done.stderr
    assert not done.stdout


def test_a_model_that_is_damaged_ends_it_before_an_image_is_read():
    make("a.png")
    Path("bad.ruis").write_bytes(b"PK\x03\x04")
    done = run("a.png", "nothing.png", "--model", "bad.ruis", code=3)
    assert "bad.ruis" in done.stderr
    assert "2 not tried" in done.stderr


def test_max_pixels_lets_larger_ones_in(model, monkeypatch):
    make("a.png")
    limits = []
    known = import_module("ruis.formats").read
    monkeypatch.setattr(
        import_module("ruis.formats"), "read", lambda p, limits_=limits, **s: (limits_.append(s), known(p, **s))[1]
    )  # fmt: skip
    run("a.png", "--model", model, "--max-pixels", "400e6")
    assert limits[0]["limits"].max_pixels == 400e6
    assert limits[0]["limits"].max_bytes == 2 * ruis.Limits().max_bytes


# -- stopping ----------------------------------------------------------------------------------------


def test_control_c_keeps_what_is_done_and_leaves_no_half_file(model, monkeypatch):
    for name in ("a.png", "b.png", "c.png"):
        make(name)
    known = import_module("ruis.formats").png.PNG.encode

    def interrupted(self, image, file):
        if "b.png" in image.info.source:
            file.write(b"half")
            raise KeyboardInterrupt
        known(self, image, file)

    monkeypatch.setattr(import_module("ruis.formats").png.PNG, "encode", interrupted)
    done = run("a.png", "b.png", "c.png", "-o", "out", "--model", model, "--json", code=130)
    assert "Stopped" in done.stderr
    told = {Path(one["output"]).name for one in json.loads(done.stdout)["outputs"]}
    assert {"a.png"} <= told <= {"a.png", "c.png"}  # what was begun beside it is finished
    assert {path.name for path in Path("out").iterdir()} == told
    assert f"{len(told)} of 3 images denoised" in done.stderr
    assert f"{3 - len(told)} not tried" in done.stderr


SLOWLY = """
import signal, sys, time
from ruis.cli import denoising, main, steps
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may ignore it
written = steps.Steps.write
def slowly(self, job, *rest):
    time.sleep(0.3)
    return written(self, job, *rest)
steps.Steps.write = slowly
count = int(sys.argv[1])
denoising.threads = lambda: count
sys.argv = ["ruis", "denoise", *sys.argv[2:]]
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as on POSIX")
@pytest.mark.parametrize("processors", [1, 2])
def test_control_c_tells_of_each_image_that_was_replaced(model, processors):
    names = [f"{index}.png" for index in range(12)]
    for index, name in enumerate(names):
        make(f"in/{name}", seed=index)
    before = {name: Path("in", name).read_bytes() for name in names}
    command = [sys.executable, "-c", SLOWLY, str(processors), "in", "-o", "in", "--overwrite",
               "--model", str(model), "--json"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while all(Path("in", name).read_bytes() == before[name] for name in names):
            time.sleep(0.01)
            assert process.poll() is None
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    told = {Path(one["output"]).name for one in json.loads(said)["outputs"]}
    assert told == {name for name in names if Path("in", name).read_bytes() != before[name]}
    assert 0 < len(told) < len(names)


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_traceback_is_shown_to_those_who_ask(model, monkeypatch, how):
    Path("bad.png").write_bytes(b"nothing")
    arguments = ["denoise", "bad.png", "--model", model]
    if how == "option":
        arguments.append("--debug")
    else:
        monkeypatch.setenv("RUIS_DEBUG", "1")
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 3
    assert "Traceback" in done.stderr


def test_a_script_is_told_of_the_images_that_were_not_tried():
    make("a.png")
    make("b.png")
    done = CliRunner().invoke(app, ["denoise", "a.png", "b.png", "--model", "nope", "--json"])
    assert done.exit_code == 2
    failed = json.loads(done.stdout)["failed"]
    assert [one["input"] for one in failed] == ["a.png", "b.png"]
    assert {one["error"] for one in failed} == {"ModelNotFoundError"}


# -- what a file is in -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".webp", ".png", ".gif"])
def test_an_animation_does_not_become_a_picture_of_the_same_kind_unasked(model, suffix):
    frames = [Pillow.new("RGB", (48, 40), colour) for colour in ("red", "blue")]
    frames[0].save(f"moving{suffix}", save_all=True, append_images=frames[1:])
    if suffix == ".gif":  # which becomes a PNG: nobody takes that for the animation
        assert "only the first frame" in run("moving.gif").stderr
        return
    done = run(f"moving{suffix}", code=3)
    assert "--first-frame" in done.stderr
    assert [path.name for path in Path().iterdir()] == [f"moving{suffix}"]
    assert "only the first frame" in run(f"moving{suffix}", "--first-frame").stderr
    assert ruis.read(f"moving.denoised{suffix}").pixels.shape[:2] == (40, 48)


def test_the_range_of_floats_can_be_said(model):
    pixels = np.random.default_rng(0).normal(1000, 100, (40, 48, 1)).astype("f4")
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 1))), "a.tif")
    sigma = {}
    for given in ("4000", "0,4000", "8000"):
        done = run("a.tif", "--model", model, "--data-range", given, "--overwrite", "--json")
        sigma[given] = json.loads(done.stdout)["outputs"][0]["sigma"]
    assert sigma["4000"] == sigma["0,4000"] == pytest.approx(0.025, rel=0.15)
    assert sigma["8000"] == pytest.approx(sigma["4000"] / 2, rel=1e-3)
    for wrong in ("white", "5,5", "nan", "9,1"):
        assert "--data-range" in run("a.tif", "--data-range", wrong, code=2).stderr


def test_a_dicom_file_stays_one_and_what_a_png_does_not_keep_is_said(model):
    pydicom = pytest.importorskip("pydicom", reason="the dicom extra")
    source = Path(pydicom.__file__).parent / "data" / "test_files" / "examples_overlay.dcm"
    Path("scan.dcm").write_bytes(source.read_bytes())
    assert "not kept" not in run("scan.dcm", "--model", model).stderr
    after, before = pydicom.dcmread("scan.denoised.dcm"), pydicom.dcmread("scan.dcm")
    assert after.PatientID == before.PatientID
    assert "denoised with same" in after.DerivationDescription
    assert "the tags of DICOM are not kept in PNG" in run("scan.dcm", "-o", "scan.png").stderr
    refused = run("scan.dcm", "-o", "bare.dcm", "--strip-metadata", code=3)
    assert "does not take names out" in refused.stderr
    assert not Path("bare.dcm").exists()
