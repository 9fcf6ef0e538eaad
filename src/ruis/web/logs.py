"""One line of JSON per request and event, on standard error; no file names, contents or tokens."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

__all__ = ["FIELDS", "JsonLines", "log", "set_up"]

log = logging.getLogger("ruis.web")
FIELDS = "fields"
"""The attribute of a log record that holds what is told beside its message."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=True)


def set_up(level: int = logging.INFO) -> None:
    """Send what the service and its server log to standard error, as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.captureWarnings(capture=True)
    warning = logging.WARNING
    for name, least in (("ruis.web", level), ("uvicorn.error", warning), ("py.warnings", warning)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(least)
        logger.propagate = False
    access = logging.getLogger("uvicorn.access")  # its lines hold addresses; ours hold none
    access.handlers = []
    access.propagate = False
