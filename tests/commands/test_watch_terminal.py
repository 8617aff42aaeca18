"""The live table and its plain lines: what they say, and that names from outside are data."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from support import wait_until

from tbbridge.core.escape import escaped
from tbbridge.core.model import ExperimentView, Mark, Points
from tbbridge.following.silence import quiet_note
from tbbridge.watching.terminal import MOST_ROWS, Display, ago, row
from tbbridge.write.events import EventWriter

TENSORBOARDX = "exp/events.out.tfevents.1700000000.host"


def points(*values: float, stride: int = 1, wall: float = 100.0) -> Points:
    step = np.arange(len(values), dtype=np.int64) * stride
    return Points(step, wall + step / 2, np.array(values, np.float32))


def view(name: str = "exp", state: str = "live", **columns: Points) -> ExperimentView:
    every = {f"{split} {metric}": points() for split in ("train", "val") for metric in ("accuracy", "cross entropy")}
    every |= {key.replace("_", " "): value for key, value in columns.items()}
    return ExperimentView(name, 1, every, state=state, last_write=time.time() - 5)


class Fake:
    """A source of given views."""

    title = "logs"
    tensorboard_url = None

    def __init__(self, *views: ExperimentView, status: tuple[str, ...] = ()) -> None:
        self.views = {one.name: one for one in views}
        self.lines = status
        self.asked = 0

    def names(self) -> list[str]:
        return list(self.views)

    def latest(self, most: int) -> tuple[list[str], int]:
        last = sorted(self.views.values(), key=lambda one: -(one.last_write or 0.0))
        return [one.name for one in (last[:most] if len(last) > most else self.views.values())], len(last)

    def view(self, name: str) -> ExperimentView | None:
        return self.views.get(name)

    def csv(self, name: str) -> bytes | None:
        return b""

    def csv_path(self, name: str) -> Path | None:
        return Path("csv", f"{name}.csv")

    def status(self) -> tuple[str, ...]:
        self.asked += 1
        return self.lines

    def subscribe(self, callback: object) -> object:
        return lambda: None


def drawn(display: Display, width: int = 200, height: int = 100) -> str:
    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    with console.file:
        console.print(display.table(width, height))
        return console.export_text()


def test_a_row_says_where_a_training_is() -> None:
    """Step, steps a second by the writer's clock, last values of train and validation, age of the last write."""
    one = row(view(train_accuracy=points(0.5, 0.75, 0.875), val_cross_entropy=points(2.0)), Path("out/exp.csv"))
    assert (one.name, one.step, one.rate) == ("exp", "2", "2")
    assert (one.train, one.val) == ("0.875 / -", "- / 2")
    assert one.written == "5 s ago"
    assert one.csv == "out/exp.csv"


def test_a_row_without_points_or_sensible_clock_says_less() -> None:
    """No data yet; no rate where wall times stand still, run backwards or are NaN, or nothing comes any more."""
    assert row(view(), None).step == "no data yet"
    assert row(view(), None).csv == ""
    still = points(1.0, 2.0)
    for wall in (np.zeros(2), np.array([2.0, 1.0]), np.array([np.nan, np.nan])):
        assert row(view(train_accuracy=still._replace(wall_time=wall)), None).rate == ""
    assert row(view(train_accuracy=still, state="stalled"), None).rate == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0 s ago"), (59, "59 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (2e5, "2 d ago")]
)
def test_ages_are_said_as_a_person_says_them(seconds: float, text: str) -> None:
    """In the largest unit that fits."""
    assert ago(seconds) == text


def test_hostile_names_are_shown_as_data() -> None:
    """No control characters, no markup, no turned direction: in the table, and in the lines about the whole."""
    hostile = "\x1b[31mred\x07 [bold]x[/bold] [link=http://a]b[/link]\N{RIGHT-TO-LEFT OVERRIDE}\n"
    text = drawn(Display(Fake(view(hostile), status=(f"cannot read {hostile}",))))  # type: ignore[arg-type]
    assert text.count("[bold]x[/bold] [link=http://a]b[/link]") == 2
    assert not set(text) & {"\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"}
    assert escaped("\u2028\x85é") == "\\u2028\\x85é"


def test_many_experiments_are_cut_to_those_written_last() -> None:
    """And the number of the others is said."""
    views = [view(f"exp{number}") for number in range(MOST_ROWS + 7)]
    text = drawn(Display(Fake(*views)))  # type: ignore[arg-type]
    assert "and 7 more" in text
    assert text.count("csv/exp") == MOST_ROWS


def test_at_80_columns_an_experiment_is_one_line() -> None:
    """No path, names shortened in the middle so that their ends tell them apart, every figure in view."""
    names = [
        f"sweeps/2026-11/resnet50-augmented-long-{end}" for end in ("lr0.1/seed-1", "lr0.1/seed-2", "lr0.01/seed-1")
    ]
    views = [view(name, train_accuracy=points(0.5, 0.125), val_cross_entropy=points(2.0, 1.5)) for name in names]
    lines = drawn(Display(Fake(*views)), 80).splitlines()  # type: ignore[arg-type]
    assert len(lines) == 1 + len(names)
    assert max(map(len, lines)) <= 80
    for name, line in zip(names, lines[1:], strict=True):
        assert "…" in line.split()[0]
        assert name.endswith(line.split()[0].split("…")[1])
        assert "0.125 / -" in line
        assert "- / 1.5" in line
        assert "csv/" not in line


