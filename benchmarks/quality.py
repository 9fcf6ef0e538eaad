"""How well, and how fast, noise is removed: ruis beside the famous networks and the classics.

    python benchmarks/quality.py --data DATA --out FOLDER [--torch PYTHON] [--cache FOLDER]

writes FOLDER/quality.md and FOLDER/quality.json: Set12, BSD68, CBSD68 and Kodak24 with white noise of sigma
15, 25 and 50, BSD68 with sigma 75, and the real pairs, for the models that ship, DnCNN and FFDNet (in the
engine of ruis, and with --torch in PyTorch as their users run them), and the classical methods. The
protocol is that of the published figures (`protocol.py`), which the last table compares. Every method
runs in a process of its own.

    python benchmarks/quality.py --data DATA --models gray --peers none --methods none --sets BSD68

is a part of it. `--images 2` makes it short enough to be a test. `--cache FOLDER` keeps the figures of the
others, of which some take hours, and goes on from there after a stop; ours are always measured anew.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import classical
import door
import numpy as np
import peers
from methods import Candidate, candidates, measure
from protocol import Row, Shot, noisy_shots, real_shots
from published import EXPLAINED, NEAR, SOURCES, published

from ruis import processor, zoo

SETS = {"Set12": 1, "BSD68": 1, "CBSD68": 3, "Kodak24": 3, "real": 3}
"""The sets, and the channels of their images."""

SIZES = {"Set12": 12, "BSD68": 68, "CBSD68": 68, "Kodak24": 24, "real": 40}
"""The images of each set."""

BEYOND = 75.0
"""A sigma of 255 that no model has seen in training: BSD68 only."""


def shots_of(name: str, sigma: float | None, options: argparse.Namespace) -> list[Shot]:
    """The noisy images of a set."""
    if sigma is None:
        shots = real_shots(options.data / "real", options.images)
        if options.registered:
            shots = [shot.registered() for shot in shots]
    else:
        folder = options.data / "testsets" / name
        shots = noisy_shots(folder, sigma, options.images, options.seed)
    return [shot.middle(options.crop) for shot in shots] if options.crop else shots


def tasks(options: argparse.Namespace) -> list[tuple[str, float | None]]:
    """The sets and sigmas that were asked for; None: real pairs."""
    found: list[tuple[str, float | None]] = []
    for name in options.sets:
        if name == "real":
            found.append((name, None))
            continue
        found += [(name, float(sigma)) for sigma in options.sigma]
        if name == "BSD68" and options.beyond:
            found.append((name, BEYOND))
    return found


def wanted(
    candidate: Candidate, set_name: str, sigma: float | None, options: argparse.Namespace
) -> bool:
    """Whether a method has a place in a table."""
    ours = candidate.name.startswith("ruis ")
    if candidate.channels not in (None, SETS[set_name]) or not candidate.knows(sigma or 0):
        return False
    if sigma == BEYOND:
        return ours or candidate.name == "BM3D"
    return not (ours and candidate.told) or (options.told and sigma is not None)


def learnt_white_noise() -> list[str]:
    """The models that ship and have seen what these sets hold."""
    return [name for name in sorted(zoo.SHIPPED) if "gaussian" in zoo.find(name).manifest.noise]


def remembered(cache: Path | None, key: object, run: Callable[[], Row]) -> Row:
    """Run, or take the outcome of an earlier run with the same key from the cache."""
    if cache is None:
        return run()
    file = cache / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}.json"
    if file.exists():
        return Row.from_json(json.loads(file.read_text(encoding="utf-8")))
    found = run()
    if found.scores:
        cache.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        partial.write_text(json.dumps(found.to_json()), encoding="utf-8")
        partial.replace(file)
    return found


def pixels_of(shots: list[Shot]) -> str:
    """A hash of all images, clean and noisy."""
    pixels = hashlib.sha256()
    for shot in shots:
        pixels.update(np.ascontiguousarray(shot.clean))
        pixels.update(np.ascontiguousarray(shot.noisy))
    return pixels.hexdigest()


# -- reporting ---------------------------------------------------------------------------------


def heading(
    set_name: str, sigma: float | None, rows: list[Row], options: argparse.Namespace
) -> str:
    """What stands above a table."""
    measured = next((one for one in rows if one.scores), None)
    count = len(measured.scores) if measured else 0
    before = f", noisy {measured.noisy_psnr:.2f} dB" if measured else ""
    what = "a camera's own noise" if sigma is None else f"sigma {sigma:g}/255"
    if sigma is None and options.registered:
        what += ", registered"
    if options.crop:
        what += f", the middle {options.crop}x{options.crop}"
    return f"**{set_name}, {what}**, {count} images{before}:"


def line(one: Row) -> str:
    """One method's line."""
    told = "" if one.told is None else f" (told {one.told:g}/255, its best of five)"
    worst = f" {one.worst:+.2f} |" if one.sigma is None else ""
    memory = "" if one.mebibytes is None else f"{one.mebibytes:.0f}"
    return (
        f"| {one.method}{told} | {one.mean('psnr'):.2f} | {one.mean('ssim'):.4f} |{worst} "
        f"{one.megapixels_per_second:.3g} | {memory} |"
    )


def tables(rows: list[Row], options: argparse.Namespace) -> list[str]:
    """One table for each set and sigma, best PSNR last."""
    lines = []
    for set_name, sigma in dict.fromkeys((one.set, one.sigma) for one in rows):
        here = [one for one in rows if (one.set, one.sigma) == (set_name, sigma)]
        worst = " least gain (dB) |" if sigma is None else ""
        lines += [
            heading(set_name, sigma, here, options),
            "",
            f"| method | PSNR (dB) | SSIM |{worst} Mpx/s | memory (MiB) |",
            "|---|---|---|---|---|" + ("---|" if worst else ""),
            *map(line, sorted((r for r in here if r.scores), key=lambda one: one.mean("psnr"))),
            "",
            *(f"- {one.method}: not measured: {one.skipped}" for one in here if one.skipped),
            *([""] if any(one.skipped for one in here) else []),
        ]
    return lines


