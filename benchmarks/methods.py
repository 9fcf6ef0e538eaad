"""The denoisers that are measured, by name: ours, the famous networks, the classical methods.

Each is a small record that can go to a process of its own and is made there, so that memory is that
of one method: the most that the process held while it worked, libraries and weights included, less what
it held before (NumPy, the images) and less the results. PSNR and SSIM are computed elsewhere.
"""

from __future__ import annotations

import functools
import hashlib
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import classical
import numpy as np
import peers
from numpy.typing import NDArray
from protocol import Method, Pixels, Row, Shot, forget_peak, resident, row, to_8_bits

from ruis import zoo

REAL_SIGMAS = (5, 10, 15, 20, 25)
"""Of 255: what methods that want to be told sigma are tried with where it is not known."""


@dataclass(frozen=True)
class Outcome:
    """What a method made of a set: 8-bit images, seconds for each, and its memory in MiB."""

    images: list[NDArray[np.uint8]]
    seconds: list[float]
    mebibytes: float


@dataclass(frozen=True)
class Candidate(ABC):
    """A method with its settings. `told`: whether it is given sigma."""

    name: str
    told: bool

    repeats = False
    """Whether it is measured every time: it may have changed, and costs little."""

    @property
    @abstractmethod
    def channels(self) -> int | None:
        """What it takes: 1, 3, or None for either."""

    def knows(self, sigma: float) -> bool:
        """Whether it can be had for a sigma of 255; 0: one that nobody knows."""
        return True

    def made_of(self) -> str:
        """What its figures depend on beside its name and the images: weights, strengths, versions."""
        return ""

    @abstractmethod
    def run(self, noisy: Sequence[Pixels], sigma: float) -> Outcome:
        """Denoise images with a sigma of 255."""


@dataclass(frozen=True)
class Ours(Candidate):
    """A model of ruis, from array to array."""

    model: str
    precision: str
    threads: int

    repeats = True

    @property
    def channels(self) -> int:
        return zoo.find(self.model).architecture.channels

    def run(self, noisy: Sequence[Pixels], sigma: float) -> Outcome:
        def make() -> Method:
            import ruis

            denoiser = ruis.load(self.model, precision=self.precision, threads=self.threads)
            return lambda image, told: denoiser.denoise(image, sigma=told if self.told else None)

        return timed(make, noisy, sigma)


@dataclass(frozen=True)
class PeerInEngine(Candidate):
    """A famous network, in the engine of ruis."""

    peer: str
    data: Path
    precision: str
    threads: int

    @property
    def channels(self) -> int:
        return peers.PEERS[self.peer].channels

    def knows(self, sigma: float) -> bool:
        return peers.PEERS[self.peer].path(self.data, sigma) is not None

    def made_of(self) -> str:
        files = (self.data / "peers").glob(peers.PEERS[self.peer].file.format(sigma="*"))
        weights = (hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files))
        return " ".join([*weights, self.computes, metadata.version("openvino")])

    @property
    def computes(self) -> str:
        """In what precision: unless it was asked for, in float32, as its authors did."""
        return "f32" if self.precision == "auto" else self.precision

    def run(self, noisy: Sequence[Pixels], sigma: float) -> Outcome:
        path = peers.PEERS[self.peer].path(self.data, sigma)
        assert path

        def make() -> Method:
            return peers.InEngine(self.peer, path, precision=self.computes, threads=self.threads)

        return timed(make, noisy, sigma)


