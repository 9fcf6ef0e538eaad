"""What the processor can do that decides how networks run on it."""

from __future__ import annotations

import functools
import math
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ruis import control_group

__all__ = [
    "available_memory",
    "describe",
    "has_amx",
    "has_bfloat16",
    "resident_memory",
    "shared",
    "threads",
]


@functools.cache
def has_bfloat16() -> bool:
    """Say whether the processor multiplies bfloat16 numbers faster than float32 ones.

    Linux says so in /proc/cpuinfo (AVX512-BF16, AMX-BF16; bf16 on ARM); elsewhere the answer is no.
    """
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(_about("flags", "Features").split())


@functools.cache
def has_amx() -> bool:
    """Say whether the processor multiplies matrices of bfloat16 numbers, four times as fast as it would with AVX512-BF16."""
    return "amx_bf16" in _about("flags").split()


def describe() -> str:
    """Return the processor's name, how much of it there is, and what speeds networks up."""
    name = _about("model name") or platform.processor() or platform.machine()
    flags = _about("flags", "Features").split()
    fast = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in flags]
    return f"{name}, {threads()} processors{', ' + fast[0] if fast else ''}"


def _about(*keys: str) -> str:
    """Return the value of the first line of /proc/cpuinfo with one of these keys."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    line = next((line for line in text.splitlines() if line.startswith(keys)), "")
    return line.partition(":")[2].strip()


class _Share:
    """How many processors this process has for itself, where others share them out; 0: all that there are."""

    processors = 0


@contextmanager
def shared(processors: int) -> Iterator[None]:
    """Have no more than so many processors for as long as the block lasts, in all threads of this process."""
    before, _Share.processors = _Share.processors, processors
    try:
        yield
    finally:
        _Share.processors = before


def threads() -> int:
    """Return how many processors this process may use, in a container as in its share of a machine."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return math.ceil(max(1.0, min(count, _Share.processors or count, control_group.processors())))


def resident_memory() -> float:
    """Return the bytes of memory that this process holds; 0 where not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return float(pages * os.sysconf("SC_PAGE_SIZE"))
    except OSError:
        return 0.0


def available_memory() -> float:
    """Return the bytes of memory that can be had without swapping; infinite where not known.

    In a container, no more than its limit leaves.
    """
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    found = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return min(1024 * float(next(found, "inf")), control_group.memory_left())
