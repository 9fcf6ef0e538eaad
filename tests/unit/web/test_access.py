"""Access is decided per route, and a route without a decision does not come into being."""

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

from ruis.web import access
from ruis.web import app as web_app
from ruis.web.access import ACCESS, Access
from ruis.web.problems import Problem
from ruis.web.service import Service
from ruis.web.settings import Settings

TOKEN = "0123456789abcdef"


@pytest.fixture
def app():
    service = Service(Settings())
    yield web_app.build(service)
    service.pool.close()


def test_every_route_is_decided_and_every_decision_is_a_route(app):
    assert web_app.undecided(app) == []
    here = {(method, route.path) for route in app.routes for method in route.methods}
    assert here == set(ACCESS)


def test_what_takes_images_and_tells_facts_needs_the_token():
    for (_, route), decision in ACCESS.items():
        if route.startswith(("/v1/", "/metrics", "/openapi")):
            assert decision is Access.TOKEN, route


def test_a_route_that_nobody_decided_on_stops_the_service(monkeypatch):
    build = web_app.build

    def with_a_new_route(service):
        app = build(service)
        app.get("/v1/new")(lambda: None)
        return app

    monkeypatch.setattr(web_app, "build", with_a_new_route)
    with pytest.raises(LookupError, match="/v1/new"):
        web_app.create(Settings())


@pytest.mark.parametrize("path", ["/docs", "/v1/new", "/static/a/b", "/static/", "", "/v1/denoise"])
def test_what_is_not_known_to_be_open_is_not(path):
    settings = Settings(token=TOKEN)
    with pytest.raises(Problem) as caught:
        access.check("GET", path, {"host": "localhost"}, settings)
    assert caught.value.kind.status == 401
    shown = {"host": "localhost", "authorization": f"Bearer {TOKEN}"}
    access.check("GET", path, shown, settings)


def test_further_names_and_pages_can_be_let_in():
    settings = Settings(hosts=("denoise.example.org",), origins=("https://page.example.org",))
    for host in ("denoise.example.org", "DENOISE.example.org:8000"):
        access.check("GET", "/", {"host": host}, settings)
    access.check(
        "POST", "/v1/denoise", {"host": "localhost", "origin": "https://page.example.org"}, settings
    )
    with pytest.raises(Problem):
        access.check("GET", "/", {"host": "example.org"}, settings)
