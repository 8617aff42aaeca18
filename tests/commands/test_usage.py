"""What the command line says when it is used wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbbridge.cli import COMMANDS, main


def test_without_a_command_all_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """With what each does; the exit code says that nothing was done."""
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split()[0] for line in err.splitlines() if line[:4] == "    " and line[4] != " "] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_shows_its_commands_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not that of the whole command line; what was typed is shown without control characters."""
    arguments = {
        "demo": [],
        "import": ["x", "y"],
        "repair": ["x", "-o", "y"],
        "wait": ["x", "--until", "finished"],
    }.get(command, ["x"])
    assert main([command, *arguments, "--no-such\x1b"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"usage: tbbridge {command} [-h]")
    assert err.endswith(f"tbbridge {command}: error: unrecognized arguments: --no-such\\x1b\n")


@pytest.mark.parametrize("option", ["--tags", "--runs", "--experiment", "--group", "--steps"])
def test_a_forgotten_value_is_missed_where_the_target_follows(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value may begin with a minus (``--steps -5:0``), but ``-o`` is an option wherever it stands."""
    assert main(["export", str(tmp_path), option, "-o", str(tmp_path / "x.csv")]) == 2
    assert capsys.readouterr().err.endswith(f"argument {option}: expected one argument\n")


def test_a_relative_path_in_a_deleted_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the cause, and what helps; the output is not to blame."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["check", "logs"]) == 2
    says = "tbbridge: the working directory was deleted: give absolute paths, or go to another\n"
    assert capsys.readouterr() == ("", says)


@pytest.mark.parametrize(
    "command", [["status", ""], ["view", ""], ["watch", ""], ["watch", "logs", "--no-viewer", "--out", ""]]
)
def test_an_empty_path_is_not_the_working_directory(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unset variable of a shell gives one: nothing is read or written, and one line says so."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "summary.csv").write_text("experiment,last step\na,3\n")
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    shown = capsys.readouterr()
    assert "has no name: give" in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert {path.name for path in tmp_path.iterdir()} == {"logs", "summary.csv"}
