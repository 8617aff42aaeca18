"""Reach a page: its scripts and styles, a websocket that pushes, a poll where no websocket gets through."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import math
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from weakref import WeakSet

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from tbbridge import ExperimentView
from tbbridge.exporting.plotly_bundle import plotly_bundle
from tbbridge.viewer import security
from tbbridge.viewer.messages import SPEEDS, Cursor, Message, Page, answer, clean, fulfilments, look, to_json

log = logging.getLogger(__name__)

PACKAGE = "tbbridge.viewer"
ROUTE = "_tbbridge/live"
MOST_ON_THE_WAY = 2
"""Messages that a page has not said it has drawn; with so many it is sent none, and later what it then needs."""
MOST_TOLD = 20
"""Notifications at once."""
LONGEST_WANT = 256 * 1024  # bytes of a message from a page
SAFE: dict[str, Any] = {"enable_mcp": False, "include_assets_files": False, "add_log_handler": False}
"""Options of Dash that must not be left to environment variables or to files that happen to lie about."""


@contextlib.contextmanager
def without_dash_variables() -> Iterator[None]:
    """Hide the environment variables of Dash within the block: they are meant for the user's own apps."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("DASH_")}
    try:
        yield
    finally:
        os.environ.update(hidden)


def keep_safe(app: Dash) -> None:
    """Take from an app of ours what it does not need: Dash's tools for developers, its own websocket."""
    names = ("ui", "props_check", "serve_dev_bundles", "hot_reload", "disable_version_check")
    off = {f"dev_tools_{name}": name == "disable_version_check" for name in names}
    app.enable_dev_tools(debug=False, **off)
    app.backend.websocket_capability = False  # it would stay open for nothing; the page has its own
    app.backend._setup_catchall = lambda: None  # type: ignore[attr-defined]  # it would answer for paths of a host application


def register_transport(app: Dash, page: Page, alone: bool) -> None:
    """Give a Dash app, of any backend, what the page needs; `alone`: nothing else there draws with plotly.js."""
    _add_assets(app, alone)
    if app.backend.server_type == "fastapi":
        _add_websocket(app, page)
    _add_poll(app, page)


def _add_assets(app: Dash, alone: bool) -> None:
    """Add scripts and styles to an app, once; ``live.js`` fetches plotly.js, and the page stands before it arrives.

    A post to ``_tbbridge/allowed`` is refused where a websocket is, and says why.
    """
    if app in _HAVE_ASSETS:
        return
    _HAVE_ASSETS.add(app)
    address = app.config.requests_pathname_prefix + _add_plotly(app)
    later = {"defer": "", "data-plotly": address, **({"data-keep": ""} if alone else {})}
    for script, attributes in (("components.js", {}), ("cursor.js", {"defer": ""}), ("live.js", later)):
        path = {"relative_package_path": f"assets/{script}", "namespace": PACKAGE}
        app.scripts.append_script({**path, "attributes": attributes})
    app.css.append_css({"relative_package_path": "assets/tbbridge.css", "namespace": PACKAGE})
    rule = f"{app.config.routes_pathname_prefix}_tbbridge/allowed"
    app.backend.add_url_rule(rule, lambda: app.backend.make_response("", status=204), rule, ["POST"])
    early = {"rel": "preload", "as": "script", "href": address}
    app.config.external_stylesheets = [*app.config.external_stylesheets, early]


def _add_plotly(app: Dash) -> str:
    """Serve plotly.js, compressed once; return its address below the app's, which holds the hash of the code.

    A larger app keeps a plotly.js of its own: the script hands ours and the one before it to ``live.js``.
    """
    bundle = plotly_bundle()
    path = f"_tbbridge/plotly-{bundle.sha256.hex()[:16]}.js"

    @cache
    def compressed() -> bytes:
        around = (
            b"(() => { const before = window.Plotly;\n",
            b"\nwindow.tbbridge.loaded(window.Plotly, before); })();",
        )
        return gzip.compress(around[0] + bundle.code + around[1], 9, mtime=0)

    def answer_plotly() -> Any:
        response = app.backend.make_response(compressed(), content_type="text/javascript; charset=utf-8")
        response.headers["Content-Encoding"] = "gzip"  # what loads a script takes that
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    app.backend.add_url_rule(f"{app.config.routes_pathname_prefix}{path}", answer_plotly, path, ["GET"])
    threading.Thread(target=compressed, name="tbbridge plotly.js", daemon=True).start()
    return path


_HAVE_ASSETS: WeakSet[Dash] = WeakSet()


# ------------------------------------------------------------------------------------------------------------ websocket


def _add_websocket(app: Dash, page: Page) -> None:
    async def endpoint(socket: WebSocket) -> None:
        if not socket.scope.get(security.CHECKED) and not security.same_origin(socket.headers):
            await socket.close(1008, "another site's page may not read this")
            return
        await socket.accept()
        await Session(page, socket).run()

    path = f"{app.config.routes_pathname_prefix}{ROUTE}/{page.prefix}"
    app.server.add_api_websocket_route(path, endpoint)


