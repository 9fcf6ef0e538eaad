"""This room: what a network is asked for while it learns; one module per objective.

May touch: NumPy, for the examples of a batch; keras, when a training begins.
Must not: read files, know another objective, an architecture or the loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ruis.errors import ConfigError
from ruis.registry import Registry

if TYPE_CHECKING:
    from ruis.objectives.base import Objective

__all__ = ["OBJECTIVES", "parse"]

OBJECTIVES = Registry(
    "objective",
    "ruis.objectives",
    {
        "supervised": "ruis.objectives.supervised:Supervised",
        "noise-to-noise": "ruis.objectives.noise_to_noise:NoiseToNoise",
        "noise-to-void": "ruis.objectives.noise_to_void:NoiseToVoid",
        "neighbour-to-neighbour": "ruis.objectives.neighbour_to_neighbour:NeighbourToNeighbour",
        "zero-shot": "ruis.objectives.zero_shot:ZeroShot",
    },
)


def parse(spec: str | Mapping[str, Any]) -> Objective:
    """Build an objective from its name, or from a mapping `{"name": "noise-to-void", ...}`.

    Raises
    ------
    UnknownNameError
        If there is none of that name; the error suggests the nearest one.
    ConfigError
        If a setting is unknown or out of bounds.

    Examples
    --------
    >>> parse("noise-to-noise").needs
    ('noisy', 'second')
    """
    if not isinstance(spec, str | Mapping):
        raise ConfigError(f"an objective is a name or a mapping, not {spec!r}.")
    data = {"name": spec} if isinstance(spec, str) else spec
    objective: Objective = OBJECTIVES.record(data)
    return objective
