"""What the control groups of this process leave it: a container's share of memory and processors.

Linux, version 2 and 1 of control groups: https://docs.kernel.org/admin-guide/cgroup-v2.html, and
cgroup-v1/memory.html and scheduler/sched-bwc.html there.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["memory_left", "processors"]

MOUNTED = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
UNLIMITED = 2.0**62
"""Version 1 has no word for it, and gives about 2**63 bytes."""


def memory_left() -> float:
    """Return the bytes that this process may still take; infinite where no group limits it.

    Pages of files that nobody used lately count as left: the system takes them back first.
    """
    left = math.inf
    for folder, most in _limits_of_memory():
        used = _number(folder, "memory.current", "memory.usage_in_bytes")
        if used < math.inf:
            left = min(left, most - used + _unused_pages_of_files(folder))
    return max(0.0, left)


@functools.cache
def processors() -> float:
    """Return how many processors' time this process may use; infinite where no group limits it.

    It is read once.
    """
    share = math.inf
    for folder in _folders("cpu"):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        quota = quota or _text(folder / "cpu.cfs_quota_us")
        period = period or _text(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal():  # neither "max" nor -1
            share = min(share, int(quota) / int(period))
    return share


@functools.cache
def _limits_of_memory() -> tuple[tuple[Path, float], ...]:
    """Return the folders of the groups that have a limit, and the limits; they are read once."""
    names = "memory.max", "memory.limit_in_bytes"
    limits = ((folder, _number(folder, *names)) for folder in _folders("memory"))
    return tuple((folder, most) for folder, most in limits if most < UNLIMITED)


def _folders(controller: str) -> Iterator[Path]:
    """Give the folder of each group that this process is in, and of those around it.

    In a container the path may be one that only the machine around it knows: its own group is what is
    mounted then.
    """
    for line in _text(OWN).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mounted = MOUNTED / controller if controllers else MOUNTED
        group = mounted / path.strip("/")
        yield from (one for one in (group, *group.parents) if one.is_relative_to(mounted))


def _unused_pages_of_files(folder: Path) -> float:
    fields = dict(line.split(" ", 1) for line in _text(folder / "memory.stat").splitlines())
    return float(fields.get("total_inactive_file", fields.get("inactive_file", 0)))


def _number(folder: Path, *names: str) -> float:
    """Return the number in the first of these files that there is; infinite without one, or for "max"."""
    texts = (_text(folder / name) for name in names)
    text = next((text for text in texts if text), "max")
    return float(text) if text.isdecimal() else math.inf


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
