"""Where a network falls short: what it leaves, frequency by frequency, beside what a famous one leaves.

    python benchmarks/bands.py --clean DATA/train/bsds500 --data DATA [--model gray] [--peer FFDNet] [--sigma 25]

Images of FOLDER with white noise go through both, and what is left of each is cut into 16x16 pixels, of
which the DCT is taken. A band is the coefficients whose larger index is the band's number: 0 is the mean, 15 is what
changes from pixel to pixel. An image weighs as much as another: its squares are divided by the mean of the peer's.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import door
import numpy as np
from methods import candidates
from numpy.typing import NDArray
from PIL import Image
from protocol import Shot, noisy_shots
from scipy.fft import dctn

from ruis import processor, zoo
from ruis.metrics.psnr import psnr

SIDE = 16
"""Of the pieces of which the DCT is taken."""


def bands(left: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean square of an error (rows, columns) in each band."""
    rows, columns = (length // SIDE for length in left.shape)
    pieces = left[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)
    power = (dctn(pieces, axes=(1, 3), norm="ortho") ** 2).mean(axis=(0, 2))
    band = np.maximum(*np.indices(power.shape))
    return np.bincount(band.ravel(), power.ravel()) / SIDE**2


def gray_shots(folder: Path, sigma: float, count: int, seed: int) -> list[Shot]:
    """Every so many images of a folder, in gray, with white noise of a sigma of 255."""
    shots = noisy_shots(folder, sigma, None, seed)
    shots = shots[:: max(1, len(shots) // count)][:count]
    return [dataclasses.replace(shot, **_gray(shot)) for shot in shots]


def _gray(shot: Shot) -> dict[str, NDArray]:
    if shot.clean.ndim == 2:
        return {}
    clean = np.asarray(Image.fromarray(shot.clean).convert("L"))
    # Of the noise of three channels, one: it is as white, and as strong.
    noise = shot.noisy[..., 0] - shot.clean[..., 0].astype(np.float32) / 255
    return {"clean": clean, "noisy": clean.astype(np.float32) / 255 + noise}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clean", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--data", type=Path, required=True, help="where the peers' weights are")
    parser.add_argument("--model", default="gray", help="of one channel")
    parser.add_argument("--peer", default="FFDNet", choices=["FFDNet", "DnCNN-B", "DnCNN-S"])
    parser.add_argument("--sigma", type=float, default=25.0, help="of 255")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if zoo.find(options.model).architecture.channels != 1:
        parser.error("--model is for colour; this is about gray.")
    if options.images < 1:
        parser.error("--images is one at least.")

    shots = gray_shots(options.clean, options.sigma, options.images, options.seed)
    methods = list(
        candidates(
            [options.model], [options.peer], [], options.data,
            precision="f32", threads=processor.threads(), torch=None,
        )
    )  # fmt: skip
    if not methods[0].knows(options.sigma):
        parser.error(f"there are no weights of {options.peer} for sigma {options.sigma:g}.")
    left = {method.name: np.zeros(SIDE) for method in methods}
    scores = {method.name: 0.0 for method in methods}
    weights = None
    for method in methods:  # the peer is the first
        made = method.run([shot.noisy for shot in shots], options.sigma).images
        errors = [
            (image.astype(float) - shot.clean) / 255
            for image, shot in zip(made, shots, strict=True)
        ]
        weights = weights or [1 / np.mean(error**2) / len(shots) for error in errors]
        for error, weight, image, shot in zip(errors, weights, made, shots, strict=True):
            left[method.name] += weight * bands(error)
            scores[method.name] += psnr(shot.clean, image, 255) / len(shots)

    peer = methods[0].name
    print(f"{len(shots)} images of {options.clean.name}, sigma {options.sigma:g}/255, float32\n")
    print("| band | share of what " + peer + " leaves | " + " | ".join([*left][1:]) + " |")
    print("|---|---|" + "---|" * (len(left) - 1))
    for band in range(SIDE):
        ratios = [f"{left[name][band] / left[peer][band]:.3f}" for name in [*left][1:]]
        share = left[peer][band] / left[peer].sum()
        print(f"| {band} | {share:.3f} | " + " | ".join(ratios) + " |")
    print(
        f"| PSNR, dB | {scores[peer]:.2f} | "
        + " | ".join(f"{scores[n]:.2f}" for n in [*left][1:])
        + " |"
    )


if __name__ == "__main__":
    door.run(main)
