"""What each choice of a recipe brings, at equal work: one network for each.

    python benchmarks/ablation.py --data DATA --steps 900 --jobs 2 --json FILE [--only NAME ...]

Every variant changes one thing of the same recipe (`BASE`), and does as much work as that does in
`--steps` steps: a network with twice the multiplications, or a batch with twice the pixels, gets half of
them, and Adam a quarter more than Muon, whose steps cost so much more (decision 4). So it does not matter
what else the machine does meanwhile. All are judged blind by the same photographs, which none of them has
seen (`HELD_OUT`); the test sets are not touched. `--jobs` variants learn at once, each on one thread. What
is in the JSON file already is not measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import door

HELD_OUT = {"train/bsds500": 20, "train/open-photos": 8}
"""Every so-manyth image of a folder judges, and is not learnt from."""

SOURCES = [
    {"name": "BSDS500", "terms": "research", "folder": "train/bsds500"},
    {"name": "open photographs", "terms": "open licences", "folder": "train/open-photos"},
]

BASE: dict[str, Any] = {
    "name": "variant",
    "noise": "gaussian:0..55/255",
    "validation_noise": "gaussian:25/255",
    "patch": 96,
    "batch": 8,
    "optimizer": "muon",
    "learning_rate": 1e-2,
    "loss": "mean_squared_error",
    "sigma_given": 0.5,
    "seed": 11,
    "data": SOURCES,
    "architecture": {
        "name": "unet",
        "channels": 1,
        "widths": [32, 64, 128],
        "blocks": 1,
        "sigma_channel": True,
    },
}


def network(**changes: Any) -> dict[str, Any]:
    """The base network with something changed."""
    return {"architecture": {**BASE["architecture"], **changes}}


VARIANTS: dict[str, dict[str, Any]] = {
    "as the others, unchanged": {},
    "another seed": {"seed": 12},
    "EMA 0.999": {"ema": 0.999},
    "crops of 64, 18 of them": {"patch": 64, "batch": 18},
    "crops of 128, 4 of them": {"patch": 128, "batch": 4},
    "batch 4": {"batch": 4},
    "batch 16": {"batch": 16},
    "mean absolute error": {"loss": "mean_absolute_error"},
    "PSNR as loss": {"loss": "psnr"},
    "BSDS500 alone": {"data": SOURCES[:1]},
    "open photographs alone": {"data": SOURCES[1:]},
    "Adam 1e-3": {"optimizer": "adam", "learning_rate": 1e-3},
    "Adam 2e-3": {"optimizer": "adam", "learning_rate": 2e-3},
    "Muon 5e-3": {"learning_rate": 5e-3},
    "Muon 2e-2": {"learning_rate": 2e-2},
    "no sigma channel": {"sigma_given": 0.0, **network(sigma_channel=False)},
    "sigma told to a quarter": {"sigma_given": 0.25},
    "sigma told to three quarters": {"sigma_given": 0.75},
    "wider: 48, 96, 160": network(widths=[48, 96, 160]),
    "deeper: two blocks": network(blocks=2),
    "a fourth level: 32, 64, 128, 256": network(widths=[32, 64, 128, 256]),
}
SIGMAS = (15, 25, 50)


def held_out(data: Path, folder: str) -> list[Path]:
    """The images of a folder that judge."""
    from ruis import dataset

    return dataset.find(data / folder)[:: HELD_OUT[folder]]


def recipe_of(changes: dict[str, Any], data: Path, **more: Any) -> Any:
    """A variant's recipe, without what it is judged by."""
    from ruis.recipe import Recipe

    form = {**BASE, **changes, **more}
    form["data"] = [
        {**source, "exclude": [path.name for path in held_out(data, source["folder"])]}
        for source in form["data"]
    ]
    return Recipe.parse(form, what="the variant")


EPOCHS = 4
"""Of each training; it keeps the weights of the best."""

ADAM = 1 / 1.25
"""What a step with Adam costs beside one with Muon."""


def work(recipe: Any) -> float:
    """What a step of a recipe costs: multiplications, and what the optimizer adds."""
    from ruis import architectures

    share = 1.0 if recipe.optimizer == "muon" else ADAM
    network = architectures.parse(recipe.architecture)
    return share * network.kmac_per_pixel * recipe.batch * recipe.patch**2


def learn(name: str, steps: int, data: Path) -> dict[str, Any]:
    """Teach one variant on one thread, and judge it."""
    import numpy as np

    from ruis import dataset, examples
    from ruis.denoiser import Denoiser
    from ruis.noise import parse
    from ruis.run import publish
    from ruis.train import train

    changes = VARIANTS[name]
    dearer = work(recipe_of(changes, data, epochs=1)) / work(recipe_of({}, data, epochs=1))
    recipe = recipe_of(changes, data, epochs=EPOCHS, steps_per_epoch=round(steps / dearer / EPOCHS))
    with tempfile.TemporaryDirectory() as folder:
        run = train(recipe, data, Path(folder) / "whole")
        model = publish(run, Path(folder) / "model.ruis")
        denoiser = Denoiser(model, threads=1)
        samples = [
            sample
            for source in HELD_OUT
            for sample in dataset.load(
                data / source,
                1,
                exclude=[p.name for p in set(dataset.find(data / source)) - set(held_out(data, source))],
            )
        ]  # fmt: skip
        scores = {}
        for sigma in SIGMAS:
            judges = examples.Validation(
                samples, parse(f"gaussian:{sigma}/255"), multiple=8, takes_sigma=False, seed=0
            )
            scores[sigma] = judges.psnr(lambda batch: denoiser.denoise(batch[0])[None])
            told = sigma / 255
            scores[f"{sigma} told"] = judges.psnr(
                lambda batch, told=told: denoiser.denoise(batch[0], sigma=told)[None]
            ) if denoiser.model.architecture.takes_sigma else None  # fmt: skip
    return {
        "scores": scores,
        "mean": float(np.mean([scores[sigma] for sigma in SIGMAS])),
        "steps": run.history[-1].step,
        "megapixels": run.pixels / 1e6,
        "work of a step": dearer,
        "judges": len(samples),
    }


def start(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Teach a variant in a process of its own."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
    command = [sys.executable, __file__, "--data", str(options.data), "--steps",
               str(options.steps), "--child", name]  # fmt: skip
    done = subprocess.run(
        command, env={**os.environ, **one}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def table(found: dict[str, Any]) -> str:
    """The outcome in Markdown, best mean first."""
    lines = [
        "| variant | 15 | 25 | 50 | mean | 25, told | steps | megapixels |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(found.items(), key=lambda item: -item[1]["mean"]):
        told = row["scores"]["25 told"]
        lines.append(
            f"| {name} | "
            + " | ".join(f"{row['scores'][str(s)]:.2f}" for s in SIGMAS)
            + f" | {row['mean']:.2f} | {'-' if told is None else f'{told:.2f}'} "
            + f"| {row['steps']} | {row['megapixels']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with train/")
    parser.add_argument("--steps", type=int, default=900, help="of the unchanged recipe")
    parser.add_argument("--jobs", type=int, default=2, help="variants that learn at once")
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--json", type=Path, default=Path("ablation.json"))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(learn(options.child, options.steps, options.data)))
        return
    found = json.loads(options.json.read_text()) if options.json.exists() else {}

    def one(name: str) -> None:
        if name not in found:
            found[name] = start(name, options)
            options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(f"{name}: {found[name]['mean']:.3f} dB", file=sys.stderr, flush=True)

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, options.only))
    print(table(found))


if __name__ == "__main__":
    door.run(main)
