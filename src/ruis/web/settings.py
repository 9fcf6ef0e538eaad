"""What the service allows, in one record; each field is also an option of `ruis serve`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from ruis.client import check_token
from ruis.errors import ConfigError

if TYPE_CHECKING:
    from ruis.formats import Limits

__all__ = ["Settings"]

BYTES_PER_PIXEL = 12
"""Memory that a decoded pixel may take: three float32 channels, or four of 16 bits and some."""

SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Settings:
    """What the service listens on, whom it lets in, and how much it takes.

    Parameters
    ----------
    address : str
        The address to listen on. Any but one of this machine's own (loopback) needs a token.
    port : int
        The port, 0 for any that is free.
    token : str, optional
        What clients must show, at least 16 characters. Never shown in messages or logs.
    hosts : tuple of str
        Names, without port, under which clients may call the service, beside those of loopback
        and the address itself.
    origins : tuple of str
        Pages that may call the service beside its own: "https://example.org".
    max_bytes : int
        The largest body of a request, in bytes.
    max_pixels : int
        The largest image, in pixels; also bounds the memory of what is decoded.
    seconds : float
        How long an image may wait and be worked on.
    queue : int
        How many requests may wait beside those that are worked on; one more is refused at once.
    workers : int
        How many images are worked on at a time.
    connections : int
        How many connections may be open at a time.
    upload_bytes : int
        The memory for bodies that are arriving, all together, in bytes.
    kept_bytes : int
        The memory that the process may hold, in bytes, before it lets go of networks that are
        compiled and idle.
    body_seconds : float
        How long a body may take to arrive.
    header_seconds : float
        How long the head of a request may take to arrive.
    header_bytes : int
        The largest head of a request, in bytes.
    parts : int
        How many parts a form may have.

    Raises
    ------
    ConfigError
        If a number is out of bounds, or the address needs a token and there is none.
    """

    address: str = "127.0.0.1"
    port: int = 8000
    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    max_bytes: int = 64 * 2**20
    max_pixels: int = 50_000_000
    seconds: float = 120.0
    queue: int = 16
    workers: int = 2
    connections: int = 512
    upload_bytes: int = 512 * 2**20
    kept_bytes: int = 3 * 2**30
    body_seconds: float = 30.0
    header_seconds: float = 10.0
    header_bytes: int = 16 * 2**10
    parts: int = 8

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            least = 0 if one.name in {"port", "queue"} else 0.01 if "seconds" in one.name else 1
            if isinstance(value, bool) or (
                isinstance(value, (int, float)) and not least <= value < math.inf
            ):
                option = one.name.replace("_", "-")
                raise ConfigError(f"--{option} is a number, at least {least}, not {value!r}.")
        if self.port > 65535:
            raise ConfigError(f"--port is at most 65535, not {self.port}.")
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise ConfigError(
                f"the token has {len(self.token)} characters, and needs {SHORTEST_TOKEN} at least; "
                'make one: python3 -c "import secrets; print(secrets.token_urlsafe())"'
            )
        if self.token is not None:
            check_token(self.token)
        if self.token is None and not self.local:
            raise ConfigError(
                f"others can reach {self.address}, so a token is needed: --token-file FILE, or the "
                "environment variable RUIS_TOKEN. Without one, only 127.0.0.1 is served."
            )

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the address."""
        import ipaddress

        if self.address == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False

    @property
    def limits(self) -> Limits:
        """What the header of an image may announce."""
        from ruis.formats import Limits

        return Limits(self.max_pixels, self.max_pixels * BYTES_PER_PIXEL, self.max_bytes)
