"""200 hostile requests: each gets its refusal, and a good client beside them never notices."""

from __future__ import annotations

import io
import socket
import statistics
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import ruis
from ruis import formats
from ruis.arrays import as_image

HOST = b"Host: localhost\r\n"
UNREADABLE = {(422, "unreadable-image"), (415, "unsupported-format")}
TOO_LARGE = {(413, "image-too-large")}


def post(body=b"", *, head=b"", kind=b"image/png", target=b"/v1/denoise", length=None):
    """The bytes of a request."""
    announced = len(body) if length is None else length
    return (
        b"POST " + target + b" HTTP/1.1\r\n" + HOST + b"Content-Type: " + kind
        + b"\r\nContent-Length: %d\r\n" % announced + head + b"\r\n" + body
    )  # fmt: skip


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bombs():
    """Small files that announce much: each format that has a header to lie in."""
    side = 60_000
    ihdr = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    zeros = zlib.compress(bytes(1 << 20), 9)
    yield b"\x89PNG\r\n\x1a\n" + ihdr + chunk(b"IDAT", zeros) + chunk(b"IEND", b"")
    yield (
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    )
    yield b"P6\n60000 60000\n255\n" + bytes(100)
    yield b"P5\n60000 60000\n65535\n" + bytes(100)
    yield b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF0, 0, 0) + bytes(6) + b"," + struct.pack(
        "<HHHHB", 0, 0, side, side, 0
    ) + b"\x08\x01\x00\x00;"  # fmt: skip
    array = io.BytesIO()
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({side}, {side}), }}"
    array.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode())
    yield array.getvalue()
    entries = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8),
               (277, 3, 1), (278, 4, side), (279, 4, 10)]  # fmt: skip
    yield (
        b"II*\0"
        + struct.pack("<IH", 8, len(entries))
        + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
        + bytes(4)
    )
    yield (
        b"\xff\xd8\xff\xc0"
        + struct.pack(">HBHHB", 17, 8, side, side, 3)
        + bytes([1, 17, 0, 2, 17, 0, 3, 17, 0])
        + b"\xff\xd9"
    )
    width = (16383).to_bytes(2, "little")
    vp8 = b"\x00\x00\x00\x9d\x01\x2a" + width + width + bytes(10)
    inner = b"WEBPVP8 " + struct.pack("<I", len(vp8)) + vp8
    yield b"RIFF" + struct.pack("<I", len(inner)) + inner


def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (40, 40, 3), np.uint8)
    return {
        kind: formats.encode(as_image(pixels)[0], kind)
        for kind in ("png", "jpeg", "tiff", "webp", "bmp", "pnm", "npy")
    }


def form(parts, *, boundary=b"cut", end=True):
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return body + (b"--" + boundary + b"--\r\n" if end else b"")


def part(name=b"image", data=b"x", more=b""):
    return b'Content-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + data


