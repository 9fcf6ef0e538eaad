"""A package for the BioImage Model Zoo: description, ONNX weights, test tensors, model card."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ruis.engines.onnx_graph import OPSET, to_onnx
from ruis.engines.openvino import OpenVINOEngine
from ruis.errors import EngineUnavailableError, ExportError
from ruis.export.base import Exporter, properties

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.model_file import ModelFile
    from ruis.tiling import Geometry

__all__ = ["BioImageIO"]

WEIGHTS = "weights.onnx"
LEAST = 64
"""Pixels on a side of the smallest image that is announced, at least."""


class BioImageIO(Exporter):
    """One zip by version 0.5 of the specification. Its network is blind: it takes the image alone.

    Programs of the zoo cut images into tiles by themselves: the halo that it announces is the one
    that ruis uses.
    """

    name: ClassVar[str] = "bioimageio"
    title: ClassVar[str] = "BioImage.IO"
    suffix: ClassVar[str] = ".zip"
    blind: ClassVar[bool] = True

    def write(self, model: ModelFile, path: Path, *, half: bool) -> list[Path]:
        """Describe the model, and pack it; what the specification refuses is an error."""
        save = _package()
        graph = to_onnx(model.architecture, model.weights, metadata=properties(model), blind=True)
        with tempfile.TemporaryDirectory(prefix="ruis-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about fields that are recommended
            room = Path(folder)
            (room / WEIGHTS).write_bytes(graph)
            (room / "README.md").write_text(model.card or f"# {model.name}\n", encoding="utf-8")
            noisy, denoised = self._tensors(model)
            np.save(room / "noisy.npy", noisy)
            np.save(room / "denoised.npy", denoised)
            try:
                save(_description(model, room), output_path=path)
            except ValueError as error:
                raise ExportError(
                    f"the specification of BioImage.IO refuses it: {error}"
                ) from error
        return [path]

    def run(self, path: Path, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Validate and test the package, then run its weights in ONNX Runtime."""
        _test(path)
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineUnavailableError("Checking an exported model", "onnxruntime") from error

        with zipfile.ZipFile(path) as package:
            graph = package.read(WEIGHTS)
        session: Any = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        (result,) = session.run(None, {"noisy": np.ascontiguousarray(batch)})
        return np.asarray(result)

    def sizes(self, geometry: Geometry) -> list[tuple[int, int]]:
        """Return one size: the package has its own test besides."""
        return super().sizes(geometry)[:1]

    def _tensors(self, model: ModelFile) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return an image of noise, and what the default engine makes of it."""
        architecture = model.architecture
        rows, columns = architecture.geometry.size or (_least(architecture.geometry),) * 2
        rng = np.random.default_rng(0)
        noisy = rng.random((1, rows, columns, architecture.input_channels), dtype=np.float32)
        noisy[..., architecture.channels :] = 0
        denoised = OpenVINOEngine(architecture, model.weights).run(noisy)
        return noisy[..., : architecture.channels], denoised


def _package() -> Any:
    try:
        from bioimageio.spec import save_bioimageio_package
    except ImportError as error:
        raise EngineUnavailableError("Exporting to BioImage.IO", "export") from error
    return save_bioimageio_package


def _least(geometry: Geometry) -> int:
    """Return the smallest side: something must be left once the halo is taken off."""
    side = max(LEAST, 2 * geometry.halo + geometry.multiple)
    return -(-side // geometry.multiple) * geometry.multiple


def _description(model: ModelFile, room: Path) -> Any:
    """Describe the model in the words of the specification."""
    from bioimageio.spec.model import v0_5 as spec

    manifest, architecture = model.manifest, model.architecture
    geometry, channels = architecture.geometry, architecture.channels
    names = ["red", "green", "blue"] if channels == 3 else [f"channel{n}" for n in range(channels)]
    steps = spec.ParameterizedSize(min=_least(geometry), step=geometry.multiple)
    sizes = dict(zip("yx", geometry.size or (steps, steps), strict=True))
    scale = "values as fractions of the data range"
    if architecture.scale_free:
        scale += "; any other scale gives the same result in that scale"
    noisy = spec.InputTensorDescr(
        id=spec.TensorId("noisy"),
        description=f"noisy image, {scale}",
        axes=[
            spec.BatchAxis(),
            *(spec.SpaceInputAxis(id=spec.AxisId(axis), size=size) for axis, size in sizes.items()),
            spec.ChannelAxis(channel_names=[spec.Identifier(name) for name in names]),
        ],
        test_tensor=spec.FileDescr(source=room / "noisy.npy"),
    )
    denoised = spec.OutputTensorDescr(
        id=spec.TensorId("denoised"),
        description="denoised image, in the scale of the noisy one",
        axes=[
            spec.BatchAxis(),
            *(_output_axis(spec, axis, geometry) for axis in sizes),
            spec.ChannelAxis(channel_names=[spec.Identifier(name) for name in names]),
        ],
        test_tensor=spec.FileDescr(source=room / "denoised.npy"),
    )
    return spec.ModelDescr(
        name=f"ruis {model.name}".replace("_", " "),
        description=manifest.purpose[:1024] or "Removes noise from images.",
        authors=[spec.Author(name="ruis")],
        documentation=spec.FileDescr(source=room / "README.md"),
        tags=["denoising", "image restoration", "ruis"],
        inputs=[noisy],
        outputs=[denoised],
        weights=spec.WeightsDescr(
            onnx=spec.OnnxWeightsDescr(source=room / WEIGHTS, opset_version=OPSET)
        ),
    )


def _output_axis(spec: Any, axis: str, geometry: Geometry) -> Any:
    """Return an axis that is as long as the input's, with the halo that tiles must overlap by."""
    if geometry.size:
        return spec.SpaceOutputAxis(id=axis, size=geometry.size["yx".index(axis)])
    size = spec.SizeReference(tensor_id=spec.TensorId("noisy"), axis_id=spec.AxisId(axis))
    return spec.SpaceOutputAxisWithHalo(id=spec.AxisId(axis), size=size, halo=geometry.halo)


def _test(path: Path) -> None:
    """Validate the package, and run its own test where the zoo's library is installed.

    Raises
    ------
    ExportError
        If it does not pass.
    """
    from bioimageio.spec import load_model_description

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            load_model_description(path, perform_io_checks=True)
        except ValueError as error:
            raise ExportError(f"the specification of BioImage.IO refuses it: {error}") from error
        try:
            from bioimageio.core import test_model
        except ImportError:
            return
        summary = test_model(path, weight_format="onnx")
    if summary.status != "passed":
        found = "; ".join(str(error.msg) for one in summary.details for error in one.errors)
        raise ExportError(f"the test of BioImage.IO says {summary.status}: {found or 'no reason'}")
