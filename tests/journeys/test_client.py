"""`ruis.client`: images and arrays go to a real service, and errors come back as what they were."""

from __future__ import annotations

import http.server
import re
import threading
import time

import numpy as np
import pytest

import ruis
from ruis import errors, formats
from ruis.arrays import as_image
from ruis.client import Client


@pytest.fixture
def client(served):
    return Client(served.url)


def noisy(shape, dtype=np.uint8):
    rng = np.random.default_rng(0)
    unit = rng.normal(0.5, 0.1, shape)
    if np.dtype(dtype).kind == "f":
        return unit.astype(dtype)
    if dtype is bool:
        return unit > 0.5
    return np.rint(unit.clip(0, 1) * np.iinfo(np.dtype(dtype)).max).astype(dtype)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((24, 31), np.uint8),
        ((24, 31, 3), np.uint16),
        ((24, 31), np.float32),
        ((9, 9, 4), np.uint8),
        ((24, 31), ">u2"),
        ((24, 31), bool),
    ],
)
def test_an_array_comes_back_as_the_library_would_have_made_it(client, shape, dtype):
    array = noisy(shape, dtype)
    denoised = client.denoise(array, sigma=0.1, strength=0.9)
    assert (denoised.shape, denoised.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(denoised, ruis.denoise(array, sigma=0.1, strength=0.9))


def test_a_file_comes_back_as_a_file(client, tmp_path):
    path = tmp_path / "noisy.png"
    path.write_bytes(formats.encode(as_image(noisy((40, 30)))[0], "png"))
    reply = client.denoise(path)
    assert reply.media_type == "image/png"
    assert reply.report["model"] == "gray"
    assert reply.image().pixels.shape == (40, 30, 1)
    reply.save(tmp_path / "denoised.png")
    assert (tmp_path / "denoised.png").read_bytes() == reply.content
    with pytest.raises(errors.ImageWriteError):
        reply.save(tmp_path / "denoised.png")


def test_what_the_service_knows(client):
    assert {one["name"] for one in client.models()} == set(ruis.zoo.SHIPPED)
    assert client.limits()["max_bytes"] == 4_000_000
    assert client.inspect(formats.encode(as_image(noisy((40, 30)))[0], "png"))["rows"] == 40


@pytest.mark.parametrize(
    ("image", "settings", "error"),
    [
        (b"no image", {}, errors.UnsupportedFormatError),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), {}, errors.CorruptImageError),
        (np.zeros((3000, 3000), np.uint8), {}, errors.ImageTooLargeError),
        (np.zeros((1500, 1500), np.uint8), {}, None),
        (np.zeros((9, 9), np.uint8), {"model": "phto"}, errors.ConfigError),
        (np.zeros((9, 9), np.uint8), {"sigma": 2.0}, errors.ConfigError),
        (np.zeros((9, 9), np.uint8), {"strength": -1.0}, errors.ConfigError),
        (np.array([[None]]), {}, errors.ImageError),
        ("there-is-no-such-file.png", {}, errors.ImageError),
    ],
)
def test_errors_come_back_as_what_they_were(client, image, settings, error):
    if error is None:
        assert client.denoise(image, strength=0.0).shape == image.shape
        return
    with pytest.raises(error) as caught:
        client.denoise(image, **settings)
    assert len(str(caught.value)) > 10


def test_the_token(guarded):
    assert Client(guarded.url, guarded.token).models()
    for token in (None, "wrong-token-of-16-characters"):
        with pytest.raises(errors.ServiceRefusedError, match="token"):
            Client(guarded.url, token).models()


def test_a_token_from_a_file_and_one_that_no_header_can_carry(guarded):
    assert Client(guarded.url, f"{guarded.token}\n").models()
    with pytest.raises(errors.ConfigError, match="printable") as caught:
        Client(guarded.url, "a-token-that-costs-20-€")
    assert "20-€" not in str(caught.value)


@pytest.fixture
def stranger():
    """A server that is none of ours: it sends everybody elsewhere, or shows a page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(self.server.status)
            if self.server.status == 308:
                self.send_header("Location", f"https://elsewhere{self.path}")
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *said):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "said"), [(200, "no `ruis serve`"), (308, "https://elsewhere/")]
)
def test_what_answers_is_no_service_of_ours(stranger, status, said, tmp_path):
    stranger.status = status
    client = Client(f"http://127.0.0.1:{stranger.server_port}")
    for ask in (
        lambda: client.denoise(noisy((24, 31))),
        lambda: client.denoise(b"a file"),
        client.models,
        client.limits,
    ):
        with pytest.raises(errors.ServiceError, match=re.escape(said)):
            ask()


def test_nobody_there():
    with pytest.raises(errors.ServiceUnreachableError, match="ruis serve"):
        Client("http://127.0.0.1:1").models()


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://x", "http://", "http://a:b@c", "http://x:y"]
)
def test_no_address(url):
    with pytest.raises(errors.ConfigError):
        Client(url)


def test_it_comes_back_when_it_is_told_to_and_gives_up_when_patience_ends(start, tmp_path):
    head = (
        b"POST /v1/denoise HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        b"Content-Length: 1000\r\n\r\n"
    )
    with start(tmp_path, "--queue", "0", "--workers", "1") as service:
        array = noisy((24, 31))
        with service.connect() as holding:  # the only place, for a second
            holding.sendall(head)
            time.sleep(0.1)
            with pytest.raises(errors.ServiceBusyError) as caught:
                Client(service.url, patience=0.0).denoise(array)
            assert caught.value.retry_after >= 1
            waits = []
            patient = Client(service.url, patience=20.0)
            patient._sleep = lambda seconds: waits.append(seconds) or time.sleep(seconds)
            denoised = patient.denoise(array)
        assert waits
        np.testing.assert_array_equal(denoised, ruis.denoise(array))


def test_what_each_attempt_takes_is_waiting_too(monkeypatch):
    now, asked = [0.0], []

    def given_up_after_a_minute(self, *_):
        now[0] += 60.0
        asked.append(now[0])
        return 503, {"retry-after": "1"}, b'{"detail": "it was given up"}'

    monkeypatch.setattr("ruis.client.time.monotonic", lambda: now[0])
    monkeypatch.setattr(Client, "_once", given_up_after_a_minute)
    client = Client("http://127.0.0.1:1", patience=120.0)
    client._sleep = lambda seconds: None
    with pytest.raises(errors.ServiceBusyError, match="given up"):
        client.models()
    assert 2 <= len(asked) <= 4


def test_an_array_stays_an_array_whatever_format_is_asked_for(served):
    array = noisy((24, 31))
    found = Client(served.url).denoise(array, format="png")
    np.testing.assert_array_equal(found, ruis.denoise(array))


def test_ten_at_once_get_their_own(served):
    arrays = [noisy((20 + n, 30)) for n in range(10)]
    found = {}

    def ask(number):
        found[number] = Client(served.url).denoise(arrays[number])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, array in enumerate(arrays):
        np.testing.assert_array_equal(found[number], ruis.denoise(array))
