"""The famous networks in PyTorch: for the interpreter that --torch names, which has no ruis.

`peers.py` starts it as `python peers_in_torch.py JSON`, and JSON says what to do: denoise the images of
a file (`set`), or denoise one image again and again, one time for each line that comes in (`turns`).
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np


def resident(key: str) -> float:
    """What this process holds (VmRSS) or has held at most (VmHWM), in MiB; 0 where not known."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(key):
                return int(line.split()[1]) / 1024
    return 0.0


class Network:
    """A stack of convolutions, in the default memory format."""

    def __init__(self, asked: dict) -> None:
        import torch

        torch.set_num_threads(asked["threads"])
        self.sigma = asked["sigma"] if asked["told"] else None
        with np.load(asked["weights"]) as file:
            self.stack = [
                (torch.tensor(file[f"w{i:02d}"]), torch.tensor(file[f"b{i:02d}"]))
                for i in range(len(file.files) // 2)
            ]

    def convolve(self, x):
        from torch.nn import functional

        for number, (weights, bias) in enumerate(self.stack, start=1):
            x = functional.conv2d(x, weights, bias, padding=1)
            x = x if number == len(self.stack) else functional.relu(x)
        return x

    def __call__(self, noisy):
        """Denoise (1, channels, rows, columns)."""
        import torch
        from torch.nn import functional

        if self.sigma is None:
            return noisy - self.convolve(noisy)
        rows, columns = noisy.shape[2:]
        x = functional.pad(noisy, (0, columns % 2, 0, rows % 2), mode="replicate")
        x = functional.pixel_unshuffle(x, 2)
        x = torch.cat([x, torch.full_like(x[:, :1], self.sigma)], 1)
        return functional.pixel_shuffle(self.convolve(x), 2)[:, :, :rows, :columns]


def denoise_set(asked: dict) -> None:
    """Denoise the images of one file into another; print the seconds of each, and the memory."""
    with np.load(asked["images"]) as file:
        images = [file[name] for name in sorted(file.files)]
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # VmHWM begins anew
    before = resident("VmRSS")
    import torch

    network = Network(asked)
    results, seconds, most, held = {}, [], 0.0, 0
    with torch.inference_mode():
        for number, image in enumerate(images):
            noisy = torch.tensor(image).permute(2, 0, 1)[None].contiguous()
            if number == 0:
                network(noisy)
            begun = time.perf_counter()
            denoised = network(noisy)
            seconds.append(time.perf_counter() - begun)
            most = max(most, resident("VmHWM") - before - held / 2**20)
            results[f"{number:05d}"] = denoised[0].permute(1, 2, 0).numpy()
            held += image.nbytes
    np.savez(asked["results"], **results)
    print(json.dumps({"seconds": seconds, "mebibytes": most}))


def take_turns(asked: dict) -> None:
    """Denoise noise once for each line that comes in, and print the seconds that it took."""
    import torch

    network = Network(asked)
    noisy = torch.rand(1, asked["channels"], asked["side"], asked["side"])
    with torch.inference_mode():
        network(noisy)
        print("ready", flush=True)
        for _ in sys.stdin:
            begun = time.perf_counter()
            network(noisy)
            print(time.perf_counter() - begun, flush=True)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    {"set": denoise_set, "turns": take_turns}[given["do"]](given)
