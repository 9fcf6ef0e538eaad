"""The routes, put together; read this file first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ruis import formats, inspection
from ruis.errors import RuisError
from ruis.web import about, schema
from ruis.web.access import ACCESS
from ruis.web.bodies import ClientGone
from ruis.web.denoising import Tell, denoise, finite
from ruis.web.envelope import GONE, Envelope
from ruis.web.metrics import MEDIA_TYPE as METRICS_TYPE
from ruis.web.pages import Pages
from ruis.web.previews import preview
from ruis.web.problems import KINDS, MEDIA_TYPE, Problem, document, problem_of
from ruis.web.queries import DenoiseQuery, NoQuery, PreviewQuery
from ruis.web.service import Service
from ruis.web.settings import Settings

__all__ = ["build", "create", "undecided"]

WORKED = schema.refusals(408, 413, 415, 429, 503)
TITLE = "ruis"
SUMMARY = "Removes noise from images."


def create(settings: Settings) -> Envelope:
    """Return the service as an ASGI application.

    Parameters
    ----------
    settings : Settings
        What it allows.

    Raises
    ------
    LookupError
        If there is a route for which nobody decided who may use it.
    """
    service = Service(settings)
    app = build(service)
    missing = undecided(app)
    if missing:
        raise LookupError(f"nobody decided who may use {missing}: say it in ruis.web.access.ACCESS")
    return Envelope(app, settings, service.metrics, service.pool.check)


def undecided(app: FastAPI) -> list[tuple[str, str]]:
    """Return the methods and routes that have no row in the table of access."""
    here = {
        (method, route.path)  # type: ignore[attr-defined]
        for route in app.routes
        for method in (getattr(route, "methods", None) or ("any",))
    }
    return sorted(here - set(ACCESS))


def build(service: Service) -> FastAPI:
    """Return the application without what surrounds it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        preparing = asyncio.create_task(service.prepare())
        yield
        preparing.cancel()
        service.pool.close()

    from ruis import __version__

    app = FastAPI(
        title=TITLE,
        summary=SUMMARY,
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    _handle_errors(app)
    _add_work(app, service)
    _add_facts(app, service)
    _add_page(app)
    return app


def _add_work(app: FastAPI, service: Service) -> None:
    """Add the routes that take an image."""
    limits = service.settings.limits
    body = {"requestBody": schema.BODY}

    @app.post(
        "/v1/denoise",
        summary="Remove noise from an image",
        response_class=Response,
        responses={200: schema.DENOISED, **WORKED},
        openapi_extra=body,
    )
    async def denoise_image(request: Request, query: Annotated[DenoiseQuery, Query()]) -> Response:
        wish = query.wish

        def work(data: bytes, tell: Tell) -> Any:
            return denoise(data, wish, limits, service.denoisers, tell)

        answer = await service.work(request, work)
        report = answer.report
        pixels = report["rows"] * report["columns"]
        service.metrics.pixels.labels(report["model"]).inc(pixels)
        request.scope["ruis"] |= {"model": report["model"], "pixels": pixels}
        headers = {
            "content-disposition": f'attachment; filename="denoised{answer.suffix}"',
            "ruis-report": answer.header,
        }
        return Response(answer.content, headers=headers, media_type=answer.media_type)

    @app.post(
        "/v1/inspect",
        summary="Say what an image is and how much noise is in it",
        response_class=JSONResponse,
        responses={200: schema.INSPECTED, **WORKED},
        openapi_extra=body,
    )
    async def inspect_image(request: Request, query: Annotated[NoQuery, Query()]) -> Response:
        def work(data: bytes, tell: Tell) -> dict[str, Any]:
            found = inspection.inspect(formats.read_bytes(data, limits=limits))
            told: dict[str, Any] = finite(found.to_json())
            return told

        return JSONResponse(await service.work(request, work))

    @app.post(
        "/v1/preview",
        summary="Make an 8-bit PNG of an image",
        response_class=Response,
        responses={200: schema.PREVIEWED, **WORKED},
        openapi_extra=body,
    )
    async def preview_image(request: Request, query: Annotated[PreviewQuery, Query()]) -> Response:
        def work(data: bytes, tell: Tell) -> bytes:
            return preview(data, query.side, limits, query.black, query.white)

        return Response(await service.work(request, work), media_type="image/png")


def _add_facts(app: FastAPI, service: Service) -> None:
    """Add the routes that tell something."""
    models = about.models()
    refused = schema.refusals()

    @app.get("/v1/progress/{request_id}", responses={200: schema.PROGRESS, **refused})
    async def progress(
        request_id: Annotated[str, Path(pattern="^[A-Za-z0-9-]{8,64}$", examples=["3f2b8c1d"])],
        query: Annotated[NoQuery, Query()],
    ) -> Response:
        """Say how far a request is."""
        found = service.progress.of(request_id)
        return JSONResponse({"state": found.state, "fraction": found.fraction})

    @app.get("/v1/models", responses={200: schema.MODELS, **refused})
    async def list_models(query: Annotated[NoQuery, Query()]) -> Response:
        """List the models that can be asked for."""
        return JSONResponse({"models": models})

    @app.get("/v1/limits", responses={200: schema.LIMITS, **refused})
    async def list_limits(query: Annotated[NoQuery, Query()]) -> Response:
        """Say how large an image may be, and what kinds are read."""
        return JSONResponse(about.limits(service.settings))

    @app.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @app.api_route("/readyz", methods=["GET", "HEAD"], include_in_schema=False)
    async def readyz() -> Response:
        if not service.ready:
            raise Problem.of(503, "The service is not ready to denoise.", Retry_After="1")
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=METRICS_TYPE)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return JSONResponse(app.openapi())


def _add_page(app: FastAPI) -> None:
    """Add the page and what it loads."""
    pages = Pages()

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        return pages.page(request)

    @app.api_route("/static/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        return pages.static(name, request)


def _handle_errors(app: FastAPI) -> None:
    """Turn whatever is raised into a problem."""

    def refuse(request: Request, error: Exception) -> Response:
        problem = _problem(error)
        request_id: str = request.scope["ruis"]["request_id"]
        request.scope["ruis"]["problem"] = problem.kind.name
        return Response(
            document(problem, request_id),
            problem.kind.status,
            dict(problem.headers),
            MEDIA_TYPE,
        )

    def leave(request: Request, error: Exception) -> Response:
        return Response(status_code=GONE)

    for kind in (Problem, RuisError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, refuse)
    app.add_exception_handler(ClientGone, leave)


def _problem(error: Exception) -> Problem:
    match error:
        case RequestValidationError():
            return Problem.of(422, _wrong(error))
        case HTTPException(status_code=status) if status in KINDS:
            detail = {
                404: "There is nothing at this address; /openapi.json says what there is.",
                405: "This address is asked in another way; the header Allow says how.",
            }.get(status, error.detail)
            return Problem(KINDS[status], detail, error.headers or {})
    return problem_of(error)


def _wrong(error: RequestValidationError) -> str:
    """Say which value is wrong, and why, in one sentence each."""
    told = []
    for one in error.errors()[:5]:
        name = str(one["loc"][-1])[:100]
        why = "is not known here" if one["type"] == "extra_forbidden" else one["msg"]
        told.append(f"{name}: {why}.")
    return " ".join(told)