class Session:
    """One page's websocket."""

    def __init__(self, page: Page, socket: WebSocket) -> None:
        self.page = page
        self.socket = socket
        self.controls: dict[str, Any] | None = None
        self.cursor: Cursor | None = None
        self.views: Sequence[ExperimentView] = ()
        self.wake = asyncio.Event()
        self.changed = True  # the source has something that the page may not know
        self.asked = False  # the page has changed its controls
        self.on_the_way = 0
        self.last = -math.inf  # when the last message went
        self.known = set(fulfilments(page.source))  # which conditions it need not be told of

    async def run(self) -> None:
        """Push until the page goes away."""
        loop = asyncio.get_running_loop()

        def notice() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._look_again)

        unsubscribe = self.page.source.subscribe(notice)
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            unsubscribe()
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ends:
            if isinstance(error, Exception) and not isinstance(error, WebSocketDisconnect):
                # the page learns it by the end of its websocket, and asks again
                log.error("a page could not be brought up to date: %s: %s", type(error).__name__, error)
                log.debug("a page could not be brought up to date", exc_info=error)
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await self.socket.close(1011)

    def _look_again(self) -> None:
        self.changed = True
        self.wake.set()

    async def _read(self) -> None:
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            text = message.get("text") or ""
            try:
                said = json.loads(text) if len(text) <= LONGEST_WANT else None
            except (ValueError, RecursionError):
                said = None
            if not isinstance(said, dict):
                await self.socket.close(1008, "not understood")
                return
            if "want" in said:
                self.controls, self.asked = clean(said["want"], self.page), True
            if "drawn" in said:
                self.on_the_way = max(self.on_the_way - 1, 0)
            self.wake.set()

    async def _write(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            await self._tell_fulfilled()
            if self.controls is None or self.on_the_way >= MOST_ON_THE_WAY:
                continue
            pause = SPEEDS.get(self.controls["updates"], 0.1)
            if not self.asked and not (self.changed and pause < math.inf):
                continue
            due = 0.0 if self.asked else self.last + pause - asyncio.get_running_loop().time()
            if due > 0.0:
                await self._rest(due)
                self.wake.set()
                continue
            await self._tell(self.controls, frozen=pause == math.inf)

    async def _rest(self, seconds: float) -> None:
        """Wait, but no longer than until a control changes."""
        end = asyncio.get_running_loop().time() + seconds
        while not self.asked and (left := end - asyncio.get_running_loop().time()) > 0.0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.wake.wait(), left)
            self.wake.clear()

    async def _tell_fulfilled(self) -> None:
        """Tell of newly fulfilled conditions, also a page that draws nothing because it is hidden."""
        if news := [text for text in fulfilments(self.page.source) if text not in self.known]:
            self.known.update(news)
            await self._send({"fulfilled": news[:MOST_TOLD]})

    async def _send(self, message: Message) -> None:
        try:
            await self.socket.send_text(to_json(message))
        except RuntimeError:  # closed meanwhile
            raise WebSocketDisconnect(1006) from None

    async def _tell(self, controls: Mapping[str, Any], frozen: bool) -> None:
        asked, self.asked = self.asked, False
        if not (frozen and self.views):
            self.changed = False
            self.views = look(self.page, controls)
        elif {view.name for view in self.views} != set(controls["experiment"]) - {""}:
            self.views = look(self.page, controls)
        # a new picture may take a while: the other pages' loop goes on meanwhile
        if asked or self.cursor is None:
            message, self.cursor = await run_in_threadpool(answer, self.page, controls, self.cursor, self.views)
        else:
            message, self.cursor = answer(self.page, controls, self.cursor, self.views)
        if message:
            self.on_the_way += 1
            self.last = asyncio.get_running_loop().time()
            await self._send(message)
        self.wake.set()


# ----------------------------------------------------------------------------------------------------------------- poll


def _add_poll(app: Dash, page: Page) -> None:
    @app.callback(
        Output(f"{page.prefix}news", "data"),
        Input(f"{page.prefix}poll", "n_intervals"),
        State(f"{page.prefix}controls", "data"),
        State(f"{page.prefix}cursor", "data"),
        prevent_initial_call=True,
    )
    def poll(_: int, wanted: Any, cursor: Any) -> Any:
        return polled(page, wanted, cursor)

    app.clientside_callback(
        ClientsideFunction("tbbridge", "news"),
        Output(f"{page.prefix}seen", "data"),
        Input(f"{page.prefix}news", "data"),
    )


def polled(page: Page, wanted: Any, cursor: Any) -> Message | Any:
    """The message for a polling page, with its cursor in it, numbered so that the page applies each once."""
    if wanted is None:
        return no_update
    controls = clean(wanted, page)
    held = cursor if isinstance(cursor, dict) else {}
    number = held.get("number", 0)
    number = number if isinstance(number, int) and abs(number) < 2**53 else 0
    try:
        message, after = answer(page, controls, held.get("holds"))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        message, after = answer(page, controls, None)  # not a cursor that came from here
    text = to_json({**message, "after": number, "cursor": {"number": number + 1, "holds": after}})
    return json.loads(text)
