"""ONNX, run in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ruis.engines.onnx_graph import to_onnx
from ruis.errors import EngineUnavailableError
from ruis.export.base import Exporter, properties

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.model_file import ModelFile

__all__ = ["ONNX"]


class ONNX(Exporter):
    """One file, opset 17, for any size of batch, rows and columns that the geometry allows."""

    name: ClassVar[str] = "onnx"
    title: ClassVar[str] = "ONNX"
    suffix: ClassVar[str] = ".onnx"

    def write(self, model: ModelFile, path: Path, *, half: bool) -> list[Path]:
        """Write the graph."""
        path.write_bytes(to_onnx(model.architecture, model.weights, metadata=properties(model)))
        return [path]

    def run(self, path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run it in ONNX Runtime."""
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineUnavailableError("Checking an exported model", "onnxruntime") from error
        session: Any = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (result,) = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(batch)})
        return np.asarray(result)
