"""TensorBoard as a server that findings ask over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Board:
    """A TensorBoard that runs while the context is open, and looks for news each second.

    Args:
        logdir: The log directory.
        fast: Take TensorBoard's default data server, not its loader in Python; None: as TensorBoard chooses.
        options: More options of its command line.
    """

    def __init__(self, logdir: str, fast: bool | None = True, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        loader = {True: "true", False: "false", None: "auto"}[fast]
        self.command = [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--port", str(self.port)]
        self.command += ["--reload_interval", "1", "--load_fast", loader, *options]

    def __enter__(self) -> Board:
        self._log = open("tensorboard.log", "w")
        quiet = {"stdout": self._log, "stderr": subprocess.STDOUT, "start_new_session": True}
        self._process = subprocess.Popen(self.command, **quiet)
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()
        self._log.close()

    def log(self) -> str:
        """Return what TensorBoard wrote on its terminal."""
        return Path("tensorboard.log").read_text()

    def text(self, path: str, form: str | None = None, **query: str) -> str:
        """Return one answer as text; `form` is sent as a POST."""
        address = f"http://127.0.0.1:{self.port}/data/{path}?{urllib.parse.urlencode(query)}"
        return urllib.request.urlopen(address, form.encode() if form else None, timeout=30).read().decode()

    def ask(self, path: str, form: str | None = None, **query: str) -> Any:
        """Return one answer, decoded from JSON."""
        return json.loads(self.text(path, form, **query))

    def points(self, run: str, tag: str) -> list[tuple[int, Any]]:
        """Return the points of one series as (step, value)."""
        return [(step, value) for _, step, value in self.ask("plugin/scalars/scalars", run=run, tag=tag)]

    def wait_for(self, path: str, enough: Callable[[Any], bool], seconds: float = 90.0) -> Any:
        """Ask until the answer is enough and two in a row are the same; return it.

        Raises:
            AssertionError: It was not within `seconds`.
        """
        before = None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(1.5)
            try:
                now = self.ask(path)
            except OSError:
                continue
            if now == before and enough(now):
                return now
            before = now
        raise AssertionError(f"TensorBoard's answer to {path} was {before} for {seconds:g} seconds")
