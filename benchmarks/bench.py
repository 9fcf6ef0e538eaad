"""All tables and pictures of the README, and most of docs/figures.md, from scratch: `make bench`.

    python benchmarks/bench.py --out FOLDER [--data DATA] [--torch PYTHON] [--quick] [--only STAGE ...]

Without --data only what needs no data is measured. Everything takes hours, of which BM3D and learning
have most; what a stage keeps in FOLDER (the cache of the others' figures, trained networks) is not done
again after a stop. --quick goes through all stages in some minutes, with a part of an image of each set and
trainings of seconds, in FOLDER/quick: to see that all is there, not to quote. At the end stands which
stages failed.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import classical
import door
from budgets import RUIS

HERE = Path(__file__).parent

PICTURES = {
    "demo/before-after.png": "before-after.png",
    "digits/denoised.png": "digits.png",
    "quality-and-speed-gray.png": "quality-and-speed-gray.png",
    "quality-and-speed-colour.png": "quality-and-speed-colour.png",
}
"""The pictures: where a stage leaves them, and what they are called in FOLDER/images."""


MIDDLES = "BM3D,non-local means (scikit-image),non-local means (OpenCV)"
"""Who meets ours in the middles of the real pairs."""


@dataclass(frozen=True)
class Stage:
    """A step, and the commands that it takes; `makes` is not made twice."""

    name: str
    commands: list[list[str]]
    needs_data: bool = True
    makes: Path | None = None
    may_fail: bool = False
    """Whether an exit code of 1 says no more than that a budget was not kept."""


def script(name: str, *options: object) -> list[str]:
    """A command of this folder."""
    return [sys.executable, str(HERE / name), *map(str, options)]


def stages(asked: argparse.Namespace) -> Iterator[Stage]:
    """Everything, in the order in which it is done."""
    out, data, quick = asked.out, asked.data, asked.quick
    torch = ["--torch", asked.torch] if asked.torch else []
    short = ["--quick"] if quick else []
    yield Stage("demo", [script("../examples/demo.py", "--output", out / "demo")], needs_data=False)
    yield Stage(
        "budgets", [script("budgets.py", "--json", out / "budgets.json", *short)],
        needs_data=False, may_fail=True,
    )  # fmt: skip
    rounds = ["--rounds", 1] if quick else []
    yield Stage(
        "training",
        [
            script("training.py", "--tier", tier, "--json", out / f"training-{tier}.json", *torch, *rounds)
            for tier in (("fast",) if quick else ("base", "fast"))
        ],
        needs_data=False,
    )  # fmt: skip
    yield Stage("peers", [[sys.executable, "-m", "pip", "--disable-pip-version-check", "install",
                           "--quiet", *sorted(set(classical.NEEDS.values()))]])  # fmt: skip
    few = ["--images", 1, "--sigma", 25, "--crop", 128] if quick else ["--told"]
    yield Stage(
        "quality",
        [
            script(
                "quality.py", "--data", data, "--out", out, "--cache", out / "cache", *torch, *few
            )
        ],
    )
    # BM3D takes minutes for a megapixel in colour: it meets the others in the middles of the real pairs.
    middles = ["--sets", "real", "--crop", 64 if quick else 192, "--models", "photo,photo-fast"]
    yield Stage(
        "middles",
        [
            script(
                "quality.py", "--data", data, "--out", out / "middles", "--cache", out / "cache",
                "--peers", "FFDNet colour", "--methods", MIDDLES, *middles,
                *(["--images", 1] if quick else []),
            )
        ],
    )  # fmt: skip
    beside = ["--data", data, "--quality", out / "quality.json"] if data else []
    yield Stage(
        "speed", [script("speed.py", "--out", out, *beside, *torch, *short)], needs_data=False
    )
    brief = ["--minutes", 0.2, "--images", 1, "--tier", "fast"] if quick else []
    yield Stage(
        "learning",
        [script("self_supervised.py", "--data", data, "--out", out / "learning", *brief)],
    )
    digits, model = f"{data}/mnist/mnist.npz", out / "article-notebook.ruis"
    epochs = ["--epochs", "1,1"] if quick else []
    preset = ["--preset", "article-notebook", "--data", digits]
    yield Stage(
        "article", [[*RUIS, "mnist", "train", *preset, *epochs, "-o", str(model), "--overwrite"]],
        makes=model,
    )  # fmt: skip
    yield Stage(
        "digits", [[*RUIS, "mnist", "denoise", "--model", str(model), "--data", digits,
                    "-o", str(out / "digits"), "--overwrite"]],
    )  # fmt: skip
    yield Stage("readme", [script("readme.py", out)], needs_data=False)


def done(stage: Stage, asked: argparse.Namespace) -> str:
    """Do a stage; return what is to be said of it at the end."""
    if stage.needs_data and asked.data is None:
        return "left out: it needs --data"
    if stage.makes and stage.makes.exists():
        return f"done before: {stage.makes}"
    begun = time.monotonic()
    for command in stage.commands:
        print(f"\n$ {shlex.join(command)}", flush=True)
        code = subprocess.run(command, check=False).returncode
        if code and not (stage.may_fail and code == 1):
            return f"FAILED with exit code {code}"
    return f"{time.monotonic() - begun:.0f} s"


def gather(out: Path) -> None:
    """Copy the pictures to where the README's text would look for them."""
    for source, name in PICTURES.items():
        if (out / source).exists():
            (out / "images").mkdir(exist_ok=True)
            shutil.copyfile(out / source, out / "images" / name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="where everything goes")
    parser.add_argument("--data", type=Path, help="the folder of the public sets")
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs")
    parser.add_argument("--only", nargs="+", metavar="STAGE", help="some stages, not all")
    asked = parser.parse_args()
    if asked.data is not None and not asked.data.is_dir():
        parser.error(f"there is no folder {asked.data}")
    if asked.quick:
        asked.out /= "quick"
    planned = list(stages(asked))
    names = [stage.name for stage in planned]
    if unknown := set(asked.only or ()) - set(names):
        parser.error(f"there is no stage {', '.join(sorted(unknown))}; known: {', '.join(names)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    said = {stage.name: done(stage, asked) for stage in planned
            if not asked.only or stage.name in asked.only}  # fmt: skip
    gather(asked.out)
    print("\n" + "\n".join(f"{name:10}{what}" for name, what in said.items()))
    print(f"Tables and pictures are in {asked.out}; the README's: readme.md and images/.")
    return int(any("FAILED" in what for what in said.values()))


if __name__ == "__main__":
    door.run(main)
