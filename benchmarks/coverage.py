"""Does the stated coverage hold on images of another collection?

    python benchmarks/coverage.py --calibrate DATA/testsets/Kodak24 --check DATA/testsets/BSD68 --every 3

The model is calibrated on the first folder with noise of sigma 5/255 to 50/255, and its intervals are
held against the clean images of the second, with that noise and with others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import door
import numpy as np

import ruis
from ruis.evaluate import noisy_pairs
from ruis.noise import parse
from ruis.uncertainty import calibrate, coverage_of

LEARNT = "gaussian:5..50/255"
NOISES = (
    LEARNT,
    "gaussian:15/255",
    "gaussian:25/255",
    "gaussian:50/255",
    "poisson-gaussian:gain=0.01,sigma=0.02",
)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="gray")
    parser.add_argument("--calibrate", type=Path, required=True)
    parser.add_argument("--check", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    denoiser = ruis.load(given.model)
    pairs = noisy_pairs(given.calibrate, parse(LEARNT), denoiser.channels)
    table = calibrate(denoiser, pairs, noise=LEARNT)
    print("| noise | coverage | of single images | mean half-width |\n|---|---|---|---|")
    for spec in NOISES:
        shares, widths = [], []
        for make in noisy_pairs(given.check, parse(spec), denoiser.channels, seed=3)[
            :: given.every
        ]:
            pair = make()
            denoised = denoiser.run(pair.noisy).image.pixels
            shares += coverage_of(table, [(pair, denoised)])
            widths.append(255 * table.half_width(pair.noisy.pixels, denoised).mean())
        print(
            f"| `{spec}` | {np.mean(shares):.1%} | {min(shares):.1%} to {max(shares):.1%} | "
            f"{np.mean(widths):.1f}/255 |",
            flush=True,
        )


if __name__ == "__main__":
    door.run(main)
