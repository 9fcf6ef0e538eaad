"""What being told sigma brings: each model blind, and told what the noise is, on clean photographs.

    python benchmarks/told.py --clean FOLDER [FOLDER ...] [--held-out 24] [--models gray,FILE.ruis]
        [--noise SPEC ...] [--side 256] [--precision f32]

Of each image the middle is taken, as the model takes it (gray or colour), and noise of each kind is added, drawn by its
name. A model is told the root mean square of it, the one number that a person can give, and what `ruis inspect`
finds: the estimate, by which nothing is held back. With --held-out N the
images are those that a training on these folders holds out (`validation_images = N`), so that no model
that ships has learnt from them. The figures are the means over images of PSNR in dB, of values that are neither clipped nor
rounded.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import door
import numpy as np
from numpy.typing import NDArray

import ruis
from ruis import dataset
from ruis.arrays import as_image
from ruis.choice import look
from ruis.denoiser import Denoiser
from ruis.metrics.psnr import psnr
from ruis.noise import NoiseModel, parse

NOISES = (
    "gaussian:15/255",
    "gaussian:25/255",
    "gaussian:50/255",
    "poisson-gaussian:gain=0.02,sigma=0.02",
    "poisson-gaussian:gain=0.005,sigma=0.01",
    "poisson:60",
)


def middles(
    folders: list[Path], channels: int, held_out: int | None, side: int
) -> dict[str, NDArray[np.float32]]:
    """The middles of clean images, as fractions of their range, by their names."""
    samples = [one for folder in folders for one in dataset.load(folder, channels)]
    if held_out is not None:
        samples = dataset.split(samples, held_out)[1]
    found = {}
    for sample in samples:
        rows, columns = (
            slice(max(0, length - side) // 2, max(0, length - side) // 2 + side)
            for length in sample.pixels.shape[:2]
        )
        found[sample.name] = sample.scale.to_unit(sample.pixels[rows, columns])
    return found


def scores(
    denoiser: Denoiser, clean: dict[str, NDArray[np.float32]], noise: NoiseModel
) -> tuple[float, ...]:
    """The means of the PSNR of the noisy images, and of what is made of them blind, told, told the estimate."""
    each = []
    for name, pixels in clean.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        noisy = noise.sample(rng).add(pixels, rng)
        sigma = float(np.sqrt(np.mean((noisy - pixels) ** 2)))
        image, _ = as_image(noisy)
        seen = look(image)
        ready = denoiser.prepare(image.info, image.channels, None, sigma=seen.sigma)
        made = [
            denoiser.denoise(noisy),
            denoiser.denoise(noisy, sigma=sigma),
            ready.run(image.pixels)[0],
        ]
        each.append([psnr(pixels, one.reshape(pixels.shape)) for one in (noisy, *made)])
    return tuple(float(one) for one in np.mean(each, axis=0))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clean", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--held-out", type=int, metavar="N", help="only what a training holds out")
    parser.add_argument("--models", default="gray", help="names or files, a comma between them")
    parser.add_argument("--noise", nargs="+", default=NOISES, metavar="SPEC")
    parser.add_argument("--side", type=int, default=256, help="pixels of the middle")
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16", "auto"])
    options = parser.parse_args()
    if options.side < 8 or (options.held_out is not None and options.held_out < 1):
        parser.error("--side is 8 at least, --held-out 1.")
    noises = {spec: parse(spec) for spec in options.noise}
    known: dict[int, dict[str, NDArray[np.float32]]] = {}

    for name in options.models.split(","):
        denoiser = ruis.load(name, precision=options.precision)
        count = denoiser.channels
        if count not in known:
            known[count] = middles(options.clean, count, options.held_out, options.side)
            if len(known) == 1:
                print("| model | noise | images | noisy | blind | told | told the estimate |")
                print("|---|---|---|---|---|---|---|")
        for spec, noise in noises.items():
            before, *made = scores(denoiser, known[count], noise)
            cells = [Path(name).name, spec, str(len(known[count])), f"{before:.2f}"]
            cells += [f"{one:.3f}" for one in made]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    door.run(main)
