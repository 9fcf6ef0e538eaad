"""`ruis batch`, as a person or a script meets it: real processes, real signals."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import ruis
from ruis.cli import app
from ruis.image import Image, ImageInfo

pytest.importorskip("distributed", reason="ruis batch needs the batch extra")
pytest.importorskip("cryptography", reason="ruis batch needs the batch extra")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(name: str, size=(40, 48), seed: int = 0) -> np.ndarray:
    """Write a noisy image and return its pixels."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 1), np.uint8)
    image = Image(pixels, ImageInfo(pixels.dtype, (0, 255)))
    ruis.write(image, name, record="", overwrite=True)
    return pixels


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ruis.cli", "batch", *arguments]


def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command as a process: its workers are processes as well."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def here(*arguments: str, code: int = 0) -> str:
    """Run what starts no workers in this process."""
    done = CliRunner().invoke(app, ["batch", *arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


def outputs(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.png"))


def inside_outputs(folder: str) -> set[str]:
    """All that is in an output folder, what is hidden included."""
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*")}


# -- from beginning to end -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_folder_keeps_its_shape_and_what_is_broken_is_set_aside(model):
    pixels = {f"in/{n % 3}/{n}.png": make(f"in/{n % 3}/{n}.png", seed=n) for n in range(12)}
    Path("in/0/broken.png").write_bytes(Path("in/0/0.png").read_bytes()[:60])
    arguments = ("in", "-o", "out", "--model", model, "--workers", "2", "--precision", "f32")

    done = run(*arguments, "--quarantine", "aside", "--json", code=1)
    summary = json.loads(done.stdout)
    assert (summary["done"], summary["failed"], summary["left"]) == (12, 1, 0)
    assert summary["causes"] == {"CorruptImageError": 1}
    assert outputs("out") == sorted(name.removeprefix("in/") for name in pixels)
    for name, noisy in pixels.items():
        np.testing.assert_array_equal(ruis.read(name.replace("in/", "out/", 1)).pixels, noisy)
    assert (
        Path("aside/CorruptImageError.txt").read_text() == f"{Path('in/0/broken.png').absolute()}\n"
    )
    report = Path("out/ruis-batch.md").read_text()
    assert "12 of 13 images denoised" in report
    assert "broken.png" in report
    state = {"ruis-batch.md", ".ruis-batch", ".ruis-batch/manifest.sqlite"}
    assert inside_outputs("out") == {*outputs("out"), "0", "1", "2", *state}
    with closing(sqlite3.connect("out/.ruis-batch/manifest.sqlite")) as manifest:
        rows = manifest.execute(
            "SELECT input, output_sha256, output_size, seconds, worker FROM files "
            "WHERE state='done'"
        ).fetchall()
    assert len({row[1] for row in rows}) == 12
    assert all(row[2] and row[3] > 0 and ":" in row[4] for row in rows)

    # A folder in which a run was begun is refused, and goes on only when told to.
    assert "--resume" in run(*arguments, code=2).stderr
    assert "sigma" in run(*arguments, "--sigma", "0.1", "--resume", code=2).stderr
    before = {name: Path("out", name).stat().st_mtime_ns for name in outputs("out")}
    Path("out/1/1.png").unlink()
    make("in/2/2.png", seed=99)
    make("in/new.png")
    Path("in/0/broken.png").write_bytes(Path("in/0/0.png").read_bytes())
    done = run(*arguments, "--resume", "--json")
    summary = json.loads(done.stdout)
    assert summary["changes"] == {"new": 1, "changed": 2, "missing": 1, "retried": 0}
    assert (summary["new"], summary["done"], summary["failed"]) == (4, 14, 0)
    np.testing.assert_array_equal(ruis.read("out/2/2.png").pixels, ruis.read("in/2/2.png").pixels)
    after = {name: Path("out", name).stat().st_mtime_ns for name in outputs("out")}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"1/1.png", "2/2.png"}


@pytest.mark.slow
def test_an_image_that_ends_its_workers_is_set_aside_and_takes_nobody_with_it(model):
    for n in range(20):
        make(f"in/{n:02}.png", seed=n)
    # 144 million pixels in a file of a few kB, and their result: more than a worker may take here.
    np.save("in/large.npy", np.zeros((1, 1), np.uint8))
    from PIL import Image as Picture

    Picture.fromarray(np.zeros((12000, 12000), np.uint8)).save("in/10-large.png")
    Path("in/large.npy").unlink()
    done = run(
        *("in", "-o", "out", "--model", model, "--workers", "2"),
        *("--memory", "4.5e8", "--tries", "2", "--json"),
        code=1,
    )
    summary = json.loads(done.stdout)
    assert summary["causes"] == {"WorkerDiedError": 1}
    assert summary["failures"][0]["input"].endswith("10-large.png")
    assert summary["worker_deaths"] >= 2
    assert len(outputs("out")) == summary["done"] == 20
    assert not [*Path("out").rglob("*.part")]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_leaves_nothing_half_done_and_says_how_to_go_on(model, number, code):
    for n in range(150):
        make(f"in/{n:03}.png", seed=n, size=(64, 64))
    arguments = ("in", "-o", "out", "--model", model, "--workers", "2")
    with subprocess.Popen(
        command(*arguments), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as driver:
        wait_for(lambda: len(outputs("out")) >= 5)
        os.kill(driver.pid, signal.SIGSTOP)  # so that it is not done before it is asked to stop
        assert "at work" in run(*arguments, "--resume", code=3).stderr
        os.killpg(driver.pid, number)  # as a terminal does: to all of a command's processes
        os.kill(driver.pid, signal.SIGCONT)
        _, told = driver.communicate(timeout=60)
    assert driver.returncode == code
    assert "the same command with --resume" in told
    assert "Traceback" not in told
    assert not [*Path("out").rglob("*.part")]
    finished = len(outputs("out"))
    assert 5 <= finished < 150
    summary = json.loads(run(*arguments, "--resume", "--json").stdout)
    assert (summary["done"], summary["left"]) == (150, 0)
    assert summary["new"] == 150 - finished  # nothing of it was done twice


def wait_for(what, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_at_any_moment_it_makes_each_output_once(repository, tmp_path):
    """1,000 images, workers and drivers killed with SIGKILL at random instants."""
    out = tmp_path / "figures.json"
    options = ["--images", "1000", "--worker-kills", "5", "--driver-kills", "3", "--broken", "10"]
    if Path("/dev/shm").is_dir():  # the disk's own time is not what is tested
        options += ["--folder", "/dev/shm"]
    done = subprocess.run(
        [sys.executable, "benchmarks/batch.py", *options, "--json", str(out)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(out.read_text())
    assert (figures["worker_kills"], figures["driver_kills"]) == (5, 3)
    assert (figures["done"], figures["failed"], figures["left"]) == (990, 10, 0)
    assert figures["outputs"] == figures["expected"] == 990
    assert figures["different"] == figures["missing"] == figures["leftovers"] == 0
    assert figures["listed_in_quarantine"] == 10
    assert sum(figures["causes"].values()) == 10
    assert figures["given_again"] <= 50  # five in a hundred, those that were not computed included
    assert figures["workers_that_outlived_their_driver"] == 0


# -- another's workers -----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_workers_of_any_scheduler_do_it(model):
    from distributed import LocalCluster

    for n in range(8):
        make(f"in/{n}.png", seed=n)
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        address = cluster.scheduler_address
        done = run("in", "-o", "out", "--model", model, "--scheduler", address, "--json")
    assert json.loads(done.stdout)["done"] == len(outputs("out")) == 8


# -- the plan --------------------------------------------------------------------------------------


def test_a_dry_run_shows_the_plan_and_writes_nothing(model):
    for n in range(4):
        make(f"in/{n}.png", size=(100, 250))
    text = here("in", "-o", "out", "--model", model, "--dry-run", "--workers", "2")
    assert "4 images" in text
    assert "0.1 Mpx" in text
    assert "4 png" in text
    assert "about " in text
    assert not Path("out").exists()
    plan = json.loads(
        here("in", "-o", "out", "--model", model, "--dry-run", "--json", "--threads", "1")
    )
    assert (plan["images"], plan["megapixels"]) == (4, pytest.approx(0.1))
    assert plan["seconds"] > 0
    assert plan["files"][0] == {"input": str(Path("in/0.png").absolute()), "output": "0.png"}


def test_lists_of_inputs_keep_their_folders(model):
    for name in ("a/x/1.png", "a/y/1.png", "b/2.png", "3.png", "4.png"):
        make(name)
    Path("text.txt").write_text("# a comment\na/x/1.png\n\na/y/1.png\n")
    Path("lines.jsonl").write_text('"3.png"\n{"input": "b/2.png", "patient": 7}\n')
    with Path("table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["sigma", "input"], ["1", str(Path("4.png").absolute())]])
    lists = [part for name in ("text.txt", "lines.jsonl", "table.csv") for part in ("--list", name)]
    plan = json.loads(here(*lists, "-o", "out", "--model", model, "--dry-run", "--json"))
    names = {one["output"] for one in plan["files"]}
    assert names == {"a/x/1.png", "a/y/1.png", "b/2.png", "3.png", "4.png"}


# -- what is refused -------------------------------------------------------------------------------


def test_two_inputs_for_one_output_are_refused_before_anything_is_done(model):
    make("in/a.png")
    make("in/a.tif")
    text = here("in", "-o", "out", "--model", model, "--format", "png", code=2)
    assert "would both become" in text
    assert not Path("out").exists()


def test_outputs_that_are_there_are_refused(model):
    make("in/a.png")
    make("out/a.png", seed=1)
    before = Path("out/a.png").read_bytes()
    assert "--overwrite" in here("in", "-o", "out", "--model", model, code=2)
    assert Path("out/a.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "--list"),
        (("in", "--resume"), 2, "nothing to go on with"),
        (("in", "--retry-failed"), 2, "--resume"),
        (("in", "--model", "phto"), 2, "Did you mean 'photo'"),
        (("in", "--format", "xyz"), 2, "--format xyz"),
        (("in", "--list", "gone.txt"), 2, "gone.txt"),
        (("nothing*.png",), 3, "no file fits"),
        (("in", "--scheduler", "tcp://127.0.0.1:1"), 3, "no scheduler answers"),
        (("in", "--scheduler", "nonsense"), 3, "missing port number"),
        (("in", "--scheduler", "tcp://:::"), 3, "invalid address"),
        (("in", "--scheduler", "weird://127.0.0.1:1"), 3, "unknown address scheme 'weird'"),
        (("in", "--scheduler", "tls://127.0.0.1:1"), 3, "asks for a certificate and a key"),
        (("in", "--scheduler", "tcp://x:1", "--workers", "8"), 2, "--workers is for this machine"),
        (("in", "--scheduler", "tcp://x:1", "--memory", "1e9"), 2, "--memory is for this machine"),
    ],
    ids=str,
)
def test_a_mistake_is_a_sentence(monkeypatch, arguments, code, said):
    monkeypatch.setattr("ruis.batch.crew.CONNECT", 1.0)
    make("in/a.png")
    assert said in here(*arguments, "-o", "out", code=code)
    assert outputs("in") == ["a.png"]


def test_a_folder_for_failures_that_is_somebody_elses_is_refused_before_anything_is_done(model):
    make("in/a.png")
    Path("aside").mkdir()
    Path("aside/reasons.md").write_text("# Mine\n")
    text = here("in", "-o", "out", "--model", model, "--quarantine", "aside", code=2)
    assert "reasons.md" in text
    assert Path("aside/reasons.md").read_text() == "# Mine\n"
    assert not Path("out").exists()


def test_an_input_is_never_replaced(model):
    make("in/a.png")
    before = Path("in/a.png").read_bytes()
    assert "would be replaced" in here("in/a.png", "-o", "in", "--overwrite", code=2)
    assert Path("in/a.png").read_bytes() == before


FULL = """
mount -t tmpfs -o size=300k tmpfs out
"$@" --json > first.json 2> first.txt; echo $?
find out -name '*.part' | wc -l
mount -o remount,size=50m out
"$@" --resume --json > second.json 2> second.txt; echo $?
find out -name '*.png' | wc -l
"""


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_loses_nothing(model):
    can = ["unshare", "-m", "true"]
    if not shutil.which("unshare") or subprocess.run(can, check=False).returncode:
        pytest.skip("a small disk of its own needs Linux and root")
    for n in range(60):
        make(f"in/{n:02}.png", seed=n, size=(90, 90))
    Path("out").mkdir()
    arguments = command("in", "-o", "out", "--model", model, "--workers", "1")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL, "sh", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["3", "0", "0", "60"], Path("first.txt").read_text()
    assert "full" in Path("first.txt").read_text()
    assert json.loads(Path("second.json").read_text())["done"] == 60
