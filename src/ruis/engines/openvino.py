"""OpenVINO: the default engine, fastest on a plain processor, at a fixed shape."""

from __future__ import annotations

import functools
import math
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.engines.base import Engine, Precision
from ruis.errors import EngineError, EngineUnavailableError, OutOfMemoryError
from ruis.layers import Convolution, Layers, Padding, Pooling, Sides
from ruis.processor import threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OpenVINOEngine", "OpenVINOLayers"]

BAND = 1 << 15
"""Numbers that are parted at a time: so many stay in the fast parts of memory."""

SHAPES_KEPT = 8
"""How many shapes stay compiled: each holds its own weights and buffers."""

PIXELS_KEPT = 12_000_000
"""Pixels of the shapes that stay compiled, together: some hundred bytes each. A new shape makes room for itself."""

SMALL = 384 * 384
"""Batches of fewer pixels than this share one network that takes any shape: to compile one for a
shape costs 0.04 to 0.15 s, in which a processor without AMX denoises as many pixels. The rule knows
nothing but the shape, so that the same image gives the same bits whatever came before."""

ACTIVATIONS = ("relu", "sigmoid", "tanh", "elu", "selu", "softplus", "linear")
AUTO_PAD = {"same": "same_upper", "valid": "valid"}
LAST = int(np.iinfo(np.int64).max)
SELU = (1.6732632423543772, 1.0507009873554805)


TELEMETRY = "openvino_telemetry"
"""Where this package is, OpenVINO tells its makers of each import; where it is not, it does without."""


@functools.cache
def _core() -> Any:
    untold = TELEMETRY not in sys.modules
    if untold:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment] # "not installed", while we import
    try:
        import openvino
    except ImportError as error:
        raise EngineUnavailableError("The openvino engine", "openvino") from error
    finally:
        if untold:
            del sys.modules[TELEMETRY]
    return openvino.Core()


class _Threads:
    """Whether OpenVINO's threads run here. They do not follow into a process that is forked off, where it waits for them for ever."""

    begun = False
    lost = False

    @classmethod
    def forked(cls) -> None:
        """Note, in the new process, that they stayed behind."""
        cls.lost = cls.begun


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Threads.forked)


