"""How well `ruis train` learns from noisy images alone, from pairs, and from a single image.

    python benchmarks/self_supervised.py --data DATA --out OUT [--minutes 30] [--only CASE ...]

Cases: noise-to-void, neighbour-to-neighbour, noise-to-noise and supervised learn from BSDS500 in gray
with white noise of sigma 25/255 and are judged by BSD68; zero-shot learns from one noisy image of Kodak24
at a time; documents learns from 90 pairs of scanned pages and is judged by the other 18.

The noisy images are written once, with a fixed seed, as floats that are neither clipped nor rounded;
the objectives that need no clean images never see one. Each case is what the command proposes for its
folder (`ruis.proposal`), its network too, trained for `--minutes`. What is in OUT
already is gone on with, or not done again; another `--minutes` takes another OUT.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import door
import numpy as np
from protocol import Shot, noisy_shots, scored, stored_images, to_8_bits

from ruis import formats, model_file, processor
from ruis.denoiser import Denoiser
from ruis.image import Image, ImageInfo
from ruis.proposal import Proposal, propose
from ruis.run import publish
from ruis.train import Report, train

SIGMA = 25.0
SEED = 500
HELD_OUT = 6
"""Every so-manyth page of the documents judges, and is not learnt from: 18 of 108."""

FOLDERS = {
    "noise-to-void": ("noisy",),
    "neighbour-to-neighbour": ("noisy",),
    "noise-to-noise": ("noisy", "second"),
    "supervised": ("clean",),
}


@dataclass(frozen=True)
class Outcome:
    """One case. PSNR, SSIM and RMSE are means over images."""

    case: str
    images: int
    minutes: float
    noisy_psnr: float
    psnr: float
    ssim: float
    rmse: float
    steps: int
    network: str

    def line(self) -> str:
        return (
            f"| {self.case} | {self.images} | {self.minutes:.1f} | {self.steps} | {self.network} | "
            f"{self.noisy_psnr:.2f} | {self.psnr:.2f} | {self.ssim:.4f} | {self.rmse:.4f} |"
        )


HEAD = (
    "| case | images | minutes of training | steps | network | noisy, dB | PSNR, dB | SSIM | RMSE |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


# -- images ----------------------------------------------------------------------------------------


def gray(pixels: Any) -> Any:
    """Fractions of the range in gray, as the field's gray test sets were made (BT.601)."""
    luma = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return (np.rint(luma) / 255)[..., None].astype(np.float32)


