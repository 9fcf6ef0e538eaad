"""Any engine, asked eight times: the mean over flips and turns of what it is given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ruis.engines.base import Engine

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SelfEnsemble"]


class SelfEnsemble(Engine):
    """The geometric self-ensemble of a network: its errors differ between turns, and partly cancel.

    Parameters
    ----------
    engine : Engine
        What runs the network. One of a fixed size that is no square is asked four times, without
        turns by a quarter.

    References
    ----------
    R. Timofte, R. Rothe and L. Van Gool, Seven ways to improve example-based single image super
    resolution, 2015, arXiv:1511.02228, section 3.4.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.network, self.weights = engine.network, engine.weights
        self.precision, self.threads = engine.precision, engine.threads
        size = self.network.geometry.size
        self.quarters = (0, 2) if size and size[0] != size[1] else (0, 1, 2, 3)

    def __reduce__(self) -> tuple[Callable[[], Engine], tuple[()]]:
        """Go to another process as what it is made of."""
        return functools.partial(type(self), self.engine), ()

    def prepare(self) -> None:
        """Do nothing: the engine is ready."""

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on each flip and turn, and average; see :meth:`Engine.run`."""
        total: NDArray[np.float32] | None = None
        for quarter in self.quarters:
            for mirrored in (False, True):
                seen = batch[:, :, ::-1] if mirrored else batch
                turned = np.ascontiguousarray(np.rot90(seen, quarter, (1, 2)))
                with self.engine.lent(turned) as result:
                    back = np.rot90(result, -quarter, (1, 2))
                    back = back[:, :, ::-1] if mirrored else back
                    if total is None:
                        total = np.zeros(back.shape, np.float32)
                    total += back
        assert total is not None
        total /= np.float32(2 * len(self.quarters))
        return total

    def expect(self, shape: tuple[int, int, int, int]) -> None:
        """Prepare for batches of a shape; see :meth:`Engine.expect`."""
        images, rows, columns, channels = shape
        for sides in dict.fromkeys(((rows, columns), (columns, rows))):
            self.engine.expect((images, *sides, channels))

    def release(self, keep: int = 0) -> None:
        """Give memory back; see :meth:`Engine.release`."""
        self.engine.release(keep)
