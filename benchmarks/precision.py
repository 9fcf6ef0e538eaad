"""What bfloat16 costs against float32, by strength of noise: the rule of `precision="auto"`.

    python benchmarks/precision.py --clean FOLDER --model gray [--images 12]

For each sigma the clean images get noise of that sigma, are denoised in float32 and in bfloat16, and
the difference in mean PSNR is printed. FOLDER should hold images that are no test set.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import door
import numpy as np

import ruis
from ruis import dataset, formats
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import EngineError
from ruis.intensity import Intensity
from ruis.metrics.psnr import psnr

SIGMAS = (0.0005, 0.001, 0.002, 1 / 255, 2 / 255, 4 / 255, 8 / 255, 15 / 255, 25 / 255, 50 / 255)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=Path, required=True)
    parser.add_argument("--model", default="gray")
    parser.add_argument("--images", type=int, default=12)
    given = parser.parse_args()
    if not OpenVINOEngine.supports("bf16"):
        raise EngineError("this processor has no bfloat16 that could be compared with float32.")
    exact = ruis.load(given.model, precision="f32")
    rounded = ruis.load(given.model, precision="bf16")
    paths = dataset.find(given.clean)
    paths = paths[:: max(1, len(paths) // given.images)][: given.images]
    clean = []
    for path in paths:
        image = formats.read(path)
        pixels = dataset.to_channels(image, exact.channels)
        clean.append(Intensity(pixels.dtype, image.info.data_range).to_unit(pixels))
    print("| sigma | noisy | float32 | bfloat16 | loss, dB |\n|---|---|---|---|---|")
    for sigma in SIGMAS:
        scores = []
        for number, wanted in enumerate(clean):
            noise = np.random.default_rng([1, number]).standard_normal(wanted.shape, np.float32)
            noisy = wanted + np.float32(sigma) * noise
            results = [noisy] + [d.denoise(noisy, channel_axis=2) for d in (exact, rounded)]
            scores.append([psnr(wanted, one) for one in results])
        before, f32, bf16 = np.mean(scores, axis=0)
        print(
            f"| {sigma * 255:.3g}/255 | {before:.2f} | {f32:.3f} | {bf16:.3f} | {f32 - bf16:.3f} |"
        )


if __name__ == "__main__":
    door.run(main)
