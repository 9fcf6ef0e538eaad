"""`ruis batch` under fire, its scaling on this machine, and what its parts cost.

    python benchmarks/batch.py --images 20000 --worker-kills 20 --driver-kills 5 --broken 200
    python benchmarks/batch.py --scaling
    python benchmarks/batch.py --costs

The first one kills workers and drivers with SIGKILL at random instants, goes on with --resume until
all is done, and compares every output with what one process makes of the same images.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import door
import numpy as np
import psutil

import ruis
from ruis import architectures, model_file
from ruis.denoiser import Denoiser
from ruis.image import Image, ImageInfo
from ruis.manifest import Manifest

NETWORK = {"name": "unet", "widths": (8,), "blocks": 1}
COMMAND = [sys.executable, "-m", "ruis.cli", "batch"]


def make_model(path: Path) -> None:
    """A tiny model with random weights: what it makes of an image does not matter, only its bytes."""
    rng = np.random.default_rng(0)
    shapes = architectures.parse(NETWORK).tensors
    weights = {name: rng.normal(0, 0.1, shape).astype("f4") for name, shape in shapes.items()}
    model_file.save(path, Manifest(name="tiny", architecture=NETWORK), weights)


def make_images(folder: Path, count: int, broken: int, sides: tuple[int, int], seed: int) -> None:
    """Gray images of random sizes in folders of 500, some of them broken in four ways."""
    rng = np.random.default_rng(seed)
    bad = set(rng.choice(count, broken, replace=False).tolist())
    for number in range(count):
        path = folder / f"{number // 500:03}" / f"image-{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = rng.integers(sides[0], sides[1] + 1, 2)
        pixels = rng.integers(0, 256, (*size, 1), np.uint8)
        ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0.0, 255.0))), path, record="")
        if number in bad:
            data = path.read_bytes()
            ways = (
                b"",
                data[: len(data) // 2],
                b"no image at all",
                data[:16] + bytes(8) + data[24:],
            )
            path.write_bytes(ways[number % 4])


# -- killed at any moment --------------------------------------------------------------------------


def workers_of(driver: int) -> list[psutil.Process]:
    """The processes that work for a driver."""
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            if "ruis.batch.worker" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def under_fire(work: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Run, kill, resume until all is done; then look at what is there."""
    rng = random.Random(arguments.seed)
    output = work / "out"
    command = [*COMMAND, str(work / "in"), "-o", str(output), "--model", str(work / "tiny.ruis"),
               "--workers", str(arguments.workers), "--threads", "1",
               "--quarantine", str(work / "aside"), "--json"]  # fmt: skip
    # Each driver but the last is killed, after its share of the workers' kills.
    lives = arguments.driver_kills + 1
    shares = [arguments.worker_kills * (n + 1) // lives - arguments.worker_kills * n // lives
              for n in range(lives)]  # fmt: skip
    killed, outlived, begun = 0, 0, time.perf_counter()
    for life, share in enumerate(shares):
        # A driver that is killed before the manifest is whole has begun nothing.
        resume = ["--resume"] if output_of(output) is not None else []
        with (work / "log.txt").open("ab") as log:
            driver = subprocess.Popen([*command, *resume], stdout=subprocess.PIPE, stderr=log)
        last = life == lives - 1
        goal = None if last else arguments.images * (life + 1) // lives
        killed += snipe(driver, output, share, goal, rng)
        if last:
            result, _ = driver.communicate(timeout=arguments.patience)
            break
        if driver.poll() is not None:
            log_text = (work / "log.txt").read_text(errors="replace")
            raise SystemExit(f"driver {life} ended by itself ({driver.returncode}):\n{log_text}")
        crew = workers_of(driver.pid)
        driver.kill()
        driver.communicate()
        _, alive = psutil.wait_procs(crew, timeout=10)
        outlived += len(alive)
    summary = json.loads(result)
    seconds = time.perf_counter() - begun
    return {
        "images": arguments.images,
        "worker_kills": killed,
        "driver_kills": lives - 1,
        "workers_that_outlived_their_driver": outlived,
        "code": driver.returncode,
        "done": summary["done"],
        "failed": summary["failed"],
        "left": summary["left"],
        "causes": summary["causes"],
        "listed_in_quarantine": sum(
            len(path.read_text().splitlines()) for path in (work / "aside").glob("*.txt")
        ),
        "given_again": summary["given_again"],
        "made_again": summary["made_again"],
        "seconds": round(seconds, 1),
        **compared(work, output),
    }


def output_of(folder: Path) -> int | None:
    """How many outputs there are; None before a run was begun."""
    if not (folder / ".ruis-batch" / "manifest.sqlite").exists():
        return None
    return sum(1 for _ in folder.rglob("*.png"))


def snipe(
    driver: subprocess.Popen[bytes], output: Path, kills: int, goal: int | None, rng: random.Random
) -> int:
    """Kill workers at random instants, until so many are dead and so many outputs are there."""
    killed = 0
    while driver.poll() is None and (killed < kills or (goal and (output_of(output) or 0) < goal)):
        time.sleep(rng.uniform(0.05, 0.6 if killed < kills else 0.15))
        if killed < kills and output_of(output):
            victims = workers_of(driver.pid)
            if victims:
                rng.choice(victims).kill()
                killed += 1
    return killed