def write_shots(data: Path, out: Path) -> Path:
    """Write the clean images, and two noisy shots of each, unless they are there."""
    folder = out / "bsds500"
    if (folder / "whole").exists():
        return folder
    for name in ("clean", "noisy", "second"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, (name, pixels) in enumerate(stored_images(data / "train" / "bsds500", None)):
        clean = gray(pixels)
        for shot, role in enumerate(("clean", "noisy", "second")):
            rng = np.random.default_rng([SEED, number, shot])
            noise = rng.standard_normal(clean.shape, dtype=np.float32) * np.float32(SIGMA / 255)
            write(clean if role == "clean" else clean + noise, folder / role / f"{name}.npy")
    (folder / "whole").touch()
    return folder


def write(pixels: Any, path: Path) -> None:
    colour: Any = "rgb" if pixels.shape[2] == 3 else "gray"
    info = ImageInfo(pixels.dtype, (0.0, 1.0), colour=colour)
    formats.write(Image(pixels, info), path, overwrite=True, record="")


# -- cases ----------------------------------------------------------------------------------------


def taught(plan: Proposal, out: Path, case: str) -> Any:
    """Teach as proposed, going on with what is there; return the model file."""
    path = out / f"{case}.ruis"
    if not path.exists():
        run = train(plan.recipe, plan.data, out / f"{case}.run", resume=True, progress=told(case))
        publish(run, path)
    return model_file.load(path)


def told(case: str) -> Callable[[Report], None]:
    def tell(report: Report) -> None:
        if report.stage == "validated" or report.note:
            said = report.note or (
                f"epoch {report.epoch}, step {report.step}, loss {report.loss:.5f}, "
                f"validation {report.psnr:.2f}, {report.seconds_left:.0f} s left"
            )
            print(f"{case}: {said}", file=sys.stderr, flush=True)

    return tell


def judged(case: str, made: Any, shots: list[Shot], *, minutes: float | None = None) -> Outcome:
    """Denoise the test images, and score them as the protocol says."""
    denoiser = Denoiser(made)
    scores, errors = [], []
    for shot in shots:
        begun = time.perf_counter()
        denoised = to_8_bits(denoiser.denoise(shot.noisy))
        scores.append(scored(shot, denoised, time.perf_counter() - begun))
        errors.append(np.sqrt(np.mean((denoised / 255.0 - shot.clean / 255.0) ** 2)))
    training = made.manifest.training
    return Outcome(
        case,
        len(shots),
        minutes if minutes is not None else training.minutes,
        float(np.mean([one.noisy_psnr for one in scores])),
        float(np.mean([one.psnr for one in scores])),
        float(np.mean([one.ssim for one in scores])),
        float(np.mean(errors)),
        training.steps,
        f"{made.architecture.name}, {made.architecture.kmac_per_pixel:.0f} kMAC",
    )


def on_bsd68(case: str, asked: argparse.Namespace) -> Outcome:
    """Learn from BSDS500, be judged by BSD68."""
    folder = write_shots(asked.data, asked.out)
    places = {name: folder / name for name in FOLDERS[case]}
    noise = f"gaussian:{SIGMA:g}/255" if case == "supervised" else None
    plan = propose(
        **places, noise=noise, objective=case, tier=asked.tier, minutes=asked.minutes, name=case
    )
    made = taught(plan, asked.out, case)
    shots = noisy_shots(asked.data / "testsets" / "BSD68", SIGMA, asked.images, seed=0)
    return judged(case, made, shots)


def zero_shot(case: str, asked: argparse.Namespace) -> Outcome:
    """Learn from each image of Kodak24 alone: what is proposed for one image, however long it takes.

    Less than a minute is no training, but a try, and holds here as well.
    """
    (asked.out / case).mkdir(parents=True, exist_ok=True)
    brief = asked.minutes if asked.minutes < 1 else None
    outcomes = []
    for shot in noisy_shots(asked.data / "testsets" / "Kodak24", SIGMA, asked.images, seed=0):
        name = Path(shot.name).stem
        path = asked.out / case / f"{name}.npy"
        if not path.exists():
            write(shot.noisy, path)
        begun = time.perf_counter()
        made = taught(propose(noisy=path, name=name, minutes=brief), asked.out / case, name)
        one = judged(name, made, [shot], minutes=(time.perf_counter() - begun) / 60)
        print(one.line(), file=sys.stderr, flush=True)
        outcomes.append(one)
    mean = {
        key: float(np.mean([getattr(one, key) for one in outcomes]))
        for key in ("minutes", "noisy_psnr", "psnr", "ssim", "rmse")
    }
    return Outcome(
        case, len(outcomes), steps=outcomes[0].steps, network=outcomes[0].network, **mean
    )


def documents(case: str, asked: argparse.Namespace) -> Outcome:
    """Learn from 90 pairs of scanned pages, be judged by the other 18."""
    folder = asked.data / "documents"
    names = sorted(path.name for path in (folder / "train").iterdir())
    judges = names[::HELD_OUT]
    plan = propose(
        noisy=folder / "train",
        clean=folder / "train_cleaned",
        tier=asked.tier,
        minutes=asked.minutes,
        name=case,
    )
    source = plan.recipe.data[0].model_dump() | {"exclude": judges}
    plan = Proposal(plan.recipe.changed(data=[source]), plan.data, plan.reasons)
    made = taught(plan, asked.out, case)
    noisy, clean = (dict(stored_images(folder / n, None)) for n in ("train", "train_cleaned"))
    shots = [Shot(name, noisy[name] / np.float32(255), clean[name]) for name in judges]
    return judged(case, made, shots[: asked.images])


CASES: dict[str, Callable[[str, argparse.Namespace], Outcome]] = {
    **dict.fromkeys(FOLDERS, on_bsd68),
    "zero-shot": zero_shot,
    "documents": documents,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the public sets")
    parser.add_argument("--out", type=Path, required=True, help="where runs and figures are kept")
    parser.add_argument("--minutes", type=float, default=30.0, help="of training, for each case")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument(
        "--tier", help="of the networks but that of zero-shot; default: as proposed"
    )
    parser.add_argument("--images", type=int, help="how many test images; default: all")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    outcomes = [CASES[case](case, asked) for case in asked.only]
    print(f"sigma {SIGMA:g}/255; {processor.describe()}\n\n{HEAD}")
    for one in outcomes:
        print(one.line())
    path = asked.out / "figures.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    figures = {one["case"]: one for one in [*before, *map(vars, outcomes)]}
    path.write_text(json.dumps([*figures.values()], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    door.run(main)
