"""What the commands print as JSON is what the schema that is shipped says, read by an outside validator."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from logs import write_experiment, write_run

from tbbridge.cli import main

SCHEMA = json.loads(files("tbbridge.commands").joinpath("schema.json").read_text())


def validator(command: str) -> Any:
    """The outside validator of what a command prints, after it found the schema itself well made."""
    import jsonschema  # here: another package's extra makes its import take seconds

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{command}"})


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A training, one with NaN and a restart, a damaged file, and one that is none."""
    write_experiment(tmp_path / "a", "a")
    write_run(tmp_path / "a/b", loss=[(0, 1.0), (1, float("nan"))], lr=[(0, float("inf"))])
    path = write_run(tmp_path / "a/b", "2", wall_time=999.0, loss=[(1, float("nan")), (2, float("-inf"))])
    path.write_bytes(path.read_bytes()[:-20] + b"noise" * 20)
    (tmp_path / "a/b/events.out.tfevents.3").write_text("<html>\n")
    return tmp_path / "a"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("inspect", ["--json"]),
        ("check", ["--json"]),
        ("export", ["--report"]),
        ("wait", ["--until", "b:lr is inf"]),
        ("wait", ["--until", "val accuracy >= 0"]),
    ],
)
def test_the_output_is_what_the_schema_says(
    logs: Path, capsys: pytest.CaptureFixture[str], command: str, words: list[str]
) -> None:
    """And no longer once a key that it requires is gone, or the version is another one."""
    report = logs.with_name("report.json")
    assert main([command, str(logs), *words, *[str(report)] * (words == ["--report"])]) in (0, 1)
    printed = capsys.readouterr().out
    found: dict[str, Any] = json.loads(report.read_text() if report.exists() else printed)
    validator(command).validate(found)
    for key in SCHEMA["$defs"][command]["required"]:
        part = copy.deepcopy(found)
        del part[key]
        assert not validator(command).is_valid(part)
    assert not validator(command).is_valid({**found, "version": 2})


def test_the_report_of_an_export_says_what_was_written_and_what_was_printed(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never into the log directory, and nothing is exported then."""
    out, report = logs.with_name("out"), logs.with_name("report.json")
    assert main(["export", str(logs), "-o", str(out), "--report", str(report)]) == 1
    printed = capsys.readouterr()
    found = json.loads(report.read_text())
    assert found["written"] == printed.out.splitlines() == [str(out / "a.csv"), str(out / "b.csv")]
    assert [f"tbbridge: {line}" for line in found["messages"]] == printed.err.splitlines() != []
    assert found["damaged"]
    assert main(["export", str(logs), "-o", str(out / "2"), "--report", str(logs / "report.json")]) == 2
    assert not (out / "2").exists()
    assert not (logs / "report.json").exists()


@pytest.mark.parametrize("name", ["", "-", "out/a.csv", "out/summary.csv", "missing/r.json", "out"])
def test_a_report_never_takes_the_place_of_what_is_exported(
    logs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is refused before anything is written, by a line that tells of the report."""
    monkeypatch.chdir(logs.parent)
    Path("out").mkdir()
    assert main(["export", str(logs), "-o", "out", "--report", name]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--out" not in said
    assert not list(Path("out").iterdir())


def test_the_report_holds_the_message_of_a_page(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As standard error does."""
    page, report = logs.with_name("page.html"), logs.with_name("report.json")
    assert main(["export", str(logs), "-o", str(page), "--report", str(report)]) == 1
    messages = json.loads(report.read_text())["messages"]
    assert [f"tbbridge: {line}" for line in messages] == capsys.readouterr().err.splitlines()
    assert f"{page} has " in messages[0]
