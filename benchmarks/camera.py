"""How near the simulated noise of a camera is to a camera's own: real pairs beside simulated ones.

    python benchmarks/camera.py --data DATA [--noise SPEC] [--zoom 4] [--quality 70..90] [--images 60]

Real pairs are DATA/real; simulated ones are crops of DATA/train/bsds500, enlarged up to `--zoom` times,
with a draw of `--noise` each, and compressed as JPEG with their noise and without, as training does it.
Printed of each, in luma: the PSNR of the noisy images; the share of the noise's power in bands of the 8x8
DCT, from the mean of a block to the finest detail; its standard deviation by the slope of the clean image
beneath, also without what a filter of 7x7 pixels makes of the clean image, which is no noise (two shots lie
beside each other by a part of a pixel, and differ in sharpness); and the power of the clean image in the same
bands. Without `--noise`, the cameras of the recipe `photo.toml`.
"""

from __future__ import annotations

import argparse
import itertools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import door
import numpy as np
from numpy.typing import NDArray
from protocol import real_shots, stored_images
from scipy.fft import dctn

from ruis import noise
from ruis.noise import NoiseModel
from ruis.noise.camera.steps import blur
from ruis.resample import resized

Pixels = NDArray[np.float32]

LUMA = np.float32([0.299, 0.587, 0.114])
SIDE = 320
"""Pixels a side of a simulated pair."""

SLOPES = (0.0, 0.003, 0.006, 0.012, 0.025, 0.05, 0.1, 0.2, 1.0)
"""Bounds of the slopes of a clean image, in fractions of the range for each pixel."""

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "photo.toml"


def real(data: Path) -> Iterator[tuple[Pixels, Pixels]]:
    """The real pairs, (noisy, clean)."""
    for shot in real_shots(data / "real", None):
        yield shot.noisy, shot.clean / np.float32(255)


def simulated(
    data: Path, camera: NoiseModel, jpeg: NoiseModel, zoom: float, count: int
) -> Iterator[tuple[Pixels, Pixels]]:
    """Pairs as training makes them, (noisy, clean)."""
    for index, (_, stored) in enumerate(stored_images(data / "train" / "bsds500", count)):
        rng = np.random.default_rng(index)
        scene = stored / np.float32(255)
        side = min(int(SIDE / zoom ** rng.random()), *scene.shape[:2])
        top, left = (int(rng.integers(length - side + 1)) for length in scene.shape[:2])
        crop = resized(scene[top : top + side, left : left + side], SIDE, SIDE)
        crop = np.clip(crop, 0, 1).astype(np.float32)
        drawn = jpeg.sample(rng)
        yield drawn.add(camera.sample(rng).add(crop, rng), rng), drawn.add(crop, rng)


def bands(luma: NDArray[Any]) -> NDArray[np.float64]:
    """The power in each band 0..7 of the 8x8 DCT, along the two axes alike."""
    rows, columns = (length // 8 for length in luma.shape)
    blocks = luma[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).swapaxes(1, 2)
    power = np.square(dctn(blocks, axes=(-2, -1), norm="ortho")).mean(axis=(0, 1))
    along: NDArray[np.float64] = (power[0] + power[:, 0]) / 2
    return along


def slopes(luma: NDArray[Any]) -> Pixels:
    """How steep an image is around each pixel."""
    steepness = np.hypot(*np.gradient(luma)).astype(np.float32)
    return blur(steepness[..., None], 1.0)[..., 0]


def unexplained(noisy: NDArray[Any], clean: NDArray[Any], reach: int = 3) -> NDArray[Any]:
    """What is in a noisy image that no linear filter of (2 reach + 1)^2 pixels makes of the clean one."""
    steps = range(-reach, reach + 1)
    beside = [np.roll(clean, (down, right), (0, 1)).ravel() for down in steps for right in steps]
    seen = np.stack([*beside, np.ones(clean.size, clean.dtype)], axis=1).astype(np.float64)
    normal = seen.T @ seen
    normal[np.diag_indices_from(normal)] += 1e-8 * normal.diagonal().mean()  # flat scenes as well
    taps = np.linalg.solve(normal, seen.T @ noisy.ravel())
    residual: NDArray[Any] = noisy - (seen @ taps).reshape(noisy.shape)
    return residual


def measured(pairs: Iterator[tuple[Pixels, Pixels]]) -> dict[str, Any]:
    """What is printed of pairs."""
    psnr, noise_bands, scene_bands = [], [], []
    power, pixels, alone = (np.zeros(len(SLOPES) - 1) for _ in range(3))
    for noisy, clean in pairs:
        psnr.append(-10 * np.log10(np.mean((noisy - clean) ** 2)))
        scene = clean @ LUMA
        left = (noisy - clean) @ LUMA
        left -= left.mean()
        found = bands(left)
        noise_bands.append(100 * found / (left**2).mean() / 64)
        scene_bands.append(bands(scene))
        place = np.digitize(slopes(scene).ravel(), SLOPES[1:-1])
        power += np.bincount(place, (left**2).ravel() / (left**2).mean(), len(power))
        alone += np.bincount(place, unexplained(noisy @ LUMA, scene).ravel() ** 2, len(power))
        pixels += np.bincount(place, minlength=len(power))
    return {
        "psnr": (min(psnr), float(np.mean(psnr)), max(psnr)),
        "noise": np.mean(noise_bands, axis=0),
        "slope": np.sqrt(power / np.maximum(pixels, 1)),
        "alone": 255 * np.sqrt(alone / np.maximum(pixels, 1)),
        "scene": 1e4 * np.median(scene_bands, axis=0)[1:],
    }


def show(name: str, found: dict[str, Any]) -> None:
    """Print what was measured."""

    def row(values: Any, digits: int = 2) -> str:
        return " ".join(f"{value:8.{digits}f}" for value in values)

    print(f"{name}\n  PSNR, least, mean, most (dB)    {row(found['psnr'])}")
    print(f"  noise, % in DCT bands 0 to 7    {row(found['noise'])}")
    print(f"  noise by slope, of its mean     {row(found['slope'])}")
    print(f"  without the scene's part, /255  {row(found['alone'])}")
    print(f"  scene in bands 1 to 7, 1e-4     {row(found['scene'])}")


def of_recipe() -> str:
    """The cameras of the recipe, without what else it learns from."""
    parts = tomllib.loads(RECIPE.read_text(encoding="utf-8"))["noise"].split("|")
    return "|".join(part for part in parts if "camera" in part)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with real/ and train/")
    parser.add_argument("--noise", nargs="*", help="specs, one after the other")
    parser.add_argument("--zoom", type=float, default=4.0)
    parser.add_argument("--quality", default="70..90", help="of JPEG")
    parser.add_argument("--images", type=int, default=60, help="of each kind, at most")
    asked = parser.parse_args()
    jpeg = noise.parse(f"jpeg:quality={asked.quality}")
    specs = {spec: noise.parse(spec) for spec in asked.noise or [of_recipe()]}
    print("slopes up to" + " " * 21 + " ".join(f"{bound:8.3g}" for bound in SLOPES[1:]))
    show("real pairs", measured(itertools.islice(real(asked.data), asked.images)))
    for spec, model in specs.items():
        pairs = simulated(asked.data, model, jpeg, asked.zoom, asked.images)
        show(spec, measured(pairs))


if __name__ == "__main__":
    door.run(main)
