"""TensorBoard answers the same with tbbridge beside it as without, and both show the same values."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import free_port, running_cli, stop, wait_until

import tbbridge
from tbbridge.write.events import EventWriter

CLOCK = 1767225600.0
RUNS = {"exp/train": 0.0, "exp/validation": 0.125}
TAGS = ("epoch_accuracy", "epoch_loss")

Answers = dict[str, Any]


class Training:
    """Two runs that a training writes, as Keras does."""

    def __init__(self, logs: Path) -> None:
        self.step = 0
        self.writers = {}
        for run in RUNS:
            (logs / run).mkdir(parents=True)
            path = logs / run / f"events.out.tfevents.{int(CLOCK)}.host"
            self.writers[run] = EventWriter(path, wall_time=CLOCK)

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.step += 1
            for run, shift in RUNS.items():
                for tag, sign in zip(TAGS, (1, -1), strict=True):
                    value = 1 + sign * (self.step / 64 - shift)
                    self.writers[run].tensor(tag, self.step, CLOCK + self.step, value)
        for writer in self.writers.values():
            writer.flush()


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    training = Training(tmp_path / "logs")
    yield training
    for writer in training.writers.values():
        writer.close()


@contextlib.contextmanager
def tensorboard(logs: Path) -> Iterator[str]:
    """A TensorBoard of our own on `logs`; gives its address."""
    port = free_port()
    options = ("--logdir", str(logs), "--port", str(port), "--reload_interval", "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def ask(address: str, path: str, **query: str) -> Any:
    with urllib.request.urlopen(f"{address}/data/{path}?{urllib.parse.urlencode(query)}", timeout=20) as answer:
        return json.load(answer)


def answers(address: str) -> Answers:
    """All that TensorBoard tells about scalars: the runs, the tags, every point; empty while it does not answer."""
    try:
        tags = ask(address, "plugin/scalars/tags")
        series = [(run, tag) for run in tags for tag in tags[run]]
        points = {f"{run}:{tag}": ask(address, "plugin/scalars/scalars", run=run, tag=tag) for run, tag in series}
        return {"runs": ask(address, "runs"), "tags": tags, "points": points}
    except OSError:
        return {}


def answers_up_to(address: str, step: int) -> Answers:
    """TensorBoard's answers once every series of the training has reached `step`."""

    def complete() -> Answers:
        now = answers(address)
        lasts = [points[-1][1] if points else 0 for points in now.get("points", {}).values()]
        return now if len(lasts) == len(RUNS) * len(TAGS) and min(lasts) == step else {}

    return wait_until(complete, timeout=60, interval=0.5, what=f"TensorBoard has step {step}")


def contents(folder: Path) -> dict[str, tuple[int, str]]:
    """Every file below a folder, with its modification time and the hash of its bytes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


def shown_by(run_log: Path) -> dict[str, list[list[float]]]:
    """The columns of a run log, as step and value."""
    with run_log.open() as file:
        rows = list(csv.DictReader(file))
    return {c: [[int(r["step"]), float(r[c])] for r in rows if r[c]] for c in tbbridge.COLUMNS}


def address_of_tensorboard(output: Path) -> str:
    """Where the TensorBoard that tbbridge started listens, as tbbridge says it."""
    found = re.search(r"tensorboard\D*?(http://[\w.]+:\d+)", output.read_text(), re.IGNORECASE)
    return found[1] if found else ""


def test_tensorboard_starts_under_a_safe_path_and_has_no_lock(tmp_path: Path) -> None:
    """PYTHONSAFEPATH changes nothing, and with --token it is said that TensorBoard itself has no lock."""
    logs, said = tmp_path / "logs", tmp_path / "said.txt"
    watch = ("watch", logs, "--tensorboard", "--token", "--port", "0")
    with running_cli(*watch, output=said, env={"PYTHONSAFEPATH": "1"}) as process:
        address = wait_until(lambda: address_of_tensorboard(said), timeout=60)
        wait_until(lambda: is_there(f"{address}/data/plugins_listing"), timeout=60, what="TensorBoard answers")
        text = urllib.request.urlopen(f"{address}/data/plugin/tbbridge/run_logs", timeout=30).read()
        assert json.loads(text) == {"locked": True}
        assert "TensorBoard itself has no lock" in said.read_text()
        assert "ended with code" not in said.read_text()
        assert stop(process) == 0


def is_there(address: str) -> bool:
    """Whether a server answers there."""
    try:
        urllib.request.urlopen(address, timeout=10).close()
    except OSError:
        return False
    return True


def test_tensorboard_beside_tbbridge_is_undisturbed(training: Training, tmp_path: Path) -> None:
    """Its answers are the same with and without tbbridge, before and after new points; no file is touched."""
    logs, out, said = tmp_path / "logs", tmp_path / "csv", tmp_path / "said"
    training.go_on(steps=10)
    with tensorboard(logs) as alone:
        before = answers_up_to(alone, 10)
        files = contents(logs)
        watch = ("watch", logs, "--out", out, "--no-viewer", "--tensorboard")
        with running_cli(*watch, output=said) as process:
            started = wait_until(lambda: address_of_tensorboard(said), timeout=60)
            assert answers_up_to(started, 10) == before
            assert answers(alone) == before
            assert contents(logs) == files

            training.go_on(steps=10)
            after = answers_up_to(alone, 20)
            assert answers_up_to(started, 20) == after
            assert set(contents(logs)) == set(files)

            assert set(ask(started, "plugins_listing")) - set(ask(alone, "plugins_listing")) == {"tbbridge"}
            tab = ask(started, "plugin/tbbridge/run_logs")
            assert [experiment["name"] for experiment in tab["experiments"]] == ["exp"]

            log = out / "exp.csv"
            columns = {"train accuracy": "exp/train:epoch_accuracy", "val cross entropy": "exp/validation:epoch_loss"}
            wait_until(lambda: shown_by(log)["train accuracy"][-1:] == [[20, 1 + 20 / 64]])
            for column, series in columns.items():
                assert shown_by(log)[column] == [[step, value] for _, step, value in after["points"][series]]
            assert stop(process) == 0
        assert answers(alone) == after
