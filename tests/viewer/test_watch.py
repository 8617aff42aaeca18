"""The whole way: ``tbbridge watch`` as a process, TensorBoard's own writer, a real browser; and ``tbbridge view``."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from screen import Screen
from support import run_cli, running_cli, stop, wait_until
from tensorboard.summary import Writer

SPLITS = ("train", "validation")


class Training:
    """A training that logs as Keras does, through TensorBoard's own writer."""

    def __init__(self, folder: Path) -> None:
        self.writers = {split: Writer(str(folder / split)) for split in SPLITS}

    def log(self, step: int, accuracy: float, loss: float) -> None:
        for split, writer in self.writers.items():
            worse = 0.0 if split == "train" else 0.05
            writer.add_scalar("epoch_accuracy", accuracy - worse, step)
            writer.add_scalar("epoch_loss", loss + worse, step)
            writer.flush()

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()


@contextlib.contextmanager
def watching(log: Path, *args: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``tbbridge ARGS --port 0`` as a process, with its page's address."""
    with running_cli(*args, "--port", "0", output=log) as process:
        yield process, address(process, log)


def address(process: subprocess.Popen[str], log: Path) -> str:
    def found() -> str:
        assert process.poll() is None, log.read_text()
        words = log.read_text().split()
        return next((word for word in words if word.startswith("http://127.0.0.1:")), "")

    return wait_until(found, 40.0, what="the page's address is printed")


def test_watch_shows_a_training_live(tmp_path: Path, open_page: Callable[..., Screen]) -> None:
    """Both charts show what a real writer writes, the picker works, a reload shows the same, Ctrl-C ends it."""
    logs = tmp_path / "logs"
    with watching(tmp_path / "out.txt", "watch", logs) as (process, url):
        screen = open_page(url)
        screen.expected = ("WebSocket", "Failed to load", "ERR_CONNECTION")
        first = Training(logs / "mnist-cnn")
        for step in range(5):
            first.log(step, 0.5 + step / 20, 1.0 - step / 10)
        for chart in ("accuracy", "loss"):
            wait_until(lambda: screen.line(chart, "Training")["x"] == [0, 1, 2, 3, 4], what=chart)  # noqa: B023
        first.log(5, 0.75, 0.25)
        wait_until(lambda: screen.cell("accuracy-now-0-0") == "0.7500", what="the newest value")
        shown = lambda: screen.line("loss", "Validation")["y"][-1:] == pytest.approx([0.3])  # noqa: E731
        wait_until(shown, what="the validation's, which was flushed a moment later")
        second = Training(logs / "mnist-softmax")
        second.log(1, 0.4, 2.0)
        picker = screen.page.get_by_role("combobox", name="Experiment")
        picker.click()
        screen.page.get_by_role("option", name="mnist-softmax").click()
        wait_until(lambda: screen.line("accuracy", "Training", "mnist-softmax")["x"] == [1], what="the second")
        before = screen.traces("accuracy"), screen.traces("loss")
        screen.page.reload()
        wait_until(lambda: (screen.traces("accuracy"), screen.traces("loss")) == before, what="the same after a reload")
        for training in (first, second):
            training.close()
        assert stop(process) == 0


def test_view_shows_what_watch_published(tmp_path: Path, open_page: Callable[..., Screen]) -> None:
    """``tbbridge view`` draws a directory of run logs, one run log without a header, and a log directory."""
    logs = tmp_path / "logs"
    training = Training(logs / "a")
    for step in range(3):
        training.log(step, 0.5 + step / 10, 1.0)
    training.close()
    assert run_cli("export", logs, "--out", tmp_path / "csv").returncode == 0
    headerless = tmp_path / "a.csv"
    headerless.write_text("".join((tmp_path / "csv" / "a.csv").read_text().splitlines(True)[1:]))
    for path in (tmp_path / "csv", headerless, logs):
        with watching(tmp_path / f"{path.name}.txt", "view", path) as (process, url):
            screen = open_page(url)
            screen.expected = ("WebSocket", "Failed to load", "ERR_CONNECTION")
            wait_until(lambda: screen.line("accuracy", "Training")["x"] == [0, 1, 2], what=f"{path} is drawn")  # noqa: B023
            assert screen.line("accuracy", "Validation")["y"][-1] == pytest.approx(0.65)
            screen.page.goto("about:blank")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["view", "no/such/path"], "no/such/path does not exist"),
        (["view", ".", "--port", "99999"], "--port"),
        (["view", ".", "--host", "no.such.host.invalid"], "--host"),
    ],
)
def test_bad_input_to_view_is_one_line(args: list[str], words: str, tmp_path: Path) -> None:
    """A path, port or host that cannot be is told in one line, exit code 2."""
    done = run_cli(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_view_on_a_taken_port_names_the_remedy(tmp_path: Path) -> None:
    """A second page on the same port is refused in one line."""
    with watching(tmp_path / "out.txt", "view", tmp_path) as (process, url):
        done = run_cli("view", tmp_path, "--port", url.rstrip("/").rsplit(":", 1)[1])
        assert done.returncode == 2
        assert "--port" in done.stderr
        assert stop(process) == 0
