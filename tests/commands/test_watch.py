"""``tbbridge watch`` as a process: what it does, what it says, how it ends, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import run_cli, running_cli, stop, wait_until

import tbbridge
from tbbridge.watching.session import stopped_by_signals
from tbbridge.write.events import EventWriter


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    for run, values in (("mnist/train", (0.5, 0.75)), ("mnist/validation", (0.25, 0.5))):
        (path / run).mkdir(parents=True)
        with EventWriter(path / run / "events.out.tfevents.1", wall_time=1000.0) as writer:
            for step, value in enumerate(values):
                writer.scalar("epoch_accuracy", step, 1000.0 + step, value)
                writer.scalar("epoch_loss", step, 1000.0 + step, 1 - value)
    return path


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_what_watch_published_is_what_export_gives(logs: Path, tmp_path: Path, said: Path) -> None:
    """Byte for byte, with points that came while it ran; Ctrl-C ends it with 0."""
    path = tmp_path / "logs-csv/mnist.csv"
    with running_cli("watch", logs, "--no-viewer", output=said) as watch:
        wait_until(path.exists)
        with EventWriter(logs / "mnist/train/events.out.tfevents.2", wall_time=2000.0) as writer:
            writer.scalar("epoch_loss", 2, 2000.0, 0.125)
        wait_until(lambda: "2,,,0.125,\n" in path.read_text())
        assert stop(watch) == 0
    assert tbbridge.export(logs, tmp_path / "fresh") == [tmp_path / "fresh/mnist.csv"]
    assert path.read_bytes() == (tmp_path / "fresh/mnist.csv").read_bytes()
    assert "Traceback" not in text(said)
    assert sorted(path.name for path in logs.rglob("*") if path.is_file()) == [
        "events.out.tfevents.1",
        "events.out.tfevents.1",
        "events.out.tfevents.2",
    ]


def test_plain_lines_where_there_is_no_terminal(logs: Path, tmp_path: Path, said: Path) -> None:
    """Where the run logs are, and each experiment with its last values, once while nothing changes."""
    with running_cli("watch", logs, "--no-viewer", output=said) as watch:
        wait_until(lambda: "mnist: step 1" in text(said))
        assert stop(watch) == 0
    lines = text(said).splitlines()
    assert lines[0] == f"run logs     {tmp_path / 'logs-csv'}"
    assert lines[1].startswith("mnist: step 1, train 0.75 / 0.25, val 0.5 / 0.5")
    assert lines[1].endswith(f"-> {tmp_path / 'logs-csv/mnist.csv'}")
    assert len(lines) == 2


def test_the_end_of_a_terminal_is_ignored_where_it_was_before() -> None:
    """Under ``nohup`` a watch goes on without its terminal; Ctrl-C and SIGTERM stop it all the same."""
    handlers = {signal.SIGHUP: signal.SIG_IGN, signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    stop = threading.Event()
    try:
        with stopped_by_signals(stop):
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.is_set()
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.wait(5)
        assert {number: signal.getsignal(number) for number in handlers} == handlers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.timeout(20)
def test_a_signal_at_the_worst_moment_is_not_lost() -> None:
    """When it comes, the main thread may just hold the lock of what it waits for."""
    stop = threading.Event()
    with stopped_by_signals(stop):
        with stop._cond:  # type: ignore[attr-defined]  # as inside of wait()
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)


@pytest.fixture
def heard() -> Iterator[None]:
    """SIGHUP is not ignored, as it is where the tests themselves run under ``nohup``."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_as_ctrl_c_does(logs: Path, tmp_path: Path, number: signal.Signals) -> None:
    """The last state is published, and the exit code is 0."""
    with running_cli("watch", logs, "--no-viewer") as watch:
        wait_until((tmp_path / "logs-csv/mnist.csv").exists)
        watch.send_signal(number)
        assert watch.wait(15) == 0


def test_the_page_is_served(logs: Path, free_port: int, said: Path) -> None:
    """At the port that was asked for, and its address is said."""
    with running_cli("watch", logs, "--port", str(free_port), output=said) as watch:
        wait_until(lambda: f"page         http://127.0.0.1:{free_port}/" in text(said), timeout=40)
        assert "<html" in get(f"http://127.0.0.1:{free_port}/").lower()
        assert stop(watch) == 0
    assert "Traceback" not in text(said)


def alive(group: int) -> bool:
    """Whether any process of this session still runs (a zombie does not)."""
    found = subprocess.run(["ps", "-o", "stat=", "-s", str(group)], capture_output=True, text=True, check=False)
    return any(not state.startswith("Z") for state in found.stdout.split())


