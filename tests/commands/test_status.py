"""``tbbridge status``: one line per experiment, from summary.csv alone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from logs import write_experiment, write_run

import tbbridge
from tbbridge.cli import main


def test_one_line_per_experiment_without_the_event_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last step and values, the age of the last point, restarts; names are escaped; the log directory may be gone."""
    write_experiment(tmp_path / "logs", "a")
    write_run(tmp_path / "logs/b\x1b", loss=[(0, 1.0), (1, 2.0)])
    write_run(tmp_path / "logs/b\x1b", "2", wall_time=999.0, loss=[(1, 3.0)])
    out = tbbridge.export(tmp_path / "logs")[0].parent
    shutil.rmtree(tmp_path / "logs")
    monkeypatch.setattr(time, "time", lambda: 103.0 + 120)
    assert main(["status", str(out)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    values = "train accuracy 0.875, val accuracy 0.5, train cross entropy 1.375, val cross entropy 2.25"
    assert first == f"a: step 3, {values}, last point 2 min ago"
    assert second.startswith("b\\x1b: step 1, train cross entropy 3.0, last point ")
    assert second.endswith(", 1 restart")


def test_a_long_text_and_an_experiment_without_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A summary is read whatever its texts; what has no point, or no time of a calendar, has no age."""
    cells = f'"{"x" * 200_000}"'
    (tmp_path / "summary.csv").write_text(f"experiment,last wall time,last step,hparam.text\na,,,{cells}\nb,1e999,3,\n")
    assert main(["status", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "a: no data yet\nb: step 3\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "give the directory that tbbridge watch or export publishes into"),
        (b"", "no column experiment"),
        (b"step,loss\n1,2\n", "no column experiment"),
        (b'experiment,last step\n"a,1\n', "is no summary of tbbridge"),
    ],
)
def test_what_is_no_summary_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, says: str
) -> None:
    """Exit code 2."""
    if content is not None:
        (tmp_path / "summary.csv").write_bytes(content)
    assert main(["status", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_not_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object]
) -> None:
    """A FIFO would keep it waiting, a device would never end."""
    make(tmp_path / "summary.csv")
    assert main(["status", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith("summary.csv is no summary of tbbridge: it is no regular file\n")
