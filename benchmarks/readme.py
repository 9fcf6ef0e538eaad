"""The figures of the README, from what the other benchmarks left in a folder.

    python benchmarks/readme.py FOLDER

reads quality.json, budgets.json and learning/figures.json in FOLDER, as `make bench` writes them, and
writes FOLDER/readme.md: the table and the sentences of the README's chapter on figures. What was not
measured is not there; what was measured on fewer images than the README speaks of says so.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SIGMA = 25.0
GRAY, COLOUR = "BSD68", "CBSD68"
METHODS = {
    "total variation": ("total variation", "total variation"),
    "non-local means": ("non-local means (scikit-image)", "non-local means (scikit-image)"),
    "BM3D": ("BM3D", "BM3D"),
    "**ruis**": ("ruis gray", "ruis white-color"),
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


def of_set(rows: list[dict], set_name: str, sigma: float | None, method: str) -> dict:
    """The row of a method on a set; {} if there is none."""
    for row in rows:
        if (row["method"], row["set"], row["sigma"]) == (method, set_name, sigma) and row["scores"]:
            return row
    return {}


def psnr(row: dict, *, strong: bool) -> str:
    """A cell of the table."""
    if not row:
        return ""
    return f"**{row['mean']['psnr']:.2f}**" if strong else f"{row['mean']['psnr']:.2f}"


def table(rows: list[dict]) -> Iterator[str]:
    """White noise of sigma 25: one line for each method."""
    counts = {
        name: max((len(row["scores"]) for row in rows if row["set"] == name), default=0)
        for name in (GRAY, COLOUR)
    }
    noisy = {
        name: next((row["noisy_psnr"] for row in rows
                    if (row["set"], row["sigma"]) == (name, SIGMA) and row["scores"]), math.nan)
        for name in counts
    }  # fmt: skip
    yield (
        f"White noise of sigma {SIGMA:g}/255, mean PSNR in dB over {counts[GRAY]} gray and "
        f"{counts[COLOUR]} colour images; our models blind, the others told sigma:"
    )
    yield ""
    yield f"| | {GRAY}, gray | {COLOUR}, colour | seconds per megapixel (gray) |"
    yield "|---|---|---|---|"
    yield f"| noisy | {noisy[GRAY]:.2f} | {noisy[COLOUR]:.2f} | |"
    for name, (in_gray, in_colour) in METHODS.items():
        gray, colour = of_set(rows, GRAY, SIGMA, in_gray), of_set(rows, COLOUR, SIGMA, in_colour)
        if not (gray or colour):
            continue
        strong = name.startswith("**")
        time = f"{1 / gray['megapixels_per_second']:.3g}" if gray else ""
        if strong and time:
            time = f"**{time}**"
        yield f"| {name} | {psnr(gray, strong=strong)} | {psnr(colour, strong=strong)} | {time} |"
    yield ""


def pairs(rows: list[dict]) -> Iterator[str]:
    """A camera's own noise."""
    row = of_set(rows, "real", None, "ruis photo")
    if row:
        least = min(score["psnr"] - score["noisy_psnr"] for score in row["scores"])
        yield (
            f"On {len(row['scores'])} pairs from real cameras: {row['noisy_psnr']:.2f} dB as they came, "
            f"{row['mean']['psnr']:.2f} denoised, and the image that gained least {least:+.2f} dB."
        )
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
        lines += [*table(quality["rows"]), *pairs(quality["rows"])]
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
    main()
