"""Keras' own file, of Keras' own layers, for whoever wants to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ruis.errors import ExportError
from ruis.export.base import Exporter, keras_network
from ruis.keras_backend import load_keras

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.model_file import ModelFile

__all__ = ["Keras"]


class Keras(Exporter):
    """One file that `keras.saving.load_model` opens without ruis."""

    name: ClassVar[str] = "keras"
    title: ClassVar[str] = "Keras"
    suffix: ClassVar[str] = ".keras"

    def write(self, model: ModelFile, path: Path, *, half: bool) -> list[Path]:
        """Write architecture and weights."""
        keras_network(model).save(path)
        return [path]

    def run(self, path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Load what was just written as anyone would, and run it."""
        keras = load_keras()
        try:
            network = keras.saving.load_model(path, compile=False, safe_mode=True)
        except (TypeError, ValueError) as error:  # a layer that is ours alone
            reason = str(error).strip().partition("\n")[0]
            raise ExportError(f"Keras alone cannot load this network: {reason}") from error
        return np.asarray(keras.ops.convert_to_numpy(network(batch, training=False)))
