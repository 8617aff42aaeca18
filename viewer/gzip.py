"""Compression: of what never changes once, and kept; of everything else as it goes."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.middleware.gzip import GZipMiddleware

Message = MutableMapping[str, Any]
MOST_KEPT = 64
"""Files; a page loads about a dozen."""


class Pressed:
    """ASGI middleware around `app`: keeps each file whose address has its version, compressed as small as it gets."""

    def __init__(self, app: Any) -> None:
        self.app = GZipMiddleware(app, minimum_size=1000, compresslevel=5)
        self._plain = app
        self._kept: dict[str, list[Message]] = {}

    async def __call__(self, scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "GET" or "/_dash-component-suites/" not in scope["path"]:
            await self.app(scope, receive, send)
            return
        if not any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"]):
            await self._plain(scope, receive, send)
            return
        for message in self._kept.get(scope["path"]) or await self._press(scope, receive):
            await send(dict(message))

    async def _press(self, scope: Message, receive: Any) -> list[Message]:
        answer: list[Message] = []

        async def collect(message: Message) -> None:
            answer.append(message)

        await self._plain(scope, receive, collect)
        start, body = answer[0], b"".join(part.get("body", b"") for part in answer[1:])
        headers = dict(start["headers"])
        body = gzip.compress(body, 9)
        headers |= {
            b"content-encoding": b"gzip",
            b"content-length": str(len(body)).encode(),
            b"vary": b"accept-encoding",
        }
        pressed: list[Message] = [
            {**start, "headers": list(headers.items())},
            {"type": "http.response.body", "body": body},
        ]
        if start["status"] == 200 and b"max-age" in headers.get(b"cache-control", b"") and len(self._kept) < MOST_KEPT:
            self._kept[scope["path"]] = pressed
        return pressed
