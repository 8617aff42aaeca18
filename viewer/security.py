"""The checks in front of everything that the page's server answers: who may ask, and how much."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tbbridge import UsageError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

TOO_LARGE = 413, "That is too large."
LARGEST_BODY = 4 * 1024 * 1024  # bytes; a polling page's cursor with many experiments is the largest thing sent
CHECKED = "tbbridge.checked"
"""In the scope of a request that a `Guard` has let in."""
ANY_ADDRESS = "any address"
"""Among the hosts of a `Guard`: each IP address is one (this machine's own are not all known)."""
COOKIE = "tbbridge-token"
"""With the port behind it: browsers keep one set of cookies per host."""
_FRAME = re.compile(r"[a-z][a-z0-9+.-]*:(//(\*\.)?[\w.\[\]:-]+(:\*)?)?")
PORTS = {"http": ":80", "https": ":443"}


def host_of(authority: str) -> str | None:
    """Return the host of ``host[:port]`` in lower case, an IPv6 address without brackets; None when it is malformed."""
    if not authority or any(c in authority for c in " \t\r\n@/\\?#,;\0"):
        return None
    try:
        parts = urlsplit(f"//{authority}")
        parts.port  # noqa: B018 (raises when it is no port)
    except ValueError:
        return None
    return (parts.hostname or "").rstrip(".") or None


def is_address(host: str) -> bool:
    """Return whether a host is an IP address, which no foreign name can be made to stand for."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def same_origin(headers: Any) -> bool:
    """Return whether a request comes from a page of this very host and port, or from no page at all (no Origin)."""
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is None:
        return True
    scheme, _, authority = origin.partition("://")
    if scheme not in PORTS or not authority:
        return False
    same = {each.lower().removesuffix(PORTS[scheme]) for each in (authority, host)}
    return len(same) == 1 and "" not in same


class Guard:
    """ASGI middleware: only known hosts (against DNS rebinding), only same-origin writes, bounded bodies, safe headers.

    Args:
        app: the app to guard.
        hosts: names under which the server may be asked, besides loopback ones; ``*`` for any.
        token: when given, each page must be opened once with ``?token=...``; a cookie remembers it.
        headers: ASGI headers to add to every answer.
        origins: hosts whose pages may connect and post, besides the one that is asked.
        framed: whether pages of other sites may frame ours: its cookie must then go along from within them.
    """

    def __init__(
        self,
        app: Any,
        hosts: Iterable[str] = (),
        token: str | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
        origins: Iterable[str] = (),
        framed: bool = False,
    ) -> None:
        self.app = app
        self.hosts = {host.lower().strip("[]") for host in hosts}
        self.allowed = {host.lower().strip("[]") for host in origins}
        self.token = token
        self.headers = list(headers)
        self.framed = framed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that may not be asked; pass the others on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal:
            await refuse(scope, self._with_headers(scope, send), *refusal)
            return
        sending, body = self._with_headers(scope, send), _Body(receive)
        await self.app(scope, body.receive, sending)
        if body.cut:
            await refuse(scope, sending, *TOO_LARGE)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        if [name for name, _ in scope["headers"]].count(b"host") != 1 or not self._known(headers["host"]):
            return 421, "This server does not answer to that name; start tbbridge with --allow-host NAME to allow it."
        harmless = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        scheme, _, authority = headers.get("origin", "").partition("://")
        allowed = scheme in PORTS and host_of(authority) in self.allowed  # a proxy may ask under another name
        if not harmless and not same_origin(headers) and not allowed:
            text = "Another site's page may not do that. If a proxy stands in between, let it pass on the Host header"
            return 403, f"{text}, or start tbbridge with --allow-host NAME, the name in the browser's address."
        scope[CHECKED] = True
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return TOO_LARGE
        if self.token and not self._has_token(scope, headers):
            return 401, "Open the address that tbbridge printed, with its token."
        return None

    def _known(self, authority: str) -> bool:
        host = host_of(authority)
        if host is None:
            return False
        return is_loopback(host) or bool(self.hosts & {host, "*"}) or (ANY_ADDRESS in self.hosts and is_address(host))

    def _has_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        assert self.token
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if hmac.compare_digest(asked.encode(), self.token.encode()):
            scope["tbbridge.token"] = True
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_cookie(scope))
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), self.token.encode())

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        added = list(self.headers)
        if scope.get("tbbridge.token"):
            site = "SameSite=None; Secure; Partitioned" if self.framed else "SameSite=Strict"
            added.append((b"set-cookie", f"{_cookie(scope)}={self.token}; Path=/; HttpOnly; {site}".encode()))

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        return sending


def _cookie(scope: Scope) -> str:
    return f"{COOKIE}-{(scope.get('server') or ('', 0))[1]}"


class _Body:
    """A body that was not announced is cut off, as if the client had gone away, once it is too large."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen = 0
        self.cut = False

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        self.cut = self._seen > LARGEST_BODY
        return {"type": "http.disconnect"} if self.cut else message


async def refuse(scope: Scope, send: Send, status: int, text: str) -> None:
    """Answer with an error's status and its text; end a websocket instead."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    body = f"tbbridge: {text}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def clean_frame(text: str) -> str:
    """Return an origin whose pages may frame ours, such as ``https://lab.example`` or ``vscode-webview:``.

    Raises:
        UsageError: it is none.
    """
    if not _FRAME.fullmatch(text):
        raise UsageError(f"{text!r} is no origin; --frame takes one such as https://lab.example:8888")
    return text


def page_headers(script_hashes: Iterable[str] = (), frames: Sequence[str] = ()) -> list[tuple[bytes, bytes]]:
    """Return the headers of every answer: scripts of this server only, no guessing of types.

    Nothing on the page evaluates text, and neither inline scripts nor another site's run. Styles may be inline: React
    and Plotly set them. A chart is downloaded as a ``data:`` or ``blob:`` image.

    Args:
        script_hashes: of the inline scripts that may run.
        frames: origins whose pages may frame ours, besides our own.
    """
    policy = [
        "default-src 'self'",
        f"script-src 'self' {' '.join(script_hashes)}".strip(),
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "object-src 'none'",
        " ".join(["frame-ancestors 'self'", *frames]),
    ]
    return [
        (b"content-security-policy", "; ".join(policy).encode()),
        (b"x-content-type-options", b"nosniff"),
        *([] if frames else [(b"x-frame-options", b"SAMEORIGIN")]),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
