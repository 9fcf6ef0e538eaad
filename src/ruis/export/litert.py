"""LiteRT, formerly TensorFlow Lite, for phones and small boards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ruis.errors import EngineUnavailableError, ExportError
from ruis.export.base import Exporter, keras_network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.model_file import ModelFile

__all__ = ["LiteRT"]


class LiteRT(Exporter):
    """One file; its input is resized to any batch, rows and columns that the geometry allows."""

    name: ClassVar[str] = "litert"
    title: ClassVar[str] = "LiteRT"
    suffix: ClassVar[str] = ".tflite"
    halves: ClassVar[bool] = True

    def write(self, model: ModelFile, path: Path, *, half: bool) -> list[Path]:
        """Convert the network that Keras makes."""
        network = keras_network(model)
        import keras

        if keras.backend.backend() != "tensorflow":
            raise ExportError("LiteRT is written by TensorFlow: set KERAS_BACKEND=tensorflow.")
        import tensorflow as tf

        settings: dict[str, Any] = {}
        if half:
            settings["optimizations"] = [tf.lite.Optimize.DEFAULT]
            settings["target_spec"] = {"supported_types": [tf.float16]}
        network.export(path, format="litert", verbose=False, **settings)
        return [path]

    def run(self, path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run it in LiteRT's interpreter."""
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise EngineUnavailableError("Checking a LiteRT model", "export") from error
        interpreter = Interpreter(model_path=str(path))
        (noisy,), (denoised,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.resize_tensor_input(noisy["index"], batch.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(noisy["index"], np.ascontiguousarray(batch))
        interpreter.invoke()
        return np.array(interpreter.get_tensor(denoised["index"]))
