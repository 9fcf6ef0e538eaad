"""What every architecture is: a frozen record that knows its geometry and builds its network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ruis.record import Record

if TYPE_CHECKING:
    from ruis.tiling import Geometry

__all__ = ["Architecture"]


class Architecture(Record, ABC):
    """The parameters of a network.

    Parameters
    ----------
    name : str
        The architecture's row in the table.
    channels : int
        The channels of the image that goes in and of the image that comes out.
    """

    name: str
    channels: int = Field(default=1, ge=1, le=1024)

    @property
    def takes_sigma(self) -> bool:
        """Whether the input has one more channel than the image, holding sigma (0: unknown)."""
        return False

    @property
    def scale_free(self) -> bool:
        """Whether f(a x) = a f(x) for every a > 0, so that every range and exposure is served."""
        return False

    @property
    def input_channels(self) -> int:
        """The channels of the network's input."""
        return self.channels + int(self.takes_sigma)

    @property
    @abstractmethod
    def geometry(self) -> Geometry:
        """What the network asks of its input's size, and how far it sees."""

    @property
    @abstractmethod
    def kmac_per_pixel(self) -> float:
        """Thousands of multiplications per input pixel."""

    @abstractmethod
    def build(self, *, seed: int = 0) -> Any:
        """Build the network with fresh weights.

        Parameters
        ----------
        seed : int
            Of the initial weights.

        Returns
        -------
        keras.Model
            (batch, rows, columns, input channels) float32 -> (batch, rows, columns, channels)
            float32.

        Raises
        ------
        EngineUnavailableError
            If Keras is not installed.
        """
