"""The demo: recorded trainings are written again as event files that grow, and the ordinary watch follows them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from support import run_cli, running_cli, stop, wait_until

import tbbridge
from tbbridge.watching.demo_replay import DemoReplay, Recording, load_recording, recordings

NAMES = [f"{data}/{model}" for data in ("cifar10", "fashion-mnist", "mnist") for model in ("conv", "one-layer")]


@pytest.fixture
def clock() -> list[float]:
    """The player's clock, which stands at 1000 s until a test moves it."""
    return [1000.0]


@pytest.fixture
def player(tmp_path: Path, clock: list[float]) -> Iterator[DemoReplay]:
    """A player at 100 steps a second whose time the test passes."""
    player = DemoReplay(tmp_path / "logs", 100.0, clock=lambda: clock[0])
    yield player
    player.close()


def run_logs(logdir: Path) -> dict[str, bytes]:
    """The run logs of a log directory by experiment."""
    out = logdir.with_name("out")
    paths = tbbridge.export(logdir, out)
    return {path.relative_to(out).with_suffix("").as_posix(): path.read_bytes() for path in paths}


def recorded_run_log(name: str, out: Path) -> bytes:
    (path,) = tbbridge.export(recordings()[name], out)
    return path.read_bytes()


def test_six_trainings_come_along() -> None:
    """Three data sets with two networks each."""
    assert sorted(recordings()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_looks_like_a_training(name: str) -> None:
    """Train and validation accuracy and loss every 5 steps from 0, no damage, learning visibly; under 1.5 MB a run."""
    reading = tbbridge.read(recordings()[name])
    (experiment,) = reading.experiments
    log = reading.table(experiment)
    assert log.step.tolist() == list(range(0, int(log.step[-1]) + 1, 5))
    assert len(log.step) >= 401
    assert all(there.all() for there in log.logged.values())
    assert not any(file.damage or file.incomplete_tail for files in reading.files.values() for file in files)
    assert log.columns["val accuracy"][-20:].mean() > {"cifar10/conv": 0.6, "cifar10/one-layer": 0.3}.get(name, 0.8)
    assert log.columns["val cross entropy"][-20:].mean() < log.columns["val cross entropy"][0] - 0.4
    assert all(path.stat().st_size < 1_500_000 for path in recordings()[name].rglob("*tfevents*"))


def test_a_replay_passes_through_the_training_step_by_step(player: DemoReplay, tmp_path: Path) -> None:
    """After 2.5 s at 100 steps a second just the records up to step 250 are there, each curve in its own run."""
    player.begin("mnist/conv")
    for _ in range(5):
        player.pass_time(0.5)
    reading = tbbridge.read(tmp_path / "logs")
    (experiment,) = reading.experiments
    assert experiment.name == "mnist/conv"
    assert reading.table(experiment).step.tolist() == list(range(0, 251, 5))
    assert player.progress("mnist/conv") == (250, 2000)
    assert not player.ended("mnist/conv")


def test_a_whole_replay_gives_the_recorded_run_log(player: DemoReplay, tmp_path: Path) -> None:
    """What is read from the replayed files at the end is what was recorded, byte for byte."""
    player.begin("mnist/one-layer")
    while player.progress("mnist/one-layer") != (2000, 2000):
        player.pass_time(1.7)
    assert player.ended("mnist/one-layer")
    assert run_logs(tmp_path / "logs")["mnist/one-layer"] == recorded_run_log("mnist/one-layer", tmp_path / "recorded")


def test_wall_times_are_those_of_the_replay(player: DemoReplay, tmp_path: Path) -> None:
    """A point's wall time is the moment at which the replay passed its step, at the replay's speed."""
    player.begin("mnist/conv")
    player.pass_time(1.0)
    (series,) = [runs["accuracy"] for run, runs in tbbridge.read(tmp_path / "logs").runs.items() if "train" in run]
    assert series.wall_time.tolist() == pytest.approx((999.0 + np.arange(0, 101, 5) / 100).tolist())


def test_a_restart_begins_the_run_log_again(player: DemoReplay, clock: list[float], tmp_path: Path) -> None:
    """The restart is announced in new event files, and supersedes all that was there before."""
    player.begin("mnist/conv")
    player.pass_time(3.0)
    clock[0] += 0.01  # the new files begin after the last points of the old ones
    player.restart("mnist/conv")
    player.pass_time(0.5)
    reading = tbbridge.read(tmp_path / "logs")
    (experiment,) = reading.experiments
    assert reading.table(experiment).step.tolist() == list(range(0, 51, 5))
    assert {len(files) for files in reading.files.values()} == {2}


def test_trainings_go_on_side_by_side(player: DemoReplay, tmp_path: Path) -> None:
    """Beginning another one does not end the first; beginning the same one twice changes nothing."""
    player.begin("mnist/conv")
    player.pass_time(1.0)
    player.begin("cifar10/one-layer")
    player.begin("mnist/conv")
    player.pass_time(1.0)
    assert player.progress("mnist/conv") == (200, 2000)
    assert player.progress("cifar10/one-layer") == (100, 5000)


def test_the_speed_may_change_on_the_way(player: DemoReplay) -> None:
    """The new speed holds from the next moment on."""
    player.begin("mnist/conv")
    player.pass_time(1.0)
    player.speed = 1000.0
    player.pass_time(1.0)
    assert player.progress("mnist/conv") == (1100, 2000)


def test_a_failed_write_is_told(tmp_path: Path) -> None:
    """When nothing can be written any more the player says why, and that it is over."""
    with DemoReplay(tmp_path / "logs", 1000.0) as player:
        player.begin("mnist/conv")
        replay = player._replays["mnist/conv"]
        replay.advance = fail  # type: ignore[method-assign]
        assert player.over.wait(10.0)
    assert player.failure is not None
    assert player.failure.strerror == "No space left on device"


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_recordings_know_their_last_step() -> None:
    """`load` reads every record but the files' version."""
    recording: Recording = load_recording("mnist/conv")
    assert recording.steps == 2000
    assert {run: len(curve) for run, curve in recording.curves.items()} == {"train": 802, "validation": 802}


def test_the_command_replays_watches_and_leaves_nothing(tmp_path: Path) -> None:
    """``demo --once`` publishes the run log from growing files, ends, leaves no folder; no page means no Dash."""
    env = {"TMPDIR": str(tmp_path), "PYTHONPROFILEIMPORTTIME": "1"}
    done = run_cli("demo", "mnist/conv", "--once", "--no-viewer", "--speed", "2000", env=env)
    assert done.returncode == 0, done.stderr
    assert "mnist/conv: step" in done.stdout
    imported = set(re.findall(r"^import time: .*\| +(\w+)", done.stderr, re.MULTILINE))
    assert imported & {"numpy", "dash", "plotly", "fastapi"} == {"numpy"}
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_is_not_there_is_one_clear_line() -> None:
    """The answer names the ones there are."""
    done = run_cli("demo", "imagenet/conv")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "tbbridge: no recorded training is called imagenet/conv: choose one of"
    )
    assert "cifar10/conv" in done.stderr


def test_ctrl_c_ends_the_page_and_tensorboard_and_leaves_nothing(tmp_path: Path, free_port: int) -> None:
    """The page answers while the training is replayed; Ctrl-C ends all of it with exit code 0."""
    said = tmp_path / "said"
    (tmp_path / "tmp").mkdir()
    env = {"TMPDIR": str(tmp_path / "tmp")}
    with running_cli("demo", "--tensorboard", "--port", str(free_port), output=said, env=env) as process:
        wait_until(lambda: "cifar10/conv: step" in said.read_text(), 60.0)
        with urlopen(f"http://127.0.0.1:{free_port}/") as page:
            assert page.status == 200
        assert re.search(r"^TensorBoard +http://", said.read_text(), re.MULTILINE)
        assert stop(process) == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    """It names the remedy, and leaves nothing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_cli("demo", "--port", port, env={"TMPDIR": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("choose another with --port")
    assert list(tmp_path.iterdir()) == []


def test_a_speed_out_of_range_is_refused() -> None:
    """Zero steps a second would never end."""
    done = run_cli("demo", "--speed", "0")
    assert done.returncode == 2
    assert "from 0.1 to 1000000" in done.stderr