def requests():
    """(what it is, the bytes, the refusals that are right)."""
    good = images()
    for number, bomb in enumerate(bombs()):
        for route in (b"denoise", b"inspect", b"preview"):
            yield f"bomb {number} {route}", post(bomb, target=b"/v1/" + route), TOO_LARGE
    for kind, data in good.items():
        for keep in (1, 4, 9, 20, 30, len(data) // 3, len(data) // 2, len(data) - 40):
            yield f"truncated {kind} {keep}", post(data[:keep]), UNREADABLE
    for number, data in enumerate(
        [b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"PK\3\4" + bytes(40),
         b"\x7fELF" + bytes(60), bytes(1000), b"\xff" * 1000, b"\x80\x04K\x01.", b"#!/bin/sh\n"]
    ):  # fmt: skip
        for kind in (b"image/png", b"application/octet-stream"):
            yield f"no image {number}", post(data, kind=kind), UNREADABLE
    for kind in (b"text/html", b"application/json", b"application/x-www-form-urlencoded",
                 b"multipart/mixed", b"image", b"imagepng", b"../image/png", b"video/mp4"):  # fmt: skip
        yield f"kind {kind}", post(good["png"], kind=kind), {(415, "unsupported-media-type")}
    for coding in (b"gzip", b"br", b"deflate"):
        head = b"Content-Encoding: " + coding + b"\r\n"
        yield f"coding {coding}", post(good["png"], head=head), {(415, "unsupported-media-type")}
    yield "empty", post(), {(422, "wrong-value")}
    for length in (4_000_001, 10**9, 10**15, 10**19):
        yield f"announces {length}", post(b"x", length=length), {(413, "body-too-large")}
    for length in (b"-1", b"abc", b"1e3", b"0x10", b"1, 2", b"+5"):
        request = post(b"x").replace(b"Content-Length: 1", b"Content-Length: " + length)
        yield f"length {length}", request, {(400, "malformed-request")}
    both = b"Transfer-Encoding: chunked\r\n"
    smuggled = post(b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", head=both)
    yield "smuggled", smuggled, {(400, "malformed-request")}
    for value in (b"gzip", b"chunked, chunked", b"identity", b"xchunked"):
        yield f"transfer {value}", post(b"x", head=b"Transfer-Encoding: " + value + b"\r\n"), {
            (400, "malformed-request")
        }  # fmt: skip
    chunked = post(b"").replace(b"Content-Length: 0\r\n", both)
    yield "broken chunk", chunked + b"zz\r\nhello\r\n", {(400, "malformed-request")}
    large = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    yield "chunks without end", chunked + large * 62, {(413, "body-too-large")}
    kind = b"multipart/form-data; boundary=cut"
    wrong = {(422, "wrong-value")}
    yield "10,000 parts", post(form([part(b"x")] * 10_000), kind=kind), wrong
    yield "10,000 images", post(form([part()] * 10_000), kind=kind), wrong
    yield "two images", post(form([part()] * 2), kind=kind), wrong
    yield "no image", post(form([part(b"file")]), kind=kind), wrong
    yield "empty image", post(form([part(data=b"")]), kind=kind), wrong
    yield "no end", post(form([part()], end=False), kind=kind), wrong
    yield "no boundary", post(form([part()]), kind=b"multipart/form-data"), wrong
    yield "other boundary", post(form([part()]), kind=kind + b"x"), wrong
    yield "long boundary", post(form([part()]), kind=kind + b"x" * 100), wrong
    yield "many heads", post(form([part(more=b"\r\nX: y" * 1000)]), kind=kind), wrong
    yield "long head", post(form([part(more=b"; x=" + b"y" * 100_000)]), kind=kind), wrong
    for name in (b"../../etc/passwd", b"C:\\\\boot.ini", b"/dev/zero", b"a\0b", b"%2e%2e%2f"):
        data = form([part(data=b"junk", more=b'; filename="' + name + b'"')])
        yield f"name {name}", post(data, kind=kind), UNREADABLE
    for query in (b"model=/etc/passwd", b"model=../../x.ruis", b"model=http://evil.example/x.ruis",
                  b"model=", b"model=" + b"a" * 5000, b"model=gray%00"):  # fmt: skip
        yield f"model {query[:40]}", post(good["png"], target=b"/v1/denoise?" + query), {
            (422, "unknown-name"), (422, "wrong-value")
        }  # fmt: skip
    for query in (b"sigma=nan", b"sigma=-1", b"sigma=1/0", b"sigma=inf", b"sigma=2", b"sigma=1e400",
                  b"strength=nan", b"strength=2", b"strength=-1e-9", b"strength=inf", b"format=exe",
                  b"format=gif", b"format=../x", b"metadata=all", b"x=1", b"strenght=0.5"):  # fmt: skip
        yield f"value {query}", post(good["png"], target=b"/v1/denoise?" + query), wrong
    for query in (b"side=0", b"side=-5", b"side=1e9", b"side=99999999999999999999", b"side=x"):
        yield f"value {query}", post(good["png"], target=b"/v1/preview?" + query), wrong
    for host in (b"evil.example", b"localhost.evil.example", b"127.0.0.1@evil.example"):
        request = post(good["png"]).replace(HOST, b"Host: " + host + b"\r\n")
        yield f"host {host}", request, {(421, "foreign-host")}
    yield "no host", post(good["png"]).replace(HOST, b""), {(400, "malformed-request")}
    yield "two hosts", post(good["png"], head=HOST), {(400, "malformed-request")}
    for origin in (b"http://evil.example", b"null", b"http://localhost.evil.example", b"file://"):
        head = b"Origin: " + origin + b"\r\n"
        yield f"origin {origin}", post(good["png"], head=head), {(403, "foreign-origin")}
    head = {(431, "head-too-large"), (400, "malformed-request")}
    yield "large header", post(b"x", head=b"X-Flood: " + b"a" * 1_000_000 + b"\r\n"), head
    yield "many headers", post(b"x", head=b"X-Flood: a\r\n" * 100_000), head
    yield "long target", b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", head
    for junk in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET\r\n\r\n",
                 b"GET / HTTP/0.9.9\r\n\r\n", b"\0" * 100 + b"\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: localhost\r\nX y: z\r\n\r\n"):  # fmt: skip
        yield f"junk {junk[:20]}", junk, {(400, "malformed-request")}
    for path in (b"/../../etc/passwd", b"/static/../../settings.py", b"/static/%2e%2e/app.py",
                 b"/v1/progress/..%2f..%2f", b"/v1/unknown", b"/.env", b"/static/\\..\\x"):  # fmt: skip
        yield f"path {path}", b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n", {
            (404, "not-found"), (422, "wrong-value")
        }  # fmt: skip
    slow = {(408, "too-slow")}
    for number in range(6):
        yield f"slow body {number}", post(b"x" * number, length=1000), slow
    for number in range(6):
        yield (
            f"slow head {number}",
            b"POST /v1/denoise HTTP/1.1\r\nHost: loc"[: 5 + 6 * number],
            slow,
        )


