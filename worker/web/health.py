"""Whether this process lives, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from worker.engine import at_head
from worker.runtime import Runtime
from worker.web.metrics import CONTENT_TYPE, Metrics


def routes(runtime: Runtime, metrics: Metrics, queue_reachable: Callable[[], bool]) -> list[Route]:
    """`/healthz`, `/readyz` and `/metrics`."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        state = await run_in_threadpool(_state, runtime, queue_reachable)
        ready = all(value == "ok" for value in state.values())
        return JSONResponse(state, status_code=200 if ready else 503)

    async def figures(_request: Request) -> Response:
        return Response(await run_in_threadpool(metrics.text), media_type=CONTENT_TYPE)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", figures, methods=["GET"]),
    ]


def _state(runtime: Runtime, queue_reachable: Callable[[], bool]) -> dict[str, str]:
    try:
        database = "ok" if at_head(runtime.engine) else "not migrated: run makegood migrate"
    except SQLAlchemyError:
        database = "not reachable"
    return {"database": database, "queue": "ok" if queue_reachable() else "not reachable"}
