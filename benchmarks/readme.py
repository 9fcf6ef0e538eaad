"""The figures of the README, from what the other benchmarks left in a folder.

    python benchmarks/readme.py FOLDER

reads quality.json, speed.json, middles/quality.json, budgets.json and learning/figures.json in FOLDER, as
`make bench` writes them, and writes FOLDER/readme.md: the table and the sentences of the README's chapter
on figures. What was not
measured is not there; what was measured on fewer images than the README speaks of says so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import door
from protocol import Row

SIGMA = 25.0
SETS = ("BSD68", "CBSD68")
METHODS = {
    "total variation": ("total variation", "total variation"),
    "non-local means": ("non-local means (scikit-image)", "non-local means (scikit-image)"),
    "BM3D": ("BM3D", "BM3D"),
    "**ruis**": ("ruis gray", "ruis white-color"),
    "ruis, `gray-medium`, `white-color-medium`": ("ruis gray-medium", "ruis white-color-medium"),
    "ruis, `gray-fast`, `white-color-fast`": ("ruis gray-fast", "ruis white-color-fast"),
}
"""A line of the table: the method in gray, and in colour."""

LEARNT = {
    "noise-to-noise": "from two shots of each scene",
    "noise-to-void": "from single noisy images, their noise unknown (`noise-to-void`)",
    "neighbour-to-neighbour": "from single noisy images (`neighbour-to-neighbour`)",
    "zero-shot": "one colour picture alone (the mean of Kodak24)",
    "documents": "scanned pages, from 90 pairs",
}


def loaded(path: Path) -> Any:
    """What a benchmark left; None if it did not run."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def of_set(rows: list[Row], set_name: str, sigma: float | None, method: str) -> Row | None:
    """What a method did on a set, if it was measured."""
    place = (method, set_name, sigma)
    return next((one for one in rows if (one.method, one.set, one.sigma) == place), None)


def table(rows: list[Row]) -> Iterator[str]:
    """White noise of sigma 25: one line for each method."""
    of = {name: [one for one in rows if (one.set, one.sigma) == (name, SIGMA)] for name in SETS}
    gray, colour = (max((len(one.scores) for one in of[name]), default=0) for name in SETS)
    yield (
        f"White noise of sigma {SIGMA:g}/255, mean PSNR in dB over {gray} gray and "
        f"{colour} colour images; our models blind, the others told sigma:"
    )
    yield ""
    yield f"| | {SETS[0]}, gray | {SETS[1]}, colour | seconds per megapixel (gray) |"
    yield "|---|---|---|---|"
    noisy = (f"{of[name][0].noisy_psnr:.2f}" if of[name] else "" for name in SETS)
    yield f"| noisy | {' | '.join(noisy)} | |"
    for name, methods in METHODS.items():
        found = [of_set(rows, *place) for place in zip(SETS, (SIGMA, SIGMA), methods, strict=True)]
        if not any(found):
            continue
        cells = ["" if one is None else f"{one.mean('psnr'):.2f}" for one in found]
        cells.append("" if found[0] is None else f"{1 / found[0].megapixels_per_second:.3g}")
        if name.startswith("**"):
            cells = [cell and f"**{cell}**" for cell in cells]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def pairs(rows: list[Row], where: str = "") -> Iterator[str]:
    """A camera's own noise: ours, and who is best beside it."""
    ours = of_set(rows, "real", None, "ruis photo")
    if ours is None:
        return
    yield (
        f"On {where}{len(ours.scores)} pairs from real cameras: {ours.noisy_psnr:.2f} dB as they came, "
        f"{ours.mean('psnr'):.2f} denoised, and the image that gained least {ours.worst:+.2f} dB."
    )
    for row in rows:
        if row.set == "real" and row.told is not None:
            yield (
                f"{row.method}, told the best single sigma, {row.told:g}/255: {row.mean('psnr'):.2f} dB, "
                f"and the image that gained least {row.worst:+.2f} dB."
            )
    yield ""


def speeds(report: dict) -> Iterator[str]:
    """How fast our gray models are, beside the famous networks in the same engine and in PyTorch."""
    widest = max((one["threads"] for one in report["rates"]), default=0)
    found = [one for one in report["rates"] if (one["channels"], one["threads"]) == (1, widest)]
    for ours in (one for one in found if one["kind"] == "array to array"):
        here = {
            f"{one['name']}{', PyTorch float32' * (one['kind'] == 'PyTorch')}": one
            for one in found
            if (one["kind"], one["precision"])
            in {("same engine", ours["precision"]), ("PyTorch", "f32")}
        }
        times = ", ".join(
            f"{ours['megapixels_per_second'] / one['megapixels_per_second']:.3g} times {name}"
            for name, one in here.items()
        )
        yield (
            f"- {ours['name']}, {ours['precision']}: {ours['megapixels_per_second']:.3g} Mpx/s"
            f"{f' ({times})' if times else ''}."
        )
    for one in report["file_to_file"]:
        yield (
            f"- {one['model']}, {one['megapixels']:.0f} Mpx, JPEG to {one['output']}: {one['seconds']:.3g} s, "
            f"{one['ratio']:.3g} times the network's own."
        )
    yield f"- All on {report['machine']}."
    yield ""


def budgets(figures: list[dict]) -> Iterator[str]:
    """Times and memory of whole processes."""
    for one in figures:
        yield f"- {one['what']}: {one['value']:.3g} {one['unit']} (`{one['command']}`)"
    yield ""


def learning(outcomes: list[dict]) -> Iterator[str]:
    """What `ruis train` learns without clean images."""
    for one in outcomes:
        if one["case"] in LEARNT:
            yield (
                f"- Taught {LEARNT[one['case']]}: {one['psnr']:.2f} dB, from {one['noisy_psnr']:.2f}; "
                f"{one['minutes']:.1f} minutes, {one['images']} test images."
            )
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the benchmarks wrote")
    folder = parser.parse_args().folder
    quality = loaded(folder / "quality.json")
    lines: list[str] = []
    if quality:
        rows = [Row.from_json(form) for form in quality["rows"] if form["scores"]]
        lines += [*table(rows), *pairs(rows)]
    if middles := loaded(folder / "middles" / "quality.json"):
        rows = [Row.from_json(form) for form in middles["rows"] if form["scores"]]
        lines += pairs(rows, "the middles of ")
    if speed := loaded(folder / "speed.json"):
        lines += speeds(speed)
    if measured := loaded(folder / "budgets.json"):
        lines += budgets(measured["figures"])
    if outcomes := loaded(folder / "learning" / "figures.json"):
        lines += learning(outcomes)
    if not lines:
        raise SystemExit(f"There are no figures in {folder}; make bench makes them.")
    text = "\n".join(lines).rstrip() + "\n"
    (folder / "readme.md").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    door.run(main)
