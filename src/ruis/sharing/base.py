"""What arrives from any place, and what is told while it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Fetched", "Progress"]

Progress = Callable[[int, int], None]
"""Called with bytes fetched, and bytes in all (0: unknown)."""


@dataclass(frozen=True)
class Fetched:
    """A file that arrived, not verified yet.

    Parameters
    ----------
    file : Path
        Where it lies.
    source : str
        Where it came from, as exactly as can be said: with the commit, for the Hub.
    sha256 : str, optional
        The hash that the source announces for it.
    """

    file: Path
    source: str
    sha256: str | None = None
