"""Keras: the engine that training uses, and the one that knows every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ruis.engines.base import Engine, Precision
from ruis.errors import EngineError, OutOfMemoryError
from ruis.keras_backend import dtype_policy, load_keras
from ruis.processor import has_bfloat16

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KerasEngine"]


class KerasEngine(Engine):
    """Run a network in Keras."""

    appetite: ClassVar[float] = 2.4

    @classmethod
    def supports(cls, precision: Precision) -> bool:
        """Bfloat16 where the processor has it."""
        return precision == "f32" or has_bfloat16()

    def prepare(self) -> None:
        """Build the network and give it its weights."""
        load_keras("The keras engine")
        with dtype_policy(bfloat16=self.precision == "bf16"):
            self.model: Any = self.network.build()
        for variable in self.model.variables:
            variable.assign(self.weights[variable.path])

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network; see :meth:`Engine.run`."""
        try:
            result = self.model(batch, training=False)
        except MemoryError as error:
            raise OutOfMemoryError(f"there is no memory for tiles of {batch.shape}.") from error
        except Exception as error:
            if "OOM" in str(error) or "alloc" in str(error).lower():
                raise OutOfMemoryError(f"there is no memory for {batch.shape}.") from error
            raise EngineError(f"Keras failed on {batch.shape}: {error}") from error
        return np.asarray(result, np.float32)
