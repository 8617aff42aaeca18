"""Log directories behind sftp://, with an SSH server of its own process on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from logs import files_of, write_experiment
from support import ROOT, free_port, run_cli, running_cli, stop, wait_until

import tbbridge


@contextlib.contextmanager
def serving(port: int, log: Path, *keys: str) -> Iterator[None]:
    """The server listens; see sftp.py for `keys`."""
    with log.open("w") as sink:
        command = [sys.executable, "-u", str(ROOT / "tests" / "sftp.py"), str(port), *keys]
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    try:
        wait_until(lambda: "listening" in log.read_text(), timeout=30)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def no_old_connections() -> Iterator[None]:
    """Each test connects anew, and leaves no connection."""
    yield
    kind = fsspec.get_filesystem_class("sftp")
    for fs in kind._cache.values():
        fs.client.close()
    kind.clear_instance_cache()


def publish(made: Path, served: Path) -> None:
    """What a training that copies its log directory does: every file whole."""
    for name in files_of(made):
        target = served / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made / name, f"{target}.part")
        os.replace(f"{target}.part", target)


def test_reading_is_the_same_as_from_the_disk(tmp_path: Path) -> None:
    """Export, data frames, check and inspect; a wrong password is one line, which does not show it."""
    port, logs = free_port(), tmp_path / "logs"
    write_experiment(logs, "a", steps=2000)
    write_experiment(logs, "b")
    url = f"sftp://me:secret@127.0.0.1:{port}{logs}"
    with serving(port, tmp_path / "log"):
        tbbridge.export(url, tmp_path / "far")
        tbbridge.export(logs, tmp_path / "near")
        assert files_of(tmp_path / "far") == files_of(tmp_path / "near") != {}
        assert tbbridge.read_scalars(url).equals(tbbridge.read_scalars(logs))
        there, here = run_cli("check", url), run_cli("check", logs)
        shown = url.replace("secret", "***")
        assert (there.returncode, there.stdout.replace(shown, str(logs))) == (0, here.stdout)
        wrong = run_cli("export", url.replace("secret", "guess"), "-o", "-")
        assert (wrong.returncode, wrong.stdout, len(wrong.stderr.splitlines())) == (2, "", 1)
        assert "guess" not in wrong.stderr
    gone = run_cli("export", url, "-o", "-")
    assert (gone.returncode, gone.stdout, len(gone.stderr.splitlines())) == (2, "", 1)


def test_watch_follows_and_outlives_the_server(tmp_path: Path) -> None:
    """Published bytes equal a local export as files grow, stay while the server is gone, and go on when it is back."""
    port, made, logs, out = free_port(), tmp_path / "made", tmp_path / "logs", tmp_path / "csv"
    url = f"sftp://me:secret@127.0.0.1:{port}{logs}"
    local: dict[str, bytes] = {}

    def grown(steps: int) -> None:
        write_experiment(made, "a", steps=steps)
        publish(made, logs)
        tbbridge.export(logs, tmp_path / "local")
        local.update(files_of(tmp_path / "local"))

    def published() -> bool:
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.csv")} == local

    with contextlib.ExitStack() as stack:
        with serving(port, tmp_path / "log"):
            grown(3)
            words = ("watch", url, "--no-viewer", "--poll-interval", "0.1", "--out", out)
            process = stack.enter_context(running_cli(*words, output=tmp_path / "said"))
            wait_until(published, timeout=30)
            grown(500)
            wait_until(published, timeout=30)
        wait_until(lambda: "cannot list" in (tmp_path / "said").read_text(), timeout=30)
        assert published()
        grown(900)
        with serving(port, tmp_path / "log"):
            wait_until(published, timeout=30)
            assert stop(process) == 0
    assert "secret" not in (tmp_path / "said").read_text()