def test_tensorboard_runs_beside_and_ends_with_it(logs: Path, said: Path) -> None:
    """It answers for the same runs at the address that is said; after SIGTERM none of its processes is left."""
    with running_cli("watch", logs, "--no-viewer", "--tensorboard", output=said) as watch:
        wait_until(lambda: "TensorBoard  http://" in text(said))
        url = next(line.split()[1] for line in text(said).splitlines() if line.startswith("TensorBoard"))

        def runs() -> list[str]:
            try:
                return sorted(json.loads(get(url + "data/runs")))
            except OSError:
                return []

        wait_until(lambda: runs() == ["mnist/train", "mnist/validation"], timeout=60, interval=0.2)
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(watch.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        assert children
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(15) == 0
    wait_until(lambda: not any(alive(int(child)) for child in children), timeout=5)


def test_tensorboard_ends_when_tbbridge_is_killed(logs: Path, tmp_path: Path, said: Path) -> None:
    """Even kill -9 leaves no TensorBoard behind."""
    with running_cli("watch", logs, "--no-viewer", "--tensorboard", output=said) as watch:
        wait_until(lambda: "TensorBoard  http://" in text(said))
        find = ["ps", "-o", "pid=", "--ppid", str(watch.pid)]
        (child,) = wait_until(lambda: subprocess.run(find, capture_output=True, text=True).stdout.split())
        wait_until(lambda: "numpy" in Path(f"/proc/{child}/maps").read_text(), timeout=30, what="it is at work")
        watch.kill()
        watch.wait()
    wait_until(lambda: not alive(int(child)), timeout=10)


def test_a_log_directory_that_is_not_there_yet_is_waited_for(tmp_path: Path, said: Path) -> None:
    """A line says so; when it appears it is followed."""
    logs = tmp_path / "later"
    with running_cli("watch", logs, "--no-viewer", output=said) as watch:
        wait_until(lambda: f"waiting for {logs}: it does not exist yet" in text(said))
        (logs / "run").mkdir(parents=True)
        with EventWriter(logs / "run/events.out.tfevents.1") as writer:
            writer.scalar("loss", 0, 1.0, 0.5)
        wait_until(lambda: text(tmp_path / "later-csv/run.csv").endswith("0,,,0.5,\n"))
        assert stop(watch) == 0


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def refused(*args: str | os.PathLike[str]) -> str:
    """The one line with which ``tbbridge watch`` refuses, with exit code 2."""
    done = run_cli("watch", *args)
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    return line


def test_what_can_never_work_is_refused_in_one_line(logs: Path, tmp_path: Path, taken_port: int) -> None:
    """Exit code 2, no traceback, and each line says what to do."""
    (tmp_path / "notes.txt").write_text("hello")
    assert refused(tmp_path / "notes.txt") == (
        f"tbbridge: {tmp_path / 'notes.txt'} is neither a directory nor an event file: "
        "give the directory that holds event files"
    )
    line = refused(logs, "--out", tmp_path / "notes.txt")
    assert line.startswith(f"tbbridge: cannot write into {tmp_path / 'notes.txt'}: ")
    assert line.endswith("choose another place with --out")
    assert "lies in the log directory" in refused(logs, "--out", logs / "csv")
    line = refused(logs, "--port", str(taken_port))
    said = (
        f"tbbridge: cannot listen on 127.0.0.1 port {taken_port} (Address already in use); choose another with --port"
    )
    assert line == said
    csvs = logs.parent / "csvs"
    csvs.mkdir()
    (csvs / "a.csv").write_text("step,train accuracy\n0,0.5\n")
    view = run_cli("view", csvs, "--port", str(taken_port))
    assert (view.returncode, view.stderr.strip()) == (2, said), "in the same words"


def test_wrong_options_are_refused(logs: Path) -> None:
    """By the command line's own words, with exit code 2."""
    for arguments in (["--poll-interval", "0"], ["--poll-interval", "nan"], ["--port", "x"], ["--nonsense"]):
        done = run_cli("watch", logs, *arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_a_second_tbbridge_on_the_same_target_refuses(logs: Path, tmp_path: Path) -> None:
    """In one line; export refuses as well; the first one goes on."""
    with running_cli("watch", logs, "--no-viewer") as watch:
        wait_until((tmp_path / "logs-csv/mnist.csv").exists)
        for command in (["watch", logs, "--no-viewer"], ["export", logs]):
            done = run_cli(*command)
            assert done.returncode == 1
            assert f"another tbbridge publishes into {tmp_path / 'logs-csv'}: stop it" in done.stderr
            assert "Traceback" not in done.stderr
        assert watch.poll() is None