def test_two_thousand_experiments_leave_the_messages_in_view() -> None:
    """In a window of 24 lines those written last stand on top; their number, the links and what is wrong are seen."""
    views = [replace(view(f"exp{number:04d}"), last_write=float(number)) for number in range(2000)]
    display = Display(Fake(*views, status=("cannot read exp0001: Permission denied",)))  # type: ignore[arg-type]
    display.links.append("page         http://127.0.0.1:8050/")
    lines = drawn(display, 80, 24).splitlines()
    assert len(lines) < 24
    assert lines[0].startswith("page")
    assert [line.split()[0] for line in lines[2:5]] == ["exp1999", "exp1998", "exp1997"]
    assert f"and {2000 - (len(lines) - 4)} more" in lines[-2]
    assert lines[-1] == "cannot read exp0001: Permission denied"
    display = Display(Fake(*views, status=tuple(f"cannot read {number}" for number in range(100))))  # type: ignore[arg-type]
    lines = drawn(display, 80, 24).splitlines()
    assert [lines[1].split()[0], lines[-2]] == ["exp1999", "cannot read 7"]
    assert lines[-1] == "and 92 more messages: tbbridge check has them"


def test_states_are_said() -> None:
    """Beside the age of the last write; a live one needs no word."""
    text = drawn(Display(Fake(view("a", "stalled"), view("b", "stopped: KeyError: 'x'"), view("c"))))  # type: ignore[arg-type]
    assert "(stalled)" in text
    assert "(stopped: KeyError: 'x')" in text
    assert "(live)" not in text


def test_restarts_damage_and_silence_are_said() -> None:
    """How many, in the row; what the writer may keep back, once below the table."""
    marks = [Mark("restart", 5, "x"), Mark("restart", 7, "x"), Mark("damage", None, "x")]
    views = [replace(view(name), marks=marks, notes=(quiet_note([TENSORBOARDX]),)) for name in ("a", "b")]
    text = drawn(Display(Fake(*views)))  # type: ignore[arg-type]
    assert text.count("(2 restarts, 1 damaged place)") == 2
    assert text.count("tensorboardX") == 1


def test_plain_lines_come_when_something_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """A line about the whole once, until it is no longer true; an experiment's at most every ten seconds."""
    source, stop = Fake(view(train_accuracy=points(0.5)), view("new"), status=("waiting",)), threading.Event()
    display = Display(source)  # type: ignore[arg-type]
    thread = threading.Thread(target=display.run, args=(stop,))
    thread.start()
    wait_until(lambda: source.asked >= 2, what="the lines are looked at again")
    source.views |= {"exp": view(train_accuracy=points(0.5, 0.75)), "new": view("new", train_accuracy=points(0.25))}
    source.lines = ()
    seen = source.asked
    wait_until(lambda: source.asked >= seen + 2, what="the news is looked at")
    stop.set()
    thread.join()
    assert capsys.readouterr().out.splitlines() == [
        "waiting",
        "exp: step 0, train 0.5 / -, val - / - -> csv/exp.csv",
        "new: no data yet -> csv/new.csv",
        "new: step 0, train 0.25 / -, val - / -",
    ]


def test_plain_lines_of_many_experiments_are_those_written_last(capsys: pytest.CaptureFixture[str]) -> None:
    """No thousand lines at a time: those written last, and the number of the others, once."""
    views = [replace(view(f"exp{number}"), last_write=float(number)) for number in range(1000)]
    source, stop = Fake(*views), threading.Event()
    stop.set()
    Display(source).run(stop)  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"and {1000 - MOST_ROWS} more: the {MOST_ROWS} written last are shown"
    assert [line.split(":")[0] for line in lines[1:]] == [f"exp{number}" for number in range(999, 999 - MOST_ROWS, -1)]


def test_a_terminal_gets_a_table_that_is_drawn_in_place(tmp_path: Path) -> None:
    """`tbbridge watch` on a pseudo-terminal: the table with the last values, until Ctrl-C."""
    (tmp_path / "logs/exp").mkdir(parents=True)
    with EventWriter(tmp_path / "logs/exp/events.out.tfevents.1") as writer:
        writer.scalar("loss", 7, 1.0, 0.5)
    controller, terminal = pty.openpty()
    program = [sys.executable, "-m", "tbbridge", "watch", str(tmp_path / "logs"), "--no-viewer"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    watch = subprocess.Popen(
        program, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, start_new_session=True
    )
    os.close(terminal)
    shown = b""

    def read() -> str:
        nonlocal shown
        while select.select([controller], [], [], 0)[0]:
            try:
                shown += os.read(controller, 65536)
            except OSError:  # the other end was closed
                break
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode(errors="replace"))

    try:
        wait_until(lambda: "steps/s" in read() and "- / 0.5" in read())
        watch.send_signal(2)
        wait_until(lambda: (read(), watch.poll() is not None)[1])
        assert watch.returncode == 0
        assert "Traceback" not in read()
    finally:
        watch.kill()
        watch.wait()
        os.close(controller)
