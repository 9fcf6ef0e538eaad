"""Measure the budgets of `docs/figures.md` on this machine, as whole processes.

    python benchmarks/budgets.py [--runs 5] [--quick] [--json FILE]

Times of starts are the median of `--runs` after one that is not counted, memory is of one run, speed
is the fastest of five seconds of runs. The exit code is 1 if a budget is not kept. `--quick` runs each
once, on small images: it shows that the benchmark works, and its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import door
import numpy as np

import ruis
from ruis import processor
from ruis.image import Image, ImageInfo

RUIS = [str(Path(sys.executable).with_name("ruis"))]


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its budget."""

    what: str
    value: float
    budget: float
    unit: str
    command: str
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the budget is kept."""
        return self.value >= self.budget if self.at_least else self.value <= self.budget


@dataclass(frozen=True)
class Process:
    """What a whole process took: wall seconds, and its largest resident memory in MiB."""

    seconds: float
    mebibytes: float


def process(command: Sequence[str]) -> Process:
    """Run a command to its end, as a user would; refuse to measure one that fails."""
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # the second start finds all compiled
    start = time.perf_counter()
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    most = 0.0
    while child.poll() is None:
        most = max(most, resident(child.pid))
        time.sleep(0.002)
    seconds = time.perf_counter() - start
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {child.stderr.read().decode()}")
    return Process(seconds, most)


def resident(pid: int) -> float:
    """Return the most memory that a process has held so far, in MiB.

    The kernel's own sum at the end of a process (ru_maxrss) would not do: it begins with what the
    process that started it holds.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024


def median(command: Sequence[str], runs: int) -> Process:
    """Return the medians of some runs, after one that fills the caches."""
    done = [process(command) for _ in range(runs + 1)][1:] if runs > 1 else [process(command)]
    return Process(
        statistics.median(one.seconds for one in done),
        statistics.median(one.mebibytes for one in done),
    )


def picture(path: Path, rows: int, columns: int, channels: int, sigma: float = 25 / 255) -> None:
    """Write a noisy 8-bit image: a smooth ground that repeats, so that any size is made fast."""
    rng = np.random.default_rng(0)
    side = 512
    wave = np.sin(np.arange(side) / 40)
    ground = 0.5 + 0.2 * wave[:, None, None] * wave[None, :, None] + np.zeros((1, 1, channels))
    noisy = ground + rng.normal(0, sigma, ground.shape)
    block = np.rint(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    repeats = (-(-rows // side), -(-columns // side), 1)
    pixels = np.tile(block, repeats)[:rows, :columns]
    info = ImageInfo(pixels.dtype, (0.0, 255.0), colour="rgb" if channels == 3 else "gray")
    ruis.write(Image(np.ascontiguousarray(pixels), info), path, record="")


def starts(runs: int) -> list[Figure]:
    """Measure how long nothing takes."""
    bare = median([sys.executable, "-c", "pass"], runs).seconds
    help_ = median([*RUIS, "--help"], runs).seconds
    import_ = median([sys.executable, "-c", "import ruis"], runs).seconds
    return [
        Figure("`ruis --help`", help_, 0.25, "s", "ruis --help"),
        Figure("`import ruis`", import_ - bare, 0.1, "s", 'python -c "import ruis"'),
    ]


def cold(folder: Path, runs: int, side: int) -> list[Figure]:
    """Measure one image from file to file, the interpreter's start included."""
    figures = []
    for channels, name in ((1, "gray"), (3, "RGB")):
        path, out = folder / f"cold{channels}.png", folder / f"cold{channels}.out.png"
        picture(path, side, side, channels)
        command = [*RUIS, "denoise", str(path), "-o", str(out), "--overwrite"]
        label = f"a {side * side / 1e6:.2f} Mpx {name} image, cold"
        seconds = median(command, runs).seconds
        figures.append(Figure(label, seconds, 1.5, "s", "ruis denoise IMAGE -o OUT --overwrite"))
    return figures


def memory(folder: Path, side: int) -> list[Figure]:
    """Measure the memory that a large image takes beyond the interpreter's own."""
    bare = median([sys.executable, "-c", "pass"], 1).mebibytes
    figures = []
    for channels, name in ((1, "gray"), (3, "RGB")):
        path, out = folder / f"large{channels}.png", folder / f"large{channels}.out.png"
        picture(path, side, side, channels)
        extra = process([*RUIS, "denoise", str(path), "-o", str(out)]).mebibytes - bare
        label = f"memory for a {side * side / 1e6:.0f} Mpx 8-bit {name} image"
        figures.append(Figure(label, extra, 1536, "MiB", "ruis denoise IMAGE -o OUT"))
    return figures


def speed(seconds: float, side: int) -> list[Figure]:
    """Measure the network alone, and the whole way from array to array, warm."""
    figures = []
    for name, least in (("gray", 5.0), ("gray-fast", 25.0), ("photo", 5.0)):
        denoiser = ruis.load(name, precision="bf16")
        shape = (side, side) if denoiser.channels == 1 else (side, side, 3)
        noisy = np.random.default_rng(0).random(shape, dtype=np.float32)
        rate = (
            noisy.shape[0]
            * noisy.shape[1]
            / 1e6
            / fastest(lambda noisy=noisy, denoiser=denoiser: denoiser.denoise(noisy), seconds)
        )
        command = f'ruis.load("{name}", precision="bf16").denoise(float32 {side}x{side})'
        done = "bf16" if processor.has_bfloat16() else "f32, for there is no bf16"
        what = f"{name}, array to array, {done}"
        figures.append(Figure(what, rate, least, "Mpx/s", command, True))
    return figures


def fastest(work: Callable[[], object], seconds: float) -> float:
    """Return the shortest time of repeating some work for so many seconds."""
    work()
    shortest, end = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - start)
        if time.perf_counter() >= end:
            return shortest


def main() -> int:
    """Measure, print a table, and say with the exit code whether all budgets are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    runs, side = (1, 64) if given.quick else (given.runs, 512)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = [
            *starts(runs),
            *cold(folder, runs, side),
            *speed(0.1 if given.quick else 5, side),
            *memory(folder, 256 if given.quick else 10_000),
        ]
    print(f"Machine: {processor.describe()}\n")
    print("| what | measured | budget | kept | command |\n|---|---|---|---|---|")
    for figure in figures:
        sign = ">=" if figure.at_least else "<="
        print(
            f"| {figure.what} | {figure.value:.3g} {figure.unit} | {sign} {figure.budget:g} "
            f"{figure.unit} | {'yes' if figure.kept else 'no'} | `{figure.command}` |"
        )
    if given.json:
        document = {"machine": processor.describe(), "figures": [asdict(one) for one in figures]}
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if given.quick or all(figure.kept for figure in figures) else 1


if __name__ == "__main__":
    door.run(main)
