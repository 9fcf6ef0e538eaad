"""What the processor can do that decides how networks run on it."""

from __future__ import annotations

import functools
import os
from pathlib import Path

__all__ = ["has_bfloat16", "threads"]


@functools.cache
def has_bfloat16() -> bool:
    """Say whether the processor multiplies bfloat16 numbers faster than float32 ones.

    Linux says so in /proc/cpuinfo (AVX512-BF16, AMX-BF16; bf16 on ARM); elsewhere the answer is no.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    line = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(line.split())


def threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
