"""A training killed at any instant ends, gone on with, in the same weights bit for bit.

RUIS_KILLS=1000 python -m pytest -n 0 tests/journeys/test_kill.py
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras", reason="learning needs the train extra")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forked"),
]


KILLS = int(os.environ.get("RUIS_KILLS", "20"))


def outcome(folder: Path, kills: int) -> dict:
    script = Path(__file__).with_name("killed_training.py")
    done = subprocess.run(
        [sys.executable, script, folder, str(kills)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_killed_at_random_instants(tmp_path):
    found = outcome(tmp_path, KILLS)
    assert found["kills"] == KILLS
    assert len(set(found["epochs"])) > 3, "the kills came at all ages"
    assert set(found["hashes"]) == {found["expected"]}


def test_killed_before_each_call_that_the_checkpoint_writer_makes_to_the_system(tmp_path):
    found = outcome(tmp_path, 0)
    calls = [call for call in found["calls"] if len(call) < 64]
    hashes = [call for call in found["calls"] if len(call) == 64]
    assert len(calls) >= 30
    assert {"open", "write", "fsync", "close", "replace", "unlink"} <= set(calls)
    assert {*hashes, found["hash"]} == {found["expected"]}
