"""The worker processes on this machine: started, watched, and replaced when they die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruis.errors import ClusterError
from ruis.processor import available_memory

__all__ = ["Team"]

SHARE = 0.9
"""Of the memory that is available at the start, what all workers together may take."""

STILLBORN = 5
"""Processes that may end one after the other before any has joined."""


class Team:
    """Processes that work for a scheduler in this one.

    They have a session of their own: Ctrl-C in a terminal is for the driver alone. Each has one
    thread for orders, and as many as it is told for its network.

    Parameters
    ----------
    count : int
        How many processes.
    scheduler : str
        Its address.
    keys : dict of str to str
        The certificates with which a worker speaks to it, PEM.
    folder : Path
        For what Dask keeps, and for what workers print: `workers.log`.
    memory : float, optional
        Bytes that each may take before it is ended; default: its share of what is available.
    """

    def __init__(
        self,
        count: int,
        scheduler: str,
        keys: dict[str, str],
        folder: Path,
        memory: float | None = None,
    ) -> None:
        self.told = {"scheduler": scheduler, "keys": keys, "folder": str(folder)}
        self.log = folder / "workers.log"
        self.memory = memory or SHARE * available_memory() / count
        self.started = 0
        self.stillborn = 0
        self.processes = [self._start() for _ in range(count)]

    def _start(self) -> subprocess.Popen[bytes]:
        self.started += 1
        told = {**self.told, "name": f"ruis-{self.started}"}
        try:
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "ruis.batch.worker"],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env=_environment(),
                )
        except OSError as error:
            raise ClusterError(f"workers cannot be started: {error}.") from error
        assert process.stdin
        with suppress(BrokenPipeError):  # it is dead already; that is noticed soon
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
        return process

    def look_after(self, joined: int) -> None:
        """Replace those that died, and end those that take too much memory.

        Parameters
        ----------
        joined : int
            How many the scheduler knows.

        Raises
        ------
        ClusterError
            If one after the other ends before any has joined.
        """
        if joined:
            self.stillborn = 0
        for place, process in enumerate(self.processes):
            if process.poll() is None:
                if _memory_of(process.pid) > self.memory:
                    process.kill()
                continue
            self.stillborn += 1
            if self.stillborn > STILLBORN:
                text = self.log.read_text(encoding="utf-8", errors="replace").strip()
                last = text.splitlines()[-1] if text else "it said nothing"
                raise ClusterError(f"workers end before they can work: {last}.")
            self._forget(process)
            self.processes[place] = self._start()

    def close(self) -> None:
        """End all of them."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            self._forget(process)

    @staticmethod
    def _forget(process: subprocess.Popen[bytes]) -> None:
        process.wait()
        assert process.stdin
        with suppress(OSError):
            process.stdin.close()


def _environment() -> dict[str, Any]:
    """NumPy's libraries get one thread: those of the network are told to its engine."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, "1")}


def _memory_of(process: int) -> int:
    import psutil  # comes with distributed

    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0
