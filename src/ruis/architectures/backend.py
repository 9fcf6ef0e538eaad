"""Keras, imported when it is needed, quietly, or with a clear word where it is missing."""

from __future__ import annotations

import os
from typing import Any

from ruis.errors import EngineUnavailableError

__all__ = ["load_keras"]


def load_keras() -> Any:
    """Return the keras module.

    Raises
    ------
    EngineUnavailableError
        If Keras, or the backend that it is set to, is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import keras
    except ImportError as error:
        raise EngineUnavailableError("Building or training a network", "train") from error
    return keras
