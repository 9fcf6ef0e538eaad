"""`ruis` as a process: how it starts, what it loads, how it is stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner

import ruis
from ruis import architectures, model_file
from ruis.cli import app, main
from ruis.image import Image, ImageInfo
from ruis.manifest import Manifest

RUIS = [sys.executable, "-m", "ruis.cli"]
NEVER = [
    "keras",
    "tensorflow",
    "onnx",
    "onnxruntime",
    "tifffile",
    "skimage",
    "scipy",
    "rich",
    "dask",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model that removes nothing, and an image of a quarter of a megapixel."""
    folder = tmp_path_factory.mktemp("start")
    network = {"name": "unet", "widths": (8,), "blocks": 1}
    shapes = architectures.parse(network).tensors
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    manifest = Manifest(name="same", architecture=network)
    model_file.save(folder / "same.ruis", manifest, weights)
    pixels = np.random.default_rng(0).integers(0, 255, (512, 512, 1)).astype(np.uint8)
    ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255))), folder / "a.png")
    return folder


def test_the_version_is_printed():
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.stdout == f"ruis {ruis.__version__}\n"


def test_the_help_names_every_command_and_its_examples_keep_their_lines():
    text = CliRunner().invoke(app, ["--help"]).stdout
    for command in (
        "denoise",
        "train",
        "evaluate",
        "inspect",
        "compare",
        "models",
        "export",
        "doctor",
    ):
        assert f"\n  {command} " in text
    assert "\n  ruis denoise photo.jpg --model mine.ruis\n" in text
    assert "..." not in text.partition("Commands:")[2], "no summary is cut"


def test_no_arguments_show_the_help():
    assert "Usage: ruis" in CliRunner().invoke(app, []).output


def test_an_unknown_command_or_option_is_wrong_usage():
    for arguments in (["denoize"], ["denoise", "--strenght", "1"]):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 2
        assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "also"),
    [(["--help"], {"pydantic"}), (["denoise", "--help"], set())],  # Typer's own use of pydantic
    ids=["ruis", "denoise"],
)
def test_help_loads_nothing_heavy(arguments, also):
    script = (
        "import sys; from ruis.cli import app\n"
        f"try: app({arguments})\n"
        "except SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert not loaded & {*NEVER, "numpy", "openvino", "PIL", "safetensors", *also}


@pytest.mark.parametrize("name", ["a.png", "camera.jpg"])
def test_denoising_a_picture_loads_what_it_needs_and_no_more(folder, name):
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x0131], exif[0x011A] = 6, "a camera's", 300.0
    PIL.Image.open(folder / "a.png").save(folder / "camera.jpg", exif=exif)
    unneeded = {*NEVER, "PIL", "numpy.ma", "ruis.formats.tiff", "ruis.stacks.tiff"}
    script = (
        "import sys; from ruis.cli import app\n"
        f"try: app(['denoise', '{name}', '--model', 'same.ruis', '--overwrite'])\n"
        "except SystemExit as end: assert not end.code\n"
        f"assert not {unneeded} & set(sys.modules), {unneeded} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True)


def test_output_is_on_standard_output_alone(folder):
    done = subprocess.run(
        [*RUIS, "denoise", "a.png", "--model", "same.ruis", "-o", "b.png", "--overwrite"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("a.png -> b.png: same, ")
    assert done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="pipes close otherwise there")
@pytest.mark.parametrize(
    "arguments",
    [["models", "same.ruis"], ["denoise", ".", "-o", "piped", "--model", "same.ruis"]],
    ids=["models", "denoise"],
)
def test_a_reader_that_leaves_is_no_error(folder, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*RUIS, *arguments], cwd=folder, stdout=writing, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 141
    assert "failed" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always text")
def test_a_name_that_is_no_text_is_printed_escaped(folder):
    name = os.fsdecode(b"\xff.png")
    path = folder / name
    shutil.copy(folder / "a.png", path)
    try:
        done = subprocess.run(
            [*RUIS, "denoise", name, "--model", "same.ruis", "-o", "named.png"],
            cwd=folder, capture_output=True, check=True,
        )  # fmt: skip
    finally:
        path.unlink()
    assert done.stdout.startswith(rb"\udcff")


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_in_order(folder, number, code):
    """Reading takes for ever here, so that the signal arrives in the middle of the work."""
    script = (
        "import signal, sys, time; import ruis.cli, ruis.formats\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "def read(*_, **__): print('reading', flush=True); time.sleep(60)\n"
        "ruis.formats.read = read\n"
        "sys.argv = ['ruis', 'denoise', 'a.png', '--model', 'same.ruis', '-o', 'never.png']\n"
        "ruis.cli.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "reading\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert ("Stopped" in errors) == (number == signal.SIGINT)
    assert not (folder / "never.png").exists()
    assert not list(folder.glob(".ruis-*"))


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_heard_although_a_library_swallows_it(folder, number, code):
    """OpenVINO, as it is imported, asks for one package after another, and says nothing of what goes wrong there."""
    script = (
        "import signal, sys; import ruis.cli; from ruis.engines.openvino import OpenVINOEngine\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background
        "def swallow(cls):\n"
        f"    try: signal.raise_signal({int(number)})\n"
        "    except BaseException: print('swallowed', flush=True)\n"
        "OpenVINOEngine.load_library = classmethod(swallow)\n"
        "sys.argv = ['ruis', 'denoise', 'a.png', '--model', 'same.ruis', '-o', 'never.png']\n"
        "ruis.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not (folder / "never.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
def test_a_signal_that_shall_be_ignored_is():
    """As nohup has it."""
    script = (
        "import signal, sys; import ruis.cli\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "sys.argv = ['ruis', '--version']\n"
        "try: ruis.cli.main()\n"
        "except SystemExit: pass\n"
        "signal.raise_signal(signal.SIGHUP)\n"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("arguments", "code"), [("--version", 0), ("denoise nothing.png", 3)])
def test_the_end_waits_for_threads_and_asks_who_registered(arguments, code, tmp_path):
    script = (
        "import atexit, sys, threading, time; from ruis.cli import command\n"
        "def late(): time.sleep(0.5); print('a thread')\n"
        "atexit.register(print, 'registered', end='')\n"  # not flushed
        "threading.Thread(target=late).start()\n"
        f"sys.argv = ['ruis', *{arguments.split()}]\n"
        "command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.endswith("a thread\nregistered")


def test_main_is_what_the_installed_command_runs(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ruis", "--version"])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not ended.value.code
    assert capsys.readouterr().out.startswith("ruis ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
@pytest.mark.parametrize("arguments", ["--version", "--help", "denoise --help"])
def test_what_cannot_be_written_is_said_in_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ruis", *arguments.split()],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr == "ruis: No space left on device.\n"
