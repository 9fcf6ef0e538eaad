"""This room: a model for other people's runtimes, written only if it computes what ours computes.

May touch: models, engines, files, and the libraries of those runtimes, on first use.
Must not: train, change a weight, keep a file that was not held against the original.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ruis.errors import ConfigError, EngineError, ExportError, ParityError
from ruis.formats.atomic import new_file
from ruis.registry import Registry

if TYPE_CHECKING:
    from ruis.engines.base import Engine
    from ruis.export.base import Exporter
    from ruis.model_file import ModelFile

__all__ = ["EXPORTERS", "TOLERANCE", "Exported", "export"]

EXPORTERS = Registry(
    "export format",
    "ruis.export",
    {
        "onnx": "ruis.export.onnx:ONNX",
        "openvino": "ruis.export.openvino:OpenVINO",
        "litert": "ruis.export.litert:LiteRT",
        "keras": "ruis.export.keras:Keras",
        "bioimageio": "ruis.export.bioimageio:BioImageIO",
    },
)
"""What a model can be exported to."""

TOLERANCE = 1e-4
"""The largest difference allowed, as a fraction of the data range; 2.5 % of an 8-bit step."""


@dataclass(frozen=True)
class Exported:
    """What was written, and how close it comes.

    Parameters
    ----------
    files : tuple of Path
        The file that was asked for, and those that belong to it.
    difference : float
        The largest difference to the original, as a fraction of the data range.
    """

    files: tuple[Path, ...]
    difference: float


def export(
    model: ModelFile, to: str, path: str | Path, *, half: bool = False, overwrite: bool = False
) -> Exported:
    """Write a model for another runtime, and hold it there against the default engine first.

    Parameters
    ----------
    model : ModelFile
        The model.
    to : str
        A row of `EXPORTERS`: "onnx", "openvino", "litert", "keras" or "bioimageio".
    path : path
        Where to; its ending is that of the format.
    half : bool, default False
        Store weights as 16-bit floats, where the format can: half the size. Model files store
        their kernels so already, and then nothing is lost.
    overwrite : bool, default False
        Whether files that are there already are replaced.

    Returns
    -------
    Exported
        The files, and the largest difference that was found.

    Raises
    ------
    UnknownNameError
        If there is no such format.
    ConfigError
        If the path has another ending, or the format has no half weights.
    ParityError
        If the exported model computes something else; nothing is written.
    ExportError
        If the format cannot hold the network.
    EngineUnavailableError
        If a package that writes or runs the format is not installed.
    ImageWriteError
        If a file exists already, or the disk refuses.

    Examples
    --------
    >>> from ruis import zoo
    >>> export(zoo.find("gray"), "openvino", "gray.xml").difference < 1e-4  # doctest: +SKIP
    True
    """
    exporter: Exporter = EXPORTERS.load(to)()
    path = Path(path)
    if path.suffix != exporter.suffix:
        raise ConfigError(f"{path}: the name of {exporter.title} ends in {exporter.suffix}.")
    if half and not exporter.halves:
        able = [name for name in EXPORTERS if EXPORTERS.load(name).halves]
        raise ConfigError(f"{exporter.title} here has no half weights; {' and '.join(able)} have.")
    with tempfile.TemporaryDirectory(prefix="ruis-") as folder:
        made = exporter.write(model, Path(folder) / path.name, half=half)
        difference = _difference(model, exporter, made[0])
        if not difference <= TOLERANCE:
            raise ParityError(difference, TOLERANCE)
        files = [path.with_name(one.name) for one in made]
        _publish(made, files, overwrite=overwrite)
    return Exported(tuple(files), difference)


def _difference(model: ModelFile, exporter: Exporter, path: Path) -> float:
    """Run both on noise of two sizes, and return the largest difference."""
    ours = _reference(model)
    architecture = model.architecture
    rng = np.random.default_rng(0)
    largest = 0.0
    for size in exporter.sizes(architecture.geometry):
        batch = rng.random((1, *size, architecture.input_channels), dtype=np.float32)
        if exporter.blind:
            batch[..., architecture.channels :] = 0
        given = batch[..., : architecture.channels] if exporter.blind else batch
        result = exporter.run(path, given)
        expected = ours.run(batch)
        if result.shape != expected.shape:
            raise ExportError(
                f"{result.shape} come out of the exported model, not {expected.shape}."
            )
        difference = float(np.abs(result - expected).max())
        largest = float(np.maximum(largest, difference))  # which keeps what is no number
    return largest


def _reference(model: ModelFile) -> Engine:
    """Return the default engine, or Keras for a network that it does not know."""
    from ruis.engines.keras import KerasEngine
    from ruis.engines.openvino import OpenVINOEngine

    engine: Engine = OpenVINOEngine(model.architecture, model.weights)
    try:
        geometry = model.architecture.geometry
        least = geometry.size or (geometry.multiple, geometry.multiple)
        engine.run(np.zeros((1, *least, model.architecture.input_channels), np.float32))
    except EngineError:
        return KerasEngine(model.architecture, model.weights)
    return engine


def _publish(made: list[Path], files: list[Path], *, overwrite: bool) -> None:
    """Put finished files in their place, the one that was asked for last: it needs the others."""
    new: list[Path] = []
    try:
        for source, target in reversed(list(zip(made, files, strict=True))):
            there = target.exists()
            with new_file(target, overwrite=overwrite) as file:
                file.write(source.read_bytes())
            new += [] if there else [target]
    except BaseException:
        for target in new:
            with suppress(FileNotFoundError):
                target.unlink()
        raise
