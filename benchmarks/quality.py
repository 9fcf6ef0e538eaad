"""How well, and how fast, white Gaussian noise is removed: ruis beside the classical peers.

    python benchmarks/quality.py --data DATA --models gray --sets BSD68 --sigma 25 \\
        --json out.json --markdown out.md

The protocol is that of the published figures: noise is drawn in float, neither clipped nor
quantised; the output is clipped to 0..1 and rounded to 8 bits; no border is cut off; the figure is
the mean over images of the PSNR (of R, G and B jointly) and of the SSIM. Each image has one draw of
noise, whose seed comes from its name, so that it is the same whatever else is measured. The clock
runs around the denoising alone, after one run that does not count.

`--images 2` makes it short enough to be a test. `--models none` or `--methods none` leaves out one
side; `--cache FOLDER` keeps the figures of the classical peers, of which some take hours, and goes on from
there after a stop; models are always run, because a model may have been trained anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import classical
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ruis.metrics.psnr import psnr
from ruis.metrics.ssim import ssim
from ruis.noise import parse

Pixels = NDArray[np.float32]
Method = Callable[[Pixels, float], Pixels]


@dataclass(frozen=True)
class Score:
    """One method on one image. PSNR in decibels."""

    image: str
    megapixels: float
    psnr: float
    ssim: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """One method on one set at one sigma, or why there is none."""

    method: str
    set: str
    sigma: float
    noisy_psnr: float
    scores: tuple[Score, ...] = ()
    skipped: str | None = None

    def mean(self, figure: str) -> float:
        return float(np.mean([getattr(score, figure) for score in self.scores]))

    @property
    def seconds_per_megapixel(self) -> float:
        pixels = sum(score.megapixels for score in self.scores)
        return sum(score.seconds for score in self.scores) / pixels

    def to_json(self) -> dict[str, object]:
        form: dict[str, object] = asdict(self)
        if self.scores:
            form["mean"] = {"psnr": self.mean("psnr"), "ssim": self.mean("ssim")}
            form["seconds_per_megapixel"] = self.seconds_per_megapixel
        return form


# -- images ------------------------------------------------------------------------------------


def clean_images(folder: Path, count: int | None) -> list[tuple[str, NDArray[np.uint8]]]:
    """Name and 8-bit pixels, (rows, columns) or (rows, columns, 3), of the images of a set."""
    if not folder.is_dir():
        raise SystemExit(f"There is no test set {folder}; say with --data where the data is.")
    files = [file for file in sorted(folder.iterdir()) if file.suffix in {".png", ".tif", ".bmp"}]
    if not files:
        raise SystemExit(f"There are no images in {folder}.")
    images = []
    for file in files[:count]:
        with Image.open(file) as image:
            gray = image.mode in {"1", "L", "I;16"}
            images.append((file.name, np.asarray(image.convert("L" if gray else "RGB"))))
    return images


def add_noise(clean: NDArray[np.uint8], sigma: float, seed: int, name: str) -> Pixels:
    """The noisy image, float32; the same for the same name, seed and sigma."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    pixels = clean.astype(np.float32) / 255
    model = parse({"name": "gaussian", "sigma": sigma / 255})
    return model.add(pixels.reshape(*pixels.shape[:2], -1), rng).reshape(pixels.shape)


# -- methods -----------------------------------------------------------------------------------


def ruis_method(model: str) -> Method:
    """A model of ruis, blind: it is not told sigma."""
    import ruis

    denoiser = ruis.load(model)
    return lambda noisy, sigma: denoiser.denoise(noisy)


def ruis_told(model: str) -> Method:
    """The same model, told sigma as the classical methods are."""
    import ruis

    denoiser = ruis.load(model)
    return lambda noisy, sigma: denoiser.denoise(noisy, sigma=sigma)


def methods(
    classical_names: list[str], models: list[str], *, told: bool
) -> Iterator[tuple[str, Callable[[], Method]]]:
    """Name and maker of every method that was asked for; a model is loaded only when it is due."""
    for name in classical_names:
        yield name, lambda name=name: classical.METHODS[name]
    for model in models:
        yield f"ruis {model}", lambda model=model: ruis_method(model)
        if told:
            yield f"ruis {model}, told sigma", lambda model=model: ruis_told(model)


# -- measuring ---------------------------------------------------------------------------------


