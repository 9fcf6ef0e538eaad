"""What the OpenAPI document says beside the parameters: bodies, answers, refusals, examples."""

from __future__ import annotations

from typing import Any

from ruis.formats import FORMATS
from ruis.web.problems import KINDS, MEDIA_TYPE

__all__ = ["BODY", "DENOISED", "INSPECTED", "LIMITS", "MODELS", "PREVIEWED", "PROGRESS", "refusals"]

BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
WHOLE: dict[str, Any] = {"type": "integer", "minimum": 0}
FLAG: dict[str, Any] = {"type": "boolean"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
ID: dict[str, Any] = {"type": "string", "pattern": "^[A-Za-z0-9-]{8,64}$"}
ID_HEADER = {"X-Request-Id": {"description": "The id of the request.", "schema": ID}}
WAIT_HEADER = {
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
READ = [FORMATS.load(name) for name in FORMATS.own]

BODY: dict[str, Any] = {
    "required": True,
    "description": "The image: its bytes as they are, or a form with one part `image`.",
    "content": {
        **{kind.media_type: {"schema": BINARY} for kind in READ},
        "application/octet-stream": {"schema": BINARY},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"image": BINARY},
                "required": ["image"],
            },
            "encoding": {"image": {"contentType": "image/*, application/octet-stream"}},
        },
    },
}


def record(example: dict[str, Any], **fields: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has all of these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "example": example,
    }


def json_answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description of an answer that is JSON."""
    example = schema.pop("example")
    content = {"application/json": {"schema": schema, "example": example}}
    return {"description": description, "headers": ID_HEADER, "content": content}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of refusals; those that every route knows are always among them."""
    return {
        status: _refusal(status) for status in sorted({401, 403, 405, 421, 422, 500, *statuses})
    }


def _refusal(status: int) -> dict[str, Any]:
    kind = KINDS[status]
    example = {
        "type": f"/problems/{kind.name}",
        "title": kind.title,
        "status": status,
        "detail": "What happened, and what to do.",
        "instance": "/requests/3f2b8c1d",
        "request_id": "3f2b8c1d",
    }
    schema = record(
        example, type=TEXT, title=TEXT, status=WHOLE, detail=TEXT, instance=TEXT, request_id=TEXT
    )
    del schema["example"]
    headers = {**ID_HEADER, **(WAIT_HEADER if status in {429, 503} else {})}
    content = {MEDIA_TYPE: {"schema": schema, "example": example}}
    return {"description": kind.title, "headers": headers, "content": content}


REPORT = (
    "What was done: compact JSON, percent-encoded; model, why, sigma, strength, seconds, rows, "
    "columns, channels, dtype, data_range, format, removed, whiteness, looks_white, sigma_after, notes."
)
DENOISED: dict[str, Any] = {
    "description": "The denoised image.",
    "headers": {
        **ID_HEADER,
        "Content-Disposition": {
            "description": "A name to save it under.",
            "schema": {"type": "string", "pattern": '^attachment; filename="denoised\\.[a-z]+"$'},
        },
        "Ruis-Report": {
            "description": REPORT,
            "schema": TEXT,
            "example": '{"model":"gray","why":"no%20colours","sigma":0.098}',
        },
    },
    "content": {kind.media_type: {"schema": BINARY} for kind in READ if kind.dtypes},
}
PREVIEWED: dict[str, Any] = {
    "description": "An 8-bit PNG.",
    "headers": ID_HEADER,
    "content": {"image/png": {"schema": BINARY}},
}
INSPECTED = json_answer(
    "What the image is, its noise, and the model that suits it.",
    {
        "type": "object",
        "required": ["rows", "columns", "channels", "dtype", "sigma", "model", "why"],
        "properties": {
            "rows": WHOLE,
            "columns": WHOLE,
            "channels": WHOLE,
            "dtype": TEXT,
            "sigma": NUMBER,
            "model": TEXT,
            "why": TEXT,
        },
        "example": {
            "format": "png",
            "rows": 512,
            "columns": 512,
            "channels": 1,
            "dtype": "uint8",
            "sigma": 0.098,
            "model": "gray",
            "why": "no colours",
        },
    },
)
MODELS = json_answer(
    "The models.",
    record(
        {
            "models": [
                {
                    "name": "gray",
                    "purpose": "Removes noise from gray images.",
                    "channels": 1,
                    "noise": "gaussian",
                    "default": True,
                }
            ]
        },
        models={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": TEXT,
                    "purpose": TEXT,
                    "channels": WHOLE,
                    "noise": TEXT,
                    "default": FLAG,
                },
                "required": ["name", "purpose", "channels", "noise", "default"],
            },
        },
    ),
)
LIMITS = json_answer(
    "What a request may ask for.",
    record(
        {
            "max_bytes": 67108864,
            "max_pixels": 50000000,
            "seconds": 120,
            "queue": 16,
            "media_types": ["image/png"],
        },
        max_bytes=WHOLE,
        max_pixels=WHOLE,
        seconds=NUMBER,
        queue=WHOLE,
        media_types=TEXTS,
    ),
)
PROGRESS = json_answer(
    "How far a request is; unknown also a minute after its end.",
    record(
        {"state": "working", "fraction": 0.4},
        state={"type": "string", "enum": ["waiting", "working", "done", "failed", "unknown"]},
        fraction={"type": "number", "minimum": 0, "maximum": 1},
    ),
)
