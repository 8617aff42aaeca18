"""A session of ``tbbridge watch``: the bridge, the page, TensorBoard, the terminal; all of it ended cleanly."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from tbbridge.core.errors import PortError
from tbbridge.core.escape import say
from tbbridge.core.memory import share_arenas
from tbbridge.following.bridge import Bridge
from tbbridge.watching import tensorboard_process
from tbbridge.watching.actions import Actions
from tbbridge.watching.terminal import Display

ONE_SIGNAL = 0.5
"""Seconds within which signals count as one."""


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken before anything is started.

    Raises:
        PortError: it is taken, or not allowed.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except socket.gaierror:
        return  # the server says it better
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error)
        raise PortError(f"cannot listen on {host} port {port} ({reason}); choose another with --port") from None


def watch(
    bridge: Bridge,
    *,
    page: Mapping[str, Any] | None,
    host: str = "127.0.0.1",
    with_tensorboard: bool = False,
    open_browser: bool = False,
    make_app: Callable[[Bridge], Any] | None = None,
    actions: Actions | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Follow until Ctrl-C, SIGTERM or `stop`; returns 0, or 1 when the last state could not be published.

    Args:
        bridge: not yet started.
        page: where and to whom the page is served: arguments of `tbbridge.viewer.serve`; None for no page.
        host: where TensorBoard listens.
        with_tensorboard: start TensorBoard on the same log directory, too.
        open_browser: open the page in a browser.
        make_app: makes the page, where it is not the ordinary one.
        actions: act on the bridge's conditions; closed at the end.
        stop: ends it when set.

    Raises:
        PortError: the port is taken.
    """
    stop = stop or threading.Event()
    share_arenas()
    with stopped_by_signals(stop), contextlib.ExitStack() as stack:
        if actions:
            stack.callback(actions.close)  # after the bridge's last reading
        stack.callback(bridge.close)
        if page:
            check_port(page["host"], page["port"])
        bridge.start()
        display = Display(bridge)
        display.links.append(f"run logs     {bridge.out}")
        if actions:
            display.worries.append(actions.messages)
        token = secrets.token_urlsafe(16) if page and page["token"] else ""
        address = ""
        if page:
            from tbbridge.viewer import serve

            app = make_app and make_app(bridge)
            handle = stack.enter_context(serve(bridge, **{**page, "token": token}, app=app))
            display.links.insert(0, f"page         {handle.url}")
            display.links += [*tunnel(handle.url), *exposure(host, bool(token)), *chosen_plotly()]
            if open_browser and not open_page(handle.url):
                display.links.append("no browser could be opened: open the page's address yourself")
            address = "" if token else handle.url  # who may see TensorBoard may not know the secret
        if with_tensorboard:
            start_tensorboard(stack, bridge, display, host, address, token)
        display.run(stop)
    say(*bridge.unpublished())
    return 1 if bridge.unpublished() else 0


def start_tensorboard(
    stack: contextlib.ExitStack, bridge: Bridge, display: Display, host: str, page: str, token: str
) -> None:
    """Start TensorBoard on the bridge's log directory, to be ended with `stack`; or say that it is not installed."""
    if line := tensorboard_process.missing_tensorboard():
        display.links.append(line)
        return
    board = tensorboard_process.TensorBoard(
        Path(bridge.logdir), host, page=page, run_logs=bridge.out or "", token=token
    )
    stack.enter_context(board)
    bridge.tensorboard_url = board.url
    display.links.append(f"TensorBoard  {board.url}")
    if token or not is_local(host):
        who = "on this machine" if is_local(host) else "who can reach this machine"
        lock = "; its tab tbbridge asks for the page's token" if token else ""
        display.links.append(f"TensorBoard itself has no lock: it shows all its runs to everyone {who}{lock}")
    display.worries.append(lambda: [board.problem()])


def is_local(host: str) -> bool:
    """Return whether only this machine reaches `host`."""
    return host in ("localhost", "::1") or host.startswith("127.")


def tunnel(url: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the command that shows the page on the machine that one has come from by SSH; none where one has not."""
    connection = environment.get("SSH_CONNECTION", "").split()
    address = urlsplit(url)
    if len(connection) != 4 or not is_local(address.hostname or ""):
        return []
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # no name for this number
        user = ""
    here, port = connection[2:]
    at = f"{user}@{here}" if user else here
    other = f" -p {port}" if port != "22" else ""
    return [f"from afar     ssh -L {address.port}:{address.hostname}:{address.port}{other} {at}"]


def open_page(url: str) -> bool:
    """Open an address in the user's browser; False where there is none, or only one that would take the terminal."""
    import webbrowser

    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & os.environ.keys():
        return False
    with contextlib.suppress(webbrowser.Error):
        return webbrowser.open(url)
    return False


def chosen_plotly() -> list[str]:
    """Return a message when pages carry the full plotly.js; none when they carry the small one."""
    from tbbridge.exporting.plotly_bundle import plotly_bundle

    bundle = plotly_bundle()
    if bundle.name == "small":
        return []
    return [f"the page carries the full plotly.js {bundle.version}: in a clone, make plotly fetches the small one"]


def exposure(host: str, token: bool) -> list[str]:
    """Return the warning that others can see a page at this host; none where only this machine can."""
    if is_local(host):
        return []
    who = "knows its address" if token else "can reach this machine (--token asks for a secret)"
    return [f"the page at {host} shows the run logs and names of this log directory to everyone who {who}"]


@contextlib.contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Within the block Ctrl-C, SIGTERM and (but under ``nohup``) SIGHUP set `stop` instead of ending the process.

    A second one ends the process at once: a store that does not answer would keep the end waiting. What comes within
    `ONE_SIGNAL` seconds is the same one: ``timeout`` and others send it to the process and again to its group.

    A thread sets it: where a signal comes while this one is about to wait for `stop`, it holds that one's lock, and its
    handler, which runs in between, would wait for itself.
    """
    received, send = os.pipe()
    os.set_blocking(send, False)
    first = float("inf")

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        first = min(first, time.monotonic())
        if time.monotonic() - first > ONE_SIGNAL:
            os.write(2, b"\ntbbridge: ended at the second signal; the last state may not be published\n")
            os._exit(128 + number)
        with contextlib.suppress(BlockingIOError):  # full: there were thousands before
            os.write(send, b"!")

    def pass_on() -> None:
        while os.read(received, 4096):
            stop.set()

    thread = threading.Thread(target=pass_on, name="tbbridge signals", daemon=True)
    thread.start()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        os.close(send)
        thread.join()
        os.close(received)
