"""Denoise a gigapixel from disk to disk: memory, speed and seams, for TIFF and for Zarr.

    python benchmarks/large.py [--megapixels 1200] [--kinds tiff zarr] [--folder DIR]
                               [--model FILE] [--widths 32 64 128]

Writes a noisy 8-bit picture in constant memory, denoises it with the command in a process of its own,
and measures that process: its most resident memory beyond that of an interpreter which does nothing,
and megapixels per second of the whole command, reading and writing included, as a share of what the
same network reaches in the same run from an array in memory to another. Two strips that cross the
whole picture, and crops around corners of the file's tiles or chunks, are then denoised in memory and
compared: they cross every seam between windows and tiles. The exit code is 1 if a goal is missed: 1536
MiB, 80 % (of the time, or of the processor time where other programs run beside it), one level.

Without --model the network is a small U-Net of random weights: the speed does not depend on weights,
and any difference at a seam shows as well.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import door
import numpy as np
import tifffile
from budgets import process

import ruis
from ruis import architectures, model_file, processor
from ruis.manifest import Manifest

BLOCK, TILE, CHUNK = 2048, 512, 1024
MOST_MEMORY, LEAST_SHARE, MOST_DIFFERENCE = 1536.0, 0.8, 1
IN_MEMORY = """
import sys, time, numpy, ruis
denoiser, noisy = ruis.load(sys.argv[1]), numpy.load(sys.argv[2])
denoiser.denoise(noisy)
start, used = time.perf_counter(), time.process_time()
denoiser.denoise(noisy)
print(noisy.size / 1e6 / (time.perf_counter() - start))
print(noisy.size / 1e6 / (time.process_time() - used))
"""


@dataclass(frozen=True)
class Figures:
    """What was measured of one kind of file."""

    kind: str
    megapixels: float
    seconds: float
    processor_seconds: float
    mebibytes: float
    rate: float
    in_memory: float
    in_memory_processor: float
    difference: int

    @property
    def share(self) -> float:
        """The command's speed as a share of that in memory."""
        return self.rate / self.in_memory

    @property
    def processor_share(self) -> float:
        """The same in processor time, which says more where other programs run beside it."""
        return self.megapixels / self.processor_seconds / self.in_memory_processor

    @property
    def kept(self) -> bool:
        """Whether the goals are reached."""
        share = max(self.share, self.processor_share)
        good = self.mebibytes <= MOST_MEMORY and share >= LEAST_SHARE
        return good and self.difference <= MOST_DIFFERENCE


def random_model(path: Path, widths: list[int]) -> Path:
    """Write a small network of random weights, which changes pixels by a few levels."""
    data = {"name": "unet", "widths": widths, "blocks": 1, "channels": 1}
    architecture = architectures.parse(data)
    rng = np.random.default_rng(0)
    weights = {
        name: (0.5 * rng.normal(0, 1 / math.sqrt(math.prod(shape[:-1])), shape)).astype(np.float32)
        for name, shape in architecture.tensors.items()
    }
    manifest = Manifest(name="large", purpose="Measures speed.", architecture=data, noise="none")
    model_file.save(path, manifest, weights)
    return path


def block() -> np.ndarray:
    """Return a noisy piece of picture that fits to itself on all sides."""
    wave = np.sin(np.arange(BLOCK) * (2 * np.pi * 9 / BLOCK))
    ground = 128 + 50 * wave[:, None] * wave
    return np.rint(ground + np.random.default_rng(0).normal(0, 20, ground.shape)).astype(np.uint8)


