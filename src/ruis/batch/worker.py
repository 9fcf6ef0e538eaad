"""A worker's process on the driver's machine: joins the driver's scheduler, and leaves with it.

The driver writes one line of JSON to its standard input, and keeps that open as long as it lives.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Work for the driver that started this process."""
    told = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_the_driver, daemon=True).start()
    asyncio.run(_serve(told))


def _leave_with_the_driver() -> None:
    """End at once when the driver has gone: what is half-written has no name yet."""
    sys.stdin.read()
    os._exit(1)


async def _serve(told: dict[str, Any]) -> None:
    import dask

    from ruis.batch.crew import CONFIG

    dask.config.set(CONFIG)  # before distributed is imported, which makes its loggers then
    from distributed import Worker
    from distributed.security import Security

    keys = told["keys"]
    security = Security(
        require_encryption=True,
        tls_ca_file=keys["ca_file"],
        tls_worker_cert=keys["cert"],
        tls_worker_key=keys["key"],
    )
    async with Worker(
        told["scheduler"],
        name=told["name"],
        nthreads=1,
        host="127.0.0.1",
        security=security,
        memory_limit=0,  # the driver looks after it
        local_directory=told["folder"],
        dashboard=False,
    ) as worker:
        await worker.finished()


if __name__ == "__main__":
    main()
