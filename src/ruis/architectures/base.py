"""What every architecture is: a frozen record that describes its network, once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ruis.layers import Trace
from ruis.record import Record

if TYPE_CHECKING:
    from ruis.layers import Layers
    from ruis.tiling import Geometry

__all__ = ["Activation", "ActivationName", "Architecture", "Side"]

Side = Annotated[int, Field(ge=1, le=1024)]
"""Of an image that a network of a fixed size takes, in pixels."""

ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}

ActivationName = Literal[
    "relu", "sigmoid", "tanh", "linear", "elu", "selu", "softplus", "softsign", "leaky_relu",
    "relu6", "gelu", "silu", "mish", "celu", "hard_sigmoid", "hard_silu", "hard_tanh",
    "exponential", "log_sigmoid", "squareplus", "sparse_plus", "soft_shrink", "hard_shrink",
    "tanh_shrink", "threshold", "sparse_sigmoid",
]  # fmt: skip
"""Keras' activations of single values. Only the keras engine has them all."""

Activation = Annotated[ActivationName, BeforeValidator(lambda name: ALIASES.get(name, name))]


class Architecture(Record, ABC):
    """The parameters of a network: as a frozen record, all of them hashable.

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
        return _traced(self)[1]

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every tensor that is learnt, all float32."""
        return dict(_traced(self)[0].tensors)

    @property
    def kmac_per_pixel(self) -> float:
        """Thousands of multiplications per input pixel."""
        return float(_traced(self)[0].macs) / 1000

    @property
    def bytes_per_pixel(self) -> float:
        """Memory that running the network takes, per input pixel, in bytes, about.

        Engines hold about three signals of the widest kind at a time, and what goes in and out: 112 bytes
        for the U-Nets that ship, where OpenVINO was measured at 104 in float32 and 57 to 100 in bfloat16,
        and, whatever the size, 50 to 75 MB.
        """
        return 3.5 * 4 * float(max(_traced(self)[0].widest, Fraction(self.input_channels)))

    def published(self) -> dict[str, Any]:
        """Return the mapping that a model file keeps; no path of a person's machine is in it."""
        return self.model_dump(mode="json")

    def weakened(self, weights: Mapping[str, Any], strength: float) -> dict[str, Any] | None:
        """Return weights with which the network removes less than with these.

        Parameters
        ----------
        weights : mapping of str to numpy.ndarray
            By variable path.
        strength : float
            The share of the noise found that is still removed.

        Returns
        -------
        dict or None
            None where no weights do that, because the network does not subtract noise.
        """
        return None

    def blinded(self, weights: Mapping[str, Any]) -> tuple[Architecture, Mapping[str, Any]]:
        """Return the network that does what this one does when sigma is unknown, and its weights.

        Parameters
        ----------
        weights : mapping of str to numpy.ndarray
            By variable path.

        Returns
        -------
        tuple
            (a network, its weights); the same where there is none that is simpler.
        """
        return self, weights

    def begun(
        self, other: Architecture, weights: Mapping[str, Any], fresh: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Return weights with which this network does what another one does, to be taught on.

        Parameters
        ----------
        other : Architecture
            The network that `weights` are of.
        weights : mapping of str to numpy.ndarray
            By variable path.
        fresh : mapping of str to numpy.ndarray
            This network's own, at random: what is new to it begins with them where it may.

        Returns
        -------
        dict or None
            None where there are no such weights: it is another network.
        """
        return dict(weights) if other == self else None

    def build_to_train(self, *, seed: int = 0) -> Any:
        """Build the network as training begins with it; see :meth:`build`."""
        return self.build(seed=seed)

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
            float32, for any rows and columns unless the size is fixed: what is short of a multiple
            is filled with zeros inside, and cropped again.

        Raises
        ------
        EngineUnavailableError
            If Keras is not installed.
        """
        from ruis.architectures.keras_layers import KerasLayers, any_size
        from ruis.keras_backend import load_keras

        keras = load_keras()
        rows, columns = self.fixed_size or (None, None)
        noisy = keras.Input((rows, columns, self.input_channels), name="noisy")
        multiple = self.geometry.multiple
        if multiple == 1:
            denoised = self.connect(KerasLayers(seed), noisy)
        else:
            pad, crop = any_size()
            whole = pad(multiple, name="pad_to_multiple")(noisy)
            denoised = self.connect(KerasLayers(seed), whole)
            denoised = crop(name="crop_as")(denoised, noisy)
        return keras.Model(noisy, denoised, name=self.name.replace("-", "_"))


@lru_cache(maxsize=64)
def _traced(architecture: Architecture) -> tuple[Trace, Geometry]:
    """Describe the network to what counts: asked for with each image, and each tile."""
    trace = Trace(architecture.fixed_size)
    output = architecture.connect(trace, trace.start(architecture.input_channels))
    return trace, trace.geometry(output)