def window(piece: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """Return a window of the endless picture; every piece of it is turned a little further."""
    turned = np.arange(rows.start, rows.stop) // BLOCK * 331
    return piece[
        np.arange(rows.start, rows.stop)[:, None] % BLOCK,
        (np.arange(columns.start, columns.stop) + turned[:, None]) % BLOCK,
    ]


def tiles(piece: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Yield the tiles of the picture, row by row."""
    for top in range(0, side, TILE):
        band = window(piece, slice(top, top + TILE), slice(0, -(-side // TILE) * TILE))
        yield from (band[:, left : left + TILE] for left in range(0, side, TILE))


def write_tiff(path: Path, side: int) -> None:
    """Write the picture as a tiled, compressed TIFF."""
    with tifffile.TiffWriter(path, bigtiff=side**2 > 2**31) as file:
        file.write(
            tiles(block(), side),
            shape=(side, side),
            dtype=np.uint8,
            tile=(TILE, TILE),
            photometric="minisblack",
            compression="zlib",
            predictor=True,
            metadata=None,
        )


def write_zarr(path: Path, side: int) -> None:
    """Write the picture as a Zarr array."""
    import zarr

    shape, piece = (side, side), block()
    array = zarr.create_array(str(path), shape=shape, chunks=(CHUNK, CHUNK), dtype=np.uint8)
    for top in range(0, side, CHUNK):
        rows = slice(top, min(top + CHUNK, side))
        array[rows] = window(piece, rows, slice(0, side))


def read_tiff(path: Path, rows: slice, columns: slice) -> np.ndarray:
    """Decode the tiles of a window, without ruis."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        out = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        across = -(-page.imagewidth // TILE)
        for j in range(rows.start // TILE, -(-rows.stop // TILE)):
            for i in range(columns.start // TILE, -(-columns.stop // TILE)):
                index = j * across + i
                file.filehandle.seek(page.dataoffsets[index])
                data = file.filehandle.read(page.databytecounts[index])
                tile = page.decode(data, index)[0].reshape(TILE, TILE)
                top, left = j * TILE, i * TILE
                a, b = max(top, rows.start), min(top + TILE, rows.stop)
                c, d = max(left, columns.start), min(left + TILE, columns.stop)
                out[a - rows.start : b - rows.start, c - columns.start : d - columns.start] = tile[
                    a - top : b - top, c - left : d - left
                ]
    return out


def read_zarr(path: Path, rows: slice, columns: slice) -> np.ndarray:
    """Read a window."""
    import zarr

    return zarr.open_array(str(path), mode="r")[rows, columns]


def places(side: int, halo: int, corner: int) -> Iterator[tuple[slice, slice]]:
    """Yield two strips across the picture, and corners of tiles or chunks, spread over it."""
    wide = min(side, 256)
    middle = max(0, side // 2 - wide // 2)
    across, all_of_it = slice(middle, middle + wide), slice(0, side)
    yield across, all_of_it
    yield all_of_it, across
    rng = np.random.default_rng(1)
    corners = np.arange(corner, side, corner)
    for _ in range(16 if len(corners) else 0):
        top, left = (int(one) for one in rng.choice(corners, 2))
        yield (
            slice(max(0, top - 64), min(side, top + 64)),
            slice(max(0, left - 64), min(side, left + 64)),
        )


def difference(clean, noisy, read, side: int, denoiser: ruis.Denoiser, corner: int) -> int:
    """Return the largest difference between what is in the file and what memory gives."""
    halo, largest = denoiser.model.architecture.geometry.halo, 0
    grain = math.lcm(64, denoiser.model.architecture.geometry.multiple)
    for rows, columns in places(side, halo, corner):
        around = [
            slice(
                max(0, one.start - halo) // grain * grain,
                min(side, -(-(one.stop + halo) // grain) * grain),
            )
            for one in (rows, columns)
        ]
        expected = denoiser.denoise(read(noisy, *around)).astype(int)
        inner = tuple(
            slice(one.start - big.start, one.stop - big.start)
            for one, big in zip((rows, columns), around, strict=True)
        )
        found = read(clean, rows, columns).astype(int)
        largest = max(largest, int(np.abs(found - expected[inner]).max()))
    return largest


def in_memory(folder: Path, model: Path, megapixels: float) -> tuple[float, float]:
    """Return the speed from array to array of a part of the picture, in a process of its own.

    In megapixels per second, and per second of processor time.
    """
    side = int(min(math.sqrt(megapixels * 1e6), 4096))
    part = folder / "part.npy"
    np.save(part, window(block(), slice(0, side), slice(0, side)))
    command = [sys.executable, "-c", IN_MEMORY, str(model), str(part)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rate, per_processor = map(float, done.stdout.split())
    return rate, per_processor


def measured(kind: str, folder: Path, model: Path, megapixels: float) -> Figures:
    """Write a picture, denoise it, and measure how."""
    side = round(math.sqrt(megapixels * 1e6))
    ending, write, read, corner = {
        "tiff": (".tif", write_tiff, read_tiff, TILE),
        "zarr": (".zarr", write_zarr, read_zarr, CHUNK),
    }[kind]
    noisy, clean = folder / f"noisy{ending}", folder / f"clean{ending}"
    write(noisy, side)
    before = in_memory(folder, model, megapixels)
    options = ["--model", str(model), "--axes", "YX"]
    command = [sys.executable, "-m", "ruis.cli", "denoise", str(noisy), "-o", str(clean), *options]
    bare = process([sys.executable, "-c", "pass"]).mebibytes
    used = children_seconds()
    took = process(command)
    used = children_seconds() - used
    rate = side**2 / 1e6 / took.seconds
    again = in_memory(folder, model, megapixels)
    fastest, per_processor = (max(one, other) for one, other in zip(before, again, strict=True))
    seams = difference(clean, noisy, read, side, ruis.load(model), corner)
    extra = took.mebibytes - bare
    return Figures(
        kind, side**2 / 1e6, took.seconds, used, extra, rate, fastest, per_processor, seams
    )


def children_seconds() -> float:
    """Return the processor time of all processes that were waited for."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> int:
    """Measure, print a table, and say with the exit code whether all goals are reached."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--megapixels", type=float, default=1200)
    parser.add_argument("--kinds", nargs="+", choices=["tiff", "zarr"], default=["tiff", "zarr"])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--widths", nargs="+", type=int, default=[32, 64, 128])
    parser.add_argument("--folder", type=Path, help="where the files go; they are removed")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    print(f"Machine: {processor.describe()}\n", flush=True)
    print(
        "| file | Mpx | time | memory | Mpx/s | in memory | share | of processor time | difference |"
    )
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for kind in given.kinds:
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            folder = Path(name)
            model = given.model or random_model(folder / "random.ruis", given.widths)
            row = measured(kind, folder, model, given.megapixels)
        rows.append(row)
        print(
            f"| {row.kind} | {row.megapixels:.0f} | {row.seconds:.0f} s | {row.mebibytes:.0f} MiB | "
            f"{row.rate:.2f} | {row.in_memory:.2f} | {row.share:.0%} | "
            f"{row.processor_share:.0%} | {row.difference} |",
            flush=True,
        )
    if given.json:
        document = {"machine": processor.describe(), "rows": [asdict(row) for row in rows]}
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    door.run(main)
