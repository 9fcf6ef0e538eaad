"""An autoencoder whose encoder learnt elsewhere: a network that recognises photographs.

The network's maps at strides 2, 4, ... are the encoder. A light decoder leads up again: at each
level it repeats pixels and convolves, helped by the map of that level, and at the last by the noisy
image itself. What the maps are worth for noise nobody trained them for is a matter of trying.

Source: V. Iglovikov and A. Shvets, TernausNet: U-Net with VGG11 encoder pre-trained on ImageNet for
image segmentation, 2018, arXiv:1801.05746.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ruis import pretrained
from ruis.architectures.base import Architecture, Side
from ruis.errors import EngineError
from ruis.keras_backend import dtype_policy, load_keras
from ruis.tiling import Geometry

if TYPE_CHECKING:
    from ruis.architectures.keras_layers import KerasLayers
    from ruis.layers import Layers

__all__ = ["PretrainedEncoder"]

Filters = Annotated[int, Field(ge=1, le=1024)]


class PretrainedEncoder(Architecture):
    """A pretrained network with a light decoder; the keras engine alone runs it.

    Parameters
    ----------
    channels : {1, 3}
        The channels of the image; gray is shown to the network as RGB.
    network : str
        A row of `ruis.pretrained.NETWORKS`.
    weights : str, optional
        What a training begins with: "imagenet", which Keras fetches, or the path of a file; see
        :func:`ruis.pretrained.features`. Only :meth:`build_to_train` looks at it: a model file
        brings all weights itself. Default: none, fresh ones.
    trainable : bool
        Whether the network learns along; if not, only the decoder does.
    depth : int
        How often the encoder halves the image, 1 to 5.
    decoder : tuple of int, optional
        The filters of each level of the decoder, from coarse to fine, `depth` of them. Default: 32
        at full size, doubled for each level below, at most 128.
    skip : {"concatenate", "add", "none"}
        How a level of the decoder takes the map of its level; with "none" everything passes
        through the coarsest map.
    residual : bool
        Whether the network's result is subtracted from the noisy image, or is the denoised one.
    size : tuple of int
        The (rows, columns) that it takes. The network sees too far for tiles to overlap by that.

    Examples
    --------
    >>> small = PretrainedEncoder(network="vgg16", depth=1, decoder=(8,), size=(30, 45))
    >>> small.geometry.size
    (30, 45)
    >>> sum(math.prod(shape) for shape in small.tensors.values())
    262505
    """

    name: Literal["pretrained-encoder"] = "pretrained-encoder"
    channels: Literal[1, 3] = 1
    network: str = "mobilenet-v2"
    weights: str | None = Field(default=None, min_length=1, max_length=4096)
    trainable: bool = True
    depth: int = Field(default=4, ge=1, le=5)
    decoder: tuple[Filters, ...] | None = None
    skip: Literal["concatenate", "add", "none"] = "concatenate"
    residual: bool = True
    size: tuple[Side, Side] = (128, 128)

    @field_validator("network")
    @classmethod
    def _known(cls, network: str) -> str:
        pretrained.find(network)
        return network

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.decoder is not None and len(self.decoder) != self.depth:
            raise ValueError(
                f"the decoder needs the filters of {self.depth} levels, as many as depth says, "
                f"and {len(self.decoder)} are given"
            )
        return self

    @property
    def fixed_size(self) -> tuple[int, int]:
        """The size itself: what is missing to a multiple is mirrored inside, and cropped."""
        return self.size

    @property
    def geometry(self) -> Geometry:
        """The fixed size, each tile for itself."""
        return Geometry(1, 0, self.size)

    def connect(self, layers: Layers, noisy: Any) -> Any:
        """Refuse: the network is described by Keras alone.

        Raises
        ------
        EngineError
            Always.
        """
        raise EngineError(
            f"the pretrained network {self.network} is known to Keras alone: run this model with "
            'the keras engine (--engine keras, or engine="keras").'
        )

    def published(self) -> dict[str, Any]:
        """Return the mapping, with the name of a file of weights and not its folder."""
        mapping = super().published()
        if self.weights is not None:
            mapping["weights"] = PurePath(self.weights).name
        return mapping

    def build(self, *, seed: int = 0) -> Any:
        """Build the network with fresh weights, to be filled; see :meth:`Architecture.build`.

        Neither a file is read nor anything fetched, whatever `weights` says.
        """
        return self._assemble(None, seed)

    def build_to_train(self, *, seed: int = 0) -> Any:
        """Build the network as a training begins: with what the encoder learnt elsewhere.

        Parameters
        ----------
        seed : int
            Of all other weights.

        Returns
        -------
        keras.Model
            As :meth:`build` gives it.

        Raises
        ------
        ConfigError
            If `weights` names a file of no kind that holds weights.
        ModelNotFoundError
            If there is no such file, or nothing can be fetched.
        ModelCorruptError
            If the file is damaged, or holds another network.
        EngineUnavailableError
            If Keras is not installed.
        """
        return self._assemble(self.weights, seed)

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every tensor, statistics of normalisations included."""
        return dict(_account(_bare(self)).tensors)

    @property
    def kmac_per_pixel(self) -> float:
        """Thousands of multiplications per input pixel."""
        return _account(_bare(self)).macs / 1000 / math.prod(self.size)

    @property
    def bytes_per_pixel(self) -> float:
        """Memory that running the network takes, per input pixel, in bytes, about.

        Keras keeps every signal until the last is there.
        """
        return 4 * _account(_bare(self)).values / math.prod(self.size)

    def _assemble(self, weights: str | None, seed: int) -> Any:
        from ruis.architectures.keras_layers import KerasLayers

        keras = load_keras()
        layers = KerasLayers(seed)
        rows, columns = self.size
        noisy = keras.Input((rows, columns, self.channels), name="noisy")
        whole = pretrained.extend(noisy, 2**self.depth)
        encoder = pretrained.features(
            self.network,
            [2**level for level in range(1, self.depth + 1)],
            weights=weights,
            channels=self.channels,
            trainable=self.trainable,
            seed=seed,
            size=(whole.shape[1], whole.shape[2]),
        )
        x = self._decode(layers, whole, pretrained.look(encoder, whole))
        if whole is not noisy:
            x = x[:, :rows, :columns]
        if self.residual:
            denoised = layers.subtract("denoised", noisy, x)
        else:
            denoised = keras.layers.Activation("linear", dtype="float32", name="denoised")(x)
        return keras.Model(noisy, denoised, name="pretrained_encoder")

    def _decode(self, layers: KerasLayers, noisy: Any, maps: list[Any]) -> Any:
        brightest = pretrained.find(self.network).brightest
        if brightest != 1:
            scale = layers.keras.layers.Rescaling
            maps = [scale(1 / brightest, name=f"dim{i}")(x) for i, x in enumerate(maps, start=1)]
        x = layers.conv(f"skip{self.depth}", maps[-1], self._widths[0], 1, bias=True)
        for level, width in zip(reversed(range(self.depth)), self._widths, strict=True):
            x = layers.repeat(f"repeat{level}", x, 2)
            beside = maps[level - 1] if level else noisy
            x = self._level(layers, level, width, x, beside)
        # A tenth of He's scale: a fresh residual network begins near doing nothing.
        gain = 0.1 if self.residual else 1.0
        return layers.conv("tail", x, self.channels, 3, bias=True, gain=gain)

    def _level(self, layers: KerasLayers, level: int, width: int, x: Any, beside: Any) -> Any:
        """Convolve one level of the decoder, with the map beside it brought to its width."""
        wide, relu = f"wide{level}", layers.keras.layers.ReLU
        if self.skip == "none":
            return layers.conv(wide, x, width, 3, bias=True, activation="relu")
        kernel = 1 if level else 3  # pixels alone say little
        beside = layers.conv(f"skip{level}", beside, width, kernel, bias=True)
        if self.skip == "concatenate":
            x = layers.keras.layers.Concatenate(name=f"join{level}")([x, beside])
            return layers.conv(wide, x, width, 3, bias=True, activation="relu")
        x = layers.conv(wide, x, width, 3, bias=True)
        return relu(name=f"relu{level}")(layers.add(f"join{level}", x, beside))

    @property
    def _widths(self) -> tuple[int, ...]:
        """The filters of each level of the decoder, from coarse to fine."""
        return self.decoder or tuple(
            min(32 * 2**level, 128) for level in reversed(range(self.depth))
        )


def _bare(network: PretrainedEncoder) -> PretrainedEncoder:
    """Leave out what changes no shape."""
    return network.model_copy(update={"weights": None, "trainable": True})


@dataclass(frozen=True)
class _Account:
    """What a built network says of itself: its tensors, and its cost for one whole image."""

    tensors: dict[str, tuple[int, ...]]
    macs: float
    values: float


@lru_cache(maxsize=64)
def _account(network: PretrainedEncoder) -> _Account:
    """Build a network and count, once: for some Keras takes seconds."""
    with dtype_policy(bfloat16=False):
        model = network.build()
    macs = values = 0.0
    for layer in _layers(model):
        places = math.prod(layer.output.shape[1:3])
        values += places * layer.output.shape[3]
        kernels = [v.shape for v in getattr(layer, "weights", ()) if len(v.shape) == 4]
        macs += places * sum(math.prod(shape) for shape in kernels)
    return _Account({v.path: tuple(v.shape) for v in model.variables}, macs, values)


def _layers(model: Any) -> Iterator[Any]:
    """Yield the layers of a network, those of networks in it included."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer
