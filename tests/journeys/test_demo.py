"""`make demo`: what a newcomer types first."""

from __future__ import annotations

import subprocess
import sys

import ruis


def test_every_example_is_denoised_and_shown(repository, tmp_path):
    command = [sys.executable, "examples/demo.py", "--output", tmp_path / "demo"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("coffee", "page"):
        noisy = ruis.read(repository / "examples" / f"{name}.png")
        denoised = ruis.read(tmp_path / "demo" / f"{name}.denoised.png")
        assert denoised.pixels.shape == noisy.pixels.shape
        assert (denoised.pixels != noisy.pixels).any()
        assert (tmp_path / "demo" / f"{name}.before-after.png").is_file()
    assert (tmp_path / "demo" / "before-after.png").is_file()
