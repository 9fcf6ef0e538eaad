"""`ruis serve`, as its clients meet it: a real process on a real port."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

import ruis
from ruis import comparison, formats, inspection
from ruis.arrays import as_image
from ruis.formats import FORMATS
from ruis.image import Image, ImageInfo, Metadata

RNG = np.random.default_rng(7)
KINDS = ["png", "jpeg", "tiff", "webp", "bmp", "pnm", "npy"]


def noisy(shape=(48, 56, 3), dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / max(shape)
    clean = 0.4 + 0.3 * np.sin(6 * x + 3 * y)
    unit = (clean if len(shape) == 2 else clean[..., None]) + rng.normal(0, 0.1, shape)
    if np.dtype(dtype).kind == "f":
        return unit.astype(dtype)
    return np.rint(np.clip(unit, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def encoded(array, kind="png"):
    return formats.encode(as_image(array)[0], kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_is_what_the_library_makes_byte_for_byte(served, kind):
    sent = encoded(noisy(), kind)
    answer = served.ask("POST", "/v1/denoise", sent)
    assert answer.status == 200, answer.body
    image = formats.read_bytes(sent)
    wanted = ruis.load(json.loads(unquote(answer.headers["ruis-report"]))["model"]).denoise(image)
    assert answer.body == formats.encode(wanted, kind, strip_metadata=True)
    assert answer.headers["content-type"] == FORMATS.load(kind).media_type
    suffix = FORMATS.load(kind).suffixes[0]
    assert answer.headers["content-disposition"] == f'attachment; filename="denoised{suffix}"'


@pytest.mark.parametrize(
    ("query", "settings", "model"),
    [
        ("sigma=25/255", {"sigma": 25 / 255}, None),
        ("sigma=0.05&strength=0.5", {"sigma": 0.05, "strength": 0.5}, None),
        ("model=gray", {}, "gray"),
        ("strength=0", {"strength": 0.0}, None),
    ],
)
def test_settings_mean_what_they_mean_in_the_library(served, query, settings, model):
    array = noisy((70, 40), np.uint16, seed=1)
    answer = served.ask("POST", f"/v1/denoise?{query}", encoded(array, "tiff"))
    image = formats.read_bytes(encoded(array, "tiff"))
    wanted = ruis.load(model or "gray").denoise(image, **settings)
    assert answer.body == formats.encode(wanted, "tiff", strip_metadata=True)


def test_a_large_image_goes_tile_by_tile_and_is_the_librarys_too(served):
    sent = encoded(noisy((700, 500), seed=2))
    answer = served.ask("POST", "/v1/denoise", sent)
    wanted = ruis.load("gray").denoise(formats.read_bytes(sent))
    assert answer.body == formats.encode(wanted, "png", strip_metadata=True)


def test_the_report_says_what_was_done(served):
    sent = encoded(noisy())
    answer = served.ask("POST", "/v1/denoise?sigma=20/255&strength=0.8", sent)
    report = json.loads(unquote(answer.headers["ruis-report"]))
    assert set(report) == {
        "model", "why", "sigma", "strength", "seconds", "rows", "columns", "channels", "dtype",
        "data_range", "format", "removed", "whiteness", "looks_white", "sigma_after", "notes",
    }  # fmt: skip
    assert (report["rows"], report["columns"], report["channels"]) == (48, 56, 3)
    assert report["sigma"] == pytest.approx(20 / 255, rel=1e-4)
    assert report["strength"] == 0.8
    judged = comparison.compare(formats.read_bytes(sent), formats.read_bytes(answer.body))
    for name in ("removed", "whiteness", "sigma_after"):
        assert report[name] == pytest.approx(getattr(judged, name), rel=1e-4, abs=1e-7)
    assert answer.headers["ruis-report"].isascii()


def test_a_form_gives_the_same_as_the_bytes_alone(served):
    sent = encoded(noisy(seed=3))
    form = (
        b'--cut\r\nContent-Disposition: form-data; name="image"; filename="../../etc/passwd"\r\n'
        b"Content-Type: image/png\r\n\r\n" + sent + b"\r\n--cut--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    one = served.ask("POST", "/v1/denoise", form, headers)
    two = served.ask("POST", "/v1/denoise", sent, {"Content-Type": "image/png"})
    assert one.status == 200
    assert one.body == two.body
    assert "passwd" not in served.log.read_text(encoding="utf-8")


def test_a_gif_becomes_a_png_and_it_is_said(served):
    from PIL import Image as Pillow

    file = io.BytesIO()
    Pillow.fromarray(noisy((20, 20))).save(file, "GIF")
    answer = served.ask("POST", "/v1/denoise", file.getvalue())
    assert answer.headers["content-type"] == "image/png"
    notes = json.loads(unquote(answer.headers["ruis-report"]))["notes"]
    assert any("PNG" in note for note in notes)


def ct() -> bytes:
    """A CT image of 128 x 128 pixels of int16, which pydicom brings along."""
    pydicom = pytest.importorskip("pydicom", reason="the dicom extra")
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    return (folder / "CT_small.dcm").read_bytes()


def test_dicom_becomes_a_tiff_without_its_tags_and_it_is_said(served):
    sent = ct()
    answer = served.ask("POST", "/v1/denoise", sent)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "image/tiff"
    report = json.loads(unquote(answer.headers["ruis-report"]))
    assert report["format"] == "tiff"
    assert "DICOM is not written without its metadata: this is TIFF" in report["notes"]
    image = formats.read_bytes(sent)
    wanted = ruis.load(report["model"]).denoise(image)
    assert answer.body == formats.encode(wanted, "tiff", strip_metadata=True)
    assert formats.read_bytes(answer.body).info.dtype == np.int16
    assert b"CompressedSamples" in sent, "the name of the patient"
    assert b"CompressedSamples" not in answer.body


def test_dicom_stays_dicom_where_its_tags_may_stay(served):
    sent = ct()
    answer = served.ask("POST", "/v1/denoise?metadata=keep", sent)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/dicom"
    assert b"CompressedSamples" in answer.body
    refused = served.ask("POST", "/v1/denoise?format=dicom", sent)
    assert (refused.status, refused.problem) == (422, "wrong-value")
    assert refused.json["detail"].startswith("format: ")


def test_another_format_can_be_asked_for_and_one_that_cannot_hold_it_is_refused(served):
    sent = encoded(noisy((30, 30), np.float32), "npy")
    assert formats.read_bytes(
        served.ask("POST", "/v1/denoise?format=tiff", sent).body
    ).info.dtype == np.dtype(np.float32)
    refused = served.ask("POST", "/v1/denoise?format=jpeg", sent)
    assert (refused.status, refused.problem) == (422, "wrong-channels")


def test_metadata_is_stripped_unless_it_is_asked_for(served):
    pixels = noisy((16, 16, 3))
    info = ImageInfo(np.dtype(np.uint8), (0, 255), "rgb", metadata=Metadata(description="Home"))
    sent = formats.encode(Image(pixels, info), "png")
    assert formats.read_bytes(sent).info.metadata.description == "Home"
    stripped = served.ask("POST", "/v1/denoise", sent)
    assert b"Home" not in stripped.body
    kept = served.ask("POST", "/v1/denoise?metadata=keep", sent)
    metadata = formats.read_bytes(kept.body).info.metadata
    assert metadata.description == "Home"
    assert "denoised with" in metadata.software


def test_inspect_says_what_the_library_says(served):
    sent = encoded(noisy())
    answer = served.ask("POST", "/v1/inspect", sent)
    wanted = inspection.inspect(formats.read_bytes(sent)).to_json()
    assert answer.json == json.loads(json.dumps(wanted))


@pytest.mark.parametrize(
    ("array", "kind", "mode"),
    [
        (noisy((33, 21), np.uint16), "tiff", "L"),
        (noisy((33, 21, 3), np.float32), "npy", "RGB"),
        (noisy((33, 21, 4), np.uint8), "png", "RGBA"),
    ],
    ids=["16 bits", "floats", "alpha"],
)
def test_a_preview_is_an_8_bit_png_that_any_browser_shows(served, array, kind, mode):
    from PIL import Image as Pillow

    answer = served.ask("POST", "/v1/preview", encoded(array, kind))
    assert answer.headers["content-type"] == "image/png"
    shown = Pillow.open(io.BytesIO(answer.body))
    assert (shown.mode, shown.size) == (mode, (21, 33))
    top = 1.0 if array.dtype.kind == "f" else np.iinfo(array.dtype).max
    wanted = np.clip(array / top, 0, 1) * 255
    assert np.abs(np.asarray(shown).astype(float) - wanted).max() <= 0.51
    small = served.ask("POST", "/v1/preview?side=16", encoded(array, kind))
    assert max(Pillow.open(io.BytesIO(small.body)).size) <= 16


def test_a_preview_can_be_told_what_is_black_and_what_is_white(served):
    from PIL import Image as Pillow

    sent = encoded(np.arange(-100, 300, dtype=np.int16).reshape(20, 20), "tiff")
    answer = served.ask("POST", "/v1/preview?black=-100&white=155", sent)
    shown = np.asarray(Pillow.open(io.BytesIO(answer.body))).ravel()
    assert np.array_equal(shown, np.minimum(np.arange(400), 255))
    for wrong in ("black=1&white=1", "black=70000", "white=nan", "white=much"):
        refused = served.ask("POST", f"/v1/preview?{wrong}", sent)
        assert (refused.status, refused.problem) == (422, "wrong-value"), wrong
    for odd in ("black=-1e308&white=1e308", "black=0&white=5e-324"):
        assert served.ask("POST", f"/v1/preview?{odd}", sent).status == 200, odd


@pytest.mark.parametrize(
    "array",
    [
        np.full((20, 20), 3e38, np.float32),
        np.array([[-3e38, 3e38] * 9] * 18, np.float32),
        np.full((20, 20), 1e308),
        np.array([[-1e308, 1e308] * 9] * 18),
        np.full((20, 20), np.finfo(np.float16).max, np.float16),
        np.array([[np.iinfo(np.int64).min, np.iinfo(np.int64).max] * 9] * 18),
        np.zeros((1, 1), np.uint8),
        np.zeros((1, 5000), np.uint8),
        np.zeros((2000, 1, 3), np.int8),
        np.zeros((9, 9), np.float32) + 1e-40,
    ],
    ids=lambda array: f"{array.dtype} {array.shape} {array.flat[0]:.0e}",
)
def test_odd_values_and_sizes_are_answered(served, array):
    file = io.BytesIO()
    np.save(file, array)
    for target in (
        "denoise",
        "inspect",
        "preview",
        "denoise?format=webp",
        "denoise?model=documents",
    ):
        answer = served.ask("POST", f"/v1/{target}", file.getvalue())
        assert answer.status in {200, 422}, (target, answer.body)
        if answer.headers["content-type"] == "application/json":
            assert "NaN" not in answer.body.decode()
        if "ruis-report" in answer.headers:
            json.loads(unquote(answer.headers["ruis-report"]), parse_constant=pytest.fail)


def test_progress_can_be_followed_by_an_id_of_ones_own(served):
    name = "follow-me-0001"
    assert served.ask("GET", f"/v1/progress/{name}").json == {"state": "unknown", "fraction": 0.0}
    sent, answers = encoded(noisy((640, 640), seed=4)), []
    asking = threading.Thread(
        target=lambda: answers.append(
            served.ask("POST", "/v1/denoise", sent, {"X-Request-Id": name})
        )
    )
    asking.start()
    seen = []
    while asking.is_alive():
        seen.append(served.ask("GET", f"/v1/progress/{name}").json["state"])
    asking.join()
    assert answers[0].headers["x-request-id"] == name
    assert "working" in seen
    assert served.ask("GET", f"/v1/progress/{name}").json == {"state": "done", "fraction": 1.0}


@pytest.mark.parametrize("wished", ["short", "with space 12345", "x" * 65, "Ä" * 10])
def test_an_id_that_is_none_is_replaced(served, wished):
    answer = served.ask("GET", "/healthz", headers={"X-Request-Id": wished})
    assert answer.headers["x-request-id"] != wished
    assert len(answer.headers["x-request-id"]) == 32


def test_the_facts(served):
    models = served.ask("GET", "/v1/models").json["models"]
    assert {one["name"] for one in models} == set(ruis.zoo.SHIPPED)
    assert any(one["default"] for one in models)
    limits = served.ask("GET", "/v1/limits").json
    assert limits["max_bytes"] == 4_000_000
    assert {"image/png", "image/tiff", "application/x-npy"} <= set(limits["media_types"])
    figures = served.ask("GET", "/metrics").body.decode()
    assert 'ruis_requests_total{method="GET",route="/v1/models",status="200"}' in figures
    document = served.ask("GET", "/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert {"/v1/denoise", "/v1/inspect", "/v1/preview"} <= set(document["paths"])


def test_the_page_speaks_the_readers_language_and_carries_a_strict_policy(served):
    for target, accepted, language in [
        ("/", "", "en"),
        ("/", "nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("/", "fr,de;q=0.5", "en"),
        ("/?lang=nl", "en", "nl"),
        ("/?lang=../../etc", "en", "en"),
    ]:
        answer = served.ask("GET", target, headers={"Accept-Language": accepted})
        assert answer.status == 200
        assert answer.headers["content-language"] == language
        assert f'lang="{language}"' in answer.body.decode()
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
    tag = answer.headers["etag"]
    assert served.ask("GET", target, headers={"If-None-Match": tag}).status == 304


@pytest.mark.parametrize(
    "target",
    ["/static/..%2f..%2fserver.py", "/static/../server.py", "/static/%2e%2e/app.py", "/static/x"],
)
def test_no_other_file_is_served(served, target):
    answer = served.ask("GET", target)
    assert (answer.status, answer.problem) == (404, "not-found")


# -- who may ask -----------------------------------------------------------------------------------

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
TARGETS = [
    "/", "/static/theme.css", "/healthz", "/readyz", "/v1/denoise", "/v1/inspect", "/v1/preview",
    "/v1/progress/abcdefgh", "/v1/models", "/v1/limits", "/metrics", "/openapi.json",
    "/docs", "/redoc", "/nothing", "/v1", "/v1/", "/v1/denoise/", "//v1/denoise", "/healthz/..",
    "/static/", "/static/a/b", "/static/..%2fhealthz", "/%2e/healthz", "/HEALTHZ", "*",
    "http://127.0.0.1/v1/models",
]  # fmt: skip
OPEN = {"/", "/static/theme.css", "/healthz", "/readyz"}
WRONG = [
    "Bearer", "Bearer ", "Bearer wrong", "Bearer a-token-for-tests-012345678",
    "Bearer a-token-for-tests-01234567890", "bearer A-TOKEN-FOR-TESTS-0123456789",
    "Basic a-token-for-tests-0123456789", "a-token-for-tests-0123456789", "Bearer \xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_nobody_gets_in_without_the_token(guarded, method):
    """On every route, known or not, and with every method."""
    for target in TARGETS:
        answer = guarded.ask(method, target, token=False)
        if method in {"GET", "HEAD"} and (target in OPEN or target == "/static/.."):
            assert answer.status == 200, target
        elif not (target.startswith("/static/") and method in {"GET", "HEAD"}):
            assert answer.status == 401, (method, target)
        else:
            assert answer.status in {401, 404}, (method, target)
        for wrong in WRONG[: 2 if method == "BREW" else None]:
            answer = guarded.ask(method, target, headers={"Authorization": wrong}, token=False)
            assert answer.status == 401, (method, target, wrong)
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_two_tokens_are_none(guarded):
    with guarded.connect() as connection:
        connection.sendall(
            b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n"
            b"Authorization: Bearer " + guarded.token.encode() + b"\r\n\r\n"
        )
        data = connection.recv(4096)
    assert data.startswith(b"HTTP/1.1 401")


def test_with_the_token_it_works(guarded):
    assert guarded.ask("GET", "/v1/models").status == 200
    assert guarded.ask("POST", "/v1/inspect", encoded(noisy((9, 9)))).status == 200
    assert guarded.ask("GET", "/docs").status == 404
    assert guarded.ask("DELETE", "/v1/models").status == 405
    log = guarded.log.read_text(encoding="utf-8")
    assert guarded.token not in log


HOSTS = [
    "evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "localhost:80:80",
    "[::1", "localhost/x", "127.0.0.2", "0x7f000001",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_another_host_name_is_refused(served, host):
    answer = served.ask("GET", "/v1/models", headers={"Host": host})
    assert (answer.status, answer.problem) in {(421, "foreign-host"), (400, "malformed-request")}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:80"])
def test_the_names_of_this_machine_are_not(served, host):
    assert served.ask("GET", "/v1/models", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},  # another port is another site
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_may_not_ask(served, headers):
    for method, target in (("POST", "/v1/denoise"), ("GET", "/v1/models")):
        answer = served.ask(method, target, b"x" if method == "POST" else b"", headers)
        assert (answer.status, answer.problem) == (403, "foreign-origin")


def test_our_own_page_may_and_a_link_to_it_can_be_followed(served):
    own = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
    assert served.ask("POST", "/v1/inspect", encoded(noisy((9, 9))), own).status == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert served.ask("GET", "/", headers=link).status == 200


# -- the queue ---------------------------------------------------------------------------------------


def announce(service, length=1000):
    """A connection that announces a body, and sends none of it."""
    connection = service.connect()
    connection.sendall(
        b"POST /v1/denoise HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        b"Content-Length: %d\r\n\r\n" % length
    )
    return connection


def test_beyond_the_queue_it_is_refused_at_once_and_before_the_body(start, tmp_path):
    with start(tmp_path, "--queue", "1", "--workers", "1") as service:
        with announce(service), announce(service):  # both places are taken, for a second
            begun = time.perf_counter()
            with announce(service, 10**6) as connection:
                refused = service.read(connection)
            assert (refused.status, refused.problem) == (429, "queue-full")
            assert int(refused.headers["retry-after"]) >= 1
            assert time.perf_counter() - begun < 1  # benchmarks/load.py measures it
            time.sleep(1.5)  # who is so slow has no place any more
            assert service.ask("POST", "/v1/denoise", encoded(noisy((16, 16)))).status == 200
        until = time.monotonic() + 10
        while "ruis_places_taken 0.0" not in service.ask("GET", "/metrics").body.decode():
            assert time.monotonic() < until


def test_who_goes_away_gives_the_place_back(start, tmp_path):
    with start(tmp_path, "--queue", "2", "--workers", "1") as service:
        large = encoded(noisy((2000, 2000), seed=6))
        for _ in range(3):
            with service.connect() as connection:
                connection.sendall(
                    b"POST /v1/denoise HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(large) + large
                )
                time.sleep(0.3)
        begun = time.perf_counter()
        until = time.monotonic() + 30
        small = encoded(noisy((16, 16)))
        while (answer := service.ask("POST", "/v1/denoise", small)).status == 429:
            assert time.monotonic() < until  # a machine that has other things to do notices late
        assert answer.status == 200
        while "ruis_places_taken 0.0" not in service.ask("GET", "/metrics").body.decode():
            assert time.monotonic() < until
        lines = [one for one in service.lines() if one.get("status") == 499]
        assert len(lines) == 3
        assert time.perf_counter() - begun < 60


def test_time_is_bounded(start, tmp_path):
    with start(tmp_path, "--seconds", "0.1", "--workers", "1") as service:
        large = encoded(noisy((900, 900, 3), seed=8))
        answer = service.ask("POST", "/v1/denoise", large)
        assert (answer.status, answer.problem) == (503, "not-now")
        assert int(answer.headers["retry-after"]) >= 1


# -- the process -------------------------------------------------------------------------------------


def ruis_serve(*options, **environment):
    return subprocess.run(
        [sys.executable, "-m", "ruis.cli", "serve", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_others_may_reach_it_with_a_token_only(address):
    done = ruis_serve("--address", address)
    assert done.returncode == 2
    assert "--token-file" in done.stderr
    assert "RUIS_TOKEN" in done.stderr


def test_a_token_is_never_an_argument_and_not_too_short(tmp_path):
    assert ruis_serve("--token", "x" * 20).returncode == 2
    done = ruis_serve(RUIS_TOKEN="short")
    assert done.returncode == 2
    assert "16" in done.stderr
    assert "short" not in done.stderr.replace("too short", "")
    missing = ruis_serve("--token-file", str(tmp_path / "none"))
    assert (missing.returncode, "No such file" in missing.stderr) == (2, True)


def test_a_port_that_is_taken_is_told(served):
    done = ruis_serve("--port", str(served.address[1]))
    assert done.returncode == 2
    assert "--port 0" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals as in POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_asked_to(start, tmp_path, number):
    with start(tmp_path) as service:
        begun = time.monotonic()
        service.process.send_signal(number)
        service.process.wait(30)
        assert time.monotonic() - begun < 15
        assert "Traceback" not in service.log.read_text(encoding="utf-8")


def test_the_log_is_json_and_tells_nothing_of_images(served):
    name = "log-me-00000001"
    served.ask("POST", "/v1/denoise?sigma=0.1", encoded(noisy()), {"X-Request-Id": name})
    line = served.line_of(name)
    assert {"time", "level", "event", "method", "route", "status", "seconds", "bytes"} <= set(line)
    assert line["route"] == "/v1/denoise"
    for word in itertools.chain(*(map(str, one) for one in served.lines())):
        assert "sigma=0.1" not in word
