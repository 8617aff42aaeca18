"""What several rooms' tests need: waiting for a condition, the command line as a process, a free port.

Plain functions, so that a test may import them (``from support import wait_until``); `conftest` hands the same out as
fixtures.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
"""The project's root: the folder that holds setup.cfg."""


def wait_until(condition: Callable[[], T], timeout: float = 20.0, interval: float = 0.02, what: str = "") -> T:
    """Call `condition` until its answer is true, and return that answer.

    Raises AssertionError after `timeout` seconds, with `what` (or its name) and the last answer in the text.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__name__", repr(condition))
            raise AssertionError(f"not within {timeout} s: {name}; the last answer was {answer!r}")
        time.sleep(interval)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def command(*args: str | os.PathLike[str]) -> list[str]:
    """The argument list that runs ``tbbridge ARGS`` with this interpreter."""
    return [sys.executable, "-m", "tbbridge", *(os.fspath(arg) for arg in args)]


def run_cli(
    *args: str | os.PathLike[str],
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run ``tbbridge ARGS`` as a process to its end; `env` is added to this process's. Output is captured as text."""
    return subprocess.run(
        command(*args),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def stop(process: subprocess.Popen[str], timeout: float = 15.0) -> int:
    """End a process as Ctrl-C does; return its exit code. Kill it and raise AssertionError after `timeout` seconds."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"still running {timeout} s after SIGINT: {process.args}") from None


@contextlib.contextmanager
def running_cli(
    *args: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[subprocess.Popen[str]]:
    """``tbbridge ARGS`` as a running process; killed at the block's end if it still runs (`stop` ends it cleanly).

    stdout and stderr go to the file `output`, or nowhere: a pipe that nobody reads would block the process. `prefix` is
    a program that runs it, with its arguments.
    """
    with open(output or os.devnull, "w") as sink:
        process = subprocess.Popen(
            [*prefix, *command(*args)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
