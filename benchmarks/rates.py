"""Megapixels per second of networks on a square image in memory, all in turns.

Each round lets everyone run once, or for a quarter of a second if that is longer; the figure is the
median of the rounds. So what else a machine does meets all of them alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import peers

from ruis import zoo
from ruis.denoiser import Denoiser
from ruis.engines.openvino import OpenVINOEngine

SHORTEST = 0.25
"""Seconds that a turn lasts at least."""

SIGMA = 25.0
"""Of 255: the noise, and what those are told that want to be told."""

OURS, ALONE, PEER, TORCH = "array to array", "network alone", "same engine", "PyTorch"


@dataclass
class Rate:
    """How fast somebody is. `kind`: one of the four above."""

    name: str
    kind: str
    precision: str
    channels: int
    side: int
    threads: int
    kmac: float
    rounds: list[float] = field(default_factory=list)

    @property
    def megapixels_per_second(self) -> float:
        return statistics.median(self.rounds)

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "megapixels_per_second": self.megapixels_per_second}


@dataclass(frozen=True)
class Arena:
    """Who meets: everyone for this many channels, on one image, with so many threads."""

    channels: int
    side: int
    threads: int


def measure(
    arena: Arena, models: Sequence[str], data: Path | None, torch: str | None,
    precisions: Sequence[str], rounds: int,
) -> list[Rate]:  # fmt: skip
    """Let everyone take turns; without data there are no peers, without torch none in PyTorch."""
    with ExitStack() as stack:
        met = list(ours(arena, models, precisions))
        if data:
            met += famous(arena, data, torch, precisions, stack)
        for _, once in met:
            once()
        for _ in range(rounds):
            for rate, once in met:
                rate.rounds.append(arena.side**2 / 1e6 / turn(once))
        return [rate for rate, _ in met]


def turn(once: Callable[[], float]) -> float:
    """The mean seconds of running something for a while."""
    spent = [once()]
    while sum(spent) < SHORTEST:
        spent.append(once())
    return statistics.mean(spent)


def clocked(work: Callable[[], object]) -> Callable[[], float]:
    """Work that returns the seconds it took."""

    def once() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return once


def ours(
    arena: Arena, models: Sequence[str], precisions: Sequence[str]
) -> Iterator[tuple[Rate, Callable[[], float]]]:
    """Our models, from array to array and the network alone, as it runs when it is not told sigma."""
    noisy = noise(arena)
    for name in models:
        model = zoo.find(name)
        network = model.architecture
        if network.channels != arena.channels or network.fixed_size:
            continue
        batch = np.random.default_rng(0).random(
            (1, arena.side, arena.side, network.channels), np.float32
        )
        blind, weights = network.blinded(model.weights)
        for precision in precisions:
            denoiser = Denoiser(model, precision=precision, threads=arena.threads)
            engine = OpenVINOEngine(blind, weights, precision=precision, threads=arena.threads)
            about = (precision, arena.channels, arena.side, arena.threads, network.kmac_per_pixel)
            whole = clocked(lambda denoiser=denoiser: denoiser.denoise(noisy))
            alone = clocked(lambda engine=engine, batch=batch: engine.run(batch))
            yield Rate(f"ruis {model.manifest.name}", OURS, *about), whole
            yield Rate(f"ruis {model.manifest.name}", ALONE, *about), alone


def famous(
    arena: Arena, data: Path, torch: str | None, precisions: Sequence[str], stack: ExitStack
) -> Iterator[tuple[Rate, Callable[[], float]]]:
    """The famous networks that one file serves for all sigmas."""
    noisy = noise(arena)
    for name, peer in peers.PEERS.items():
        if peer.channels != arena.channels or peer.sigmas:
            continue
        path = peer.path(data, SIGMA)
        assert path
        about = (arena.channels, arena.side, arena.threads, peers.kmac_per_pixel(name, path))
        for precision in precisions:
            network = peers.InEngine(name, path, precision=precision, threads=arena.threads)
            yield (
                Rate(name, PEER, precision, *about),
                clocked(lambda network=network: network(noisy, SIGMA / 255)),
            )
        if torch:
            waiting = peers.TorchTurns(torch, name, path, arena.side, arena.threads)
            stack.callback(waiting.close)
            yield Rate(name, TORCH, "f32", *about), waiting.seconds


def noise(arena: Arena) -> peers.Pixels:
    """A gray or colour image; what is on it does not matter for the time."""
    shape = (arena.side, arena.side) if arena.channels == 1 else (arena.side, arena.side, 3)
    noisy = np.random.default_rng(0).normal(0.5, SIGMA / 255, shape)
    return noisy.astype(np.float32)


# -- tables ------------------------------------------------------------------------------------


def tables(rates: Sequence[Rate]) -> list[str]:
    """For each arena the rates, and how many times as fast ours are."""
    lines: list[str] = []
    for arena in dict.fromkeys(Arena(one.channels, one.side, one.threads) for one in rates):
        here = [one for one in rates if (one.channels, one.side, one.threads)
                == (arena.channels, arena.side, arena.threads)]  # fmt: skip
        colours = "gray" if arena.channels == 1 else "colour"
        threads = f"{arena.threads} thread{'s' if arena.threads > 1 else ''}"
        lines += [f"**{arena.side}x{arena.side}, {colours}, {threads}** (Mpx/s):", ""]
        lines += [*rate_table(here), "", *ratio_table(here), ""]
    return lines


def rate_table(rates: Sequence[Rate]) -> list[str]:
    """Rows: who, in what way; columns: precisions."""
    precisions = list(dict.fromkeys(one.precision for one in rates))
    found = {(one.name, one.kind, one.precision): one for one in rates}
    rows = dict.fromkeys((one.name, one.kind, one.kmac) for one in rates)
    lines = [f"| network | how | kMAC/px | {' | '.join(precisions)} |",
             f"|---|---|---|{'---|' * len(precisions)}"]  # fmt: skip
    for name, kind, kmac in rows:
        cells = [found.get((name, kind, precision)) for precision in precisions]
        figures = [f"{one.megapixels_per_second:.3g}" if one else "-" for one in cells]
        lines.append(f"| {name} | {kind} | {kmac:.0f} | {' | '.join(figures)} |")
    return lines


def ratio_table(rates: Sequence[Rate]) -> list[str]:
    """Ours against each peer in the same engine and precision, and in PyTorch."""
    peers_here = [one for one in rates if one.kind in {PEER, TORCH}]
    columns = dict.fromkeys((one.name, one.kind) for one in peers_here)
    if not columns:
        return []
    heads = [f"{name}, {kind}{' f32' if kind == TORCH else ''}" for name, kind in columns]
    lines = [f"| times as fast as | precision | {' | '.join(heads)} |",
             f"|---|---|{'---|' * len(heads)}"]  # fmt: skip
    for one in rates:
        if one.kind not in {OURS, ALONE}:
            continue
        cells = []
        for name, kind in columns:
            precision = "f32" if kind == TORCH else one.precision
            other = next(
                p for p in peers_here if (p.name, p.kind, p.precision) == (name, kind, precision)
            )
            cells.append(f"{one.megapixels_per_second / other.megapixels_per_second:.2f}")
        lines.append(f"| {one.name}, {one.kind} | {one.precision} | {' | '.join(cells)} |")
    return lines
