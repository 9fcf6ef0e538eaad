"""What a network learnt: fetched by Keras, or read from a file that somebody has.

Only HDF5 is read: such a file holds numbers, and nothing that could run.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path
from typing import Any

from ruis.errors import ConfigError, ModelCorruptError, ModelNotFoundError
from ruis.keras_backend import load_keras, patience
from ruis.pretrained.drawing import body, construct
from ruis.pretrained.networks import find

__all__ = ["filled"]

HDF5 = b"\x89HDF\r\n\x1a\n"

PATIENCE = 15
"""Seconds without a byte after which a download is given up."""


def filled(network: str, taps: tuple[int, ...], weights: str | Path) -> Any:
    """Build a network with what it learnt, and cut it at its taps."""
    keras = load_keras()
    known = find(network)
    fetched = _fetched(network) if weights == "imagenet" else None
    path = Path(weights)
    if fetched is None:
        _check_file(path)
    whole = body(network, tuple(known.taps), 0)
    if fetched is None:
        _read(whole, path, network)
    else:
        whole.set_weights(fetched.get_weights())
    _check_finite(whole, weights)
    outputs = [whole.get_layer(known.taps[tap]).output for tap in taps]
    return keras.Model(whole.input, outputs, name="body")


def _fetched(network: str) -> Any:
    """Let Keras fetch what a network learnt from ImageNet; it removes what arrived in part."""
    try:
        with patience(PATIENCE), contextlib.redirect_stdout(sys.stderr):
            return construct(find(network), "imagenet")
    except Exception as error:  # Keras raises Exception itself
        raise ModelNotFoundError(
            f"the ImageNet weights of {network} cannot be fetched: {error}. Without a network, "
            "fetch them elsewhere, and give the file's path as weights."
        ) from error


def _check_file(path: Path) -> None:
    if path.suffix != ".h5":
        raise ConfigError(
            f"pretrained weights are 'imagenet' or a file that ends in .weights.h5 or .h5, "
            f"not {str(path)!r}."
        )
    if not path.is_file():
        raise ModelNotFoundError(f"there is no file of pretrained weights {path}.")


def _read(whole: Any, path: Path, network: str) -> None:
    with path.open("rb") as file:
        start = file.read(len(HDF5))
    if start != HDF5:
        raise ModelCorruptError(f"{path} is damaged: it holds no HDF5 data.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # that a layer kept its fresh weights
            whole.load_weights(path)
    except OSError as error:
        raise ModelCorruptError(f"{path} is damaged: {error}.") from error
    except (ValueError, KeyError, AttributeError, TypeError, IndexError, UserWarning) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelCorruptError(
            f"{path} does not hold the weights of {network} without its classifier: {reason}"
        ) from error


def _check_finite(whole: Any, weights: str | Path) -> None:
    import numpy as np

    for variable in whole.variables:
        if not np.isfinite(np.asarray(variable.value)).all():
            raise ModelCorruptError(f"{weights}: {variable.path} holds values that are no numbers.")
