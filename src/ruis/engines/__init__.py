"""This room: run a trained network, float32 (N, H, W, C) -> the same; one module per engine.

May touch: the engine's own library, when an engine is made; layers and tiling.
Must not: read files, scale intensities, cut tiles, know another engine or an architecture.
"""

from __future__ import annotations

from ruis.registry import Registry

__all__ = ["ENGINES"]

ENGINES = Registry(
    "engine",
    "ruis.engines",
    {
        "openvino": "ruis.engines.openvino:OpenVINOEngine",
        "onnxruntime": "ruis.engines.onnxruntime:ONNXRuntimeEngine",
        "keras": "ruis.engines.keras:KerasEngine",
    },
)
