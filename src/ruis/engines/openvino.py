"""OpenVINO: the default engine, fastest on a plain processor, at a fixed shape."""

from __future__ import annotations

import functools
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ruis.absent import absent
from ruis.engines.base import Engine, Precision
from ruis.engines.openvino_graph import OpenVINOLayers
from ruis.errors import EngineError, EngineUnavailableError, OutOfMemoryError
from ruis.processor import threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OpenVINOEngine"]

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

TELEMETRY = "openvino_telemetry"
"""Where this package is, OpenVINO tells its makers of each import; where it is not, it does without."""


@functools.cache
def _core() -> Any:
    try:
        with absent(TELEMETRY):
            import openvino
    except ImportError as error:
        raise EngineUnavailableError("The openvino engine", "openvino") from error
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


class _Compiled:
    """A network that is compiled for a shape, and what has room for a batch and its result: one for each lane.

    The network itself, and all that is between its layers, is there once: OpenVINO computes one batch after the other.
    """

    def __init__(self, model: Any, lanes: int) -> None:
        self._model = model
        self._more = lanes - 1
        self._free = [model.create_infer_request()]
        self._turn = threading.Condition()

    @contextmanager
    def request(self) -> Iterator[Any]:
        """Have one of the requests for a block, once one is free."""
        with self._turn:
            if not self._free and self._more:
                self._more -= 1
                # Where there is no memory for another one, who asks waits for the first.
                with suppress(MemoryError, RuntimeError):
                    self._free.append(self._model.create_infer_request())
            self._turn.wait_for(lambda: self._free)
            request = self._free.pop()
        try:
            yield request
        finally:
            with self._turn:
                self._free.append(request)
                self._turn.notify()


class OpenVINOEngine(Engine):
    """Run a network in OpenVINO; every shape is compiled once."""

    lanes: ClassVar[int] = 2

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
        self._turn = threading.Lock()
        self.in_halves = self.precision == "bf16"
        self.compiled: OrderedDict[tuple[int, ...], _Compiled] = OrderedDict()

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network; see :meth:`Engine.run`."""
        with self._infer(batch, lent=False) as result:
            return result

    @contextmanager
    def lent(self, batch: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Run the network, and let its memory be looked at; see :meth:`Engine.lent`."""
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
        with _ours(batch.shape), self._turn:
            compiled = self._ready(batch.shape)
        with compiled.request() as request:
            with _ours(batch.shape):
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
            self._ready(shape)

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
        with self._turn:
            self._forget(keep)

    def _forget(self, keep: int) -> None:
        for key in reversed([*self.compiled]):
            if _pixels(key) <= keep:
                keep -= _pixels(key)
            else:
                del self.compiled[key]

    def _ready(self, shape: tuple[int, ...]) -> _Compiled:
        small = shape[0] * shape[1] * shape[2] < SMALL and self.network.geometry.size is None
        key = (shape[3],) if small else shape
        if key in self.compiled:
            self.compiled.move_to_end(key)
            return self.compiled[key]
        self._forget(max(0, PIXELS_KEPT - _pixels(key)))
        while len(self.compiled) >= SHAPES_KEPT:
            self.compiled.popitem(last=False)
        model = self._compile((-1, -1, -1, shape[3]) if small else shape)
        self.compiled[key] = _Compiled(model, self.lanes)
        return self.compiled[key]

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
        return _core().compile_model(model, "CPU", settings)


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
