"""The TensorBoard that ``tbbridge watch --tensorboard`` starts: the ordinary one, with a tab that shows the run logs.

It is built as TensorBoard's own ``main.py`` says that others may build theirs. Nothing is registered with TensorBoard:
one that is started otherwise has no such tab, and never imports tbbridge. This module runs in TensorBoard's process and
reads the published CSVs.
"""

from __future__ import annotations

import hmac
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import app
from tensorboard import default, main_lib, program
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from tbbridge.core.model import ExperimentView, Points
from tbbridge.following.csv_source import CsvSource
from tbbridge.shape.downsample import downsample
from tbbridge.watching.tensorboard_process import TOKEN_VARIABLE

SCRIPT = Path(__file__).with_name("tensorboard_tab.js")

MOST_POINTS = 500
"""Of a line, on a chart that is some 500 pixels wide."""

MOST_EXPERIMENTS = 50
"""On one page; the live page shows all, and has a filter."""


class Tab(base_plugin.TBPlugin):  # type: ignore[misc]
    """The tab: a link to the live page, and the two charts of each run log.

    Args:
        page: the address of the live page; empty when there is none.
        source: the run logs.
        token: the secret without which it shows no run log; "" for none.
    """

    plugin_name = "tbbridge"

    def __init__(self, page: str, source: CsvSource, token: str = "") -> None:
        self._page = page
        self._token = token
        self._source = source

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        """The tab's requests, by the path below the plugin's own."""
        return {"/board.js": self._script, "/run_logs": self._run_logs}

    def is_active(self) -> bool:
        """Always: there is a tab as soon as there is something to follow."""
        return True

    def frontend_metadata(self) -> Any:
        """The way TensorBoard's page loads the tab."""
        return base_plugin.FrontendMetadata(es_module_path="/board.js", tab_name="tbbridge", disable_reload=True)

    def _script(self, environ: Any, start_response: Any) -> Any:
        return respond(environ, SCRIPT.read_text(), "text/javascript")(environ, start_response)

    def _run_logs(self, environ: Any, start_response: Any) -> Any:
        asked = wrappers.Request(environ).args.get("token", "")
        if not hmac.compare_digest(asked.encode(), self._token.encode()):
            return respond(environ, '{"locked": true}', "application/json")(environ, start_response)
        names = self._source.names()
        views = [view for name in names[:MOST_EXPERIMENTS] if (view := self._source.view(name))]
        more = max(0, len(names) - MOST_EXPERIMENTS)
        answer = {"page": self._page, "more": more, "experiments": [as_json(view) for view in views]}
        return respond(environ, json.dumps(answer), "application/json")(environ, start_response)


def respond(environ: Any, content: str, kind: str) -> Any:
    """A WSGI response with the headers that TensorBoard asks of a plugin."""
    return http_util.Respond(wrappers.Request(environ), content, kind)


def as_json(view: ExperimentView) -> dict[str, Any]:
    """A run log as the tab draws it."""
    return {"name": view.name, "columns": {name: line(points) for name, points in view.columns.items()}}


def line(points: Points) -> dict[str, list[float]]:
    """The finite points of a column, thinned: JSON has no other numbers."""
    kept = downsample(points.at(np.isfinite(points.value)), MOST_POINTS)
    return {"step": kept.step.tolist(), "value": kept.value.tolist()}


class Loader(base_plugin.TBLoader):  # type: ignore[misc]
    """Makes the tab when TensorBoard starts."""

    def __init__(self, page: str, run_logs: str) -> None:
        self._page = page
        self._run_logs = run_logs

    def load(self, _context: Any) -> Tab:
        """The tab, with its run logs followed."""
        return Tab(self._page, CsvSource(self._run_logs).start(), os.environ.get(TOKEN_VARIABLE, ""))


def run_tensorboard(page: str, run_logs: str, arguments: Sequence[str]) -> None:
    """Run TensorBoard with its own command line `arguments`, and the tab."""
    main_lib.global_init()
    board = program.TensorBoard(plugins=[*default.get_plugins(), Loader(page, run_logs)])
    try:
        app.run(board.main, argv=["tensorboard", *arguments], flags_parser=board.configure)
    except base_plugin.FlagsError as error:
        sys.exit(f"Error: {error}")
