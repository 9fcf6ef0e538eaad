"""A network as a graph of OpenVINO's: what the engine compiles, and what is exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import EngineError
from ruis.layers import Convolution, Layers, Padding, Pooling, Sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OpenVINOLayers"]

ACTIVATIONS = ("relu", "sigmoid", "tanh", "elu", "selu", "softplus", "linear")
AUTO_PAD = {"same": "same_upper", "valid": "valid"}
LAST = int(np.iinfo(np.int64).max)
SELU = (1.6732632423543772, 1.0507009873554805)


class OpenVINOLayers(Layers):
    """Layers of OpenVINO with given weights; signals are channels first.

    Parameters
    ----------
    weights : mapping of str to numpy.ndarray
        The network's tensors, float32.
    in_halves : bool, default False
        Whether the input comes as two halves; see `ruis.engines.openvino`.
    """

    def __init__(
        self, weights: Mapping[str, NDArray[np.float32]], *, in_halves: bool = False
    ) -> None:
        from openvino import opset13

        self.op = opset13
        self.weights = weights
        self.in_halves = in_halves
        self.noisy: Any = None
        self.halves: Any = None

    def start(self, shape: tuple[int, ...]) -> Any:
        """Return the input's signal, for a batch of this shape."""
        given = [2, *shape] if self.in_halves else list(shape)
        self.input = self.op.parameter(given, np.float32, name="noisy")
        if not self.in_halves:
            return self._axes(self.input, (0, 3, 1, 2))
        first = self.op.constant(np.array([0], np.int64))
        coarse, fine = (
            self._axes(self.op.squeeze(self._slice(self.input, 0, i, i + 1), first), (0, 3, 1, 2))
            for i in (0, 1)
        )
        self.halves = self.op.concat([coarse, fine], 1)
        self.noisy = self.op.add(coarse, fine)
        return self.noisy

    def finish(self, x: Any) -> Any:
        """Return the output, channels last."""
        return self._axes(x, (0, 2, 3, 1))

    def _axes(self, x: Any, order: tuple[int, ...]) -> Any:
        return self.op.transpose(x, self.op.constant(np.array(order, np.int64)))

    def _tensor(self, name: str, order: tuple[int, ...]) -> Any:
        return self.op.constant(np.ascontiguousarray(self.weights[name].transpose(order)))

    def _finish(self, x: Any, spec: Convolution) -> Any:
        if spec.bias:
            bias = self.weights[f"{spec.name}/bias"].reshape(1, -1, 1, 1)
            x = self.op.add(x, self.op.constant(bias))
        return self._activate(x, spec.activation)

    def _activate(self, x: Any, activation: str | None) -> Any:
        op = self.op
        match activation:
            case None | "linear":
                return x
            case "relu" | "sigmoid" | "tanh":
                return getattr(op, activation)(x)
            case "softplus":
                return op.softplus(x)
            case "elu":
                return op.elu(x, 1.0)
            case "selu":
                return op.selu(x, *(op.constant(np.float32(number)) for number in SELU))
        raise EngineError(
            f"the openvino engine has no activation {activation!r}; it has "
            f"{', '.join(ACTIVATIONS)}. The keras engine has them all."
        )

    def convolve(self, x: Any, spec: Convolution) -> Any:
        """Convolve."""
        strides, nothing = [spec.stride] * 2, [0, 0]
        if x is self.noisy and self.halves is not None:
            kernel = self.weights[f"{spec.name}/kernel"].transpose(3, 2, 0, 1)
            x, weights = self.halves, self.op.constant(np.concatenate([kernel, kernel], axis=1))
        else:
            weights = self._tensor(f"{spec.name}/kernel", (3, 2, 0, 1))
        auto = AUTO_PAD[spec.padding]
        x = self.op.convolution(x, weights, strides, nothing, nothing, [1, 1], auto_pad=auto)
        return self._finish(x, spec)

    def convolve_transposed(self, x: Any, spec: Convolution) -> Any:
        """Convolve transposed."""
        before, after = spec.sides
        taps, rest = divmod(spec.kernel, spec.stride)
        if spec.stride > 1 and taps > 1 and taps % 2 and not rest and before == after:
            return self._convolve_and_shuffle(x, spec, taps)
        weights = self._tensor(f"{spec.name}/kernel", (3, 2, 0, 1))
        x = self.op.convolution_backprop_data(
            x, weights, [spec.stride] * 2, pads_begin=[before] * 2, pads_end=[after] * 2
        )
        return self._finish(x, spec)

    def _convolve_and_shuffle(self, x: Any, spec: Convolution, taps: int) -> Any:
        """Convolve transposed as a convolution and a pixel shuffle, which is faster; `docs/decisions/0003`."""
        rows, columns, filters, channels = self.weights[f"{spec.name}/kernel"].shape
        step = spec.stride
        kernel = self.weights[f"{spec.name}/kernel"].reshape(
            rows // step, step, columns // step, step, filters, channels
        )[::-1, :, ::-1]  # a transposed convolution runs over its kernel backwards
        kernel = kernel.transpose(1, 3, 4, 5, 0, 2).reshape(-1, channels, taps, taps)
        weights, sides = self.op.constant(np.ascontiguousarray(kernel)), [taps // 2] * 2
        x = self.op.convolution(x, weights, [1, 1], sides, sides, [1, 1])
        return self._finish(self.op.depth_to_space(x, "blocks_first", step), spec)

    def pool(
        self, name: str, x: Any, kind: Pooling, size: int, *, padding: Padding = "same"
    ) -> Any:
        """Pool."""
        window, nothing, auto = [size, size], [0, 0], AUTO_PAD[padding]
        if kind == "max":
            pooled = self.op.max_pool(x, window, [1, 1], nothing, nothing, window, auto_pad=auto)
            return pooled.output(0)
        inside = kind == "average"  # a sum is the average with the zeros outside, times the area
        x = self.op.avg_pool(x, window, nothing, nothing, window, exclude_pad=inside, auto_pad=auto)
        return x if inside else self.op.multiply(x, np.float32(size * size))

    def repeat(self, name: str, x: Any, size: int) -> Any:
        """Repeat pixels."""
        return self.op.interpolate(
            x,
            self.op.constant(np.array([size, size], np.float32)),
            mode="nearest",
            shape_calculation_mode="scales",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
            axes=self.op.constant(np.array([2, 3], np.int64)),
        )

    def dense(self, name: str, x: Any, units: int, *, activation: str | None = None) -> Any:
        """Flatten, channels last, and multiply."""
        node = hasattr(x, "get_output_partial_shape")  # else it is one output of a node
        if len(x.get_output_partial_shape(0) if node else x.get_partial_shape()) == 4:
            x = self._axes(x, (0, 2, 3, 1))
        flat = self.op.reshape(x, self.op.constant(np.array([0, -1], np.int64)), True)
        product = self.op.matmul(
            flat, self.op.constant(self.weights[f"{name}/kernel"]), False, False
        )
        product = self.op.add(product, self.op.constant(self.weights[f"{name}/bias"][None]))
        return self._activate(product, activation)

    def reshape(self, name: str, x: Any, shape: tuple[int, int, int]) -> Any:
        """Change the shape."""
        image = self.op.reshape(x, self.op.constant(np.array([0, *shape], np.int64)), True)
        return self._axes(image, (0, 3, 1, 2))

    def pad(self, name: str, x: Any, rows: Sides, columns: Sides) -> Any:
        """Put zeros around."""
        begin = self.op.constant(np.array([0, 0, rows[0], columns[0]], np.int64))
        end = self.op.constant(np.array([0, 0, rows[1], columns[1]], np.int64))
        padded = self.op.pad(x, begin, end, "constant", self.op.constant(np.float32(0)))
        # OpenVINO makes the padding a part of the next convolution, and its convolutions with AVX2 alone fill a border
        # that is as wide as the kernel or wider with what was in memory. Nothing is less: this only stands between.
        return self.op.maximum(padded, self.op.constant(np.float32(-np.inf)))

    def crop(self, name: str, x: Any, rows: Sides, columns: Sides) -> Any:
        """Take a border away."""
        x = self._slice(x, 2, rows[0], -rows[1] or LAST)
        return self._slice(x, 3, columns[0], -columns[1] or LAST)

    def _slice(self, x: Any, axis: int, start: int, stop: int) -> Any:
        numbers = (self.op.constant(np.array([n], np.int64)) for n in (start, stop, 1, axis))
        return self.op.slice(x, *numbers)

    def add(self, name: str, x: Any, y: Any) -> Any:
        """Add."""
        return self.op.add(x, y)

    def subtract(self, name: str, x: Any, y: Any) -> Any:
        """Subtract; OpenVINO keeps what follows the last convolution in float32."""
        return self.op.subtract(x, y)

    def channels(self, x: Any, count: int) -> Any:
        """Keep the first channels."""
        return self._slice(x, 1, 0, count)
