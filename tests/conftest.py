"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets nobody
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

if "PYTEST_XDIST_WORKER" in os.environ:  # one processor each: more threads only wait for each other
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")

import hypothesis
import pytest

from ruis import processor

ROOT = Path(__file__).resolve().parents[1]

# Time is no property of ours here, and a run must find the same examples wherever it runs;
# `HYPOTHESIS_PROFILE=search` looks further, at random.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.register_profile("search", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """What `-n auto` is: three for two processors, as tests wait for disks, servers and browsers."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # then pytest-xdist takes that
    return (3 * processor.threads() + 1) // 2


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that pyproject.toml is in."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the public data sets: `$RUIS_SHARED/data`, or `../shared/data`."""
    shared = Path(os.environ.get("RUIS_SHARED", ROOT.parent / "shared"))
    if not (shared / "data").is_dir():
        pytest.skip(f"the public data sets are not in {shared}; set RUIS_SHARED to where they are")
    return shared / "data"
