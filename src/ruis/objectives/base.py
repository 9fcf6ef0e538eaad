"""What every objective is."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ruis.keras_backend import load_keras
from ruis.record import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Example", "Objective", "Run", "learner_class"]

Example = tuple["NDArray[np.float32]", "NDArray[np.float32]"]
Run = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]


class Objective(Record, ABC):
    """How pictures become examples, and by what a network is judged on them.

    Parameters
    ----------
    name : str
        The objective's row in the table.

    Attributes
    ----------
    needs : tuple of str
        What a training image must have: "clean", "noisy" and "second", another noisy shot.
    assumes : str
        What the noise must be like for it to work, in plain words.
    """

    name: str

    needs: ClassVar[tuple[str, ...]]
    assumes: ClassVar[str]
    stops_early: ClassVar[bool] = False
    """Whether validation tells which epoch is best. Where it compares with noise, the end is best."""

    blind_spot: ClassVar[bool] = False
    """Whether the network learns to do without the pixel itself, which is worth a share of the output."""

    halves: ClassVar[bool] = False
    """Whether the network is also shown pictures with half as many rows and columns."""

    @property
    def alone(self) -> bool:
        """Whether it learns from single noisy images: neighbours tell what a pixel is worth, by a loss of its own.

        So no two pixels may share their noise.
        """
        return self.needs == ("noisy",)

    @abstractmethod
    def example(
        self,
        noisy: NDArray[np.float32],
        other: NDArray[np.float32] | None,
        rng: np.random.Generator,
    ) -> Example:
        """Make an example of a crop.

        Parameters
        ----------
        noisy : numpy.ndarray
            Shape (rows, columns, input channels), fractions of the range.
        other : numpy.ndarray, optional
            The clean crop or the second shot, (rows, columns, channels), for those that need one.
        rng : numpy.random.Generator
            The source of chance.

        Returns
        -------
        tuple of numpy.ndarray
            What goes into the network, and what its output is compared with.
        """

    def error(self, run: Run, inputs: NDArray[np.float32], target: NDArray[np.float32]) -> float:
        """Return the mean squared error on examples that were held out, to compare epochs by.

        Parameters
        ----------
        run : callable
            The network, from batch to batch.
        inputs, target : numpy.ndarray
            A batch of examples.
        """
        import numpy as np

        return float(np.mean((target - run(inputs)) ** 2, dtype=np.float64))

    def strength(
        self,
        run: Run,
        inputs: Sequence[NDArray[np.float32]],
        targets: Sequence[NDArray[np.float32]],
    ) -> float:
        """Return the share of what a network removes that is best removed, 0..1.

        Parameters
        ----------
        run : callable
            The network, from batch to batch.
        inputs, targets : sequence of numpy.ndarray
            Examples that were held out.
        """
        return 1.0

    def learner(self, network: Any, loss: Any) -> Any:
        """Return what is fitted: the network itself, where a loss of (target, output) is enough.

        Parameters
        ----------
        network : keras.Model
            What learns.
        loss : callable
            Of (target, output).

        Returns
        -------
        tuple
            A keras.Model with the variables of the network, and the loss to compile it with.
        """
        return network, loss


@functools.cache
def learner_class() -> Any:
    """Return the class of a keras.Model whose loss may run the network again."""
    load_keras()
    import keras

    class Learner(keras.Model):
        """A network in training; its loss is `compare(network, inputs, target, denoised)`."""

        def __init__(self, network: Any, compare: Any) -> None:
            super().__init__()
            self.network = network
            self.compare = compare

        def call(self, inputs: Any, training: Any = None) -> Any:
            """Run the network."""
            return self.network(inputs, training=training)

        def compute_loss(
            self,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            sample_weight: Any = None,
            training: Any = True,  # noqa: FBT002 - the signature is Keras'
        ) -> Any:
            """Return the objective's loss."""
            return self.compare(self.network, x, y, y_pred)

    return Learner
