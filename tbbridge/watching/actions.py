"""Commands that run when an experiment comes to fulfil a condition: once each, beside the watch.

The facts are in ``TBBRIDGE_*`` variables and never in the command's text: names come from files, and could hold
anything that a shell understands.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Sequence

from tbbridge.core.errors import UsageError
from tbbridge.following.bridge import Bridge
from tbbridge.following.conditions import Noticed

AT_ONCE = 8
"""Commands that run at the same time; the others wait."""

PATIENCE = 10.0
"""Seconds that the commands get to end when the watch ends; those that still run then go on."""

MOST_MESSAGES = 1000
"""Messages that are kept for the terminal."""

_TAIL = 4096
"""Bytes of a command's output that are kept; their last line is shown."""


class Actions:
    """Acts on the conditions of a bridge: with a message, and a command.

    Args:
        bridge: not yet started.
        command: the program and its arguments; empty for a message alone.
        shell: hand the command to the shell as it stands, instead of splitting it into words.
        again: run it also for what had been fulfilled before the watch began.

    Raises:
        UsageError: the command cannot be split into words, or there is no such program.
    """

    def __init__(self, bridge: Bridge, command: str = "", *, shell: bool = False, again: bool = False) -> None:
        self._bridge = bridge
        self._command = command if shell else _words(command)
        self._shell = shell
        self._done: set[tuple[str, str]] | None = set() if again else None
        self._messages: deque[str] = deque(maxlen=MOST_MESSAGES)
        self._lock = threading.Lock()
        self._waiting: deque[Noticed] = deque()
        self._running = 0
        self._threads: list[threading.Thread] = []
        self._end = bridge.subscribe(self.look)

    def messages(self) -> list[str]:
        """Return messages: the conditions fulfilled lately, and the commands that failed."""
        return list(self._messages)

    def look(self) -> None:
        """Act on conditions that are fulfilled now and were not before; the first full reading counts as before."""
        if not self._bridge.wait_until_read(0):
            return
        found = {(one.experiment, one.condition): one for one in self._bridge.noticed()}
        with self._lock:
            new = [] if self._done is None else [key for key in found if key not in self._done]
            self._done = {*found, *(self._done or ())}
        for key in new:
            self._act(found[key])

    def close(self) -> None:
        """Act on the last reading, and wait a little for the commands to end."""
        self._end()
        self.look()
        running = [thread for thread in self._threads if thread.is_alive()]
        for thread in running:
            thread.join(PATIENCE / len(running))
        if left := self._running + len(self._waiting):
            self._messages.append(f"{left} commands had not ended; those that had begun go on")

    def _act(self, one: Noticed) -> None:
        at = "" if one.step is None else f" at step {one.step}"
        self._messages.append(f"{one.experiment}: {one.condition}{at}")
        if not self._command:
            return
        with self._lock:
            self._waiting.append(one)
            if self._running == AT_ONCE:
                return
            self._running += 1
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=self._work, name="tbbridge command", daemon=True))
        self._threads[-1].start()

    def _work(self) -> None:
        """Run commands until none waits."""
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                one = self._waiting.popleft()
            try:
                self._run(one)
            except (OSError, ValueError) as error:
                self._messages.append(f"{one.experiment}: {one.condition}: the command could not be run: {error}")

    def _run(self, one: Noticed) -> None:
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                self._command,
                shell=self._shell,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._facts(one)},
                start_new_session=True,  # Ctrl-C ends the watch, and not the command
                check=False,
            )
            if done.returncode:
                output.seek(max(0, output.seek(0, os.SEEK_END) - _TAIL))
                last = output.read().decode(errors="replace").strip().splitlines()[-1:]
                said = f": {last[0]}" if last else ""
                ended = f"the command ended with code {done.returncode}{said}"
                self._messages.append(f"{one.experiment}: {one.condition}: {ended}")

    def _facts(self, one: Noticed) -> dict[str, str]:
        """Return the environment's variables: the facts, as texts; empty where there is none."""
        facts = {name: "" if value is None else str(value) for name, value in one.as_json().items()}
        run_log = self._bridge.csv_path(one.experiment)
        facts |= {"logdir": self._bridge.logdir, "run_log": os.path.abspath(run_log) if run_log else ""}
        return {f"TBBRIDGE_{name.upper()}": value for name, value in facts.items()}


def _words(command: str) -> Sequence[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--exec {command!r}: {error}; quote it as for a shell") from None
    if words and not shutil.which(words[0]):
        raise UsageError(f"--exec: there is no program {words[0]!r}; give its path, or add --shell for a shell's words")
    return words
