"""``tbbridge.show``: the live page in a notebook."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any


def show(path: str | os.PathLike[str], *, height: int = 900, live: bool = True, base: str | None = None) -> Any:
    """Display the live page of a log directory, or of run logs, in a notebook's cell.

    The page runs in this process until that ends. It is reached through jupyter-server-proxy where the notebook has
    that, else directly. Where no server may run, the cell shows the charts as they stand.

    Args:
        path: a log directory, a run log (CSV) or a directory of them.
        height: of the cell, in pixels.
        live: False for the charts as they stand, which stay in the saved notebook.
        base: the notebook's base path, such as ``/user/me/``, where it is not found by itself.

    Returns:
        The object that a notebook displays: an ``IPython.display.IFrame``, or the page itself.

    Raises:
        UsageError: IPython is missing.
        PathError: there is nothing at `path`.
    """
    return import_module("tbbridge.viewer.notebook").notebook_cell(path, height, live, base)