def measure(
    name: str, make: Callable[[], Method], where: tuple[str, float, int],
    images: list[tuple[str, NDArray[np.uint8]]],
) -> Row:  # fmt: skip
    """Run one method over one set."""
    set_name, sigma, seed = where
    noisy_images = [add_noise(clean, sigma, seed, file) for file, clean in images]
    noisy_psnr = float(
        np.mean(
            [
                psnr(clean / np.float32(255), noisy)
                for (_, clean), noisy in zip(images, noisy_images, strict=True)
            ]
        )
    )
    try:
        method = make()
        method(
            noisy_images[0] if name.startswith("ruis") else noisy_images[0][:64, :64], sigma / 255
        )
    except ImportError as error:
        reason = f"{error}; needs: pip install {classical.NEEDS.get(name, 'ruis')}"
        return Row(name, set_name, sigma, noisy_psnr, skipped=reason)
    except Exception as error:  # noqa: BLE001 - one method that fails must not end the others
        return Row(name, set_name, sigma, noisy_psnr, skipped=f"{type(error).__name__}: {error}")
    scores = []
    for (file, clean), noisy in zip(images, noisy_images, strict=True):
        start = time.perf_counter()
        denoised = method(noisy, sigma / 255)
        seconds = time.perf_counter() - start
        stored = classical.to_8_bits(denoised)
        size = clean.shape[0] * clean.shape[1] / 1e6
        scores.append(
            Score(file, size, psnr(clean, stored, 255), ssim(clean, stored, 255), seconds)
        )
    return Row(name, set_name, sigma, noisy_psnr, tuple(scores))


def remembered(cache: Path | None, key: object, run: Callable[[], Row]) -> Row:
    """Run, or take the outcome of an earlier run with the same key from the cache."""
    if cache is None:
        return run()
    file = cache / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}.json"
    if file.exists():
        form = json.loads(file.read_text(encoding="utf-8"))
        fields = {name: form[name] for name in ("method", "set", "sigma", "noisy_psnr")}
        return Row(**fields, scores=tuple(Score(**score) for score in form["scores"]))
    row = run()
    if row.scores:
        cache.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        partial.write_text(json.dumps(row.to_json()), encoding="utf-8")
        partial.replace(file)
    return row


# -- reporting ---------------------------------------------------------------------------------


def markdown(rows: list[Row], command: str) -> str:
    """One table for each set and sigma, best PSNR last, and the command that made them."""
    heading = "**{}, sigma {:g}/255**, {} images, noisy {:.2f} dB:"
    lines = []
    for set_name, sigma in dict.fromkeys((row.set, row.sigma) for row in rows):
        here = [row for row in rows if (row.set, row.sigma) == (set_name, sigma)]
        measured = sorted((row for row in here if row.scores), key=lambda row: row.mean("psnr"))
        count = len(measured[0].scores) if measured else 0
        lines += [
            heading.format(set_name, sigma, count, here[0].noisy_psnr),
            "",
            "| method | PSNR (dB) | SSIM | seconds per megapixel |",
            "|---|---|---|---|",
            *(
                f"| {row.method} | {row.mean('psnr'):.2f} | {row.mean('ssim'):.4f} "
                f"| {row.seconds_per_megapixel:.2f} |"
                for row in measured
            ),
            "",
            *(f"- {row.method}: not measured: {row.skipped}" for row in here if row.skipped),
            *([""] if any(row.skipped for row in here) else []),
        ]
    return "\n".join([*lines, f"Made by `{command}`.", ""])


def listed(text: str) -> list[str]:
    """A list of names separated by commas; "none" is an empty one."""
    return [] if text == "none" else [name.strip() for name in text.split(",") if name.strip()]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with testsets/")
    parser.add_argument("--models", type=listed, default=[], help="models of ruis, or none")
    parser.add_argument(
        "--methods", type=listed, default=list(classical.METHODS), help="classical peers, or none"
    )
    parser.add_argument("--told", action="store_true", help="also run the models told sigma")
    parser.add_argument("--sets", type=listed, default=["BSD68"], help="folders of testsets/")
    parser.add_argument("--sigma", type=listed, default=["25"], help="of 255: 15,25,50")
    parser.add_argument("--images", type=int, help="only so many images of each set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--markdown", type=Path, help="write the tables here")
    parser.add_argument("--cache", type=Path, help="keep the figures of each method here")
    options = parser.parse_args()
    unknown = set(options.methods) - set(classical.METHODS)
    if unknown:
        parser.error(
            f"no such methods: {', '.join(unknown)}; known: {', '.join(classical.METHODS)}"
        )
    return options


def main() -> int:
    options = arguments()
    command = shlex.join(["python", "benchmarks/quality.py", *sys.argv[1:]])
    rows = []
    for set_name in options.sets:
        images = clean_images(options.data / "testsets" / set_name, options.images)
        for sigma in (float(text) for text in options.sigma):
            for name, make in methods(options.methods, options.models, told=options.told):
                row = remembered(
                    options.cache if name in classical.METHODS else None,
                    [name, set_name, sigma, options.seed, [file for file, _ in images]],
                    lambda name=name, make=make, images=images, where=(
                        set_name, sigma, options.seed
                    ): measure(name, make, where, images),
                )  # fmt: skip
                figure = row.skipped or f"{row.mean('psnr'):.2f} dB"
                print(f"{set_name} sigma {sigma:g}: {name}: {figure}", file=sys.stderr, flush=True)
                rows.append(row)
    text = markdown(rows, command)
    print(text)
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.json:
        report = {
            "command": command,
            "seed": options.seed,
            "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
            "python": platform.python_version(),
            "rows": [row.to_json() for row in rows],
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if any(row.scores for row in rows) else 3


if __name__ == "__main__":
    sys.exit(main())
