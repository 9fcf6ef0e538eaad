"""What every architecture is: a frozen record that describes its network, once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ruis.layers import Trace
from ruis.record import Record

if TYPE_CHECKING:
    from ruis.layers import Layers
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
    def fixed_size(self) -> tuple[int, int] | None:
        """The only (rows, columns) that the network takes, if it has a fixed size."""
        return None

    @property
    def input_channels(self) -> int:
        """The channels of the network's input."""
        return self.channels + int(self.takes_sigma)

    @abstractmethod
    def connect(self, layers: Layers, noisy: Any) -> Any:
        """Describe the network.

        Parameters
        ----------
        layers : Layers
            What makes layers of the description.
        noisy : object
            The input: (batch, rows, columns, input channels).

        Returns
        -------
        object
            The denoised image: (batch, rows, columns, channels).
        """

    @property
    def geometry(self) -> Geometry:
        """What the network asks of its input's size, and how far it sees."""
        trace = Trace(self.fixed_size)
        return trace.geometry(self.connect(trace, trace.start(self.input_channels)))

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every tensor that is learnt, all float32."""
        return self._traced().tensors

    @property
    def kmac_per_pixel(self) -> float:
        """Thousands of multiplications per input pixel."""
        return float(self._traced().macs) / 1000

    @property
    def bytes_per_pixel(self) -> float:
        """Memory that running the network takes, per input pixel, in bytes, about.

        Engines hold about five signals of the widest kind at a time: 320 bytes for the base U-Net,
        where OpenVINO was measured at 304 for tiles of 704x704 pixels and 262 for 1024x1024.
        """
        return 5 * 4 * float(max(self._traced().widest, Fraction(self.input_channels)))

    def _traced(self) -> Trace:
        trace = Trace(self.fixed_size)
        self.connect(trace, trace.start(self.input_channels))
        return trace

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
        from ruis.architectures.keras_layers import KerasLayers
        from ruis.keras_backend import load_keras

        keras = load_keras()
        rows, columns = self.fixed_size or (None, None)
        noisy = keras.Input((rows, columns, self.input_channels), name="noisy")
        denoised = self.connect(KerasLayers(seed), noisy)
        return keras.Model(noisy, denoised, name=self.name.replace("-", "_"))
