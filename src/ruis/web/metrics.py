"""Figures for Prometheus; labels take few values, none of which a stranger chooses."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from ruis.web.pool import Pool

__all__ = ["MEDIA_TYPE", "Metrics"]

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """What is counted about one service.

    Parameters
    ----------
    pool : Pool
        Whose places are told.
    """

    def __init__(self, pool: Pool) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "ruis_requests",
            "Answered requests.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "ruis_request_seconds",
            "From the head of a request to its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.pixels = Counter(
            "ruis_denoised_pixels", "Pixels denoised.", ("model",), registry=self.registry
        )
        taken = Gauge(
            "ruis_places_taken", "Requests that wait or are worked on.", registry=self.registry
        )
        taken.set_function(lambda: pool.taken)
        places = Gauge("ruis_places", "Places in all.", registry=self.registry)
        places.set(pool.places)

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is a template, never a path."""
        self.requests.labels(route, method, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return all figures as Prometheus reads them."""
        return generate_latest(self.registry)
