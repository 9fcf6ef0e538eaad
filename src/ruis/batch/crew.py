"""The workers: processes of this machine, or those of any Dask cluster.

Orders are given to a worker by name, so that it is known what each has in hand when it dies. What
came of an order arrives as an event, not as a task's result: an event that the scheduler has is safe
from the death of the worker that sent it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from ruis import processor
from ruis.batch.team import Team
from ruis.batch.work import Order, Outcome, Terms, work
from ruis.errors import ClusterError, EngineUnavailableError

__all__ = ["Crew", "Failed", "check_installed", "crew"]

PATIENCE = 60.0
"""Seconds that may pass without any worker before the run is given up."""

CONNECT = 20.0
"""Seconds that a scheduler has to answer."""

ONE = threading.Lock()
"""Held by the image that is being denoised in this process."""

CONFIG = {
    "distributed.worker.profile.enabled": False,  # nobody looks, and it takes time
    "distributed.scheduler.http.routes": [],  # pages that anyone on this machine could open
    "distributed.worker.http.routes": [],
    "distributed.worker.memory.target": False,  # there is nothing to spill: an image is in hand
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "logging": {"distributed": "critical"},
}


class Failed(Exception):  # noqa: N818 - an event, raised by nobody
    """A task could not even begin: the worker has no ruis, or another version of it."""


class Crew:
    """A connection to workers; made by :func:`crew`.

    Parameters
    ----------
    client : distributed.Client
        The connection.
    terms : Terms
        What is the same for all orders.
    team : Team, optional
        The workers, if they are processes of ours.
    """

    def __init__(self, client: Any, terms: Terms, team: Team | None = None) -> None:
        self.team = team
        self.client = client
        self.terms = terms
        self.topic = f"ruis-{uuid4().hex}"
        self.events: queue.SimpleQueue[Outcome | Failed] = queue.SimpleQueue()
        self.futures: dict[int, Any] = {}
        self.sent = 0
        self.seen = time.monotonic()
        client.subscribe_topic(self.topic, self._arrived)

    def _arrived(self, event: tuple[float, dict[str, Any]]) -> None:
        self.events.put(Outcome(**event[1]))

    def workers(self) -> set[str]:
        """Return the addresses of the workers there are.

        Raises
        ------
        ClusterError
            If the scheduler is gone, or nobody has been there for long.
        """
        try:
            found = set(self.client.nthreads())
        except Exception as error:
            raise ClusterError(f"the scheduler does not answer: {error}.") from error
        if self.team:
            self.team.look_after(len(found))
        now = time.monotonic()
        if found:
            self.seen = now
        elif now - self.seen > PATIENCE:
            raise ClusterError(f"no worker has been there for {PATIENCE:.0f} s.")
        return found

    def give(self, order: Order, worker: str) -> None:
        """Give an order to a worker; it does what it was given first first."""
        self.sent += 1
        future = self.client.submit(
            _told,
            order,
            self.terms,
            self.topic,
            key=f"{self.topic}-{order.id}-{self.sent}",
            pure=False,
            workers=[worker],
            allow_other_workers=False,
            priority=-self.sent,
        )
        future.add_done_callback(self._ended)
        self.futures[order.id] = future

    def _ended(self, future: Any) -> None:
        """A task that could not even begin has no event of its own."""
        if future.status == "error":
            with suppress(Exception):
                self.events.put(Failed(str(future.exception(timeout=5))))

    def take_back(self, id: int) -> None:
        """Forget an order: it is done, or its worker is gone."""
        future = self.futures.pop(id, None)
        if future is not None:
            future.cancel()

    def came(self, seconds: float) -> list[Outcome]:
        """Return what came, after `seconds` at the latest.

        Raises
        ------
        ClusterError
            If a worker could not even begin.
        """
        came: list[Outcome] = []
        with suppress(queue.Empty):
            event = self.events.get(timeout=seconds)
            while True:
                if isinstance(event, Failed):
                    raise ClusterError(
                        f"a worker cannot work: {event}. It needs the same ruis as this machine."
                    )
                came.append(event)
                event = self.events.get_nowait()
        return came


def check_installed() -> None:
    """Refuse to begin without the packages that workers need.

    Raises
    ------
    EngineUnavailableError
        Naming the extra to install.
    """
    try:
        for name in ("dask", "distributed", "cryptography", "psutil"):
            import_module(name)
    except ImportError as error:
        raise EngineUnavailableError("ruis batch", "batch") from error


def _told(order: Order, terms: Terms, topic: str) -> None:
    """What a worker runs: one image at a time, whatever the number of its threads."""
    from distributed import get_worker

    worker = get_worker()
    threads = terms.threads or worker.state.nthreads
    with ONE, processor.shared(threads):
        outcome = work(order, replace(terms, threads=threads))
    worker.log_event(topic, asdict(outcome))


@contextmanager
def crew(
    terms: Terms, workers: int, scheduler: str | None, memory: float | None = None
) -> Iterator[Crew]:
    """Have workers as long as the block lasts.

    Parameters
    ----------
    terms : Terms
        What is the same for all orders.
    workers : int
        Processes to start on this machine.
    scheduler : str, optional
        The address of a Dask scheduler whose workers are used instead.
    memory : float, optional
        Bytes that a process on this machine may take; default: its share of what is available.

    Yields
    ------
    Crew
        Connected; workers may come later, and go.

    Raises
    ------
    ClusterError
        If the scheduler is not there.
    """
    import dask
    import distributed  # noqa: F401 - its defaults must not be part of what is set for a while

    with dask.config.set(CONFIG), _hushed(), ExitStack() as stack:
        if scheduler is None:
            client, team = _local(workers, terms, memory, stack)
        else:
            client, team = _far(scheduler, stack), None
        yield Crew(client, terms, team)


def _local(workers: int, terms: Terms, memory: float | None, stack: ExitStack) -> tuple[Any, Team]:
    """Start a scheduler in this process and workers beside it.

    Its socket is on loopback, and only who has the certificates of this run may speak to it: whoever
    speaks to a scheduler has code run.
    """
    from distributed import Client, LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    folder = Path(terms.copies)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        cluster = LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            security=security,
            dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,
        )
    except OSError as error:
        raise ClusterError(f"no scheduler can be started: {error}.") from error
    stack.callback(cluster.close, timeout=10)
    client = Client(cluster, set_as_default=False)
    stack.callback(client.close, timeout=5)
    keys = security.get_tls_config_for_role("worker")
    team = Team(
        workers,
        cluster.scheduler_address,
        {name: keys[name] for name in ("ca_file", "cert", "key")},
        folder,
        memory,
    )
    stack.callback(team.close)
    return client, team


def _far(scheduler: str, stack: ExitStack) -> Any:
    """Connect to a scheduler that somebody else started."""
    from distributed import Client

    try:
        _check_address(scheduler)
        client = Client(scheduler, set_as_default=False, timeout=CONNECT)
    except Exception as error:  # each way of transport has errors of its own
        reason = str(error).rstrip(".") or type(error).__name__
        raise ClusterError(f"no scheduler answers at {scheduler}: {reason}.") from error
    stack.callback(client.close, timeout=5)
    return client


def _check_address(scheduler: str) -> None:
    """Look whether an address can lead anywhere; ValueError if not.

    A `Client` that fails at that is not closed before it is collected, and if that happens while another one starts,
    both wait for ever (distributed 2026.8: `LoopRunner` holds its lock while it starts a thread).
    """
    from distributed.comm import get_address_host_port, parse_address
    from distributed.comm.registry import get_backend
    from distributed.security import Security

    scheme, _ = parse_address(scheduler)
    if scheme == "inproc":
        raise ValueError("inproc:// leads nowhere out of a process")
    try:
        get_backend(scheme).get_connector()
    except TypeError as error:
        raise ValueError(f"what {scheme}:// needs is not installed") from error
    if scheme in {"tcp", "tls", "ws", "wss"}:
        get_address_host_port(scheduler)
    safe = Security().get_connection_args("client")["ssl_context"] is not None
    if scheme in {"tls", "wss"} and not safe:
        raise ValueError(
            "it asks for a certificate and a key, and Dask's configuration has none "
            "(https://distributed.dask.org/en/stable/tls.html)"
        )


@contextmanager
def _hushed() -> Iterator[None]:
    """A worker that dies is told by us, once; Dask would tell it in a page of its own."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
