"""HTTP and websockets as the page's server speaks them: uvicorn's, with bounds, and with nothing left when they end."""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LARGEST_HEAD = 64 * 1024
"""Bytes of a request's line and headers."""
HEAD_SECONDS, BODY_SECONDS = 10.0, 30.0
"""The time that a request's headers, and then its body, may take to arrive."""
MOST_CONNECTIONS = 1000

_LOG = logging.getLogger("tbbridge.viewer.http")
_LOG.addHandler(logging.NullHandler())  # what clients get wrong is not for the terminal


@cache
def most_connections() -> int:
    """Return how many connections may be open: the other half of this process's descriptors is for its files."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _LOG
        self._in_head = True
        self._received = 0  # bytes since the last request's headers
        self._head = 0  # bytes of this request's headers that are complete
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or close it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            transport.close()
            return
        self._within(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._done()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head over the bound is answered with 431, and the connection closed."""
        if self.transport.is_closing():
            return
        self._received += len(data)
        super().data_received(data)
        if self._in_head and self._received > LARGEST_HEAD:
            self._too_large()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self._within(HEAD_SECONDS)

    def on_url(self, url: bytes) -> None:
        """A part of the request line arrived."""
        super().on_url(url)
        self._head += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header arrived whole."""
        super().on_header(name, value)
        self._head += len(name) + len(value) + 4

    def on_headers_complete(self) -> None:
        """The headers are there: the request is passed on, unless they are too large."""
        self._in_head, self._received = False, 0
        if self._head > LARGEST_HEAD:
            self._too_large()
            return
        self._within(BODY_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body arrived."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there whole."""
        self._done()
        if not self.transport.is_closing():
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to the websocket's own protocol, which asks every 20 s whether the other end is there."""
        self._done()
        if not self.transport.is_closing():
            super().handle_websocket_upgrade()
            self.parser = None  # type: ignore[assignment]  # as `connection_lost` does: they hold each other

    def _too_large(self) -> None:
        if self.transport.is_closing():
            return
        text = f"tbbridge: the headers are larger than {LARGEST_HEAD // 1024} KiB.\n".encode()
        head = "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
        self.transport.write(f"{head}content-length: {len(text)}\r\nconnection: close\r\n\r\n".encode() + text)
        self.transport.close()

    def _within(self, seconds: float) -> None:
        self._done()
        self._timer = self.loop.call_later(seconds, self.transport.close)

    def _done(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class EndingWebsocket(WebSocketsSansIOProtocol):
    """One websocket. What it held is free when it ends: 50 KB of each visit waited for a garbage collector."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _LOG

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and end the parser, a generator that holds it."""
        super().connection_lost(exc)
        self.conn.parser.close()
