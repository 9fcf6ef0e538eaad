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
def test_training_is_measured(repository, tmp_path):
    pytest.importorskip("keras", reason="learning needs the train extra")
    out = tmp_path / "training.json"
    run(repository, "benchmarks/training.py", "--tier", "fast", "--rounds", "1", "--json", out)
    assert json.loads(out.read_text())["ruis"] > 0


@pytest.mark.slow
def test_the_load_on_the_service_is_measured(repository, needs_serve, tmp_path):
    out = tmp_path / "load.json"
    options = ["--clients", "40", "--seconds", "3", "--largest", "128", "--json", out]
    run(repository, "benchmarks/load.py", *options, "--", "--queue", "4")
    figures = json.loads(out.read_text())["figures"]
    assert figures["accepted"] > 0
    assert figures["accepted_different"] == 0
    assert figures["refused"] > 0
    assert figures["refused_without_retry_after"] == 0
    assert figures["other_answers"] == {}
