"""A real `ruis serve` in a process of its own, and a client that knows only sockets."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from ruis import architectures, model_file
from ruis.manifest import Manifest

NETWORK = {"name": "unet", "widths": (8,), "blocks": 1}
TOKEN = "a-token-for-tests-0123456789"


@dataclass(frozen=True)
class Answer:
    """What came back over a socket."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The name of the problem; fails where it is none."""
        assert self.headers["content-type"] == "application/problem+json", self
        told = self.json
        assert set(told) == {"type", "title", "status", "detail", "instance", "request_id"}
        assert told["status"] == self.status
        return told["type"].removeprefix("/problems/")


@dataclass
class Served:
    """A running service."""

    process: subprocess.Popen
    log: Path
    address: tuple[str, int]
    token: str | None = None

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def lines(self) -> list[dict]:
        """What it logged."""
        text = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in text if line.startswith("{")]

    def line_of(self, request_id: str, seconds: float = 10) -> dict:
        """What it logged of a request, which it does once the answer is out."""
        end = time.monotonic() + seconds
        while not (found := [one for one in self.lines() if one.get("request_id") == request_id]):
            assert time.monotonic() < end, f"nothing was logged of {request_id}"
            time.sleep(0.02)
        (line,) = found
        return line

    def connect(self, seconds: float = 60) -> socket.socket:
        return socket.create_connection(self.address, timeout=seconds)

    def ask(self, method, target, body=b"", headers=None, *, token=True, seconds=60) -> Answer:
        """Send a request as it should be, and read the answer."""
        told = {"Host": "{}:{}".format(*self.address)}
        if body:
            told |= {"Content-Length": str(len(body)), "Content-Type": "application/octet-stream"}
        if token and self.token:
            told["Authorization"] = f"Bearer {self.token}"
        told |= headers or {}
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in told.items() if value is not None]
        begun = time.perf_counter()
        with self.connect(seconds) as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
            for start in range(0, len(body), 1 << 16):
                connection.sendall(body[start : start + (1 << 16)])
            answer = read_answer(connection, method)
        return Answer(answer.status, answer.headers, answer.body, time.perf_counter() - begun)

    def send(self, request: bytes, seconds: float = 30) -> Answer:
        """Send bytes as they are; a refusal may come before their end."""
        with self.connect(seconds) as connection:
            begun = time.perf_counter()
            sender = threading.Thread(target=_send, args=(connection, request), daemon=True)
            sender.start()
            answer = read_answer(connection)
            took = time.perf_counter() - begun
        sender.join(10)
        return Answer(answer.status, answer.headers, answer.body, took)

    @staticmethod
    def read(connection: socket.socket) -> Answer:
        """Read one answer."""
        return read_answer(connection)


def _send(connection: socket.socket, request: bytes) -> None:
    with suppress(OSError):  # refused before its end: the answer counts
        connection.sendall(request)


def read_answer(connection: socket.socket, method: str = "GET") -> Answer:
    """Read one answer: to the end of its head, and as much as that announces."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise ConnectionError(f"closed after {data[:100]!r}")
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    status = int(first.split()[1])
    if status == 100:
        return read_answer(connection, method)
    wanted = 0 if method == "HEAD" or status == 304 else int(headers.get("content-length", 0))
    while len(body) < wanted:
        chunk = connection.recv(1 << 20)
        if not chunk:
            raise ConnectionError("closed within the body")
        body += chunk
    return Answer(status, headers, body[:wanted])


@contextmanager
def serving(folder: Path, *options: str, token: str | None = None) -> Iterator[Served]:
    """Start a service; it is ready when this is entered, and ended when it is left."""
    log = folder / "serve.log"
    if token:
        (folder / "token").write_text(token + "\n", encoding="utf-8")
        options = (*options, "--token-file", str(folder / "token"))
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "ruis.cli", "serve", "--port", "0", *options], stderr=stream
        )
    try:
        until = time.monotonic() + 120
        while '"event": "ready"' not in (text := log.read_text(encoding="utf-8")):
            assert process.poll() is None, text
            assert time.monotonic() < until, text
            time.sleep(0.05)
        url = urlsplit(text.split("ruis serves ")[1].split()[0])
        yield Served(process, log, (url.hostname, url.port), token)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def needs_serve():
    for package in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
        pytest.importorskip(package, reason=f"the service needs {package}: the serve extra")


@pytest.fixture(scope="session")
def start(needs_serve):
    """Start a service with options of one's own."""
    return serving


@pytest.fixture(scope="session")
def served(needs_serve, tmp_path_factory) -> Iterator[Served]:
    """A service for this machine alone, as `ruis serve` starts it, with short deadlines."""
    options = ("--body-seconds", "2", "--header-seconds", "2", "--max-bytes", "4000000")
    with serving(tmp_path_factory.mktemp("served"), *options, "--max-pixels", "4000000") as service:
        yield service


@pytest.fixture(scope="session")
def guarded(needs_serve, tmp_path_factory) -> Iterator[Served]:
    """A service that asks for a token."""
    with serving(tmp_path_factory.mktemp("guarded"), token=TOKEN) as service:
        yield service


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> str:
    """A model whose weights are zero: it removes nothing, so that pixels can be compared."""
    path = tmp_path_factory.mktemp("model") / "same.ruis"
    shapes = architectures.parse(NETWORK).tensors
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    model_file.save(path, Manifest(name="same", architecture=NETWORK), weights)
    return str(path)
