r"""Names that the output cannot carry: any bytes in a path, any characters in any locale; printed with escapes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support import command, run_cli, running_cli, stop, wait_until

from tbbridge.write.events import EventWriter

NAME = os.fsdecode("log\xffs ".encode("latin-1") + "✓".encode())
"""A byte that is no UTF-8, and a character that many encodings lack."""


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    for run in (NAME, "ünïcode ✓"):
        (path / run).mkdir(parents=True)
        with EventWriter(path / run / "events.out.tfevents.1", wall_time=1000.0) as writer:
            writer.scalar("loss", 0, 1000.0, 0.5)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("command", ["export", "inspect", "check"])
def test_every_name_can_be_printed(logs: Path, command: str, encoding: str) -> None:
    """By every command, wherever its output goes."""
    done = run_cli(command, logs, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_watch_survives_every_name(logs: Path, tmp_path: Path, encoding: str) -> None:
    """And tells of all."""
    said = tmp_path / "said"
    with running_cli("watch", logs, "--no-viewer", output=said, env={"PYTHONIOENCODING": encoding}) as watch:
        wait_until(lambda: said.read_bytes().count(b": step 0") == 2)
        assert stop(watch) == 0
    assert b"Traceback" not in said.read_bytes()
    published = {path.name for path in (tmp_path / f"{NAME}-csv").iterdir()}
    assert len(published - {"summary.csv"}) == 2
    assert "summary.csv" in published


def test_an_error_about_such_a_name_is_one_line(tmp_path: Path) -> None:
    """With exit code 2."""
    done = run_cli("export", tmp_path / NAME, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["export", "--out", "csv"], ["export", "--out", "page.html"], ["inspect"], ["check"]]
)
def test_a_deleted_working_directory_is_no_matter(logs: Path, tmp_path: Path, arguments: list[str]) -> None:
    """Where the paths that are given are absolute, nothing asks where the process stands."""
    (tmp_path / "gone").mkdir()
    name, *others = arguments
    if others:
        others[1] = str(tmp_path / others[1])
    inside = ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *command(name, logs, *others)]
    done = subprocess.run(inside, cwd=tmp_path / "gone", capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "No such file" in done.stderr) == (0, False), done.stderr
