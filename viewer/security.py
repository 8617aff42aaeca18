"""Who may ask, and how much: the checks in front of everything that the page's server answers."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 4 * 1024 * 1024  # bytes; a polling page's cursor with many experiments is the largest thing sent
CHECKED = "tbbridge.checked"
"""In the scope of a request that a `Guard` has let in."""
ANY_ADDRESS = "any address"
"""Among the hosts of a `Guard`: each IP address is one (this machine's own are not all known)."""
COOKIE = "tbbridge-token"


def host_of(authority: str) -> str | None:
    """The host of ``host[:port]`` in lower case, an IPv6 address without brackets; None when it is malformed."""
    if not authority or any(c in authority for c in " \t\r\n@/\\?#,;\0"):
        return None
    try:
        parts = urlsplit(f"//{authority}")
        parts.port  # noqa: B018 (raises when it is no port)
    except ValueError:
        return None
    return (parts.hostname or "").rstrip(".") or None


def is_address(host: str) -> bool:
    """Whether a host is an IP address, which no foreign name can be made to stand for."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def same_origin(headers: Any) -> bool:
    """Whether a request comes from a page of this very host and port, or from no page at all (no Origin)."""
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is None:
        return True
    scheme, _, authority = origin.partition("://")
    return scheme in ("http", "https") and bool(authority) and authority.lower() == host.lower()


class Guard:
    """ASGI middleware: only known hosts (against DNS rebinding), only same-origin writes, bounded bodies, safe headers.

    Args:
        app: what is guarded.
        hosts: names under which the server may be asked, besides loopback ones; ``*`` for any.
        token: when given, each page must be opened once with ``?token=...``; a cookie remembers it.
        headers: ASGI headers to add to every answer.
        origins: hosts whose pages may connect and post, besides the one that is asked.
    """

    def __init__(
        self,
        app: Any,
        hosts: Iterable[str] = (),
        token: str | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
        origins: Iterable[str] = (),
    ) -> None:
        self.app = app
        self.hosts = {host.lower().strip("[]") for host in hosts}
        self.allowed = {host.lower().strip("[]") for host in origins}
        self.token = token
        self.headers = list(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal:
            await _refuse(scope, send, *refusal)
            return
        await self.app(scope, _bounded(receive), self._with_headers(scope, send))

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        if [name for name, _ in scope["headers"]].count(b"host") != 1 or not self._known(headers["host"]):
            return 421, "This server does not answer to that name; see --host and --allow-host."
        harmless = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if not harmless and not same_origin(headers) and not self._allowed_origin(headers["origin"]):
            return 403, "Another site's page may not do that."
        scope[CHECKED] = True
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return 413, "That is too large."
        if self.token and not self._has_token(scope, headers):
            return 401, "Open the address that tbbridge printed, with its token."
        return None

    def _known(self, authority: str) -> bool:
        host = host_of(authority)
        if host is None:
            return False
        return is_loopback(host) or bool(self.hosts & {host, "*"}) or (ANY_ADDRESS in self.hosts and is_address(host))

    def _allowed_origin(self, origin: str) -> bool:
        """Whether it is a page of an allowed name: a proxy may ask under another name than browsers do."""
        scheme, _, authority = origin.partition("://")
        return scheme in ("http", "https") and (host_of(authority) or "") in self.allowed

    def _has_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        assert self.token
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if hmac.compare_digest(asked.encode(), self.token.encode()):
            scope["tbbridge.token"] = True
            return True
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), self.token.encode())

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        added = list(self.headers)
        if scope.get("tbbridge.token"):
            added.append((b"set-cookie", f"{COOKIE}={self.token}; Path=/; HttpOnly; SameSite=Strict".encode()))

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        return sending


def _bounded(receive: Receive) -> Receive:
    """A body that was not announced is cut off, as if the client had gone away, once it is too large."""
    seen = 0

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if message["type"] == "http.request" and seen > LARGEST_BODY else message

    return receiving


async def _refuse(scope: Scope, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    body = f"tbbridge: {text}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def page_headers(script_hashes: Iterable[str] = ()) -> list[tuple[bytes, bytes]]:
    """The headers of every answer: scripts of this server only, no frames of other sites, no guessing of types.

    Nothing on the page evaluates text, but a browser test that waits for a condition (Playwright, Selenium) does;
    neither inline scripts nor another site's run. Styles may be inline: React and Plotly set them. ``data:`` and
    ``blob:`` images are what a chart is downloaded as.
    """
    policy = [
        "default-src 'self'",
        f"script-src 'self' 'unsafe-eval' {' '.join(script_hashes)}".strip(),
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "object-src 'none'",
        "frame-ancestors 'self'",
    ]
    return [
        (b"content-security-policy", "; ".join(policy).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"SAMEORIGIN"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
