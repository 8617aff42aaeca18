"""TensorBoard beside tbbridge: a child process on the same log directory, ended with us."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile

PROGRAM = """
import ctypes, signal, sys
sys.path[:] = [place for place in sys.path if place]  # not what lies in the working directory
if sys.platform == "linux":  # PR_SET_PDEATHSIG: end also when the parent was killed
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
from tbbridge.watching.tensorboard_tab import run_tensorboard
run_tensorboard(sys.argv[1], sys.argv[2], sys.argv[3:])
"""

TOKEN_VARIABLE = "TBBRIDGE_TAB_TOKEN"

PATIENCE = 5.0
"""Seconds that it gets to end by itself."""


def missing_tensorboard() -> str:
    """Return a message when TensorBoard is not installed, else ""."""
    if importlib.util.find_spec("tensorboard") is not None:
        return ""
    return "TensorBoard is not installed (pip install tensorboard): going on without it"


class TensorBoard:
    """A running TensorBoard; `close` ends it, and its own children.

    Args:
        logdir: the log directory that it shows.
        host: where it listens; the port is a free one.
        page, run_logs: the live page that its tab "tbbridge" links to, and the directory of run logs that it shows.
        token: the secret without which the tab shows nothing; "" for none.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        host: str = "127.0.0.1",
        *,
        page: str = "",
        run_logs: str | os.PathLike[str] = "",
        token: str = "",
    ) -> None:
        port = _free_port(host)
        self.url = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '') else host}:{port}/"
        arguments = ("--logdir", os.fspath(logdir), "--host", host, "--port", str(port))
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, page, os.fspath(run_logs), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, TOKEN_VARIABLE: token},  # a command line is seen by every user of the machine
        )

    def problem(self) -> str:
        """Return a message when it ended by itself, else ""."""
        if self._process.poll() is None:
            return ""
        self._output.seek(0)
        last = self._output.read().decode(errors="replace").strip().splitlines()[-1:]
        return f"TensorBoard ended with code {self._process.returncode}: {''.join(last)}"

    def close(self) -> None:
        """End it. Closing twice is fine."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._signal(signal.SIGKILL)  # its data server, when it outlived its parent
        self._output.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])
