"""A model for other people's runtimes, written only if it computes what ours computes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.engines.onnx_graph import to_onnx
from ruis.errors import EngineUnavailableError, ParityError
from ruis.formats.atomic import new_file

if TYPE_CHECKING:
    from ruis.model_file import ModelFile

__all__ = ["TOLERANCE", "onnx"]

TOLERANCE = 1e-4
"""The largest difference allowed, as a fraction of the data range; 2.5 % of an 8-bit step."""


def onnx(model: ModelFile, path: str | Path, *, overwrite: bool = False) -> float:
    """Write a model as ONNX, and hold it against the default engine first.

    Parameters
    ----------
    model : ModelFile
        The model.
    path : path
        Where to; any sizes of batch, rows and columns that the geometry allows can be run.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Returns
    -------
    float
        The largest difference that was found, as a fraction of the data range.

    Raises
    ------
    ParityError
        If the exported model computes something else; nothing is written.
    EngineUnavailableError
        If onnx or onnxruntime is not installed.
    """
    architecture = model.architecture
    geometry = architecture.geometry
    properties = {
        "name": model.name,
        "purpose": model.manifest.purpose,
        "input": "float32 (batch, rows, columns, channels), fractions of the data range"
        + ("; the last channel is sigma, 0 where unknown" if architecture.takes_sigma else ""),
        "multiple": str(geometry.multiple),
        "receptive_field": str(geometry.receptive_field),
        "weights_sha256": model.sha256,
    }
    graph = to_onnx(architecture, model.weights, metadata=properties)
    difference = _difference(model, graph)
    if not difference <= TOLERANCE:
        raise ParityError(difference, TOLERANCE)
    with new_file(Path(path), overwrite=overwrite) as file:
        file.write(graph)
    return difference


def _difference(model: ModelFile, graph: bytes) -> float:
    """Run both on noise of two sizes, and return the largest difference."""
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailableError("Checking an exported model", "onnxruntime") from error
    from ruis.engines.openvino import OpenVINOEngine

    ours = OpenVINOEngine(model.architecture, model.weights)
    theirs: Any = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    geometry = model.architecture.geometry
    largest = 0.0
    for rows, columns in ((8, 12), (5, 7)):
        size = geometry.size or (rows * geometry.multiple, columns * geometry.multiple)
        batch = rng.random((1, *size, model.architecture.input_channels), dtype=np.float32)
        (result,) = theirs.run(None, {"noisy": batch})
        largest = max(largest, float(np.abs(result - ours.run(batch)).max()))
    return largest
