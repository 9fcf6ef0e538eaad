"""What `Denoiser.denoise` does beside the network: looking, scaling, copying; from array to array.

    python benchmarks/beside.py [--rounds 5] [--choose] [--json FILE]

The network's own time is what its engine takes; the rest is what is told, in milliseconds of an
image. With --choose the noise is looked at first, as where the precision is to be chosen; a processor
without bfloat16 has no reason to.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import door
import numpy as np

import ruis
from ruis.engines.openvino import OpenVINOEngine

MODELS = ("gray-fast", "white-color-fast")
SIDES = (512, 2048)
DTYPES = ("uint8", "float32")


class Watched(OpenVINOEngine):
    """The engine, and how long it ran in all."""

    seconds = 0.0
    chooses = False

    @classmethod
    def supports(cls, precision: Any) -> bool:
        """Let the noise be looked at, if that is asked for."""
        return cls.chooses or super().supports(precision)

    def prepare(self) -> None:
        """Compute in float32 whatever was chosen: the network's time is not what is asked here."""
        self.precision = "f32"
        super().prepare()

    @contextmanager
    def _infer(self, batch: Any, *, lent: bool) -> Any:
        """Run the network."""
        begun = time.perf_counter()
        with super()._infer(batch, lent=lent) as result:
            Watched.seconds += time.perf_counter() - begun
            yield result


def beside(denoiser: ruis.Denoiser, noisy: Any, rounds: int) -> tuple[float, float]:
    """Return the least milliseconds beside the network, and its own in the same round."""
    found = []
    for _ in range(rounds + 1):
        Watched.seconds, begun = 0.0, time.perf_counter()
        denoiser.denoise(noisy)
        all_of_it = time.perf_counter() - begun
        found.append((1000 * (all_of_it - Watched.seconds), 1000 * Watched.seconds))
    return min(found[1:])  # the first compiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each image")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES, help="of the images")
    parser.add_argument("--choose", action="store_true",
                        help="look at the noise, as where the processor has bfloat16")  # fmt: skip
    asked = parser.parse_args()
    Watched.chooses = asked.choose
    rng, rows = np.random.default_rng(0), []
    print("| model | image | ms beside the network | network, ms |\n|---|---|---|---|")
    for model in MODELS:
        denoiser = ruis.load(model)
        denoiser.networks.engine = Watched
        for side in asked.sides:
            shape = (side, side, 3) if denoiser.channels == 3 else (side, side)
            for dtype in DTYPES:
                noisy: Any = rng.random(shape, np.float32)
                if dtype == "uint8":
                    noisy = (255 * noisy).astype(np.uint8)
                rest, network = beside(denoiser, noisy, asked.rounds)
                print(
                    f"| `{model}` | {side}x{side}, {dtype} | {rest:.1f} | {network:.0f} |",
                    flush=True,
                )
                rows.append(
                    {
                        "model": model,
                        "side": side,
                        "dtype": dtype,
                        "beside": rest,
                        "network": network,
                    }
                )
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    door.run(main)
