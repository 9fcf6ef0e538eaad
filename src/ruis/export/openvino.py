"""OpenVINO's intermediate representation: an .xml with the graph, a .bin with the weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ruis.engines.openvino_graph import OpenVINOLayers
from ruis.errors import EngineUnavailableError
from ruis.export.base import Exporter, properties

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.model_file import ModelFile

__all__ = ["OpenVINO"]


class OpenVINO(Exporter):
    """Two files, for any size of batch, rows and columns that the geometry allows."""

    name: ClassVar[str] = "openvino"
    title: ClassVar[str] = "OpenVINO IR"
    suffix: ClassVar[str] = ".xml"
    halves: ClassVar[bool] = True

    def write(self, model: ModelFile, path: Path, *, half: bool) -> list[Path]:
        """Write the graph and the weights."""
        try:
            import openvino
        except ImportError as error:
            raise EngineUnavailableError("Exporting to OpenVINO", "openvino") from error
        architecture = model.architecture
        size = architecture.geometry.size or (-1, -1)
        layers = OpenVINOLayers(model.weights)
        noisy = layers.start((-1, *size, architecture.input_channels))
        denoised = layers.finish(architecture.connect(layers, noisy))
        graph = openvino.Model([denoised], [layers.input], architecture.name)
        graph.inputs[0].set_names({"noisy"})
        graph.outputs[0].set_names({"denoised"})
        for key, value in properties(model).items():
            graph.set_rt_info(value, ["ruis", key])
        openvino.save_model(graph, path, compress_to_fp16=half)
        return [path, path.with_suffix(".bin")]

    def run(self, path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run it in OpenVINO, in float32 whatever the processor has."""
        import openvino

        settings = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(path, "CPU", settings)
        return np.asarray(compiled([np.ascontiguousarray(batch)])[0])
