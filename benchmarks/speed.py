"""How fast noise is removed: networks in memory, files, many small images; and the picture.

    python benchmarks/speed.py --out FOLDER [--data DATA] [--torch PYTHON] [--quality FOLDER/quality.json]

writes FOLDER/speed.md and FOLDER/speed.json: megapixels per second of our models beside DnCNN and FFDNet
(with --data) in the same engine, and with --torch in PyTorch as their users run them, all in turns; the
time of `ruis denoise` from file to file against that of the network alone; many small images against a
large one. With --quality, which `benchmarks/quality.py` writes, also FOLDER/quality-and-speed-gray.png and
.svg: PSNR on BSD68 and CBSD68 at sigma 25 against the time that a megapixel takes, and the front.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import door
import numpy as np
import peers
import rates
from budgets import RUIS, picture, process

from ruis import processor, zoo
from ruis.denoiser import Denoiser
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import EngineError
from ruis.figures import quality_against_cost
from ruis.figures.output import save
from ruis.tiling import Plan

SIDE = 512
PHOTO = (4000, 6000)
"""Rows and columns of a photograph of 24 megapixels."""

SMALL_SIDE, LARGE_SIDE = 128, 2048
PICTURED = {"BSD68": (1, "gray"), "CBSD68": (3, "colour")}
SIGMA = 25.0


@dataclass(frozen=True)
class FileToFile:
    """One photograph through `ruis denoise`, beside the network alone."""

    model: str
    output: str
    megapixels: float
    seconds: float
    network_seconds: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.network_seconds

    def row(self) -> str:
        return (
            f"| {self.model} | JPEG to {self.output} | {self.megapixels:.0f} | {self.seconds:.2f} "
            f"| {self.network_seconds:.2f} | {self.ratio:.2f} |"
        )


@dataclass(frozen=True)
class ManySmall:
    """Seconds per megapixel of a folder of small images, and of one large image."""

    model: str
    small: float
    large: float

    def row(self) -> str:
        return f"| {self.model} | {self.small:.3f} | {self.large:.3f} | {self.small / self.large:.2f} |"


# -- files -------------------------------------------------------------------------------------


def network_seconds(denoiser: Denoiser, shape: tuple[int, int], precision: str) -> float:
    """The time that the engine needs for the tiles into which `ruis denoise` cuts an image.

    One tile is run first and not counted, as the engine prepares itself for their shape.
    """
    cut = tiles_of(denoiser, shape)
    engine = denoiser.networks.get(precision, told=False)
    channels = engine.network.input_channels
    batch = np.random.default_rng(0).random((1, *cut.shape, channels), np.float32)
    engine.run(batch)
    begun = time.perf_counter()
    for _ in range(len(cut)):
        engine.run(batch)
    return time.perf_counter() - begun


def tiles_of(denoiser: Denoiser, shape: tuple[int, int]) -> Plan:
    """How an 8-bit image of this size is cut."""
    return denoiser.knife.cut(*shape, nbytes=math.prod(shape) * denoiser.channels)


def file_to_file(
    models: Sequence[str], folder: Path, shape: tuple[int, int], runs: int
) -> list[FileToFile]:
    """Whole processes: start, read, denoise, write. The network is timed before and after each."""
    found = []
    for name in models:
        denoiser = Denoiser(zoo.find(name))
        denoiser.once = True  # as the command line does with one file
        precision = "bf16" if denoiser.networks.engine.supports("bf16") else "f32"
        source = folder / f"{denoiser.channels}.jpg"
        if not source.exists():
            picture(source, *shape, denoiser.channels)
        for output in ("jpg", "png"):
            command = [*RUIS, "denoise", str(source), "-o", str(folder / f"out.{output}"),
                       "--model", name, "--overwrite"]  # fmt: skip
            alone = [network_seconds(denoiser, shape, precision)]
            whole = []
            for _ in range(runs):
                whole.append(process(command).seconds)
                alone.append(network_seconds(denoiser, shape, precision))
            found.append(
                FileToFile(
                    name, {"jpg": "JPEG", "png": "PNG"}[output], shape[0] * shape[1] / 1e6,
                    float(np.median(whole)), float(np.median(alone)),
                )
            )  # fmt: skip
    return found


def many_small(models: Sequence[str], folder: Path, side: int, runs: int) -> list[ManySmall]:
    """A folder of small images, and one image with as many pixels, both as whole processes."""
    found = []
    for name in models:
        channels = zoo.find(name).architecture.channels
        whole, parts = folder / f"large{channels}.png", folder / f"small{channels}"
        if not whole.exists():
            picture(whole, side, side, channels)
            parts.mkdir()
            for number in range((side // SMALL_SIDE) ** 2):
                picture(parts / f"{number:04}.png", SMALL_SIDE, SMALL_SIDE, channels)
        seconds = {}
        for what in (whole, parts):
            label = Path(name).stem
            out = folder / "out-small" / (label if what is parts else f"{label}.png")
            out.parent.mkdir(exist_ok=True)
            command = [*RUIS, "denoise", str(what), "-o", str(out), "--model", name, "--overwrite"]
            taken = [process(command).seconds for _ in range(runs)]
            seconds[what] = float(np.median(taken)) / (side**2 / 1e6)
        found.append(ManySmall(name, seconds[parts], seconds[whole]))
    return found


# -- the picture -------------------------------------------------------------------------------


def points(
    quality: Path, found: Sequence[rates.Rate], set_name: str
) -> list[tuple[str, float, float]]:
    """Name, seconds per megapixel and PSNR of everybody of whom both are known.

    Networks have the rates of `rates.py`, and are left out where they have none there; the classical methods have
    those of the quality tables.
    """
    channels, _ = PICTURED[set_name]
    fast = {
        one.name: 1 / one.megapixels_per_second
        for one in found
        if one.channels == channels
        and one.threads == processor.threads()
        and one.kind in {rates.OURS, rates.PEER}
        and one.precision == best_precision(found)
    }
    made = []
    for row in json.loads(quality.read_text(encoding="utf-8"))["rows"]:
        if (row["set"], row["sigma"]) != (set_name, SIGMA) or not row["scores"]:
            continue
        name = row["method"]
        cost = fast.get(name, 1 / row["megapixels_per_second"])
        if name in fast or not name.startswith(("ruis ", *peers.PEERS)):
            made.append((name, cost, row["mean"]["psnr"]))
    return made


def best_precision(found: Sequence[rates.Rate]) -> str:
    """bfloat16, if it was measured."""
    measured = {one.precision for one in found}
    return "bf16" if "bf16" in measured else "f32"


def draw(folder: Path, quality: Path, found: Sequence[rates.Rate]) -> list[Path]:
    """Write the pictures."""
    made: list[Path] = []
    for set_name, (_, colours) in PICTURED.items():
        here = points(quality, found, set_name)
        if not here:
            continue
        figure = quality_against_cost(
            here, "seconds for a megapixel", f"PSNR on {set_name}, dB", log_x=True,
            title=f"White noise of sigma {SIGMA:g}/255, {colours}: quality against time",
        )  # fmt: skip
        made += save(figure, folder / f"quality-and-speed-{colours}", overwrite=True)
    return made


# -- the command line --------------------------------------------------------------------------


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, required=True, help="write speed.md and speed.json here"
    )
    parser.add_argument("--data", type=Path, help="the folder with peers/; without it, ours alone")
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--quality", type=Path, help="quality.json, for the picture")
    parser.add_argument("--models", nargs="*", default=sorted(zoo.SHIPPED), help="ours")
    parser.add_argument(
        "--precisions", nargs="*", choices=("bf16", "f32"), default=usual_precisions()
    )
    parser.add_argument("--rounds", type=int, default=7, help="turns of each network")
    parser.add_argument("--runs", type=int, default=3, help="of whole processes")
    parser.add_argument("--quick", action="store_true", help="small images, one run: a test")
    return parser.parse_args()


def usual_precisions() -> list[str]:
    """bfloat16 where the processor has it, and float32."""
    return ["bf16", "f32"] if OpenVINOEngine.supports("bf16") else ["f32"]


def measured(
    options: argparse.Namespace,
) -> tuple[list[rates.Rate], list[FileToFile], list[ManySmall]]:
    """Everything that was asked for."""
    side, shape, many = (128, (300, 400), 256) if options.quick else (SIDE, PHOTO, LARGE_SIDE)
    rounds, runs = (1, 1) if options.quick else (options.rounds, options.runs)
    found: list[rates.Rate] = []
    for threads in sorted({1, processor.threads()}, reverse=True):
        for channels in (1, 3):
            arena = rates.Arena(channels, side, threads)
            torch = options.torch if threads == processor.threads() else None
            found += rates.measure(
                arena, options.models, options.data, torch, options.precisions, rounds
            )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = file_to_file(options.models, folder, shape, runs)
        small = many_small(options.models, folder, many, runs)
    return found, files, small


def main() -> int:
    options = arguments()
    if "bf16" in options.precisions and not OpenVINOEngine.supports("bf16"):
        raise EngineError("this processor has no bfloat16: leave it out of --precisions.")
    command = shlex.join(["python", "benchmarks/speed.py", *sys.argv[1:]])
    found, files, small = measured(options)
    lines = [
        *rates.tables(found),
        "**From file to file**, whole processes, beside the network's own time for the same tiles:",
        "",
        "| model | files | Mpx | seconds | network alone | ratio |",
        "|---|---|---|---|---|---|",
        *(one.row() for one in files),
        "",
        f"**Many small images**, {SMALL_SIDE}x{SMALL_SIDE}, and one large one; seconds per megapixel:",
        "",
        "| model | many small | one large | ratio |",
        "|---|---|---|---|",
        *(one.row() for one in small),
        "",
        f"Made by `{command}` on {processor.describe()}.",
    ]
    text = "\n".join(lines)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "speed.md").write_text(text + "\n", encoding="utf-8")
    report = {
        "command": command,
        "machine": processor.describe(),
        "rates": [one.to_json() for one in found],
        "file_to_file": [{**asdict(one), "ratio": one.ratio} for one in files],
        "many_small": [asdict(one) for one in small],
    }
    (options.out / "speed.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if options.quality:
        for made in draw(options.out, options.quality, found):
            print(made, file=sys.stderr)
    return 0


if __name__ == "__main__":
    door.run(main)
