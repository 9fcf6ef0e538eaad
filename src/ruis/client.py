"""A client of the service: images and arrays go to `ruis serve`, and come back denoised."""

from __future__ import annotations

import http.client
import io
import json
import os
import select
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload
from urllib.parse import unquote, urlencode, urlsplit

from ruis.errors import (
    ChannelMismatchError,
    ConfigError,
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    RuisError,
    ServiceBusyError,
    ServiceError,
    ServiceRefusedError,
    ServiceUnreachableError,
    UnsupportedFormatError,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.image import Image

__all__ = ["Client", "Reply", "check_token"]

PROBLEMS: dict[str, type[RuisError]] = {
    "wrong-value": ConfigError,
    "unknown-name": ConfigError,
    "unknown-model": ConfigError,
    "unreadable-image": CorruptImageError,
    "unsupported-format": UnsupportedFormatError,
    "unsupported-media-type": UnsupportedFormatError,
    "image-too-large": ImageTooLargeError,
    "body-too-large": ImageTooLargeError,
    "wrong-channels": ChannelMismatchError,
    "token-needed": ServiceRefusedError,
    "foreign-origin": ServiceRefusedError,
    "foreign-host": ServiceRefusedError,
}
"""The errors that refusals of the service become; all others are `ServiceError`."""

LATER = frozenset({429, 503})
"""The statuses after which it is worth to come back."""

BROKEN = 3
"""How often a connection that broke is made again."""

CHUNK = 1 << 18
NPY, ANY = "application/x-npy", "application/octet-stream"


@dataclass(frozen=True, eq=False)
class Reply:
    """A denoised image as the service sent it.

    Parameters
    ----------
    content : bytes
        The content of the image file.
    media_type : str
        What it is: "image/png".
    report : dict
        What was done: model, why, sigma, seconds, whiteness, notes and more.
    """

    content: bytes
    media_type: str
    report: Mapping[str, Any]

    def image(self) -> Image:
        """Decode it."""
        from ruis.formats import read_bytes

        return read_bytes(self.content)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write it to a file, which appears whole or not at all.

        Parameters
        ----------
        path : str or path
            Where to; its folder must exist.
        overwrite : bool, default False
            Whether a file that is there already is replaced.

        Raises
        ------
        ImageWriteError
            If the file exists already, or the disk refuses.
        """
        from ruis.formats.atomic import new_file

        with new_file(Path(path), overwrite=overwrite) as file:
            file.write(self.content)


class Client:
    """Somebody who has images denoised by a service.

    Parameters
    ----------
    url : str
        The address of the service: "http://127.0.0.1:8000".
    token : str, optional
        What the service asks for, if it does; space around it, as files have it, is left out.
    timeout : float, default 180.0
        Seconds to wait for an answer.
    patience : float, default 120.0
        Seconds to wait in all, where the service says that it is busy; 0 never comes back.

    Raises
    ------
    ConfigError
        If the URL is none, or the token holds what no header can carry.

    Examples
    --------
    >>> client = Client("http://127.0.0.1:8000")
    >>> reply = client.denoise("photo.jpg")  # doctest: +SKIP
    >>> reply.save("photo.denoised.jpg")  # doctest: +SKIP
    """

    def __init__(
        self, url: str, token: str | None = None, *, timeout: float = 180.0, patience: float = 120.0
    ) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ConfigError(f"this is no address: {url!r}.") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ConfigError(f"the address of a service is http://HOST:PORT, not {url!r}.")
        token = token.strip() if token else None
        if token:
            check_token(token)
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, port
        self._path = parts.path.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._patience = patience
        self._sleep: Callable[[float], None] = time.sleep

    @overload
    def denoise(  # numpydoc ignore=GL08
        self,
        image: str | os.PathLike[str] | bytes,
        *,
        model: str = ...,
        sigma: float | None = ...,
        strength: float = ...,
        format: str = ...,
        keep_metadata: bool = ...,
    ) -> Reply: ...
    @overload
    def denoise(  # numpydoc ignore=GL08
        self,
        image: NDArray[Any],
        *,
        model: str = ...,
        sigma: float | None = ...,
        strength: float = ...,
    ) -> NDArray[Any]: ...
    def denoise(
        self,
        image: Any,
        *,
        model: str = "auto",
        sigma: float | None = None,
        strength: float = 1.0,
        format: str = "same",
        keep_metadata: bool = False,
    ) -> Any:
        """Have an image denoised.

        Parameters
        ----------
        image : str, path, bytes or numpy.ndarray
            A file, its content, or an array: 2-D is gray, a last axis of 2, 3 or 4 is gray+alpha,
            RGB or RGBA; floats are fractions of the data range.
        model : str, default "auto"
            "auto", "medium", "fast", or a name that :meth:`models` tells.
        sigma : float, optional
            The noise as a fraction of the data range, 0..1; default: it is found out.
        strength : float, default 1.0
            How much of the noise goes, 0..1.
        format : str, default "same"
            What a file comes back as: "same", "png", "jpeg", "tiff" and so on. Arrays stay arrays.
        keep_metadata : bool, default False
            Whether EXIF, GPS and texts stay in a file.

        Returns
        -------
        Reply or numpy.ndarray
            A reply for a file, an array of the same shape and dtype for an array.

        Raises
        ------
        ImageError
            If the service cannot read or use the image, or the file cannot be read here.
        ConfigError
            If a setting makes no sense.
        ServiceBusyError
            If the service was busy for longer than `patience`.
        ServiceError
            If it cannot be reached, wants another token, fails, or is no service of ruis.
        """
        import numpy as np

        query = {
            "model": model,
            "sigma": "auto" if sigma is None else f"{sigma:.9f}",
            "strength": repr(float(strength)),
            "format": "same" if isinstance(image, np.ndarray) else format,
            "metadata": "keep" if keep_metadata else "strip",
        }
        array = isinstance(image, np.ndarray)
        data = _npy(image) if array else _content(image)
        _, headers, body = self._ask("POST", "/v1/denoise", query, data, NPY if array else ANY)
        try:
            report = json.loads(unquote(headers["ruis-report"]))
            if array:
                return _like(image, np.load(io.BytesIO(body), allow_pickle=False))
        except (KeyError, ValueError) as error:
            raise self._stranger() from error
        return Reply(body, headers.get("content-type", ANY), report)

    def inspect(self, image: str | os.PathLike[str] | bytes) -> dict[str, Any]:
        """Ask what an image is, and how much noise is in it."""
        return self._json("POST", "/v1/inspect", _content(image))

    def models(self) -> list[dict[str, Any]]:
        """Ask for the models."""
        found: list[dict[str, Any]] = self._json("GET", "/v1/models")["models"]
        return found

    def limits(self) -> dict[str, Any]:
        """Ask how large an image may be, and what kinds are read."""
        return self._json("GET", "/v1/limits")

    def _json(self, method: str, path: str, data: bytes = b"") -> dict[str, Any]:
        _, _, body = self._ask(method, path, {}, data, ANY)
        try:
            found: dict[str, Any] = json.loads(body)
        except ValueError as error:
            raise self._stranger() from error
        return found

    def _stranger(self, status: int = 200, moved: str = "") -> ServiceError:
        """Return the error for an answer that ruis would not give."""
        if moved:
            return ServiceError(f"{self.url} answered {status}: what was asked for is at {moved}.")
        return ServiceError(f"what answers at {self.url} is no `ruis serve` (status {status}).")

    def _ask(
        self, method: str, path: str, query: Mapping[str, str], data: bytes, media_type: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask until there is an answer other than "later", or patience ends."""
        target = self._path + path + (f"?{urlencode(query)}" if query else "")
        left, broken, waited = self._patience, 0, False
        while True:
            asked = time.monotonic()
            try:
                status, headers, body = self._once(method, target, data, media_type)
            except ConnectionRefusedError as error:
                raise ServiceUnreachableError(
                    f"nothing answers at {self.url}: is `ruis serve` running there?"
                ) from error
            except (OSError, http.client.HTTPException) as error:
                broken += 1
                if broken > BROKEN or isinstance(error, TimeoutError):
                    reason = str(error) or type(error).__name__
                    raise ServiceUnreachableError(
                        f"{self.url} did not answer: {reason}."
                    ) from error
                self._sleep(0.1 * 2**broken)
                continue
            if status == http.HTTPStatus.OK:
                return status, headers, body
            if status < 400:
                raise self._stranger(status, headers.get("location", ""))
            if status not in LATER:
                raise _error(status, body)
            wait = _seconds(headers.get("retry-after", ""))
            # What another attempt took is waiting, too: it may have been given up after minutes.
            if waited:
                left -= time.monotonic() - asked
            waited = True
            if wait > left:
                raise ServiceBusyError(_detail(body) or f"{self.url} is busy.", wait)
            left -= wait
            self._sleep(wait)

    def _once(
        self, method: str, target: str, data: bytes, media_type: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask once, over a connection of its own."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            if self._token:
                connection.putheader("Authorization", f"Bearer {self._token}")
            if data:
                connection.putheader("Content-Type", media_type)
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders()
            self._send(connection, data)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, data: bytes) -> None:
        """Send the body, but no more of it once the service has refused it."""
        for start in range(0, len(data), CHUNK):
            connection.send(data[start : start + CHUNK])
            if not self._secure and select.select([connection.sock], [], [], 0)[0]:
                return


def check_token(token: str) -> None:
    """Refuse a token that no header can carry.

    Parameters
    ----------
    token : str
        What a service asks for.

    Raises
    ------
    ConfigError
        If it holds anything but printable ASCII characters; the message does not tell it.
    """
    if not (token.isascii() and token.isprintable()):
        raise ConfigError("the token may hold printable ASCII characters only.")


def _content(image: Any) -> bytes:
    """Return the content of a file."""
    if isinstance(image, bytes):
        return image
    try:
        return Path(image).read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ImageError(f"cannot be read: {reason}.", source=str(image)) from error


def _npy(array: NDArray[Any]) -> bytes:
    import numpy as np

    if array.dtype.hasobject:
        raise ImageError(f"an image holds numbers, not {array.dtype}.")
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _like(array: NDArray[Any], found: NDArray[Any]) -> NDArray[Any]:
    """Return what came back in the dtype that was sent: bool went as 0 and 255."""
    return (found > 127) if array.dtype == bool else found.astype(array.dtype, copy=False)


def _seconds(text: str) -> float:
    """Return what Retry-After says, 1 where it says nothing that we understand."""
    return float(text) if text.isdecimal() and len(text) < 6 else 1.0


def _detail(body: bytes) -> str:
    """Return what a problem says to people; empty if it is none."""
    try:
        return str(json.loads(body).get("detail", ""))
    except (ValueError, AttributeError):
        return ""


def _error(status: int, body: bytes) -> RuisError:
    """Return the error that a refusal stands for."""
    try:
        name = str(json.loads(body)["type"]).rpartition("/")[2]
    except (ValueError, KeyError, TypeError):
        name = ""
    detail = _detail(body) or f"the service answered {status}."
    return PROBLEMS.get(name, ServiceError)(detail)
