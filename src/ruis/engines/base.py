"""What every engine is."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ruis.layers import Network

__all__ = ["Engine", "Precision"]

Precision = Literal["f32", "bf16"]


class Engine(ABC):
    """A network with its weights, ready to run.

    Making one loads the engine's library; the first run of each shape prepares the network for it.

    Parameters
    ----------
    network : Network
        The description of the network.
    weights : mapping of str to numpy.ndarray
        Its tensors, float32.
    precision : {"f32", "bf16"}
        What the convolutions compute with.
    threads : int, optional
        How many processors to use; default: all that this process may.

    Raises
    ------
    EngineUnavailableError
        If the engine's library is not installed.
    EngineError
        If the engine cannot run this network.
    """

    appetite: ClassVar[float] = 1.0
    """How many times the memory that a network is known to need it takes, about."""

    lanes: ClassVar[int] = 1
    """How many threads may run it at a time: what they do beside the network is then done while it works for another."""

    def __init__(
        self,
        network: Network,
        weights: Mapping[str, NDArray[np.float32]],
        *,
        precision: Precision = "f32",
        threads: int | None = None,
    ) -> None:
        self.network = network
        self.weights = weights
        self.precision: Precision = precision if self.supports(precision) else "f32"
        self.threads = threads
        self.prepare()

    def __reduce__(self) -> tuple[Callable[[], Engine], tuple[()]]:
        """Go to another process as what it is made of: prepared networks stay here."""
        cls, made_of = type(self), (self.network, self.weights)
        return functools.partial(cls, *made_of, precision=self.precision, threads=self.threads), ()

    @classmethod
    def supports(cls, precision: Precision) -> bool:
        """Say whether this engine computes with `precision` on this machine, faster than f32."""
        return precision == "f32"

    @classmethod  # noqa: B027 - some have none
    def load_library(cls) -> None:
        """Import the library, which making an engine does otherwise.

        Raises
        ------
        EngineUnavailableError
            If it is not installed.
        """

    @abstractmethod
    def prepare(self) -> None:
        """Load the library and make what does not depend on the shape."""

    @abstractmethod
    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network.

        Parameters
        ----------
        batch : numpy.ndarray
            Shape (images, rows, columns, input channels), float32; rows and columns as the
            network's geometry asks.

        Returns
        -------
        numpy.ndarray
            Shape (images, rows, columns, channels), float32.

        Raises
        ------
        OutOfMemoryError
            If this shape needs more memory than there is.
        EngineError
            If the engine fails otherwise.
        """

    @contextmanager
    def lent(self, batch: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Run the network as `run` does, for a block: what it made may be the engine's own, and is good until then."""
        yield self.run(batch)

    def expect(self, shape: tuple[int, int, int, int]) -> None:  # noqa: B027 - most need nothing
        """Prepare for batches of a shape, so that the first of them need not wait for it.

        Parameters
        ----------
        shape : tuple of int
            (images, rows, columns, input channels).
        """

    def release(self, keep: int = 0) -> None:  # noqa: B027 - most engines keep nothing
        """Give back the memory of prepared shapes, as far as the engine keeps any.

        Parameters
        ----------
        keep : int, default 0
            The shapes that were used last stay, those that have no more pixels than this together.
        """
