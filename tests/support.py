"""What several rooms' tests need: waiting for a condition, the command line as a process, a free port.

Plain functions, so that a test may import them (``from support import wait_until``); `conftest` hands the same out as
fixtures.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
"""The project's root: the folder that holds setup.cfg."""

WITHOUT_TENSORFLOW = ROOT / "tests/without_tensorflow"
"""In PYTHONPATH it keeps TensorBoard, and torch's writer, from importing TensorFlow: 5 s of the processor each."""


def environment(program: str) -> dict[str, str]:
    """The environment for a training, by its source: without TensorFlow where it does not use it."""
    kept = dict(os.environ)
    if re.search(r"\b(tensorflow|keras|clu)\b", program):
        kept.pop("PYTHONPATH", None)
    return kept


def wait_until(condition: Callable[[], T], timeout: float = 60.0, interval: float = 0.05, what: str = "") -> T:
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


TOGETHER = """
import json, os, sys
from tbbridge.cli import main
for number, arguments in enumerate(json.loads(sys.argv[1])):
    for stream in (1, 2):
        os.dup2(os.open(f"{sys.argv[2]}/{number}.{stream}", os.O_WRONLY | os.O_CREAT, 0o600), stream)
    code = main(arguments)
    sys.stdout.flush(), sys.stderr.flush()
    with open(f"{sys.argv[2]}/{number}.code", "w") as file:
        file.write(str(code))
"""


def run_together(
    *commands: Sequence[str | os.PathLike[str]],
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> list[subprocess.CompletedProcess[str]]:
    """Run several ``tbbridge ARGS`` one after the other in one process, which starts and imports once.

    Each has its own exit code and output; what the process says at its very end is the last one's. `prefix` is a
    program that runs it, with its arguments.
    """
    lines = [[os.fspath(word) for word in words] for words in commands]
    with tempfile.TemporaryDirectory() as folder:
        process = [*prefix, sys.executable, "-c", TOGETHER, json.dumps(lines), folder]
        subprocess.run(
            process, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, timeout=100, check=True
        )
        outputs = [[Path(folder, f"{i}.{what}").read_text() for what in ("code", "1", "2")] for i in range(len(lines))]
    return [
        subprocess.CompletedProcess(words, int(code), out, err)
        for words, (code, out, err) in zip(lines, outputs, strict=True)
    ]


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
