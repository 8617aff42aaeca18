"""The page's server, in a thread of this process."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Sequence
from typing import Any

import uvicorn
from dash import Dash

from tbbridge import PathError, PortError, Source
from tbbridge.viewer import security
from tbbridge.viewer.app import make_app
from tbbridge.viewer.front import Front, clean_prefix
from tbbridge.viewer.gzip import Pressed
from tbbridge.viewer.protocol import BoundedHttp, EndingWebsocket
from tbbridge.viewer.transport import LONGEST_WANT

EVERYWHERE = ("", "0.0.0.0", "::")
"""Hosts that stand for all addresses of this machine."""


class Handle:
    """A server that runs: its address, and how to end it."""

    def __init__(self, server: uvicorn.Server, thread: threading.Thread, url: str) -> None:
        self._server = server
        self._thread = thread
        self.url = url
        """The address to open in a browser, with the token when there is one."""

    def close(self) -> None:
        """End the server; open pages are cut off, and find it again when it comes back."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(timeout=10.0)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(
    source: Source,
    host: str = "127.0.0.1",
    port: int = 8050,
    *,
    allow_hosts: Sequence[str] = (),
    token: bool | str = False,
    prefix: str = "/",
    frames: Sequence[str] = (),
    app: Dash | None = None,
    **page: Any,
) -> Handle:
    """Serve the page of a source until `Handle.close`.

    Args:
        source: the experiments to draw.
        host, port: where to listen; port 0 takes any free one.
        allow_hosts: further names under which a proxy may ask, ``*`` for any.
        token: True for a new secret without which nothing is answered, or that secret.
        prefix: the path under which a proxy shows the page, whether it strips that path or not.
        frames: origins whose pages may show ours in a frame, such as ``http://localhost:8888``.
        app: a Dash app that was made with `make_app`; otherwise it is made with `page`'s arguments.

    Raises:
        PortError: the port is taken or not allowed.
        PathError: the host is no address of this machine.
        UsageError: the prefix is no path, or a frame no origin.
    """
    prefix, frames = clean_prefix(prefix), [security.clean_frame(frame) for frame in frames]
    listener = _listen(host, port)
    app = app or make_app(source, **page)
    secret = secrets.token_urlsafe(16) if token is True else token or None
    hosts = [*allow_hosts, *([security.ANY_ADDRESS, socket.gethostname()] if host in EVERYWHERE else [host])]
    guarded = security.Guard(
        Pressed(Front(app, prefix)),
        hosts,
        secret,
        security.page_headers(app.csp_hashes(), frames),
        allow_hosts,
        framed=bool(frames),
    )
    config = uvicorn.Config(
        guarded,
        log_config=None,
        access_log=False,
        http=BoundedHttp,
        ws=EndingWebsocket,
        ws_max_size=2 * LONGEST_WANT,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=_run, args=(server, listener), name="tbbridge-viewer", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    return Handle(server, thread, _url(listener, prefix, secret))


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    with listener:
        server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port < 65536:
        raise PortError(f"{port} is no port; choose one from 0 to 65535 with --port")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise PathError(f"no such host: {host}; --host takes an address or a name of this machine") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortError(f"cannot listen on {host} port {port} ({error.strerror}); choose another with --port") from None
    return listener


def _url(listener: socket.socket, prefix: str, secret: str | None) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}{prefix}" + (f"?token={secret}" if secret else "")