@functools.cache
def torch_version(python: str) -> str:
    """The version of PyTorch that an interpreter has: it takes seconds to say so."""
    asked = [python, "-c", "import torch; print(torch.__version__)"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


@dataclass(frozen=True)
class PeerInTorch(PeerInEngine):
    """A famous network in PyTorch, float32: as its users run it."""

    python: str

    def made_of(self) -> str:
        return f"{super().made_of()} {torch_version(self.python)}"

    def run(self, noisy: Sequence[Pixels], sigma: float) -> Outcome:
        path = peers.PEERS[self.peer].path(self.data, sigma)
        assert path
        ran = peers.in_torch(self.python, self.peer, path, noisy, sigma / 255, self.threads)
        return Outcome([to_8_bits(image) for image in ran.images], ran.seconds, ran.mebibytes)


@dataclass(frozen=True)
class Classical(Candidate):
    """A method that learnt nothing."""

    @property
    def channels(self) -> None:
        return None

    def made_of(self) -> str:
        strengths = {key: how for key, how in classical.TUNED.items() if key[0] == self.name}
        try:
            version = metadata.version(classical.NEEDS.get(self.name, "scikit-image"))
        except metadata.PackageNotFoundError:
            version = "none"
        return f"{strengths} {version}"

    def run(self, noisy: Sequence[Pixels], sigma: float) -> Outcome:
        # Nothing is prepared for a shape, so a corner warms up as well as an image would.
        corner = [np.ascontiguousarray(noisy[0][:64, :64])]
        return timed(lambda: classical.METHODS[self.name], noisy, sigma, warm_up=corner)


def candidates(
    models: Sequence[str], famous: Sequence[str], methods: Sequence[str], data: Path,
    *, precision: str, threads: int, torch: str | None,
) -> Iterator[Candidate]:  # fmt: skip
    """Everything that was asked for; models that take sigma come blind and told."""
    for name in methods:
        yield Classical(name, told=True)
    for name in famous:
        told = peers.PEERS[name].told
        yield PeerInEngine(name, told, name, data, precision, threads)
        if torch:
            yield PeerInTorch(f"{name}{peers.AS_USERS}", told, name, data, "f32", threads, torch)
    for model in models:
        name = f"ruis {Path(model).stem}"
        yield Ours(name, told=False, model=model, precision=precision, threads=threads)
        if zoo.find(model).architecture.takes_sigma:
            yield Ours(f"{name}, told sigma", True, model, precision, threads)


def timed(
    make: Callable[[], Method], noisy: Sequence[Pixels], sigma: float,
    *, warm_up: Sequence[Pixels] | None = None,
) -> Outcome:  # fmt: skip
    """Make a method and run it. The clock runs around the denoising of one image.

    Before that it runs once for each shape, as engines prepare themselves for shapes.
    """
    forget_peak()
    before = resident()
    method = make()
    shapes = {image.shape: image for image in noisy}
    for image in shapes.values() if warm_up is None else warm_up:
        method(image, sigma / 255)
    results: list[NDArray[np.uint8]] = []
    seconds, most, held = [], 0.0, 0
    for image in noisy:
        begun = time.perf_counter()
        denoised = method(image, sigma / 255)
        seconds.append(time.perf_counter() - begun)
        most = max(most, resident("VmHWM") - before - held / 2**20)
        results.append(to_8_bits(denoised))
        held += results[-1].nbytes
    return Outcome(results, seconds, most)


def measure(candidate: Candidate, set_name: str, sigma: float | None, shots: list[Shot]) -> Row:
    """Measure a method on a set.

    For real pairs, whose sigma nobody knows, a method that wants one has the one of REAL_SIGMAS that
    is best for the whole set.
    """
    if sigma is None and candidate.told:
        tried = [in_process(candidate, set_name, None, told, shots) for told in REAL_SIGMAS]
        return max(tried, key=lambda one: one.mean("psnr") if one.scores else 0.0)
    return in_process(candidate, set_name, sigma, sigma or 0.0, shots)


def in_process(
    candidate: Candidate, set_name: str, sigma: float | None, told: float, shots: list[Shot]
) -> Row:
    """Run in a process of its own, and score here."""
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            outcome = pool.submit(candidate.run, [shot.noisy for shot in shots], told).result()
    except ImportError as error:
        needs = classical.NEEDS.get(candidate.name, "ruis")
        return Row(candidate.name, set_name, sigma, 0, skipped=f"{error}; pip install {needs}")
    except BrokenProcessPool:
        return Row(candidate.name, set_name, sigma, 0, skipped="it was killed: too little memory?")
    chosen = told if sigma is None and candidate.told else None
    return row(
        candidate.name, set_name, sigma, shots, list(zip(outcome.images, outcome.seconds, strict=True)),
        outcome.mebibytes, chosen,
    )  # fmt: skip
