"""The progress bar: on a terminal, for what takes long, and nowhere else."""

from __future__ import annotations

import io
import os
import pty
import subprocess
from pathlib import Path

import pytest
from logs import write_experiment
from support import command, wait_until

from tbbridge.commands.progress_bar import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_takes_long_shows_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, with what was told last, and updated after that; it leaves nothing behind it."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar(patience=0.01) as tell:
        assert tell
        tell("reading", 0, 0)
        wait_until(lambda: "reading" in terminal.getvalue())
        tell("writing", 50, 100)
        wait_until(lambda: "writing" in terminal.getvalue() and "50%" in terminal.getvalue())


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Done before anyone waits for it."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress_bar(patience=60) as tell:
        assert tell
        tell("writing", 50, 100)
    assert terminal.getvalue() == ""


def test_nobody_is_told_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Piped: there is no bar to tell."""
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with progress_bar(patience=0) as tell:
        assert tell is None


def test_an_export_on_a_terminal_works(tmp_path: Path) -> None:
    """With a terminal as standard error the file is written all the same, and a quick export leaves it clean."""
    write_experiment(tmp_path / "logs", "a")
    ours, theirs = pty.openpty()
    args = command("export", tmp_path / "logs", "--layout", "long", "--out", tmp_path / "a.csv")
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=False)
    os.close(theirs)
    assert done.returncode == 0
    assert (tmp_path / "a.csv").read_text().count("\n") == 13
    os.close(ours)
