"""This room: networks that learnt to recognise photographs, cut down to what they see on the way.

May touch: keras, when a network is built; a file of weights, and the network, when asked for them.
Must not: know an architecture, train, or import keras when it is imported.
"""

from __future__ import annotations

from ruis.pretrained.maps import check_taps, extend, features, look
from ruis.pretrained.networks import NETWORKS, Pretrained, find

__all__ = ["NETWORKS", "Pretrained", "check_taps", "extend", "features", "find", "look"]
