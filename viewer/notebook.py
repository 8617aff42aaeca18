"""The live page in a cell of a notebook; where no server may run, the charts as they stand."""

from __future__ import annotations

import html
import os
from importlib.util import find_spec
from typing import Any

from tbbridge import Bridge, PortError, UsageError, open_source
from tbbridge.viewer import downloads
from tbbridge.viewer.app import page_of
from tbbridge.viewer.messages import clean, look
from tbbridge.viewer.serve import Handle, serve

LOCAL = ("http://localhost:*", "http://127.0.0.1:*")
"""The addresses of a notebook on this machine, whose cells may frame the page."""
SHOWN_WITHIN = 10.0
"""Seconds that a static picture waits for the log directory to be read."""

_served: dict[tuple[str, str], Handle] = {}


def notebook_cell(path: str | os.PathLike[str], height: int, live: bool, base: str | None) -> Any:
    """Return what `tbbridge.show` displays."""
    if live:
        if find_spec("IPython") is None:
            raise UsageError("tbbridge.show() needs a notebook: pip install ipython, or use `tbbridge view`")
        from IPython.display import IFrame

        base = notebook_base() if base is None else base
        try:
            return IFrame(_address(os.path.abspath(path), base), "100%", height)
        except PortError:
            pass  # no server may run here
    return StandingPage(html.escape(_picture(path)), height)


class StandingPage:
    """A page without a server, as a notebook's cell shows it."""

    def __init__(self, page: str, height: int) -> None:
        self._frame = f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="{height}"></iframe>'

    def _repr_html_(self) -> str:
        return self._frame


def notebook_base() -> str:
    """Return the path below which jupyter-server-proxy reaches this machine's ports; empty where there is none."""
    if find_spec("jupyter_server_proxy") is None or not {"JPY_PARENT_PID", "JPY_SESSION_NAME"} & os.environ.keys():
        return ""
    return os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")


def _address(path: str, base: str) -> str:
    """Serve a path, once for each base; return the page's address for the cell."""
    handle = _served.get((path, base))
    if handle is None:
        handle = _served[path, base] = serve(open_source(path), port=0, frames=LOCAL)
    port = handle.url.rpartition(":")[2].strip("/")
    return f"{base.rstrip('/')}/proxy/{port}/" if base else handle.url


def _picture(path: str | os.PathLike[str]) -> str:
    """Return the page as it stands, as HTML that needs no server."""
    with open_source(path) as source:
        if isinstance(source, Bridge):
            source.wait_until_read(SHOWN_WITHIN)
        page = page_of(source)
        controls = clean({"experiment": source.names()[: page.most_shown]}, page)
        return b"".join(downloads.report_chunks(page, controls, look(page, controls))).decode()
