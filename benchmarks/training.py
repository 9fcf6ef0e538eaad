"""How fast `ruis train` learns, beside the same network in plain PyTorch.

    python benchmarks/training.py --torch PYTHON [--clean DIR] [--tier base] [--rounds 3] [--json FILE]

Both learn with Adam in bfloat16, where the processor has it, from batches of 8 crops of 96x96 pixels.
Ours is what `ruis train` does in an epoch: crops, noise, progress; not what it does once, as reading, or between
epochs. PyTorch, in the interpreter that
`--torch` names, gets one batch that is in memory already, channels last, and pixel shuffles, as people
write them. They take turns; each figure is the median of its rounds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import door
import numpy as np

from ruis import formats, processor
from ruis.image import Image, ImageInfo
from ruis.proposal import TIERS
from ruis.recipe import Recipe
from ruis.train import train

PATCH, BATCH, STEPS = 96, 8, 40

TORCH = """
import sys, time, torch
from torch import nn
from torch.nn import functional as F

widths, blocks, patch, batch, steps, bfloat16 = eval(sys.argv[1])

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
    def forward(self, x):
        return x + self.second(F.relu(self.first(x)))

class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(8, widths[0], 3, padding=1, bias=False)
        pairs = list(zip(widths, widths[1:]))
        level = lambda width: nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2, bias=False) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, 4 * a, 1, bias=False) for a, b in pairs)
        self.enter = nn.ModuleList(level(width) for width in widths)
        self.leave = nn.ModuleList(level(width) for width in widths[:-1])
        self.tail = nn.Conv2d(widths[0], 4, 3, padding=1, bias=False)
    def forward(self, noisy):
        x = self.enter[0](self.stem(F.pixel_unshuffle(noisy, 2)))
        skips = []
        for down, level in zip(self.down, self.enter[1:]):
            skips.append(x)
            x = level(down(x))
        for up, level, skip in reversed(list(zip(self.up, self.leave, skips))):
            x = level(F.pixel_shuffle(up(x), 2) + skip)
        return noisy[:, :1] - F.pixel_shuffle(self.tail(x), 2)

torch.manual_seed(0)
net = UNet().to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(net.parameters(), 1e-3)
noisy = torch.rand(batch, 2, patch, patch).to(memory_format=torch.channels_last)
clean = torch.rand(batch, 1, patch, patch)
for step in range(steps + 5):
    if step == 5:
        begun = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        denoised = net(noisy)
    loss = F.mse_loss(denoised.float(), clean)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
print(steps * batch * patch**2 / (time.perf_counter() - begun) / 1e6)
"""


def in_torch(python: str, tier: str) -> float:
    """Return megapixels per second of plain PyTorch."""
    settings = TIERS[tier]
    asked = (
        *(settings["widths"], settings["blocks"], PATCH, BATCH, STEPS),
        processor.has_bfloat16(),
    )
    done = subprocess.run(
        [python, "-c", TORCH, repr(asked)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def in_ruis(clean: Path, tier: str) -> float:
    """Return megapixels per second of `ruis train`, without the epoch in which it is compiled."""
    recipe = Recipe.parse(
        {
            "name": "speed",
            "data": [{"name": "clean", "terms": "-", "folder": clean.name}],
            "architecture": {"name": "unet", "channels": 1, **TIERS[tier]},
            "noise": "gaussian:0..55/255",
            "patch": PATCH,
            "batch": BATCH,
            "steps_per_epoch": STEPS,
            "epochs": 2,
            "validation_images": 1,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        run = train(recipe, clean.parent, Path(folder) / "run")
    return run.history[-1].megapixels_per_second


def some_images(folder: Path) -> Path:
    """Write images to learn from: what is on them does not matter for the time."""
    (folder / "clean").mkdir()
    for seed in range(8):
        pixels = np.random.default_rng(seed).integers(0, 256, (256, 256, 1), np.uint8)
        image = Image(pixels, ImageInfo(pixels.dtype, (0.0, 255.0)))
        formats.write(image, folder / "clean" / f"{seed}.png")
    return folder / "clean"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--torch", metavar="PYTHON", help="an interpreter that has PyTorch")
    parser.add_argument("--clean", type=Path, help="a folder of images; default: random ones")
    parser.add_argument("--tier", choices=TIERS, default="base")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    asked = parser.parse_args()
    if asked.torch and shutil.which(asked.torch) is None:
        parser.error(f"--torch: there is no interpreter {asked.torch}")
    with tempfile.TemporaryDirectory() as folder:
        clean = (asked.clean or some_images(Path(folder))).resolve()
        ours, theirs = [], []
        for _ in range(asked.rounds):
            ours.append(in_ruis(clean, asked.tier))
            if asked.torch:
                theirs.append(in_torch(asked.torch, asked.tier))
    figures = {"tier": asked.tier, "ruis": statistics.median(ours), "machine": processor.describe()}
    print(f"ruis train     {figures['ruis']:.3f} Mpx/s   ({figures['machine']})")
    if theirs:
        figures["pytorch"] = statistics.median(theirs)
        figures["ratio"] = figures["ruis"] / figures["pytorch"]
        print(f"plain PyTorch  {figures['pytorch']:.3f} Mpx/s   ratio {figures['ratio']:.2f}")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    door.run(main)
