"""How shall a service share two processors: one image that uses both, or two that use one each?

Both ways, in turns, on small and on large images; images per second from bytes to bytes, and seconds
of processor per image. Decided in `docs/decisions/0010-processors-shared-by-images.md`.

    python benchmarks/workers.py --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import door
import numpy as np

from ruis import formats
from ruis.arrays import as_image
from ruis.web.denoising import Denoisers, Wish, denoise

LIMITS = formats.Limits()
SETS = {"small (64..160)": (64, 96, 128, 160), "large (640..1024)": (640, 768, 1024)}


def files(sides: Sequence[int]) -> list[bytes]:
    """Noisy squares, gray and colour in turns."""
    made = []
    for number, side in enumerate(sides):
        rng = np.random.default_rng(number)
        noisy = rng.normal(128, 25, (side, side) if number % 2 else (side, side, 3))
        made.append(formats.encode(as_image(noisy.clip(0, 255).astype(np.uint8))[0], "png"))
    return made


class Way:
    """Some workers, each with the denoisers that it uses."""

    def __init__(self, name: str, each: Sequence[Denoisers]) -> None:
        self.name = name
        self.each = each
        self.rates: list[float] = []
        self.processor: list[float] = []

    def run(self, sent: Sequence[bytes], seconds: float) -> None:
        """Work for a while."""
        until, used = time.perf_counter() + seconds, time.process_time()
        numbers, begun = count(), time.perf_counter()

        def worker(denoisers: Denoisers) -> int:
            done = 0
            while time.perf_counter() < until:
                data = sent[next(numbers) % len(sent)]
                denoise(data, Wish(), LIMITS, denoisers, lambda fraction: None)
                done += 1
            return done

        with ThreadPoolExecutor(len(self.each)) as pool:
            done = sum(pool.map(worker, self.each))
        self.rates.append(done / (time.perf_counter() - begun))
        self.processor.append((time.process_time() - used) / done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn")
    given = parser.parse_args()
    one, two = Denoisers(workers=1, processors=2), Denoisers(workers=2, processors=2)
    ways = [
        Way("1 worker, 2 threads", [one]),
        Way("2 workers, 1 thread each beside each other", [two, two]),
    ]
    print("| images | way | images/s | processor s/image |\n|---|---|---|---|")
    for title, sides in SETS.items():
        sent = files(sides)
        for way in ways:
            way.rates, way.processor = [], []
            way.run(sent, given.seconds)  # loads and compiles
            way.rates, way.processor = [], []
        for _ in range(given.rounds):
            for way in ways:
                way.run(sent, given.seconds)
        for way in ways:
            rate, used = statistics.median(way.rates), statistics.median(way.processor)
            print(f"| {title} | {way.name} | {rate:.2f} | {used:.3f} |", flush=True)


if __name__ == "__main__":
    door.run(main)