def compared(work: Path, output: Path) -> dict[str, object]:
    """Every output against what one process makes of the same images, without any of `batch`."""
    denoiser = Denoiser(model_file.load(work / "tiny.ruis"), threads=1)
    expected: dict[str, str] = {}
    reference = work / "one.png"
    begun = time.perf_counter()
    for path in sorted((work / "in").rglob("*.png")):
        try:
            result = denoiser.run(ruis.read(path))
        except ruis.RuisError:
            continue
        result.write(reference, given=False, strength=1.0, overwrite=True)
        expected[str(path.relative_to(work / "in"))] = digest(reference)
    found = {str(path.relative_to(output)): digest(path) for path in output.rglob("*.png")}
    return {
        "one_process_seconds": round(time.perf_counter() - begun, 1),
        "outputs": len(found),
        "expected": len(expected),
        "different": sum(expected.get(name) != value for name, value in found.items()),
        "missing": len(expected.keys() - found.keys()),
        "leftovers": len([*output.rglob(".ruis-*.part")]),
    }


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# -- scaling ---------------------------------------------------------------------------------------


def scaling(work: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """One worker against two, one thread each, in turns; the rate of the work alone, without starts."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(arguments.rounds):
        for workers in (1, 2):
            output = work / f"out-{turn}-{workers}"
            facts = one_run(work, output, workers, arguments.model)
            rates[workers].append(facts["rate"])
            shutil.rmtree(output)
    middle = {workers: statistics.median(some) for workers, some in rates.items()}
    return {
        "model": arguments.model,
        "images": arguments.images,
        "side": arguments.side,
        "megapixels_per_second": {str(workers): round(rate, 3) for workers, rate in middle.items()},
        "times_as_fast": round(middle[2] / middle[1], 3),
        "rounds": rates,
        "load_before": psutil.getloadavg()[0],
    }


def one_run(work: Path, output: Path, workers: int, model: str) -> dict[str, float]:
    """A run, and its rate between its first image and its last."""
    from ruis.batch import Settings, plan, run

    ticks: list[tuple[float, float, float, int]] = []
    summary = run(
        plan([str(work / "in")], output),
        Settings(model=model),
        workers=workers,
        threads=1,
        progress=lambda now: ticks.append((now.seconds, now.megapixels, cpu(), now.new)),
    )
    assert not summary.failed, summary.failures
    # The first image of each worker loads the model and compiles: the rate begins after it.
    start = next(tick for tick in ticks if tick[1] > 0.1 * summary.megapixels)
    seconds, pixels, spent, count = (
        last - first for last, first in zip(ticks[-1], start, strict=True)
    )
    return {
        "rate": pixels / seconds,
        "driver": spent / count,
        "begun": start[0],
        "seconds": summary.seconds,
        **summary.costs,
    }


# -- costs -----------------------------------------------------------------------------------------


def costs(work: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """What a run costs that no image does, and what an image costs in each part of the work."""
    output = work / "out"
    load = psutil.getloadavg()[0]
    facts = one_run(work, output, 2, arguments.model)
    images = arguments.images
    sizes = [path.stat().st_size for path in (work / "in").rglob("*.png")]
    return {
        "model": arguments.model,
        "images": images,
        "side": arguments.side,
        "bytes_per_image": statistics.mean(sizes),
        "seconds": facts["seconds"],
        "seconds_until_a_tenth_was_done": facts["begun"],
        "driver_cpu_seconds_per_image": facts["driver"],
        "load_before": load,
        **{f"{part}_seconds_per_image": facts[part] / images
           for part in ("transfer", "read", "compute", "write")},
    }  # fmt: skip


def cpu() -> float:
    """Processor time of this process, which is the driver and the scheduler."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int)
    parser.add_argument("--worker-kills", type=int, default=0)
    parser.add_argument("--driver-kills", type=int, default=0)
    parser.add_argument("--broken", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=7200, help="seconds for the last driver")
    parser.add_argument("--scaling", action="store_true", help="one worker against two")
    parser.add_argument("--costs", action="store_true", help="seconds of each part")
    parser.add_argument("--model", default="gray", help="for --scaling and --costs")
    parser.add_argument("--side", type=int, default=512, help="for --scaling and --costs")
    parser.add_argument("--rounds", type=int, default=3, help="for --scaling")
    parser.add_argument("--folder", type=Path, help="where to work; default: a temporary one")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    measured = arguments.scaling or arguments.costs
    arguments.images = arguments.images or (40 if measured else 1000)
    sides = (arguments.side, arguments.side) if measured else (64, 96)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        work = Path(folder)
        make_model(work / "tiny.ruis")
        make_images(work / "in", arguments.images, arguments.broken, sides, arguments.seed)
        if arguments.model == "tiny":
            arguments.model = str(work / "tiny.ruis")
        if arguments.scaling:
            figures = scaling(work, arguments)
        elif arguments.costs:
            figures = costs(work, arguments)
        else:
            figures = under_fire(work, arguments)
    print(json.dumps(figures, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    door.run(main)
