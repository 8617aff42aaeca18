"""Log directories as ``host:path``, with the user's own SSH configuration and a slow server on this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import asyncssh
import pytest
from logs import files_of, write_experiment
from support import free_port, run_cli, running_cli, stop, wait_until
from test_sftp import publish, serving

import tbbridge
from tbbridge.reading.reading import default_out, root_name
from tbbridge.tail.storage import is_on_host


class Home:
    """A home directory with an SSH key and a configuration that calls this machine ``far``."""

    def __init__(self, path: Path) -> None:
        self.path, self.port, self.host_key = path, free_port(), path / "host"
        self.environment = {"HOME": str(path), "SSH_AUTH_SOCK": ""}
        ssh = path / ".ssh"
        ssh.mkdir(parents=True)
        mine = asyncssh.generate_private_key("ssh-ed25519")
        mine.write_private_key(str(ssh / "mine"))
        (ssh / "mine").chmod(0o600)
        mine.write_public_key(str(path / "authorized"))
        (ssh / "config").write_text(f'Include "{ssh}/hosts"\n')
        (ssh / "hosts").write_text(
            f'Host far\n  HostName 127.0.0.1\n  Port {self.port}\n  User me\n  IdentityFile "{ssh}/mine"\n'
            f'  UserKnownHostsFile "{ssh}/known_hosts"\n'
            f"Host farther\n  ProxyJump far\n  HostName 127.0.0.1\n  Port {self.port}\n  User me\n"
            f'  IdentityFile "{ssh}/mine"\n  UserKnownHostsFile "{ssh}/known_hosts"\n'
        )
        self.known = ssh / "known_hosts"
        self.known.write_text(f"[127.0.0.1]:{self.port} {self.new_host_key()}")

    def new_host_key(self) -> str:
        """Give the host another key; returns its public half."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(self.host_key))
        return key.export_public_key().decode()

    def serving(self) -> contextlib.AbstractContextManager[None]:
        """The host listens; where a relative path begins is the working directory of the tests."""
        return serving(self.port, self.path / "log", str(self.host_key), str(self.path / "authorized"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "the user's home")


def test_which_names_are_on_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """scp's spelling; a drive, a path, a URL and a name that exists here are not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here:logs").mkdir()
    far = ("host:logs", "host:", "me@host:/logs", "me@h:logs", "10.0.0.1:logs")
    near = ("here:logs", "C:\\logs", "C:/logs", "./host:logs", "/a/host:logs", "logs", "s3://bucket/logs")
    assert [name for name in far + near if is_on_host(name)] == list(far)
    assert default_out("me@host:a/logs/") == tmp_path / "logs-csv"
    assert default_out("host:") == tmp_path / "host-csv"
    assert root_name("host:a/logs") == "logs"


def test_reading_is_the_same_as_from_the_disk(tmp_path: Path, home: Home) -> None:
    """Export, inspect, check and wait, with the user's key and known hosts; relative paths and a jump, too."""
    logs = tmp_path / "logs"
    write_experiment(logs, "a")
    near = {command: run_cli(command, logs, "--json").stdout for command in ("inspect", "check")}
    tbbridge.export(logs, tmp_path / "near")
    with home.serving():
        done = run_cli("export", f"far:{logs}", "-o", tmp_path / "far", env=home.environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert files_of(tmp_path / "far") == files_of(tmp_path / "near") != {}
        for command, text in near.items():
            there = run_cli(command, f"me@far:{os.path.relpath(logs)}", "--json", env=home.environment)
            assert there.stdout.replace(f"me@far:{os.path.relpath(logs)}", str(logs)) == text
        found = run_cli("wait", f"farther:{logs}", "--until", "step >= 2", env=home.environment)
        assert found.returncode == 0
        assert '"experiment": "a"' in found.stdout


def test_a_key_may_come_from_the_agent(tmp_path: Path, home: Home) -> None:
    """Without a key file the one that a real ssh-agent holds lets in; without both one line says what to try."""
    write_experiment(tmp_path / "logs", "a")
    words = ("export", f"far:{tmp_path}/logs", "-o", tmp_path / "out")
    agent = {"SSH_AUTH_SOCK": str(tmp_path / "agent")}
    with home.serving(), subprocess.Popen(["ssh-agent", "-D", "-a", agent["SSH_AUTH_SOCK"]]) as process:
        try:
            wait_until(Path(agent["SSH_AUTH_SOCK"]).exists)
            subprocess.run(["ssh-add", "-q", home.path / ".ssh/mine"], env=os.environ | agent, check=True)
            (home.path / ".ssh/mine").unlink()
            done = run_cli(*words, env=home.environment | agent)
        finally:
            process.terminate()
        refused = run_cli(*words, env=home.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "does ssh far work?" in refused.stderr


def test_a_host_that_is_not_known_or_has_another_key_is_refused_in_one_line(tmp_path: Path, home: Home) -> None:
    """Nothing is read; the line says what to do."""
    write_experiment(tmp_path / "logs", "a")
    words = ("export", f"far:{tmp_path}/logs", "-o", tmp_path / "out")
    home.new_host_key()
    with home.serving():
        changed = run_cli(*words, env=home.environment)
        home.known.write_text("")
        unknown = run_cli(*words, env=home.environment)
    gone = run_cli(*words, env=home.environment)
    for done, says in ((changed, "the host key of far changed"), (unknown, "far is not a known host"), (gone, "far")):
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert says in done.stderr
    assert f"ssh-keygen -R '[127.0.0.1]:{home.port}'" in changed.stderr
    assert not (tmp_path / "out").exists()


def test_watch_outlives_a_cut_connection_and_refuses_a_changed_key(tmp_path: Path, home: Home) -> None:
    """Published bytes equal a local export once the host is back; while its key is another one, that is said."""
    made, logs, out, said = (tmp_path / name for name in ("made", "logs", "csv", "said"))

    def grown(steps: int) -> None:
        write_experiment(made, "a", steps=steps)
        publish(made, logs)
        tbbridge.export(logs, tmp_path / "local")

    def published() -> bool:
        return files_of(out) == files_of(tmp_path / "local")

    old_key = home.host_key.read_bytes()
    with contextlib.ExitStack() as stack:
        with home.serving():
            grown(3)
            words = ("watch", f"far:{logs}", "--no-viewer", "--poll-interval", "0.1", "--out", out)
            process = stack.enter_context(running_cli(*words, output=said, env=home.environment))
            wait_until(published, timeout=30)
        wait_until(lambda: "cannot list" in said.read_text(), timeout=30)
        grown(500)
        home.new_host_key()
        with home.serving():
            wait_until(lambda: "the host key of far changed" in said.read_text(), timeout=60)
            assert not published()
        home.host_key.write_bytes(old_key)
        with home.serving():
            wait_until(published, timeout=60)
            assert stop(process) == 0
    assert "Traceback" not in said.read_text()
