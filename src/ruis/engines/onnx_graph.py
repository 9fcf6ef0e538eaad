"""Layers that become an ONNX graph: what the onnxruntime engine runs and `ruis export` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import EngineUnavailableError, ExportError
from ruis.layers import Convolution, Layers, Padding, Pooling, Sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.layers import Network

__all__ = ["to_onnx"]

OPSET = 17
IR_VERSION = 8
AUTO_PAD = {"same": "SAME_UPPER", "valid": "VALID"}
OPERATORS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "elu": "Elu",
    "selu": "Selu",
    "softplus": "Softplus",
}


def to_onnx(
    network: Network,
    weights: Mapping[str, NDArray[np.float32]],
    *,
    metadata: Mapping[str, str] | None = None,
    blind: bool = False,
) -> bytes:
    """Return the network as an ONNX file's bytes.

    Parameters
    ----------
    network : Network
        Its description.
    weights : mapping of str to numpy.ndarray
        Its tensors, float32.
    metadata : mapping of str to str, optional
        Put into the file's properties.
    blind : bool, default False
        Whether the input is the image alone, and the channel for sigma is zero inside.

    Returns
    -------
    bytes
        A model with one input `noisy` and one output `denoised`, channels last, whose batch, rows
        and columns may have any size that the geometry allows.

    Raises
    ------
    EngineUnavailableError
        If the onnx package is not installed.
    ExportError
        If the network has a layer that cannot be written.
    """
    layers = _OnnxLayers(weights)
    return layers.file(network, dict(metadata or {}), blind=blind)


class _OnnxLayers(Layers):
    """Nodes and tensors of a graph; a signal is the name of a value, channels first."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        try:
            import onnx
        except ImportError as error:
            raise EngineUnavailableError("Writing ONNX", "onnxruntime") from error
        self.onnx = onnx
        self.weights = weights
        self.fixed = False
        self.nodes: list[Any] = []
        self.tensors: dict[str, Any] = {}

    def file(self, network: Network, metadata: dict[str, str], *, blind: bool) -> bytes:
        """Connect the network and serialise it."""
        helper, number = self.onnx.helper, self.onnx.TensorProto.FLOAT
        self.fixed = network.geometry.size is not None
        first = self._node("Transpose", ["noisy"], "noisy_channels_first", perm=[0, 3, 1, 2])
        given = network.channels if blind else network.input_channels
        if given < network.input_channels:
            first = self._with_zeros(first)
        last = network.connect(self, first)
        self._node("Transpose", [last], "denoised", perm=[0, 2, 3, 1])
        rows, columns = network.geometry.size or ("rows", "columns")
        graph = helper.make_graph(
            self.nodes,
            "ruis",
            [helper.make_tensor_value_info("noisy", number, ["batch", rows, columns, given])],
            [
                helper.make_tensor_value_info(
                    "denoised", number, ["batch", rows, columns, network.channels]
                )
            ],
            list(self.tensors.values()),
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="ruis"
        )
        helper.set_model_props(model, metadata)
        self.onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def _with_zeros(self, x: str) -> str:
        """Add one channel of zeros."""
        limits = [self._integers(number) for number in (0, 1, 1)]
        one = self._node("Slice", [x, *limits], "one_channel")
        zero = self._constant("zero", np.zeros((), np.float32))
        zeros = self._node("Mul", [one, zero], "sigma_unknown")
        return self._node("Concat", [x, zeros], "with_sigma", axis=1)

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(
            self.onnx.helper.make_node(kind, inputs, [output], name=output, **attributes)
        )
        return output

    def _constant(self, name: str, array: Any) -> str:
        if name not in self.tensors:
            tensor = self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
            self.tensors[name] = tensor
        return name

    def _integers(self, *numbers: int) -> str:
        name = "int_" + "_".join(map(str, numbers)).replace("-", "m")
        return self._constant(name, np.array(numbers, np.int64))

    def _activate(self, name: str, x: str, activation: str | None) -> str:
        if activation in (None, "linear"):
            return x
        if activation not in OPERATORS:
            known = ", ".join(OPERATORS)
            raise ExportError(f"ONNX here has no activation {activation!r}; it has {known}.")
        return self._node(OPERATORS[str(activation)], [x], f"{name}_{activation}")

    def convolve(self, x: Any, spec: Convolution) -> Any:
        """Convolve."""
        return self._convolution("Conv", x, spec)

    def convolve_transposed(self, x: Any, spec: Convolution) -> Any:
        """Convolve transposed."""
        return self._convolution("ConvTranspose", x, spec)

    def _convolution(self, kind: str, x: str, spec: Convolution) -> str:
        name = spec.name
        kernel = self.weights[f"{name}/kernel"].transpose(3, 2, 0, 1)
        inputs = [x, self._constant(f"{name}/kernel", kernel)]
        if spec.bias:
            inputs.append(self._constant(f"{name}/bias", self.weights[f"{name}/bias"]))
        before, after = spec.sides
        sides: dict[str, Any] = {"pads": [before, before, after, after]}
        if self.fixed and kind == "Conv":  # the size may be no multiple of the stride
            sides = {"auto_pad": AUTO_PAD[spec.padding]}
        x = self._node(kind, inputs, name, strides=[spec.stride] * 2, **sides)
        return self._activate(name, x, spec.activation)

    def pool(
        self, name: str, x: Any, kind: Pooling, size: int, *, padding: Padding = "same"
    ) -> Any:
        """Pool."""
        operator = "MaxPool" if kind == "max" else "AveragePool"
        settings: dict[str, Any] = {"kernel_shape": [size, size], "strides": [size, size]}
        if self.fixed:
            settings["auto_pad"] = AUTO_PAD[padding]
        if kind == "sum":  # the average with the zeros outside, times the area
            settings["count_include_pad"] = 1
        x = self._node(operator, [x], name, **settings)
        if kind != "sum":
            return x
        area = self._constant(f"area_{size}", np.float32(size * size))
        return self._node("Mul", [x, area], f"{name}_sum")

    def repeat(self, name: str, x: Any, size: int) -> Any:
        """Repeat pixels."""
        scales = self._constant(f"scales_{size}", np.array([1, 1, size, size], np.float32))
        return self._node(
            "Resize",
            [x, "", scales],
            name,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def dense(self, name: str, x: Any, units: int, *, activation: str | None = None) -> Any:
        """Flatten, channels last, and multiply."""
        x = self._node("Transpose", [x], f"{name}_last", perm=[0, 2, 3, 1])
        x = self._node("Flatten", [x], f"{name}_flat", axis=1)
        kernel = self._constant(f"{name}/kernel", self.weights[f"{name}/kernel"])
        bias = self._constant(f"{name}/bias", self.weights[f"{name}/bias"])
        x = self._node("Gemm", [x, kernel, bias], name)
        x = self._activate(name, x, activation)
        return self._node("Reshape", [x, self._integers(0, units, 1, 1)], f"{name}_unit")

    def reshape(self, name: str, x: Any, shape: tuple[int, int, int]) -> Any:
        """Change the shape."""
        x = self._node("Reshape", [x, self._integers(0, *shape)], f"{name}_last")
        return self._node("Transpose", [x], name, perm=[0, 3, 1, 2])

    def pad(self, name: str, x: Any, rows: Sides, columns: Sides) -> Any:
        """Put zeros around."""
        sides = self._integers(0, 0, rows[0], columns[0], 0, 0, rows[1], columns[1])
        return self._node("Pad", [x, sides], name)

    def crop(self, name: str, x: Any, rows: Sides, columns: Sides) -> Any:
        """Take a border away."""
        last = int(np.iinfo(np.int64).max)
        starts = self._integers(rows[0], columns[0])
        stops = self._integers(-rows[1] or last, -columns[1] or last)
        return self._node("Slice", [x, starts, stops, self._integers(2, 3)], name)

    def add(self, name: str, x: Any, y: Any) -> Any:
        """Add."""
        return self._node("Add", [x, y], name)

    def subtract(self, name: str, x: Any, y: Any) -> Any:
        """Subtract."""
        return self._node("Sub", [x, y], f"{name}_difference")

    def channels(self, x: Any, count: int) -> Any:
        """Keep the first channels."""
        ends = [self._integers(0), self._integers(count), self._integers(1)]
        return self._node("Slice", [x, *ends], f"{x}_first_{count}")
