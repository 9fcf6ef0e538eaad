"""Denoise the example images, and show each before and after.

    python examples/demo.py [--output out/demo]

Writes `NAME.denoised.png`, and `NAME.before-after.png`: the noisy and the denoised image side by
side, above an enlarged part of each; and `before-after.png`, the picture in the README.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw
from rich.console import Console
from rich.table import Table

import ruis
from ruis.choice import choose

HERE = Path(__file__).parent
EXAMPLES = {"page": "documents", "coffee": "auto"}  # and the model for each
PARTS = {"coffee": (330, 210), "page": (60, 150)}  # left, top of the part to enlarge
PART = (150, 100)  # columns, rows
EDGE = 12


def before_after(noisy: np.ndarray, denoised: np.ndarray, part: tuple[int, int]) -> Picture.Image:
    """Draw both images side by side, and below each the same part of it, enlarged."""
    columns, rows = noisy.shape[1], noisy.shape[0]
    factor = columns // PART[0]
    sheet = Picture.new(
        "RGB", (2 * columns + 3 * EDGE, rows + factor * PART[1] + 3 * EDGE + 14), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for place, (name, pixels) in enumerate((("before", noisy), ("after", denoised))):
        left = EDGE + place * (columns + EDGE)
        picture = Picture.fromarray(pixels.squeeze()).convert("RGB")
        draw.text((left, 4), name, fill="black")
        sheet.paste(picture, (left, EDGE + 8))
        box = (part[0], part[1], part[0] + PART[0], part[1] + PART[1])
        size = (factor * PART[0], factor * PART[1])
        sheet.paste(
            picture.crop(box).resize(size, Picture.Resampling.NEAREST), (left, rows + 2 * EDGE + 8)
        )
    return sheet


def summary(pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> Picture.Image:
    """Draw a part of each example, before on the left and after on the right."""
    size = (480, 320)
    sheet = Picture.new("RGB", (2 * size[0] + EDGE, len(pairs) * (size[1] + EDGE) - EDGE), "white")
    for row, (name, images) in enumerate(pairs.items()):
        left, top = PARTS[name][0] - 45, PARTS[name][1] - 30
        for column, pixels in enumerate(images):
            part = Picture.fromarray(pixels.squeeze()).convert("RGB")
            part = part.crop((left, top, left + size[0] // 2, top + size[1] // 2))
            place = (column * (size[0] + EDGE), row * (size[1] + EDGE))
            sheet.paste(part.resize(size, Picture.Resampling.NEAREST), place)
    return sheet


def main() -> None:
    """Denoise what lies beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("out/demo"))
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    pairs = {}
    table = Table("image", "pixels", "model", "noise found", "seconds", "Mpx/s", title="ruis")
    for name, model in EXAMPLES.items():
        noisy = ruis.read(HERE / f"{name}.png")
        model = choose(noisy).model if model == "auto" else model
        denoiser = ruis.load(model)
        start = time.perf_counter()
        result = denoiser.run(noisy)
        seconds = time.perf_counter() - start
        record = f"ruis {ruis.__version__}: denoised with {model}"
        ruis.write(result.image, folder / f"{name}.denoised.png", record=record, overwrite=True)
        sheet = before_after(noisy.pixels, result.image.pixels, PARTS[name])
        sheet.save(folder / f"{name}.before-after.png")
        pairs[name] = (noisy.pixels, result.image.pixels)
        table.add_row(
            f"{name}.png",
            f"{noisy.columns} x {noisy.rows}",
            model,
            f"{result.sigma * 255:.1f}/255",
            f"{seconds:.2f}",
            f"{noisy.megapixels / seconds:.2f}",
        )
    summary(pairs).save(folder / "before-after.png")
    console = Console()
    console.print(table)
    console.print(f"Look at the pictures in [bold]{folder}[/bold]: NAME.before-after.png.")
    console.print("Your own: [bold].venv/bin/ruis denoise PHOTO.jpg[/bold]")


if __name__ == "__main__":
    main()
