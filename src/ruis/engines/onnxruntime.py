"""ONNX Runtime: for machines with CUDA, CoreML or DirectML, and where OpenVINO is not to be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ruis.engines.base import Engine
from ruis.engines.onnx_graph import to_onnx
from ruis.errors import (
    EngineError,
    EngineUnavailableError,
    ExportError,
    OutOfMemoryError,
)
from ruis.processor import threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ONNXRuntimeEngine"]


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailableError("The onnxruntime engine", "onnxruntime") from error
    return onnxruntime


class ONNXRuntimeEngine(Engine):
    """Run a network in ONNX Runtime, with the fastest provider that it has."""

    appetite: ClassVar[float] = 2.4

    @classmethod
    def load_library(cls) -> None:
        """Import ONNX Runtime."""
        _onnxruntime()

    def prepare(self) -> None:
        """Write the graph in memory and load it."""
        onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads or threads()
        options.log_severity_level = 3
        try:
            graph = to_onnx(self.network, self.weights)
        except ExportError as error:
            raise EngineError(str(error)) from error
        self.session = onnxruntime.InferenceSession(
            graph,
            options,
            providers=onnxruntime.get_available_providers(),
        )

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network; see :meth:`Engine.run`."""
        try:
            (result,) = self.session.run(None, {"noisy": np.ascontiguousarray(batch)})
        except MemoryError as error:
            raise OutOfMemoryError(f"there is no memory for tiles of {batch.shape}.") from error
        except Exception as error:  # its exceptions share no base that it exports
            if "alloc" in str(error).lower():
                raise OutOfMemoryError(f"there is no memory for {batch.shape}.") from error
            raise EngineError(f"ONNX Runtime failed on {batch.shape}: {error}") from error
        return np.asarray(result, np.float32)
