"""What the service has and takes: its models and its limits."""

from __future__ import annotations

from typing import Any

from ruis import zoo
from ruis.formats import FORMATS
from ruis.web.settings import Settings

__all__ = ["limits", "media_types", "models"]


def models() -> list[dict[str, Any]]:
    """Return what ships, for people who choose."""
    usual = {zoo.suited(channels, white=white) for channels in (1, 3) for white in (False, True)}
    found = []
    for name in sorted(zoo.SHIPPED):
        model = zoo.find(name)
        found.append(
            {
                "name": name,
                "purpose": model.manifest.purpose,
                "channels": model.architecture.channels,
                "noise": model.manifest.noise,
                "default": name in usual,
            }
        )
    return found


def media_types() -> list[str]:
    """Return the media types of the formats that are read."""
    return sorted({FORMATS.load(name)().media_type for name in FORMATS})


def limits(settings: Settings) -> dict[str, Any]:
    """Return what a request may ask for."""
    return {
        "max_bytes": settings.max_bytes,
        "max_pixels": settings.max_pixels,
        "seconds": settings.seconds,
        "queue": settings.queue,
        "media_types": media_types(),
    }
