"""A network of keras.applications on paper, and built from there.

Keras' own constructors name some layers by counting all that were ever made, draw weights without a
seed, and in Xception, NASNet and both Inceptions drop the border of some convolutions ("valid"), so
that sizes do not close. So what they make is taken as a drawing: names are numbered from 0 again,
kernels get seeds, and convolutions that would drop their border pad with zeros. Weights and what
they compute stay the same; the points at which coarser maps look move by a few pixels.
"""

from __future__ import annotations

import copy
import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ruis.keras_backend import load_keras
from ruis.pretrained.networks import Pretrained, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["body", "construct"]

DRAWN_FOR = 224
"""The side of the images for which the networks are laid out: paddings depend on its halves."""


@dataclass(frozen=True)
class _Drawing:
    """A network on paper: Keras' configuration of it, with our names and paddings.

    `deviations` are those of He's initialisation, {layer: {its argument: deviation}}.
    """

    config: dict[str, Any]
    classes: dict[str, Any]
    deviations: dict[str, dict[str, float]]


@cache
def _drawing(network: str, taps: tuple[int, ...]) -> _Drawing:
    """Draw the part of a network that leads to its taps, once: Keras takes seconds for some."""
    keras = load_keras()
    known = find(network)
    whole = construct(known, None)
    names = _stable_names(whole.layers)
    theirs = {ours: name for name, ours in names.items()}
    outputs = [whole.get_layer(theirs[known.taps[tap]]).output for tap in taps]
    part = keras.Model(whole.input, outputs, name="body")
    config = _renamed(part.get_config(), names)
    if taps[-1] == max(known.taps):  # files of weights keep to this order
        theirs_in_order = [names[layer.name] for layer in whole.layers if layer.weights]
        ours_in_order = [names[layer.name] for layer in part.layers if layer.weights]
        assert ours_in_order == theirs_in_order
    _free(config)
    return _Drawing(
        config,
        {type(layer).__name__: type(layer) for layer in part.layers},
        {names[layer.name]: _deviations(layer, known.gains) for layer in part.layers},
    )


def _free(config: dict[str, Any]) -> None:
    """Take the dtypes and the dropped borders out of a configuration."""
    kinds = {layer["name"]: layer["class_name"] for layer in config["layers"]}
    for layer in config["layers"]:
        settings = layer["config"]
        if "batch_shape" in settings:
            continue
        settings.pop("dtype", None)  # whatever policy is in force when the network is built
        padded = "ZeroPadding2D" in {kinds[name] for name in _sources(layer["inbound_nodes"])}
        if settings.get("padding") == "valid" and not padded:
            settings["padding"] = "same"


def body(
    network: str,
    taps: tuple[int, ...],
    seed: int,
    size: tuple[int | None, int | None] = (None, None),
) -> Any:
    """Build the part of a network that leads to its taps, with fresh weights.

    Parameters
    ----------
    network : str
        A row of `NETWORKS`.
    taps : tuple of int
        The strides of its outputs, from fine to coarse.
    seed : int
        Of the weights.
    size : tuple of int, optional
        The (rows, columns) that go in. Default: any.

    Returns
    -------
    keras.Model
        Pixels as the network wants them -> one map for each tap. Variables have the same paths in
        every build.
    """
    keras = load_keras()
    drawing = _drawing(network, taps)
    config = copy.deepcopy(drawing.config)
    for index, layer in enumerate(config["layers"]):
        if "batch_shape" in layer["config"]:
            layer["config"]["batch_shape"] = (None, *size, 3)
        for argument, deviation in drawing.deviations[layer["name"]].items():
            # Far from the seeds that the rest of a network of the same seed draws from.
            start = keras.initializers.RandomNormal(0.0, deviation, seed * 10_007 + 5000 + index)
            layer["config"][argument] = keras.saving.serialize_keras_object(start)
    return keras.Model.from_config(config, custom_objects=drawing.classes)


def construct(known: Pretrained, weights: str | None) -> Any:
    """Let Keras make a network without its classifier, with its own idea of weights."""
    construct = getattr(load_keras().applications, known.constructor)
    return construct(include_top=False, weights=weights, input_shape=(DRAWN_FOR, DRAWN_FOR, 3))


def _stable_names(layers: Iterable[Any]) -> dict[str, str]:
    """Number the layers that Keras named by counting, from 0 in every build."""
    counted: dict[str, list[tuple[int, str]]] = {}
    names = {}
    for layer in layers:
        base, _, number = layer.name.rpartition("_")
        if not number.isdecimal():
            base, number = layer.name, "0"
        if base.replace("_", "") == type(layer).__name__.lower():
            counted.setdefault(base, []).append((int(number), layer.name))
        else:
            names[layer.name] = layer.name
    for base, numbered in counted.items():
        for rank, (_, name) in enumerate(sorted(numbered)):
            names[name] = f"{base}_{rank}"
    return names


def _renamed(config: Any, names: dict[str, str]) -> Any:
    """Put new names wherever a configuration names a layer."""
    if isinstance(config, dict):
        return {
            key: names.get(value, value) if key == "name" else _renamed(value, names)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        if [type(part) for part in config] == [str, int, int]:  # (layer, its call, its output)
            return [names[config[0]], *config[1:]]
        return [_renamed(value, names) for value in config]
    return config


def _sources(nodes: Any) -> Iterator[str]:
    """Yield the names of the layers whose results a layer takes."""
    if isinstance(nodes, dict):
        if "keras_history" in nodes:
            yield nodes["keras_history"][0]
        nodes = list(nodes.values())
    if isinstance(nodes, (list, tuple)):
        for node in nodes:
            yield from _sources(node)


def _deviations(layer: Any, gains: dict[str, float]) -> dict[str, float]:
    """Return He's standard deviation for each kernel of a layer, by the argument that takes it.

    Keras' own rule would count all channels of a depthwise kernel, which sees one.
    """
    gain = next((g for names, g in gains.items() if re.fullmatch(names, layer.name)), 1.0)
    kind = type(layer).__name__
    if kind == "SeparableConv2D":  # nothing is cut off between its two kernels
        depth, point = layer.depthwise_kernel.shape, layer.pointwise_kernel.shape
        return {
            "depthwise_initializer": math.sqrt(1 / math.prod(depth[:2])),
            "pointwise_initializer": gain * math.sqrt(2 / math.prod(point[:3])),
        }
    if kind == "DepthwiseConv2D":
        return {"depthwise_initializer": gain * math.sqrt(2 / math.prod(layer.kernel.shape[:2]))}
    if kind == "Conv2D":
        return {"kernel_initializer": gain * math.sqrt(2 / math.prod(layer.kernel.shape[:3]))}
    return {}