def against_published(rows: list[Row]) -> list[str]:
    """Our figures for others' methods beside those that their authors published."""
    found, notes = [], []
    for one in rows:
        method = one.method.removesuffix(peers.AS_USERS)
        figure = published(method, one.set, one.sigma) if one.scores else None
        if figure is None:
            continue
        ours = one.mean("psnr")
        count = len(one.scores)
        found.append(
            f"| {one.method} | {one.set}, {count} | {one.sigma:g} | {figure:.2f} | {ours:.2f} "
            f"| {ours - figure:+.2f} |"
        )
        if abs(ours - figure) > NEAR:
            why = EXPLAINED.get(method, "**not explained**")
            if count < SIZES[one.set]:
                why = f"{count} of {SIZES[one.set]} images"
            notes.append(f"- {one.method}, {one.set}, sigma {one.sigma:g}: {why}.")
    if not found:
        return []
    return [
        "**Our protocol against the published figures** (the same images, another draw of noise):",
        "",
        "| method | set, images | sigma | published | here | difference (dB) |",
        "|---|---|---|---|---|---|",
        *found,
        "",
        f"Published: {SOURCES}.",
        "",
        *([f"Differences of more than {NEAR} dB:", "", *notes, ""] if notes else []),
    ]


# -- the command line --------------------------------------------------------------------------


def listed(text: str) -> list[str]:
    """A list of names separated by commas; "none" is an empty one."""
    return [] if text == "none" else [name.strip() for name in text.split(",") if name.strip()]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with testsets/")
    parser.add_argument("--out", type=Path, help="write quality.md and quality.json here")
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--models", type=listed, default=learnt_white_noise(),
                        help="ours: names, .ruis files, or none")  # fmt: skip
    parser.add_argument("--peers", type=listed, default=list(peers.PEERS),
                        help="the famous networks, or none")  # fmt: skip
    parser.add_argument("--methods", type=listed, default=list(classical.METHODS),
                        help="the classical ones, or none")  # fmt: skip
    parser.add_argument("--precision", choices=("auto", "f32", "bf16"), default="auto",
                        help="of networks in the engine of ruis")  # fmt: skip
    parser.add_argument(
        "--told", action="store_true", help="also our models told sigma, in every table"
    )
    parser.add_argument("--sets", type=listed, default=list(SETS), help=", ".join(SETS))
    parser.add_argument("--sigma", type=listed, default=["15", "25", "50"], help="of 255")
    parser.add_argument("--no-beyond", dest="beyond", action="store_false",
                        help=f"leave out sigma {BEYOND:g}")  # fmt: skip
    parser.add_argument("--images", type=int, help="only so many images of each set")
    parser.add_argument("--crop", type=int, metavar="PIXELS", help="only the middle of each image, "
                        "so many pixels a side: some methods take minutes for a megapixel")  # fmt: skip
    parser.add_argument("--registered", action="store_true", help="real pairs: first bring the clean "
                        "image to where the noisy one is, and to its brightness")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=processor.threads())
    parser.add_argument("--cache", type=Path, help="keep the figures of the others here")
    options = parser.parse_args()
    for given, known in (
        (options.methods, classical.METHODS), (options.peers, peers.PEERS), (options.sets, SETS)
    ):  # fmt: skip
        if unknown := set(given) - set(known):
            parser.error(f"there is no {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return options


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """Measure everything that was asked for, as soon as each is wanted."""
    asked = list(
        candidates(
            options.models, options.peers, options.methods, options.data,
            precision=options.precision, threads=options.threads, torch=options.torch,
        )
    )  # fmt: skip
    weights = options.data / "peers"
    if options.peers and not weights.is_dir():
        raise FileNotFoundError(
            f"there is no folder {weights}; --peers none leaves the famous networks out."
        )
    for candidate in asked:
        _ = candidate.channels  # a model that is not there is noticed before hours of others
    for set_name, sigma in tasks(options):
        shots = shots_of(set_name, sigma, options)
        pixels = pixels_of(shots)
        for candidate in asked:
            if not wanted(candidate, set_name, sigma, options):
                continue
            key = [
                candidate.name, set_name, sigma, options.seed, options.precision, options.threads,
                processor.describe(), candidate.made_of(), pixels, *([options.crop] if options.crop else []),
                *(["registered"] if options.registered and sigma is None else []),
            ]  # fmt: skip
            found = remembered(
                None if candidate.repeats else options.cache, key,
                functools.partial(measure, candidate, set_name, sigma, shots),
            )  # fmt: skip
            figure = found.skipped or f"{found.mean('psnr'):.2f} dB"
            print(f"{set_name} {sigma or 'pairs'}: {candidate.name}: {figure}", file=sys.stderr)
            yield found


def main() -> int:
    options = arguments()
    command = shlex.join(["python", "benchmarks/quality.py", *sys.argv[1:]])
    rows = list(measured(options))
    machine = processor.describe()
    text = "\n".join(
        [*tables(rows, options), *against_published(rows), f"Made by `{command}` on {machine}."]
    )
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "quality.md").write_text(text + "\n", encoding="utf-8")
        report = {"command": command, "seed": options.seed, "machine": machine,
                  "rows": [one.to_json() for one in rows]}  # fmt: skip
        (options.out / "quality.json").write_text(
            json.dumps(report, indent=1) + "\n", encoding="utf-8"
        )
    return 0 if any(one.scores for one in rows) else 3


if __name__ == "__main__":
    door.run(main)
