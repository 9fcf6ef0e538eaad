"""One image in a worker: what came of it is a record, whatever happens."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import ruis
from ruis.batch.settings import Settings
from ruis.batch.work import Order, Terms, _hopeless, load, work
from ruis.errors import EngineError, ImageError, ImageWriteError, OutOfMemoryError
from ruis.image import Image, ImageInfo
from ruis.model_file import save

SEED = 3


@pytest.fixture
def terms(tmp_path, monkeypatch, small_model):
    monkeypatch.chdir(tmp_path)
    model = small_model()
    save("m.ruis", model.manifest, model.weights)
    settings = Settings(model="m.ruis", precision="f32").absolute()
    folder = tmp_path / "out"
    folder.mkdir()
    return Terms(settings, settings.models(), str(folder), 1, False, str(tmp_path / "c"), 1e6)


def make(name: str) -> Path:
    pixels = np.random.default_rng(SEED).integers(0, 256, (40, 50, 1), np.uint8)
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255))), name, record="")
    return Path(name).absolute()


def test_an_output_is_what_a_denoiser_makes_and_its_record_is_true(terms):
    path = make("a.png")
    outcome = work(Order(7, str(path), "x/a.png", replace=False), terms)
    output = Path(terms.folder, "x/a.png")
    assert (outcome.id, outcome.state, outcome.error, outcome.twice) == (7, "done", None, False)
    expected = ruis.load(terms.settings.model, precision="f32").denoise(ruis.read(path))
    np.testing.assert_array_equal(ruis.read(output).pixels, expected.pixels)
    assert outcome.output_sha256 == hashlib.sha256(output.read_bytes()).hexdigest()
    assert outcome.input_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert outcome.output_size == output.stat().st_size
    assert outcome.model_sha256 == load(terms.settings.model, terms).model.sha256
    assert outcome.megapixels == pytest.approx(0.002)
    assert 0 < outcome.compute + outcome.read + outcome.write <= outcome.seconds
    json.dumps(asdict(outcome))  # as it travels


def test_what_there_is_to_beware_of_is_noted(terms):
    make("usual.png")
    pixels = np.random.default_rng(SEED).integers(900, 1100, (60, 50, 1), np.uint16)  # of 65535
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 65535))), "dark.png", record="")
    told = [
        work(Order(1, f"{name}.png", f"{name}.png", replace=False), terms)
        for name in ("usual", "dark")
    ]
    assert "the values use 0.30%" in " ".join(told[1].notes)
    assert "the values use" not in " ".join(told[0].notes)


def test_a_broken_image_a_missing_one_and_a_name_that_is_taken_are_failures(terms):
    Path("broken.png").write_bytes(make("a.png").read_bytes()[:50])
    make("out/taken.png")
    before = Path("out/taken.png").read_bytes()
    for input, output, error in [
        ("broken.png", "b.png", "CorruptImageError"),
        (os.fsdecode(b"gone\xff.png"), "g.png", "ImageError"),
        ("a.png", "taken.png", "ImageWriteError"),
    ]:
        outcome = work(Order(1, input, output, replace=False), terms)
        assert (outcome.state, outcome.error, outcome.hopeless) == ("failed", error, False)
        outcome.message.encode()  # it can be sent and stored
    assert Path("out/taken.png").read_bytes() == before
    assert [path.name for path in Path("out").iterdir()] == ["taken.png"]


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_an_animation_does_not_become_a_picture_of_the_same_kind(terms, suffix):
    frames = [Pillow.new("RGB", (48, 40), colour) for colour in ("red", "blue")]
    frames[0].save(f"moving{suffix}", save_all=True, append_images=frames[1:])
    outcome = work(Order(1, f"moving{suffix}", f"moving{suffix}", replace=False), terms)
    assert (outcome.state, outcome.error) == ("failed", "UnsupportedFormatError")
    assert not outcome.hopeless
    assert f"moving{suffix} would be its first frame alone" in outcome.message
    assert not [*Path("out").iterdir()]
    outcome = work(Order(1, f"moving{suffix}", "moving.tif", replace=False), terms)
    assert outcome.state == "done"
    assert "animation: only the first frame was read" in outcome.notes


def test_an_output_of_this_run_is_replaced_and_counted(terms):
    make("a.png")
    Path("out/a.png").write_bytes(b"of a driver that was killed")
    outcome = work(Order(1, "a.png", "a.png", replace=True), terms)
    assert (outcome.state, outcome.twice) == ("done", True)
    assert ruis.read("out/a.png").rows == 40


def test_a_link_out_of_the_output_folder_is_not_followed(terms, tmp_path):
    make("a.png")
    (tmp_path / "elsewhere").mkdir()
    Path("out/x").symlink_to(tmp_path / "elsewhere")
    outcome = work(Order(1, "a.png", "x/a.png", replace=False), terms)
    assert outcome.error == "ImageWriteError"
    assert not [*Path("elsewhere").iterdir()]


def test_a_model_that_is_another_one_now_stops_everything(terms, small_model):
    make("a.png")
    other = Terms(**{**vars(terms), "weights": {terms.settings.model: "0" * 64}})
    outcome = work(Order(1, "a.png", "a.png", replace=False), other)
    assert (outcome.error, outcome.hopeless) == ("ModelCorruptError", True)


@pytest.mark.parametrize(
    ("error", "cause", "hopeless"),
    [
        (ImageWriteError("full"), OSError(errno.ENOSPC, "full"), True),
        (ImageWriteError("denied"), OSError(errno.EACCES, "denied"), False),
        (ImageError("broken"), None, False),
        (EngineError("no"), None, True),
        (OutOfMemoryError("large"), None, False),
    ],
)
def test_what_would_meet_every_image_is_told_from_what_meets_one(error, cause, hopeless):
    error.__cause__ = cause
    assert _hopeless(error) is hopeless
