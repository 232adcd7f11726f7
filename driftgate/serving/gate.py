"""What every request passes: how large its body may be, and how long it took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from driftgate.serving import problems
from driftgate.serving.errors import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from driftgate.serving.metrics import Metrics

PATIENCE = 4  # so many times the limit is read and thrown away, that the sender gets to hear of it


class Gate:
    """ASGI middleware; plain, because it runs around every prediction."""

    def __init__(self, app: ASGIApp, max_bytes: int, metrics: Metrics) -> None:
        self._app, self._max, self._metrics = app, max_bytes, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if _announced(scope) > self._max:
                await self._refuse(scope, receive, noting)
            else:
                await self._app(scope, self._counting(receive), noting)
        finally:
            self._metrics.request(_endpoint(scope), status, time.perf_counter() - started)

    def _counting(self, receive: Receive) -> Receive:
        """Bodies sent in pieces announce no length."""
        got = 0

        async def counting() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._max:
                raise HTTPException(413, self._too_large)
            return message

        return counting

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        read, message = 0, await receive()
        while message.get("more_body") and read < PATIENCE * self._max:
            read += len(message.get("body", b""))
            message = await receive()
        await problems.response(problem(413, self._too_large))(scope, receive, send)

    @property
    def _too_large(self) -> str:
        return (
            f"The body is larger than {self._max // 1_000_000} MB: send several requests, or raise "
            "DRIFTGATE_MAX_BODY_MB where the API runs."
        )


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _endpoint(scope: Scope) -> str:
    """The path as the API knows it: what people make up must not become a metric each."""
    route: Any = scope.get("route")
    return getattr(route, "path", "other")
