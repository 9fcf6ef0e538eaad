"""Who may ask what: Host, Origin and token are looked at before anything else.

Access is a decision per route: a route that is not in the table is refused to everyone without the
token, and `app.create` refuses to start with one that is not.
"""

from __future__ import annotations

import hmac
from enum import Enum
from urllib.parse import urlsplit

from ruis.web.problems import Problem
from ruis.web.settings import Settings

__all__ = ["ACCESS", "Access", "check"]


class Access(Enum):
    """What a route asks for, where a token is set."""

    OPEN = "anyone who may reach the address"
    TOKEN = "those who show the token"  # noqa: S105 - no password, its description


ACCESS: dict[tuple[str, str], Access] = {
    # The page and its parts hold no secret; it asks for the token and sends it with what follows.
    ("GET", "/"): Access.OPEN,
    ("HEAD", "/"): Access.OPEN,
    ("GET", "/static/{name}"): Access.OPEN,
    ("HEAD", "/static/{name}"): Access.OPEN,
    # Probes of containers carry no token; they learn one word.
    ("GET", "/healthz"): Access.OPEN,
    ("HEAD", "/healthz"): Access.OPEN,
    ("GET", "/readyz"): Access.OPEN,
    ("HEAD", "/readyz"): Access.OPEN,
    ("POST", "/v1/denoise"): Access.TOKEN,
    ("POST", "/v1/inspect"): Access.TOKEN,
    ("POST", "/v1/preview"): Access.TOKEN,
    ("GET", "/v1/progress/{request_id}"): Access.TOKEN,
    ("GET", "/v1/models"): Access.TOKEN,
    ("GET", "/v1/limits"): Access.TOKEN,
    ("GET", "/metrics"): Access.TOKEN,
    ("GET", "/openapi.json"): Access.TOKEN,
}
"""The decisions, by method and route; a token that is shown and wrong is refused everywhere."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
STATIC = "/static/"


def check(method: str, path: str, headers: dict[str, str], settings: Settings) -> None:
    """Refuse who may not ask this.

    Parameters
    ----------
    method, path : str
        Of the request, the path decoded.
    headers : dict of str to str
        Of the request, names in lower case; of several with one name, joined by commas.
    settings : Settings
        The names, pages and token that are accepted.

    Raises
    ------
    Problem
        421 for a foreign Host, 403 for a foreign Origin, 401 for a missing or wrong token.
    """
    _check_host(headers.get("host", ""), settings)
    _check_origin(method, path, headers, settings)
    _check_token(method, path, headers.get("authorization"), settings)


def _check_host(host: str, settings: Settings) -> None:
    """Refuse a name that is not ours: a page elsewhere may have made its name lead here."""
    name = _name_of(host)
    ours = LOOPBACK | {settings.address.lower()} | {one.lower() for one in settings.hosts}
    if name not in ours:
        raise Problem.of(
            421,
            "This service does not go by that name; who runs it can add one with --host-name NAME.",
        )


def _name_of(host: str) -> str:
    """Return the name without the port, in lower case; "" if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
        clean = parts.hostname or ""
    except ValueError:
        return ""
    return clean if parts.netloc == host and "@" not in host and "/" not in host else ""


def _check_origin(method: str, path: str, headers: dict[str, str], settings: Settings) -> None:
    """Refuse what a page of another site asks a browser to ask."""
    origin = headers.get("origin")
    if origin is not None:
        own = {f"{scheme}://{headers.get('host', '')}".lower() for scheme in ("http", "https")}
        if origin.lower() not in own | {one.lower() for one in settings.origins}:
            raise Problem.of(403, "Pages of other sites may not use this service.")
        return
    # Images, scripts and forms of GET come without Origin; browsers say where they come from. To
    # follow a link to our page is no harm.
    site = headers.get("sec-fetch-site", "none")
    link = headers.get("sec-fetch-mode") == "navigate" and (method, path) == ("GET", "/")
    if site in {"cross-site", "same-site"} and not link:
        raise Problem.of(403, "Pages of other sites may not use this service.")


def _check_token(method: str, path: str, shown: str | None, settings: Settings) -> None:
    """Refuse who does not show the token; compared in a time that tells nothing about it."""
    if settings.token is None:
        return
    if shown is None and _access(method, path) is Access.OPEN:
        return
    scheme, _, token = (shown or "").partition(" ")
    right = hmac.compare_digest(token.strip().encode(), settings.token.encode())
    if scheme.lower() != "bearer" or not right:
        raise Problem.of(
            401,
            "Send the token of this service: Authorization: Bearer TOKEN.",
            WWW_Authenticate='Bearer realm="ruis"',
        )


def _access(method: str, path: str) -> Access:
    """Return the decision for a path as it was asked for; what is not known asks for the token."""
    name = path.removeprefix(STATIC)
    if name and name != path and "/" not in name:
        path = STATIC + "{name}"
    return ACCESS.get((method, path), Access.TOKEN)
