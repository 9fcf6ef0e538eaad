"""The famous networks, DnCNN and FFDNet, with their authors' weights: to be measured beside ours.

The weights are plain arrays, `w00, b00, w01, ...` (out, in, 3, 3), batch normalisation folded in, in
DATA/peers/NAME.npz. Each network runs in two ways: in the engine that ruis itself uses, at a fixed
shape, and "as their users run them": PyTorch, float32, in an interpreter of its own.

K. Zhang, W. Zuo, Y. Chen, D. Meng, L. Zhang, "Beyond a Gaussian denoiser", IEEE Transactions on Image
Processing, 2017, doi:10.1109/TIP.2017.2662206. K. Zhang, W. Zuo, L. Zhang, "FFDNet", IEEE Transactions
on Image Processing, 2018, doi:10.1109/TIP.2018.2839891.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ruis.engines.openvino import OpenVINOEngine
from ruis.tiling import Geometry

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class Peer:
    """One of them.

    `file` may name the sigma that a network was trained for: "{sigma}", of `sigmas`. `told`: whether
    it is given sigma.
    """

    file: str
    channels: int
    told: bool = False
    sigmas: tuple[int, ...] = ()

    def path(self, data: Path, sigma: float) -> Path | None:
        """The weights for a sigma of 255, if there are any."""
        if self.sigmas and round(sigma) not in self.sigmas:
            return None
        return data / "peers" / self.file.format(sigma=round(sigma))


PEERS = {
    "DnCNN-S": Peer("dncnn_s_gray_{sigma}.npz", 1, sigmas=(15, 25, 50)),
    "DnCNN-B": Peer("dncnn_b_gray.npz", 1),
    "FFDNet": Peer("ffdnet_gray.npz", 1, told=True),
    "CDnCNN-S": Peer("cdncnn_s_color_{sigma}.npz", 3, sigmas=(25,)),
    "CDnCNN-B": Peer("cdncnn_b_color.npz", 3),
    "FFDNet colour": Peer("ffdnet_color.npz", 3, told=True),
}


AS_USERS = ", PyTorch float32"
"""What the name of a peer ends in that runs as its users run it."""


def stack(path: Path) -> list[tuple[Pixels, Pixels]]:
    """The (weights, biases) of each convolution, from first to last."""
    if not path.is_file():
        raise SystemExit(f"There are no weights {path}; say with --data where the data is.")
    with np.load(path) as file:
        count = len(file.files) // 2
        return [(file[f"w{i:02d}"], file[f"b{i:02d}"]) for i in range(count)]


def kmac_per_pixel(name: str, path: Path) -> float:
    """Thousands of multiplications per pixel."""
    positions = 4 if PEERS[name].told else 1  # FFDNet has a quarter of them
    return sum(kernel.size for kernel, _ in stack(path)) / positions / 1000


class Plain:
    """What ruis' engine needs to know of a stack of convolutions."""

    def __init__(self, peer: Peer, convolutions: int, widths: list[int]) -> None:
        self.told = peer.told
        self.channels = peer.channels
        self.input_channels = peer.channels + int(peer.told)
        self.widths = widths
        self.geometry = Geometry(2 if peer.told else 1, convolutions * (2 if peer.told else 1))

    def connect(self, layers: Any, noisy: Any) -> Any:
        """Describe the network. A last convolution of FFDNet gives the image, of DnCNN its noise."""
        x = noisy
        if self.told:  # sigma is a map of its own at half the size, not four
            image = layers.op.space_to_depth(
                layers.channels(noisy, self.channels), "depth_first", 2
            )
            sigma = layers.op.avg_pool(
                layers._slice(noisy, 1, self.channels, self.channels + 1),  # noqa: SLF001
                [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True,
            )  # fmt: skip
            x = layers.op.concat([image, sigma], 1)
        for number, width in enumerate(self.widths):
            last = number == len(self.widths) - 1
            x = layers.conv(
                f"c{number}", x, width, 3, bias=True, activation=None if last else "relu"
            )
        if self.told:
            return layers.op.depth_to_space(x, "depth_first", 2)
        return layers.subtract("denoised", noisy, x)


class InEngine:
    """A peer in the engine that ruis uses."""

    def __init__(
        self, name: str, path: Path, *, precision: str = "bf16", threads: int | None = None
    ) -> None:
        weights = stack(path)
        tensors = {}
        for number, (kernel, bias) in enumerate(weights):
            tensors[f"c{number}/kernel"] = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))
            tensors[f"c{number}/bias"] = bias
        network = Plain(PEERS[name], len(weights), [len(bias) for _, bias in weights])
        self.engine = OpenVINOEngine(network, tensors, precision=precision, threads=threads)
        self.peer = PEERS[name]

    def batch(self, noisy: Pixels, sigma: float) -> Pixels:
        """An image (rows, columns[, channels]) as the network takes it."""
        image = noisy.reshape(*noisy.shape[:2], -1)
        rows, columns = image.shape[:2]
        if self.peer.told:
            image = np.pad(image, ((0, rows % 2), (0, columns % 2), (0, 0)), mode="edge")
            image = np.concatenate([image, np.full_like(image[..., :1], sigma)], axis=2)
        return np.ascontiguousarray(image[None], np.float32)

    def __call__(self, noisy: Pixels, sigma: float) -> Pixels:
        """Denoise a whole image, (rows, columns[, 3]), in one piece; sigma as a fraction of 1."""
        result = self.engine.run(self.batch(noisy, sigma))[0]
        return result[: noisy.shape[0], : noisy.shape[1]].reshape(noisy.shape)


# -- in PyTorch --------------------------------------------------------------------------------

SCRIPT = Path(__file__).with_name("peers_in_torch.py")


@dataclass(frozen=True)
class Ran:
    """What PyTorch made of images: the denoised ones, seconds for each, and its memory in MiB."""

    images: list[Pixels]
    seconds: list[float]
    mebibytes: float


def command(python: str, name: str, path: Path, threads: int, **asked: object) -> list[str]:
    """What runs a peer in another interpreter."""
    about = {"weights": str(path), "told": PEERS[name].told, "threads": threads}
    return [python, str(SCRIPT), json.dumps(about | asked)]


def in_torch(
    python: str, name: str, path: Path, images: Sequence[Pixels], sigma: float, threads: int
) -> Ran:
    """Run a peer in PyTorch, float32, one image after the other; the first one runs twice."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.npz", Path(folder) / "made.npz"
        stored = {f"{i:05d}": x.reshape(*x.shape[:2], -1) for i, x in enumerate(images)}
        np.savez(given, **stored)
        done = subprocess.run(
            command(
                python, name, path, threads,
                do="set", sigma=sigma, images=str(given), results=str(made),
            ),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{python} cannot run {name}: {done.stderr[-1000:]}")
        told = json.loads(done.stdout.splitlines()[-1])
        with np.load(made) as file:
            results = [file[key].reshape(x.shape) for key, x in zip(stored, images, strict=True)]
    return Ran(results, told["seconds"], told["mebibytes"])


class TorchTurns:
    """A peer that waits in PyTorch, and denoises a square image at every call."""

    def __init__(self, python: str, name: str, path: Path, side: int, threads: int) -> None:
        asked = {"do": "turns", "sigma": 25 / 255, "channels": PEERS[name].channels, "side": side}
        self.what = f"{python} cannot run {name}"
        self.process = subprocess.Popen(
            command(python, name, path, threads, **asked),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self.answer()

    def answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.what}; it said why above.")
        return line

    def seconds(self) -> float:
        """Denoise once."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        return float(self.answer())

    def close(self) -> None:
        self.process.communicate()
