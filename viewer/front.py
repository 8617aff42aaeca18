"""In front of the Dash app that `serve` serves: the path of a proxy, and requests that Dash does not answer well."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import MutableMapping
from typing import Any

from dash import Dash
from dash.fingerprint import check_fingerprint
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect

from tbbridge import UsageError
from tbbridge.viewer.security import LARGEST_BODY, Receive, Scope, Send, refuse

log = logging.getLogger(__name__)

PREFIX_HEADERS = (b"x-forwarded-prefix", b"x-forwarded-context", b"x-script-name")
"""The headers that name the path a proxy strips: jupyter-server-proxy sends the second, others the first."""
SUITES = "/_dash-component-suites/"
CALLBACK = "/_dash-update-component"
MOST_NESTED = 50
"""Levels of a callback's JSON; the page's have eight."""

_PREFIX = re.compile(r"(/[\w.~%@:+-]+)*/")
_ADDRESSES = re.compile(rb'((?:src|href|data-plotly)="|"requests_pathname_prefix":")(?:/|\\u002f)(?!/)')
"""The attributes that hold addresses in the page's HTML; all others are made from ``requests_pathname_prefix``."""


def clean_prefix(text: str) -> str:
    """Return a path as ``/a/b/``.

    Raises:
        UsageError: it is no path.
    """
    prefix = f"/{text.strip('/')}/" if text.strip("/") else "/"
    if not _is_path(prefix):
        raise UsageError(f"{text!r} is no path that a page can stand under; --prefix takes one such as /proxy/8050/")
    return prefix


def _is_path(text: str) -> bool:
    return bool(_PREFIX.fullmatch(text)) and "/../" not in text and "/./" not in text


class Front:
    """ASGI middleware around a Dash app of ours.

    Args:
        dash: the app, made for the path ``/``.
        prefix: the path under which browsers see it; a proxy may strip it or not. Without one, what a proxy's header
            says.
    """

    def __init__(self, dash: Dash, prefix: str = "/") -> None:
        self._dash = dash
        self._app = dash.server
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a failure is one line in the log and a 500, never a traceback."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._answer(scope, receive, sending)
        except (ClientDisconnect, WebSocketDisconnect, ConnectionError):
            return
        except Exception as error:
            if scope["type"] == "websocket":  # its session tells its own failures: the page went while it connected
                log.debug("a websocket ended", exc_info=error)
                return
            log.error(
                "%s %s could not be answered: %s: %s", scope["method"], scope["path"], type(error).__name__, error
            )
            if not begun:
                await refuse(scope, send, 500, "That could not be answered; the terminal says why.")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix = self._prefix if self._prefix != "/" else _told(scope)
        if prefix != "/" and scope["path"] == prefix[:-1]:
            await _redirect(send, prefix)
            return
        scope = _stripped(scope, prefix)
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        path = scope["path"]
        if path.startswith(SUITES) and not self._has_suite(*path.removeprefix(SUITES).partition("/")[::2]):
            await refuse(scope, send, 404, "There is no such file.")
            return
        if path == CALLBACK and scope["method"] == "POST":
            body = await _body(receive)
            if not self._is_callback(scope, body):
                await refuse(scope, send, 400, "That is no request of the page.")
                return
            receive = _again(body, receive)
        if path == "/" and prefix != "/":
            send = _prefixed(send, prefix.encode())
        await self._app(scope, receive, send)

    def _has_suite(self, package: str, file: str) -> bool:
        return check_fingerprint(file)[0] in self._dash.registered_paths.get(package, ())

    def _is_callback(self, scope: Scope, body: bytes) -> bool:
        """Whether a post is one that the page's own script may send."""
        kinds = [value for name, value in scope["headers"] if name == b"content-type"]
        if not kinds or not kinds[0].startswith(b"application/json"):
            return False
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            return False
        if not isinstance(asked, dict) or not _shallow(asked, MOST_NESTED):
            return False
        changed = asked.get("changedPropIds")
        known = self._dash.callback_map.get(asked.get("output") if isinstance(asked.get("output"), str) else "")
        return (
            known is not None
            and _names(asked.get("inputs")) == _names(known["inputs"])
            and _names(asked.get("state", [])) == _names(known["state"])
            and isinstance(asked.get("outputs", {}), dict | list)
            and (not isinstance(changed, list) or all(isinstance(name, str) for name in changed))
        )


def _names(values: Any) -> list[tuple[Any, Any]] | None:
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        return None
    return [(value.get("id"), value.get("property")) for value in values]


def _shallow(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_shallow(each, levels - 1) for each in inner)


def _told(scope: Scope) -> str:
    """Return the path that a proxy says it has stripped; ``/`` when it says none."""
    said = next((value for name, value in scope["headers"] if name in PREFIX_HEADERS), b"")
    prefix = said.decode("latin-1").rstrip("/") + "/"
    return prefix if _is_path(prefix) else "/"


def _stripped(scope: Scope, prefix: str) -> Scope:
    asked: str = scope["path"]
    if prefix == "/" or not asked.startswith(prefix):
        return scope
    path = asked[len(prefix) - 1 :]
    return {**scope, "path": path, "raw_path": path.encode()}


async def _redirect(send: Send, place: str) -> None:
    headers = [(b"location", place.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body") or sum(map(len, parts)) > LARGEST_BODY:
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    told = False

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal told
        if told:
            more: MutableMapping[str, Any] = await receive()
            return more
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


def _without_body(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sending


def _prefixed(send: Send, prefix: bytes) -> Send:
    """Send the page's HTML with its addresses under the prefix."""
    told: list[MutableMapping[str, Any]] = []

    async def sending(message: MutableMapping[str, Any]) -> None:
        told.append(message)
        if message["type"] == "http.response.start" or message.get("more_body"):
            return
        body = _ADDRESSES.sub(rb"\g<1>" + prefix, b"".join(part.get("body", b"") for part in told))
        headers = {**dict(told[0]["headers"]), b"content-length": str(len(body)).encode()}
        await send({**told[0], "headers": list(headers.items())})
        await send({"type": "http.response.body", "body": body})

    return sending