@pytest.fixture(scope="module")
def asked():
    return list(requests())


def test_there_are_200_of_them_and_each_is_another(asked):
    assert len({request for _, request, _ in asked}) >= 200


def test_each_gets_its_refusal_and_nobody_else_notices(served, asked):
    good = images()["png"]
    wanted = served.ask("POST", "/v1/denoise", good)
    assert wanted.status == 200
    alone = [served.ask("POST", "/v1/denoise", good).seconds for _ in range(10)]
    beside, stop = [], threading.Event()

    def go_on_asking():
        while not stop.is_set():
            beside.append(served.ask("POST", "/v1/denoise", good))

    client = threading.Thread(target=go_on_asking)
    client.start()
    try:
        with ThreadPoolExecutor(8) as hostile:
            answers = list(hostile.map(served.send, (request for _, request, _ in asked)))
    finally:
        stop.set()
        client.join()
    home = str(Path(ruis.__file__).parents[1])
    wrong = [
        (name, answer.status, answer.body[:200])
        for (name, _, right), answer in zip(asked, answers, strict=True)
        if (answer.status, answer.problem) not in right
    ]
    assert not wrong
    for (name, _, _), answer in zip(asked, answers, strict=True):
        assert answer.seconds < (8 if name.startswith("slow") else 5), name
        detail = answer.json["detail"]
        for leak in ("Traceback", ".py", "0x7", "site-packages", "numpy", "Pillow", home):
            assert leak not in detail, (name, detail)
    assert len(beside) > 10
    assert {(one.status, one.body) for one in beside} == {(200, wanted.body)}
    slowest = statistics.quantiles([one.seconds for one in beside], n=20)[-1]
    assert slowest < 10 * statistics.median(alone) + 1
    assert not [line for line in served.lines() if line["level"] == "error"]
    assert served.process.poll() is None


def test_a_flood_of_slow_bodies_keeps_nobody_out(served):
    """More than there are places: after a second they give theirs to those who come with theirs."""
    good = images()["png"]
    held = [served.connect() for _ in range(30)]
    try:
        for connection in held:
            connection.sendall(post(b"x", length=1000))
        time.sleep(1.5)
        assert served.ask("POST", "/v1/denoise", good).status == 200
        statuses = {served.read(connection).status for connection in held}
        assert statuses == {408, 429}
    finally:
        for connection in held:
            connection.close()


def test_an_answer_that_nobody_fetches_does_no_harm(served):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (600, 600, 3), np.uint8)
    large = formats.encode(as_image(noise)[0], "bmp")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    with connection:
        connection.connect(served.address)
        connection.sendall(post(large, target=b"/v1/preview"))
        time.sleep(1)
        assert served.ask("POST", "/v1/denoise", images()["png"]).status == 200
