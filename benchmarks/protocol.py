"""How quality is measured: the protocol of the published figures, and what a measurement is.

Noise is drawn in float, neither clipped nor quantised; the output is clipped to 0..1 and rounded to 8
bits; no border is cut off; the figure is the mean over images of the PSNR (of R, G and B jointly) and of
the SSIM. Each image has one draw of noise, whose seed comes from its name, so that it is the same
whatever else is measured.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ruis import alignment
from ruis.metrics.psnr import psnr
from ruis.metrics.ssim import ssim
from ruis.noise import parse

Pixels = NDArray[np.float32]
Method = Callable[[Pixels, float], Pixels]

IMAGES = {".png", ".tif", ".bmp", ".jpg"}


@dataclass(frozen=True)
class Shot:
    """A noisy image, float32, and what it should be, 8 bits: (rows, columns) or (rows, columns, 3)."""

    name: str
    noisy: Pixels
    clean: NDArray[np.uint8]

    @property
    def megapixels(self) -> float:
        return self.clean.shape[0] * self.clean.shape[1] / 1e6

    def middle(self, side: int) -> Shot:
        """Its middle, of at most `side` pixels a side."""
        starts = [max(0, length - side) // 2 for length in self.clean.shape[:2]]
        window = tuple(slice(start, start + side) for start in starts)
        return Shot(self.name, self.noisy[window], self.clean[window])

    def registered(self) -> Shot:
        """With the clean image moved to where the noisy one is, and as bright as it, channel by channel.

        Two shots of one scene lie parts of a pixel beside each other, and are not exposed alike: that is
        no noise, and nothing that sees only one of them can know it.
        """
        noisy, clean = (one.reshape(*one.shape[:2], -1) for one in (self.noisy, self.clean / 255))
        by = alignment.shift(clean, noisy)
        if by is not None:
            clean = ndimage.shift(clean, (*by, 0), order=3, mode="nearest")
        clean = clean + (noisy - clean).mean(axis=(0, 1))
        return Shot(self.name, self.noisy, to_8_bits(clean).reshape(self.clean.shape))


@dataclass(frozen=True)
class Score:
    """One method on one image. PSNR in decibels."""

    image: str
    megapixels: float
    psnr: float
    ssim: float
    seconds: float
    noisy_psnr: float = float("nan")


@dataclass(frozen=True)
class Row:
    """One method on one set at one sigma, or why there is none.

    `sigma` of 255; None for real pairs. `told` is what a method was told where that was chosen for
    the set. `mebibytes`: how much more memory the process held at most than before.
    """

    method: str
    set: str
    sigma: float | None
    noisy_psnr: float
    scores: tuple[Score, ...] = ()
    skipped: str | None = None
    mebibytes: float | None = None
    told: float | None = None

    def mean(self, figure: str) -> float:
        return float(np.mean([getattr(score, figure) for score in self.scores]))

    @property
    def worst(self) -> float:
        """The least that an image gained, in dB."""
        return min(score.psnr - score.noisy_psnr for score in self.scores)

    @property
    def megapixels_per_second(self) -> float:
        seconds = sum(score.seconds for score in self.scores)
        return sum(score.megapixels for score in self.scores) / seconds

    def to_json(self) -> dict[str, object]:
        form: dict[str, object] = asdict(self)
        if self.scores:
            form["mean"] = {"psnr": self.mean("psnr"), "ssim": self.mean("ssim")}
            form["megapixels_per_second"] = self.megapixels_per_second
        return form

    @classmethod
    def from_json(cls, form: dict) -> Row:
        fields = ("method", "set", "sigma", "noisy_psnr", "skipped", "mebibytes", "told")
        scores = tuple(Score(**score) for score in form["scores"])
        return cls(**{name: form[name] for name in fields}, scores=scores)


# -- images ------------------------------------------------------------------------------------


def stored_images(folder: Path, count: int | None) -> list[tuple[str, NDArray[np.uint8]]]:
    """Name and 8-bit pixels of the images of a folder."""
    if not folder.is_dir():
        raise SystemExit(f"There is no folder {folder}; say with --data where the data is.")
    files = [file for file in sorted(folder.iterdir()) if file.suffix in IMAGES]
    if not files:
        raise SystemExit(f"There are no images in {folder}.")
    images = []
    for file in files[:count]:
        with Image.open(file) as image:
            gray = image.mode in {"1", "L", "I;16"}
            images.append((file.name, np.asarray(image.convert("L" if gray else "RGB"))))
    return images


def noisy_shots(folder: Path, sigma: float, count: int | None, seed: int) -> list[Shot]:
    """The images of a test set with white noise of a sigma of 255."""
    model = parse({"name": "gaussian", "sigma": sigma / 255})
    shots = []
    for name, clean in stored_images(folder, count):
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        pixels = clean.astype(np.float32) / 255
        noisy = model.add(pixels.reshape(*pixels.shape[:2], -1), rng).reshape(pixels.shape)
        shots.append(Shot(name, noisy, clean))
    return shots


def real_shots(folder: Path, count: int | None) -> list[Shot]:
    """The pairs of FOLDER/noisy and FOLDER/clean."""
    clean = dict(stored_images(folder / "clean", None))
    return [
        Shot(name, pixels.astype(np.float32) / 255, clean[name])
        for name, pixels in stored_images(folder / "noisy", count)
    ]


def to_8_bits(pixels: Pixels) -> NDArray[np.uint8]:
    """Clip to 0..1 and round to 8 bits, as in a file."""
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


# -- scores ------------------------------------------------------------------------------------


def noisy_psnr(shot: Shot) -> float:
    """The PSNR of the noisy image, in dB."""
    return psnr(shot.clean / np.float32(255), shot.noisy)


def scored(shot: Shot, denoised: NDArray[np.uint8], seconds: float) -> Score:
    """What a denoised image came to."""
    figures = psnr(shot.clean, denoised, 255), ssim(shot.clean, denoised, 255)
    return Score(shot.name, shot.megapixels, *figures, seconds, noisy_psnr(shot))


def row(
    method: str, set_name: str, sigma: float | None, shots: Sequence[Shot],
    done: Sequence[tuple[NDArray[np.uint8], float]], mebibytes: float, told: float | None = None,
) -> Row:  # fmt: skip
    """The row of a table, from the denoised images and the seconds for each."""
    scores = tuple(scored(shot, *one) for shot, one in zip(shots, done, strict=True))
    before = float(np.mean([score.noisy_psnr for score in scores]))
    return Row(method, set_name, sigma, before, scores, None, mebibytes, told)


# -- memory ------------------------------------------------------------------------------------


def resident(key: str = "VmRSS") -> float:
    """What this process holds (VmRSS) or has held at most (VmHWM), in MiB; 0 where not known."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(key)), 0.0)


def forget_peak() -> None:
    """Let VmHWM begin anew, where Linux allows it: what came before is no part of a method."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
