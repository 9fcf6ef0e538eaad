"""`ruis denoise` of stacks, Zarr and what is larger than memory, as a person or a script meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from typer.testing import CliRunner

from ruis.cli import app


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noise(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


def make_zarr(path, pixels, chunks):
    zarr = pytest.importorskip("zarr", reason="Zarr needs the zarr extra")
    array = zarr.create_array(str(path), shape=pixels.shape, chunks=chunks, dtype=pixels.dtype)
    array[...] = pixels


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["denoise", *map(str, arguments)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def test_a_stack_of_pages(folder, model):
    pixels = noise(3, 2, 50, 40, dtype="uint16")
    tifffile.imwrite("cells.ome.tif", pixels, metadata={"axes": "TCYX"}, photometric="minisblack")
    done = run("cells.ome.tif", "--model", model)
    assert names(folder) == ["cells.denoised.ome.tif", "cells.ome.tif"]
    assert "cells.ome.tif: TCYX 3x2x50x40 uint16" in done.stderr
    assert "cells.ome.tif -> cells.denoised.ome.tif: same, sigma" in done.stdout
    with tifffile.TiffFile("cells.denoised.ome.tif") as file:
        assert file.series[0].axes == "TCYX"
        assert np.array_equal(file.asarray(), pixels)
        assert "denoised with same" in file.pages[0].tags[305].value


def test_a_zarr_is_one_image_wherever_it_is(folder, model):
    pixels = noise(60, 50)
    make_zarr(folder / "one.zarr", pixels, (32, 32))
    make_zarr(folder / "in" / "two.ome.zarr", pixels, (32, 32))
    tifffile.imwrite("in/three.tif", pixels)
    run("one.zarr", "--model", model)
    run("one.zarr", "-o", "clean.zarr", "--model", model)
    done = run("in", "-o", "out", "--model", model, "--json")
    told = json.loads(done.stdout)
    assert [one["output"] for one in told["outputs"]] == ["out/three.tif", "out/two.ome.zarr"]
    run("in", "--model", model)
    assert names(folder) == ["clean.zarr", "in", "one.denoised.zarr", "one.zarr", "out"]
    assert names(folder / "in") == [
        "three.denoised.tif", "three.tif", "two.denoised.ome.zarr", "two.ome.zarr",
    ]  # fmt: skip
    again = run("in", "--model", model, "--skip-existing")
    assert "2 skipped" in again.stderr
    import zarr

    for name in ("one.denoised.zarr", "clean.zarr", "out/two.ome.zarr", "in/two.denoised.ome.zarr"):
        assert np.array_equal(zarr.open_array(name, mode="r")[...], pixels)


def test_existing_outputs_are_protected(folder, model):
    make_zarr(folder / "a.zarr", noise(20, 20), (10, 10))
    make_zarr(folder / "b.zarr", noise(20, 20) // 2, (10, 10))
    before = (folder / "b.zarr" / "c" / "0" / "0").read_bytes()
    done = run("a.zarr", "-o", "b.zarr", "--model", model, code=3)
    assert "exists already" in done.stderr
    assert (folder / "b.zarr" / "c" / "0" / "0").read_bytes() == before
    run("a.zarr", "-o", "b.zarr", "--model", model, "--overwrite")
    assert (folder / "b.zarr" / "c" / "0" / "0").read_bytes() != before


def test_axes_are_asked_for_where_nothing_says_them(folder, model):
    make_zarr(folder / "a.zarr", noise(5, 20, 30), (1, 10, 10))
    done = run("a.zarr", "--model", model, code=3)
    assert "--axes, such as ZYX" in done.stderr
    run("a.zarr", "--model", model, "--axes", "tyx")
    assert (folder / "a.denoised.zarr").is_dir()
    done = run("a.zarr", "-o", "b.zarr", "--model", model, "--axes", "YX", code=3)
    assert "3 axes" in done.stderr
    assert not (folder / "b.zarr").exists()
    Pillow.fromarray(noise(20, 30)).save("a.png")
    assert "TIFF, Zarr and NPY" in run("a.png", "--model", model, "--axes", "YX", code=3).stderr


def test_one_that_fails_does_not_stop_the_others(folder, model):
    tifffile.imwrite("good.tif", noise(2, 30, 30), metadata=None)
    (folder / "bad.tif").write_bytes((folder / "good.tif").read_bytes()[:-100])
    make_zarr(folder / "empty.zarr", noise(20, 20), (10, 10))
    (folder / "empty.zarr" / "zarr.json").unlink()
    done = run("good.tif", "bad.tif", "empty.zarr", "-o", "out/", "--model", model, code=1)
    assert names(folder / "out") == ["good.tif"]
    assert "bad.tif" in done.stderr
    assert "no Zarr" in done.stderr


def test_planes_larger_than_asked_are_refused(folder, model):
    tifffile.imwrite("a.tif", noise(2, 60, 50), metadata=None)
    done = run("a.tif", "--model", model, "--max-pixels", "1000", code=3)
    assert "--max-pixels" in done.stderr


def test_what_is_large_goes_window_by_window_and_elsewhere_in_memory(folder, model, monkeypatch):
    monkeypatch.setattr("ruis.stacks.tiff.HELD", 1000)
    pixels = noise(60, 50)
    tifffile.imwrite("a.tif", pixels, tile=(16, 16), compression="lzw")
    run("a.tif", "-o", "b.tif", "--model", model)
    with tifffile.TiffFile("b.tif") as file:
        assert file.pages[0].is_tiled
        assert np.array_equal(file.asarray(), pixels)
    run("a.tif", "-o", "b.png", "--model", model)
    tifffile.imwrite("pages.tif", noise(2, 60, 50), metadata=None)
    done = run("pages.tif", "-o", "pages.png", "--model", model, code=3)
    assert ".tif" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "stop"), [(".tif", "SIGTERM"), (".zarr", "SIGINT")])
def test_a_stop_leaves_no_partial_output(folder, tmp_path_factory, ending, stop):
    noisy = folder / f"noisy{ending}"
    pixels = noise(3000, 3000)
    if ending == ".tif":
        tifffile.imwrite(noisy, np.stack([pixels] * 2), tile=(256, 256), metadata=None)
    else:
        make_zarr(noisy, pixels, (500, 500))
    child = subprocess.Popen(
        [sys.executable, "-m", "ruis.cli", "denoise", noisy, "-o", f"clean{ending}", "--tile", "256"],
        stderr=subprocess.PIPE, text=True,
        # Begun in the background of a script, tests ignore SIGINT, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any(one.name.endswith(".part") for one in folder.iterdir()):
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.3)
    child.send_signal(getattr(signal, stop))
    try:
        code = child.wait(30)
    finally:
        child.kill()
        child.stderr.close()
    assert code == {"SIGINT": 130, "SIGTERM": 143}[stop]
    assert names(folder) == [noisy.name]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_image(folder, model):
    """The whole process, of 2.6 and of 41 megapixels; in memory the larger would take 80 MB more."""
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc")
    code = (
        "import sys, pathlib; from ruis import stream, windowing; windowing.WINDOW = 4e6\n"
        "import ruis; d = ruis.load(sys.argv[1], tile=512)\n"
        "stream.denoise_file(sys.argv[2], sys.argv[3], model=d)\n"
        "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])"
    )
    peaks = []
    for side in (1600, 6400):
        band = noise(256, -(-side // 256) * 256)
        tiles = (band[:, x : x + 256] for _ in range(0, side, 256) for x in range(0, side, 256))
        tifffile.imwrite(
            f"{side}.tif", tiles, shape=(side, side), dtype="uint8", tile=(256, 256),
            photometric="minisblack",
        )  # fmt: skip
        command = [sys.executable, "-c", code, model, f"{side}.tif", f"{side}.out.tif"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] < peaks[0] + 40, f"MiB: {peaks}"