class OpenVINOEngine(Engine):
    """Run a network in OpenVINO; every shape is compiled once."""

    @classmethod
    def supports(cls, precision: Precision) -> bool:
        """Bfloat16 where OpenVINO finds it in the processor."""
        if precision == "f32":
            return True
        return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    @classmethod
    def load_library(cls) -> None:
        """Import OpenVINO."""
        _core()

    def prepare(self) -> None:
        """Load OpenVINO."""
        _core()
        self._turn = threading.RLock()
        self.in_halves = self.precision == "bf16"
        self.compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network; see :meth:`Engine.run`."""
        with self._infer(batch, lent=False) as result:
            return result

    @contextmanager
    def lent(self, batch: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Run the network, and let its memory be looked at; threads take turns. See :meth:`Engine.lent`."""
        if (
            type(self).run is not OpenVINOEngine.run
        ):  # whoever derives from this has something to say
            yield self.run(batch)
            return
        with self._infer(batch, lent=True) as result:
            yield result

    @contextmanager
    def _infer(self, batch: NDArray[np.float32], *, lent: bool) -> Iterator[NDArray[np.float32]]:
        if _Threads.lost:  # so may be who had the turn: nobody waits for it
            raise EngineError(
                "this process was forked off one that had denoised already, and OpenVINO's threads stayed there: "
                'start processes with multiprocessing.get_context("spawn"), or denoise in them alone.'
            )
        _Threads.begun = True
        with self._turn:
            with _ours(batch.shape):
                request = self._request(batch.shape)
                given = self._given(request, batch)
                result: NDArray[np.float32]
                result = request.infer(given, share_inputs=True, share_outputs=lent)[0]
            yield result

    def expect(self, shape: tuple[int, int, int, int]) -> None:
        """Compile the network for a shape; see :meth:`Engine.expect`."""
        if _Threads.lost:  # the first batch will say so
            return
        _Threads.begun = True
        with self._turn, _ours(shape):
            self._request(shape)

    def _given(self, request: Any, batch: NDArray[np.float32]) -> list[NDArray[np.float32]] | None:
        """Return what a network is given; halves are put into its own memory where that is fixed."""
        if not self.in_halves:
            return [np.ascontiguousarray(batch)]
        memory: NDArray[np.float32] | None = None
        if not request.model_inputs[0].partial_shape.is_dynamic:
            memory = request.get_input_tensor(0).data
        halves = _halves(batch, memory)
        return [halves] if memory is None else None

    def release(self, keep: int = 0) -> None:
        """Forget compiled shapes, but for the last that fit; see :meth:`Engine.release`."""
        for key in reversed([*self.compiled]):
            if _pixels(key) <= keep:
                keep -= _pixels(key)
            else:
                del self.compiled[key]

    def _request(self, shape: tuple[int, ...]) -> Any:
        small = shape[0] * shape[1] * shape[2] < SMALL and self.network.geometry.size is None
        key = (shape[3],) if small else shape
        if key in self.compiled:
            self.compiled.move_to_end(key)
            return self.compiled[key]
        self.release(max(0, PIXELS_KEPT - _pixels(key)))
        while len(self.compiled) >= SHAPES_KEPT:
            self.compiled.popitem(last=False)
        request = self._compile((-1, -1, -1, shape[3]) if small else shape)
        self.compiled[key] = request
        return request

    def _compile(self, shape: tuple[int, ...]) -> Any:
        """Compile the network for a shape, in which -1 is any length."""
        import openvino

        layers = OpenVINOLayers(self.weights, in_halves=self.in_halves)
        noisy = layers.start(shape)
        model = openvino.Model([layers.finish(self.network.connect(layers, noisy))], [layers.input])
        settings = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": str(self.threads or threads()),
            "NUM_STREAMS": "1",
            # Pinned, networks with one thread each would all sit on the same processor.
            "ENABLE_CPU_PINNING": False,
        }
        return _core().compile_model(model, "CPU", settings).create_infer_request()


@contextmanager
def _ours(shape: tuple[int, ...]) -> Iterator[None]:
    """Turn what OpenVINO raises into errors of ours."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(f"there is no memory for tiles of {shape}.") from error
    except RuntimeError as error:
        if "alloc" in str(error).lower() or "memory" in str(error).lower():
            raise OutOfMemoryError(f"there is no memory for {shape}.") from error
        raise EngineError(f"OpenVINO failed on {shape}: {error}") from error


def _pixels(key: tuple[int, ...]) -> int:
    """Return for how many pixels a compiled network holds memory; the one for small shapes, for most that are."""
    return math.prod(key[:3]) if len(key) > 1 else SMALL


def _halves(batch: NDArray[np.float32], into: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Part numbers in what bfloat16 holds of them, and what it leaves; a convolution adds the two in float32.

    What a network finds is subtracted from the image: rounded to 8 bits on its way in, the image would lose that rounding
    to the noise (`docs/decisions/0005-precision.md`).

    Parameters
    ----------
    batch : numpy.ndarray
        Shape (images, rows, columns, channels), float32.
    into : numpy.ndarray, optional
        Where they go; default: a new array.

    Returns
    -------
    numpy.ndarray
        Shape (2, images, rows, columns, channels).
    """
    halves = np.empty((2, *batch.shape), np.float32) if into is None else into
    band = max(1, BAND // max(1, batch[0, 0].size))
    for image, coarse, fine in zip(batch, *halves, strict=True):
        for row in range(0, len(image), band):
            rows = slice(row, row + band)
            bits = image[rows].view(np.uint32) + np.uint32(0x8000)  # rounded to the nearest
            bits &= np.uint32(0xFFFF0000)
            coarse[rows] = bits.view(np.float32)
            np.subtract(image[rows], coarse[rows], out=fine[rows])
    return halves


class OpenVINOLayers(Layers):
    """Layers of OpenVINO with given weights; signals are channels first.

    Parameters
    ----------
    weights : mapping of str to numpy.ndarray
        The network's tensors, float32.
    in_halves : bool, default False
        Whether the input comes as two halves; see :func:`_halves`.
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
