"""Keras, imported when it is needed, and its dtype policy, set for a while."""

from __future__ import annotations

import ctypes
import functools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ruis.errors import EngineUnavailableError

__all__ = ["dtype_policy", "load_keras", "patience"]

_TENSORFLOW = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
"""Set unless they are set. TensorFlow chooses oneDNN's convolutions by itself only where a processor has
AVX512-VNNI or better; with AVX2 alone they double the rate of a training (docs/figures.md)."""

_MALLOC = {-3: 32 << 20, -2: 64 << 20}
"""glibc's M_MMAP_THRESHOLD, at the most that it takes, and M_TOP_PAD: mallopt(3)."""


def load_keras(what: str = "Building or training a network") -> Any:
    """Return the keras module.

    Parameters
    ----------
    what : str
        What needs it, for the message where it is missing.

    Returns
    -------
    module
        Keras, with the backend that it is set to.

    Raises
    ------
    EngineUnavailableError
        If Keras, or its backend, is not installed.
    """
    for name, value in _TENSORFLOW.items():
        os.environ.setdefault(name, value)
    _keep_memory()
    try:
        import keras
    except ImportError as error:
        raise EngineUnavailableError(what, "train") from error
    return keras


@functools.cache
def _keep_memory() -> None:
    """Let glibc keep the memory that a step of a training frees, for the next step.

    Without it the system takes back what tensors had, and gives as much again, in pages of zeros,
    forty megabytes a step: 6 to 9 % of the time (docs/figures.md). It is set before TensorFlow is
    imported: once a network was built, it changed nothing. Other C libraries have no such setting.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for setting, size in _MALLOC.items():
        mallopt(setting, size)


@contextmanager
def dtype_policy(*, bfloat16: bool) -> Iterator[None]:
    """Build layers that compute in bfloat16, or in float32; the old policy comes back after.

    Parameters
    ----------
    bfloat16 : bool
        Whether convolutions compute in bfloat16; weights stay float32 in any case.
    """
    config = load_keras().config
    before = config.dtype_policy()
    config.set_dtype_policy("mixed_bfloat16" if bfloat16 else "float32")
    try:
        yield
    finally:
        config.set_dtype_policy(before)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Let a connection fail that says nothing for so long; Keras' own downloads wait for ever.

    Parameters
    ----------
    seconds : float
        How long it may be silent.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
