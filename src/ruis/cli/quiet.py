"""Libraries are loaded without a word: TensorFlow greets on standard error, below Python, whatever it is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ruis.absent import absent
from ruis.cli.signals import held

__all__ = ["load_keras_quietly", "prepare_engine", "silenced"]

CONVERTER = "openvino.tools.ovc"
"""What turns other people's networks into OpenVINO's. OpenVINO imports it if it is there, which takes 30 ms, and we need it never."""


@contextmanager
def silenced() -> Iterator[None]:
    """Lead what this process writes to standard error, also below Python, to nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def load_keras_quietly() -> None:
    """Import Keras and its backend without their greetings.

    Raises
    ------
    EngineUnavailableError
        If it is not installed.
    """
    import logging

    from ruis.keras_backend import load_keras

    # That several networks are compiled, one after the other, is no reason to warn.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with held(), silenced():
        load_keras()


def prepare_engine(name: str) -> None:
    """Import what an engine needs.

    Raises
    ------
    UnknownNameError
        If there is no such engine.
    EngineUnavailableError
        If its library is not installed.
    """
    from ruis.engines import ENGINES

    if name == "keras":
        load_keras_quietly()
        return
    engine = ENGINES.load(name)
    with held(), absent(CONVERTER):
        engine.load_library()
