"""The benchmarks run; their figures are for people to look at."""

import json
import subprocess
import sys

import pytest


def run(repository, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_budgets_are_measured(repository, tmp_path):
    table = run(repository, "benchmarks/budgets.py", "--quick", "--json", tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    # An import is the difference of two starts, and one run of each may come out the wrong way round.
    assert all(figure["value"] > 0 or "import" in figure["what"] for figure in figures)
    assert all(figure["what"] in table for figure in figures)
    assert {figure["unit"] for figure in figures} == {"s", "MiB", "Mpx/s"}


def test_quality_is_measured(repository, shared_data, tmp_path):
    out = tmp_path / "quality.json"
    options = ["--data", shared_data, "--models", "gray", "--sets", "Set12", "--images", "1"]
    run(repository, "benchmarks/quality.py", *options, "--methods", "none", "--json", out)
    (row,) = json.loads(out.read_text())["rows"]
    (score,) = row["scores"]
    assert score["psnr"] > row["noisy_psnr"] + 8


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tiff", "zarr"])
def test_large_files_are_measured(repository, tmp_path, kind):
    pytest.importorskip(kind.replace("tiff", "tifffile"), reason="Zarr needs the zarr extra")
    options = ["--megapixels", "4", "--kinds", kind, "--widths", "8", "--folder", tmp_path]
    command = [sys.executable, "benchmarks/large.py", *options, "--json", tmp_path / "large.json"]
    subprocess.run(command, cwd=repository, check=False)  # 1: so small a file has no good rate
    (row,) = json.loads((tmp_path / "large.json").read_text())["rows"]
    assert row["difference"] <= 1
    assert 0 < row["mebibytes"] < 1536
    assert row["rate"] > 0
    assert [one.name for one in tmp_path.iterdir()] == ["large.json"]


@pytest.mark.slow
def test_training_is_measured(repository, tmp_path):
    pytest.importorskip("keras", reason="learning needs the train extra")
    out = tmp_path / "training.json"
    run(repository, "benchmarks/training.py", "--tier", "fast", "--rounds", "1", "--json", out)
    assert json.loads(out.read_text())["ruis"] > 0
