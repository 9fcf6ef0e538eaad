"""How far each request is; for a minute after its end, and for a bounded number of them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Progress", "Stage", "State"]

Stage = Literal["waiting", "working", "done", "failed", "unknown"]
KEPT_SECONDS = 60.0
MOST = 1024


@dataclass(frozen=True)
class State:
    """Where a request stands, and since when."""

    state: Stage
    fraction: float
    since: float


class Progress:
    """The states of requests by their ids.

    Parameters
    ----------
    most : int
        How many are kept; the oldest goes first.
    clock : callable
        Seconds, for tests.
    """

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._states: OrderedDict[str, State] = OrderedDict()
        self._most = most
        self._clock = clock

    def tell(self, request_id: str, state: Stage, fraction: float) -> None:
        """Record where a request stands."""
        self._states[request_id] = State(state, fraction, self._clock())
        self._states.move_to_end(request_id)
        while len(self._states) > self._most:
            self._states.popitem(last=False)

    def of(self, request_id: str) -> State:
        """Return where a request stands; unknown also a minute after its end."""
        found = self._states.get(request_id)
        if found is None:
            return State("unknown", 0.0, self._clock())
        ended = found.state in {"done", "failed"}
        if ended and self._clock() - found.since > KEPT_SECONDS:
            del self._states[request_id]
            return replace(found, state="unknown", fraction=0.0)
        return found
