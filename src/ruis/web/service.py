"""What the routes share: one service, with its places, models, figures and readiness."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from ruis.web import bodies, selftest
from ruis.web.bodies import Arriving, ClientGone
from ruis.web.denoising import Denoisers, Tell
from ruis.web.logs import FIELDS, log
from ruis.web.metrics import Metrics
from ruis.web.pool import Place, Pool, Stopped
from ruis.web.problems import Problem
from ruis.web.progress import Progress
from ruis.web.settings import Settings

__all__ = ["Service"]

Result = TypeVar("Result")


class Service:
    """A running service.

    Parameters
    ----------
    settings : Settings
        What it allows.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pool = Pool(settings.workers, settings.queue)
        self.metrics = Metrics(self.pool)
        self.progress = Progress()
        self.arriving = Arriving(settings.upload_bytes)
        self.denoisers = Denoisers(settings.workers, most=settings.kept_bytes)
        self.ready = self.failed = False

    async def prepare(self) -> None:
        """Test that images can be denoised here; the service is ready if so, and else never."""
        place = self.pool.enter()
        try:
            await self.pool.run(place, lambda _: selftest.run(self.denoisers))
        except Exception:  # noqa: BLE001 - whatever it is, the log says it
            log.exception("self-test failed")
            self.failed = True
            return
        self.ready = True
        log.info("ready", extra={FIELDS: {}})

    async def work(self, request: Request, do: Callable[[bytes, Tell], Result]) -> Result:
        """Take a place, read the image, and have something done with it in a thread.

        Parameters
        ----------
        request : Request
            With the image in its body.
        do : callable
            Gets the image's bytes, and what is to be told of progress.

        Raises
        ------
        Problem
            If there is no place, the body is not as it should be, or time is up.
        ClientGone
            If the client went away: then nobody does its work.
        RuisError
            What `do` raises.
        """
        request_id: str = request.scope["ruis"]["request_id"]
        self._check_ready()
        bodies.check_head(request.headers, self.settings)
        place = self.pool.enter()
        self.progress.tell(request_id, "waiting", 0.0)
        try:
            data = await self._body(request, place)
            request.scope["ruis"]["bytes"] = len(data)
            result = await self._worked(request, place, data, do)
        except BaseException:
            self.progress.tell(request_id, "failed", 0.0)
            raise
        self.progress.tell(request_id, "done", 1.0)
        return result

    def _check_ready(self) -> None:
        if not self.ready:
            if self.failed:
                raise Problem.of(
                    503,
                    "The self-test failed: nothing is denoised here, as the log says.",
                    Retry_After="60",
                )
            raise Problem.of(503, "The service is starting; try again.", Retry_After="1")

    async def _body(self, request: Request, place: Place) -> bytes:
        """Read the body; one that takes long gives its place to others meanwhile."""
        try:
            data = await bodies.read(
                request.headers, request.receive, self.settings, self.arriving, place.release
            )
            place.take()
        except BaseException:
            place.release()
            raise
        return data

    async def _worked(
        self, request: Request, place: Place, data: bytes, do: Callable[[bytes, Tell], Result]
    ) -> Result:
        """Have the work done; stop it if time is up, or if the client goes away."""
        loop = asyncio.get_running_loop()
        request_id: str = request.scope["ruis"]["request_id"]

        def work(stop: threading.Event) -> Result:
            def tell(fraction: float) -> None:
                if stop.is_set():
                    raise Stopped
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self.progress.tell, request_id, "working", fraction)

            tell(0.0)
            return do(data, tell)

        job = asyncio.create_task(self.pool.run(place, work))
        gone = asyncio.create_task(_gone(request))
        try:
            done, _ = await asyncio.wait(
                {job, gone}, timeout=self.settings.seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if job in done:
                return job.result()
            if gone in done:
                raise ClientGone
            raise Problem.of(
                503,
                f"The image was not denoised within {self.settings.seconds:g} seconds; it was "
                "given up.",
                Retry_After=str(self.pool.retry_after),
            )
        finally:
            for task in (job, gone):
                task.cancel()


async def _gone(request: Request) -> None:
    """Return when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
