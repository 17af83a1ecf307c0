"""The stylesheet, the script and the icon: three files, the same for everybody, kept by browsers until they change."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.web.console.guard import HEADERS
from worker.web.console.rendering import STATIC

_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def routes() -> list[Route]:
    """One address a file, read once."""
    return [_route(file) for file in sorted(STATIC.iterdir())]


def _route(file: Path) -> Route:
    body, kind = file.read_bytes(), _KINDS[file.suffix]

    async def served(_request: Request) -> Response:
        headers = HEADERS | {"cache-control": "public, max-age=31536000, immutable"}
        return Response(body, media_type=kind, headers=headers)

    return Route(f"/console/static/{file.name}", served, methods=["GET"])
