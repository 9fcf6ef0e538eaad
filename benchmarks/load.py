"""Does the service keep its pace when far more is asked than it can do?

Many clients ask without pause for images of 64 to 1024 pixels to be denoised, and come back when
they are told to. Beside it stands the library, which does the same images one after the other,
before and after. `goodput_share` is how many of its seconds the service delivered per second, and
`processor_share` the same in seconds of processors, which other work on the machine disturbs less.

    python benchmarks/load.py --clients 200 --seconds 300
    python benchmarks/load.py --clients 8 --seconds 3 --largest 128 --json load.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import door
import numpy as np

from ruis import choice, formats, zoo
from ruis.arrays import as_image
from ruis.denoiser import Denoiser

SIDES = (64, 96, 128, 160, 224, 320, 448, 512, 640, 768, 896, 1024)
SIGMA = 25.0
ARRIVAL = 1.0
"""Seconds within which all clients arrive."""
REFUSED_IN, SHARE = 0.1, 0.85
"""The goals: seconds for the slowest hundredth of refusals; goodput as a share of the library's."""


@dataclass(frozen=True)
class Picture:
    """An image as a file, what the library makes of it, and in how many seconds."""

    name: str
    megapixels: float
    sent: bytes
    wanted: bytes


@dataclass
class Found:
    """What the clients met."""

    accepted: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    different: int = 0
    others: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock, and of processors."""

    seconds: float
    processor: float


class Library:
    """The library on its own: one image after the other, with all processors."""

    def __init__(self) -> None:
        self.denoisers: dict[str, Denoiser] = {}

    def denoise(self, data: bytes) -> bytes:
        noisy = formats.read_bytes(data)
        chosen = choice.choose(noisy)
        if chosen.model not in self.denoisers:
            self.denoisers[chosen.model] = Denoiser(zoo.find(chosen.model))
        result = self.denoisers[chosen.model].run(noisy, seen=chosen.seen)
        return formats.encode(result.image, noisy.info.format, strip_metadata=True)

    def time(self, pictures: list[Picture], seconds: float) -> dict[str, list[Spent]]:
        """What each image takes, in turns until the time is up."""
        spent: dict[str, list[Spent]] = {one.name: [] for one in pictures}
        until = time.perf_counter() + seconds
        while True:
            for one in pictures:
                begun, used = time.perf_counter(), time.process_time()
                self.denoise(one.sent)
                took = Spent(time.perf_counter() - begun, time.process_time() - used)
                spent[one.name].append(took)
            if time.perf_counter() > until:
                return spent


def pictures(library: Library, largest: int) -> list[Picture]:
    """Gray and colour in turns, upright and lying, smooth shapes with noise."""
    made = []
    for number, side in enumerate(one for one in SIDES if one <= largest):
        rows, columns = (side, side * 3 // 4) if number % 2 else (side * 3 // 4, side)
        rng = np.random.default_rng(number)
        y, x = np.mgrid[0:rows, 0:columns] / side
        clean = 120 + 70 * np.sin(9 * x + 5 * y) * np.cos(7 * y)
        shape = (rows, columns) if number % 2 else (rows, columns, 3)
        noise = rng.normal(0, SIGMA, shape)
        noisy = np.clip(np.rint((clean if number % 2 else clean[..., None]) + noise), 0, 255)
        sent = formats.encode(as_image(noisy.astype(np.uint8))[0], "png")
        name = f"{columns}x{rows} {'gray' if number % 2 else 'colour'}"
        made.append(Picture(name, rows * columns / 1e6, sent, library.denoise(sent)))
    return made


# -- the service ---------------------------------------------------------------------------------


class Service:
    """`ruis serve` in a process of its own."""

    def __init__(self, folder: Path, options: list[str]) -> None:
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "ruis.cli", "serve", "--port", "0", *options]
            self.process = subprocess.Popen(command, stderr=log)
        self.address = self._ready()

    def _ready(self) -> tuple[str, int]:
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            text = self.log.read_text(encoding="utf-8")
            if '"event": "ready"' in text:
                url = urlsplit(text.split("ruis serves ")[1].split()[0])
                return url.hostname, url.port
            time.sleep(0.1)
        raise SystemExit(f"the service did not start:\n{self.log.read_text(encoding='utf-8')}")

    @property
    def memory(self) -> float:
        """Resident memory in MiB, where the system tells."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return 0.0
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    @property
    def processor(self) -> float:
        """Seconds of processors that it has used, where the system tells."""
        try:
            told = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").split()
        except OSError:
            return 0.0
        return (int(told[13]) + int(told[14])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


# -- the clients ---------------------------------------------------------------------------------


class Client:
    """One that asks, again and again, over one connection."""

    def __init__(self, address: tuple[str, int], found: Found, seed: int) -> None:
        self.address = address
        self.found = found
        self.random = random.Random(seed)
        self.writer: asyncio.StreamWriter | None = None

    async def run(self, pictures: list[Picture], until: float) -> None:
        """Ask until the time is up; not all begin in the same instant."""
        await asyncio.sleep(self.random.uniform(0, ARRIVAL))
        while time.perf_counter() < until:
            picture = self.random.choice(pictures)
            try:
                wait = await self.once(picture, until)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.found.others[type(error).__name__] += 1
                self.writer, wait = None, 1.0
            if wait:
                wait *= self.random.uniform(1, 1.5)
                await asyncio.sleep(min(wait, max(0.0, until - time.perf_counter())))
        if self.writer:
            self.writer.close()

    async def once(self, picture: Picture, until: float) -> float:
        """Ask for one image; return for how long to wait then."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(*self.address)
        head = (
            "POST /v1/denoise HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"
            f"Content-Length: {len(picture.sent)}\r\nExpect: 100-continue\r\n\r\n"
        )
        begun = time.perf_counter()
        self.writer.write(head.encode())
        status, headers = await self.answer()
        if status == 100:
            self.writer.write(picture.sent)
            status, headers = await self.answer()
        seconds = time.perf_counter() - begun
        body = await self.reader.readexactly(int(headers["content-length"]))
        if status == 429:  # the body was not asked for: this connection cannot go on
            self.writer.close()
            self.writer = None
        if time.perf_counter() <= until:
            return self.judge(picture, status, headers, body, seconds)
        return 0.0

    async def answer(self) -> tuple[int, dict[str, str]]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        named = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in named}

    def judge(
        self, picture: Picture, status: int, headers: dict[str, str], body: bytes, seconds: float
    ) -> float:
        """Record what came back."""
        found = self.found
        if status == 200:
            found.accepted[picture.name] += 1
            found.seconds.append(seconds)
            found.different += body != picture.wanted
            return 0.0
        if status == 429:
            found.refusals.append(seconds)
            found.without_retry_after += "retry-after" not in headers
            return float(headers.get("retry-after", 1))
        found.others[str(status)] += 1
        return 1.0


async def warm(service: Service, pictures: list[Picture]) -> None:
    """Let a few ask for each picture, so that models are loaded and every shape is compiled."""

    async def ask(seed: int) -> None:
        client = Client(service.address, Found(), seed)
        for picture in [*pictures, *reversed(pictures)]:
            while await client.once(picture, math.inf):  # noqa: ASYNC110 - a server's answer
                await asyncio.sleep(1.0)

    await asyncio.gather(*(ask(seed) for seed in range(3)))


async def attack(
    service: Service, pictures: list[Picture], clients: int, seconds: float
) -> tuple[Found, list[float]]:
    """Let all clients ask, and look at the memory meanwhile."""
    found, memory = Found(), [service.memory]
    until = time.perf_counter() + seconds
    asking = [
        asyncio.create_task(Client(service.address, found, seed).run(pictures, until))
        for seed in range(clients)
    ]
    while time.perf_counter() < until:
        await asyncio.sleep(min(1.0, seconds / 10))
        memory.append(service.memory)
    await asyncio.wait(asking, timeout=60)
    return found, memory


# -- figures -------------------------------------------------------------------------------------


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def figures(
    pictures: list[Picture], alone: dict[str, list[Spent]], found: Found, memory: list[float],
    seconds: float, processor: float,
) -> dict[str, object]:  # fmt: skip
    each = {name: statistics.median(one.seconds for one in all_) for name, all_ in alone.items()}
    used = {name: statistics.median(one.processor for one in all_) for name, all_ in alone.items()}
    mean = statistics.mean(each.values())
    megapixels = {one.name: one.megapixels for one in pictures}
    delivered = sum(each[name] * count for name, count in found.accepted.items())
    needed = sum(used[name] * count for name, count in found.accepted.items())
    accepted = found.accepted.total()
    return {
        "seconds": seconds,
        "library_megapixels_per_second": sum(megapixels.values()) / sum(each.values()),
        "library_images_per_second": 1 / mean,
        "megapixels_per_second": sum(megapixels[n] * c for n, c in found.accepted.items())
        / seconds,
        "images_per_second": accepted / seconds,
        "goodput_share": delivered / seconds,
        "processor_share": needed / processor if processor else 0.0,
        "accepted": accepted,
        "accepted_different": found.different,
        "accepted_seconds_median": percentile(found.seconds, 0.5),
        "accepted_seconds_p99": percentile(found.seconds, 0.99),
        "refused": len(found.refusals),
        "refused_without_retry_after": found.without_retry_after,
        "refused_seconds_median": percentile(found.refusals, 0.5),
        "refused_seconds_p99": percentile(found.refusals, 0.99),
        "refused_seconds_most": max(found.refusals, default=0.0),
        "other_answers": dict(found.others),
        "memory_mib_start": memory[0],
        "memory_mib_tenth": memory[len(memory) // 10],
        "memory_mib_half": memory[len(memory) // 2],
        "memory_mib_end": memory[-1],
        "memory_mib_most": max(memory),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--largest", type=int, default=1024, help="the longest side, in pixels")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("options", nargs="*", help="for ruis serve, after --")
    given = parser.parse_args()

    library = Library()
    sent = pictures(library, given.largest)
    beside = max(1.0, given.seconds / 5)
    alone = library.time(sent, beside)
    with TemporaryDirectory() as folder:
        service = Service(Path(folder), given.options)
        try:
            asyncio.run(warm(service, sent))
            before = service.processor
            found, memory = asyncio.run(attack(service, sent, given.clients, given.seconds))
            processor = service.processor - before
        finally:
            service.close()
    for name, spent in library.time(sent, beside).items():
        alone[name] += spent
    told = figures(sent, alone, found, memory, given.seconds, processor)
    width = max(map(len, told))
    for name, value in told.items():
        print(
            f"{name:{width}}  {value:.4g}"
            if isinstance(value, float)
            else f"{name:{width}}  {value}"
        )
    if given.json:
        given.json.write_text(json.dumps({"figures": told}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    door.run(main)
