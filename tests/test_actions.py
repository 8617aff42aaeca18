"""``watch --on --exec``: which commands run, how often, with what, and what their failure does."""

from __future__ import annotations

import shlex
import sys
import threading
from pathlib import Path

import pytest
from logs import write_run
from support import run_cli, running_cli, stop, wait_until

import tbbridge
from tbbridge.watching.actions import Actions

NOTE = """import os, sys
with open(sys.argv[1], "a") as file:
    file.write("|".join(os.environ["TBBRIDGE_" + name] for name in sys.argv[2:]) + "\\n")
"""
FACTS = ("EXPERIMENT", "CONDITION", "COLUMN", "STEP", "WALL_TIME", "VALUE", "LOGDIR", "RUN_LOG")


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def noting(notes: Path, *facts: str) -> str:
    """A command that appends a line of these facts to a file."""
    return shlex.join([sys.executable, "-c", NOTE, str(notes), *facts])


def test_a_command_runs_once_per_experiment_with_the_facts_in_variables(tmp_path: Path, notes: Path) -> None:
    """Not for what was fulfilled before, not again after a restart of the watch; a hostile name stays a name.

    Paths are absolute, however the watch was started.
    """
    logs, odd = tmp_path / "logs", "$(touch oops);`id`"
    write_run(logs / "old", val_accuracy=[(0, 1.0)])
    for _ in range(2):
        with running_cli(
            *("watch", "logs", "--no-viewer", "--on", "val accuracy > 0.5", "--exec", noting(notes, *FACTS)),
            output=tmp_path / "said",
            cwd=tmp_path,
        ) as watch:
            wait_until(lambda: "old: step 0" in text(tmp_path / "said"))
            if not notes.exists():
                write_run(logs / odd, val_accuracy=[(3, 0.25), (4, 0.75), (5, 1.0)])
                wait_until(lambda: text(notes).endswith("\n"))
            assert stop(watch) == 0
    run_log = tbbridge.Bridge(logs, publish=False).out / f"{odd}.csv"
    assert text(notes).splitlines() == [
        f"{odd}|val accuracy > 0.5|val accuracy|4|101.0|0.75|{logs}|{run_log}",
    ]
    assert not (tmp_path / "oops").exists()


def test_what_the_last_reading_finds_is_acted_on_and_again_means_all(tmp_path: Path, notes: Path) -> None:
    """With `again` also what had been fulfilled before; what is fulfilled twice by a restart runs once."""
    write_run(tmp_path / "logs/old", val_accuracy=[(0, 1.0), (1, 0.0)])
    conditions = [tbbridge.Condition("val accuracy > 0.5")]
    with tbbridge.Bridge(tmp_path / "logs", publish=False, conditions=conditions) as bridge:
        actions = Actions(bridge, noting(notes, "EXPERIMENT", "STEP"), again=True)
        assert bridge.wait_until_read(20)
        actions.look()
        wait_until(lambda: text(notes) == "old|0\n")
        view = bridge.view("old")
        assert view is not None
        assert [mark.text for mark in view.marks] == ["old: val accuracy > 0.5"]
    write_run(tmp_path / "logs/old", "2", wall_time=999.0, val_accuracy=[(0, 0.0), (1, 0.0), (2, 1.0)])
    actions.close()
    assert text(notes) == "old|0\n"
    assert actions.messages() == ["old: val accuracy > 0.5 at step 0"]


def test_a_command_that_fails_is_reported_and_stops_nothing(tmp_path: Path, notes: Path) -> None:
    """Its code and its last line; a shell runs it only where that was asked for."""
    (tmp_path / "logs").mkdir()
    bridge = tbbridge.Bridge(tmp_path / "logs", publish=False, conditions=[tbbridge.Condition("step >= 0")])
    append = f'echo "$TBBRIDGE_EXPERIMENT" >> {shlex.quote(str(notes))}; echo bad; exit 3'
    shell = Actions(bridge, append, shell=True)
    plain = Actions(bridge, f"{shlex.quote(sys.executable)} -c 'import sys; sys.exit(sys.argv[1])' '$HOME; true'")
    with bridge:
        assert bridge.wait_until_read(20)
        for name in ("a", "b"):
            write_run(tmp_path / "logs" / name, loss=[(0, 1.0)])
            wait_until(lambda name=name: f"{name}\n" in text(notes))  # type: ignore[misc]
    shell.close()
    plain.close()
    assert "a: step >= 0: the command ended with code 3: bad" in shell.messages()
    assert "b: step >= 0: the command ended with code 1: $HOME; true" in plain.messages()


def test_many_commands_share_a_few_threads(tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve experiments fulfil a condition at once: each command runs, and never more than two threads are at work."""
    monkeypatch.setattr("tbbridge.watching.actions.AT_ONCE", 2)
    (tmp_path / "logs").mkdir()
    bridge = tbbridge.Bridge(tmp_path / "logs", publish=False, conditions=[tbbridge.Condition("step >= 0")])
    acting = Actions(bridge, noting(notes, "EXPERIMENT"), again=True)
    for place in range(12):
        write_run(tmp_path / "logs" / f"e{place}", loss=[(0, 1.0)])
    working = []

    def all_ran() -> bool:
        working.append(sum(thread.name == "tbbridge command" for thread in threading.enumerate()))
        return len(text(notes).splitlines()) == 12

    with bridge:
        wait_until(all_ran)
    acting.close()
    assert sorted(text(notes).split()) == sorted(f"e{place}" for place in range(12))
    assert 0 < max(working) <= 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--exec", "true"], "add --on"),
        (["--on", "step > 1", "--shell"], "add --exec"),
        (["--on", "step > 1", "--exec", " "], "--exec is empty"),
        (["--on", "step > 1", "--exec", "echo 'x"], "No closing quotation"),
        (["--on", "step > 1", "--exec", "no-such-program x"], "there is no program 'no-such-program'"),
        (["--on", "step >> 1", "--exec", "true"], "write > >= < or <= here"),
    ],
)
def test_a_mistake_is_refused_before_anything_starts(tmp_path: Path, options: list[str], says: str) -> None:
    """Exit code 2, and nothing is published."""
    done = run_cli("watch", tmp_path, "--no-viewer", *options)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[0]
