"""A module that seems not to be installed, while a library is imported that would import it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["absent"]


@contextmanager
def absent(name: str) -> Iterator[None]:
    """Let a module seem not to be installed, unless it is loaded already.

    Parameters
    ----------
    name : str
        The module's whole name.

    Examples
    --------
    >>> with absent("wave"):
    ...     import wave
    Traceback (most recent call last):
    ModuleNotFoundError: import of wave halted; None in sys.modules
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment] # what Python takes for "not installed"
    try:
        yield
    finally:
        del sys.modules[name]
