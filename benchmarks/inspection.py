"""How well `ruis inspect` measures noise that was put on photographs, and how often it errs.

    python benchmarks/inspection.py --clean DATA/train/bsds500 DATA/testsets/Kodak24 --every 20

Sigma and gain: the share of images within 10 % and 15 %. Kinds: how often each is named where it is,
and where it is not. Noise is drawn from the image's place; images are gray and stored in 8 bits.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import door
import numpy as np
from PIL import Image as Pillow

from ruis import dataset, formats, noise
from ruis.image import Image, ImageInfo
from ruis.inspection import Inspection, inspect

EIGHT = (np.dtype(np.uint8), (0.0, 255.0))
Add = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def stored(unit: np.ndarray) -> Image:
    pixels = np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
    return Image(pixels, ImageInfo(*EIGHT))


def model(spec: str) -> Add:
    return noise.parse(spec).add


def striped(sigma: float, white: float) -> Add:
    def add(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rows = rng.normal(0, sigma / 255, (clean.shape[0], 1, 1))
        return clean + rows + rng.normal(0, white / 255, clean.shape)

    return add


def compressed(quality: int, white: float) -> Add:
    def add(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        buffer = io.BytesIO()
        pixels = stored(clean + rng.normal(0, white / 255, clean.shape)).pixels[..., 0]
        Pillow.fromarray(pixels).save(buffer, "jpeg", quality=quality)
        return np.asarray(Pillow.open(buffer), np.float32)[..., None] / 255

    return add


CASES: dict[str, Add] = {
    "nothing": lambda clean, rng: clean,
    **{f"white {s}/255": model(f"gaussian:{s}/255") for s in (5, 10, 25, 40, 60)},
    "gain 0.005, sigma 0.01": model("poisson-gaussian:gain=0.005,sigma=0.01"),
    "gain 0.01, sigma 0.02": model("poisson-gaussian:gain=0.01,sigma=0.02"),
    "gain 0.02, sigma 0.05": model("poisson-gaussian:gain=0.02,sigma=0.05"),
    "stripes 2/255, white 5/255": striped(2, 5),
    "stripes 5/255, white 15/255": striped(5, 15),
    "impulses 0.5 %": model("salt-and-pepper:0.005"),
    "impulses 2 %": model("salt-and-pepper:0.02"),
    "JPEG 50, white 5/255": compressed(50, 5),
    "JPEG 80, white 5/255": compressed(80, 5),
    "JPEG 90": compressed(90, 0),
}


def row(name: str, found: list[Inspection]) -> str:
    """Write one line of the table."""
    words = name.replace("/255", "").split()
    right = "-"
    if words[0] == "white":
        near = [abs(one.sigma * 255 / float(words[1]) - 1) for one in found]
        right = f"{np.mean(np.array(near) < 0.1):.0%} within 10 %, median {np.median(near):.1%}"
    if words[0] == "gain":
        gain = float(words[1].rstrip(","))
        near = [abs(one.gain / gain - 1) for one in found]
        right = f"{np.mean(np.array(near) < 0.15):.0%} within 15 %, median {np.median(near):.1%}"
    named = {
        "stripes": lambda one: "striped" in one.kinds,
        "impulses": lambda one: "impulses" in one.kinds,
        "JPEG": lambda one: "jpeg" in one.kinds,
    }
    shares = " | ".join(f"{np.mean([is_it(one) for one in found]):.0%}" for is_it in named.values())
    return f"| {name} | {right} | {shares} |"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=Path, nargs="+", required=True)
    parser.add_argument("--every", type=int, default=1, help="take every so many images")
    parser.add_argument("--from", type=int, default=0, dest="start", help="beginning with this one")
    given = parser.parse_args()
    paths = [
        path for folder in given.clean for path in dataset.find(folder)[given.start :: given.every]
    ]
    scenes = []
    for path in paths:
        image = formats.read(path)
        pixels = dataset.to_channels(image, 1)
        scenes.append(pixels.astype(np.float32) / np.float32(255))
    print(f"{len(scenes)} images\n")
    print("| what was put on | sigma, gain | stripes named | impulses named | JPEG named |")
    print("|---|---|---|---|---|")
    begun, count = time.perf_counter(), 0
    for name, add in CASES.items():
        found = []
        for place, scene in enumerate(scenes):
            found.append(inspect(stored(add(scene, np.random.default_rng(place)))))
            count += 1
        print(row(name, found), flush=True)
    print(f"\n{(time.perf_counter() - begun) / count:.2f} s per image, noise included")


if __name__ == "__main__":
    door.run(main)
