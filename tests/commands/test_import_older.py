"""Logs of the older viewer: how its trainings wrote them, and how its page reads them.

Its logger opened the file anew for each row, appended what ``csv.writer`` makes of a step and four numbers that came
from TensorFlow, and wrote no header. Its page gives five names to pandas, and passes the frame on as JSON.
"""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tbbridge
from tbbridge.cli import main
from tbbridge.core.model import COLUMNS
from tbbridge.write.csv_text import DIALECTS

LOGS = {
    "float32 of NumPy": b"5,0.1,0.12,2.2985375,2.2941384\r\n10,1.0,1.0,1e-04,9.536743e-07\r\n15,0.0,0.98,nan,inf\r\n",
    "accuracy as float64": b"5,0.02,0.94,6.07006,7.363458\r\n10,1.0,0.96,0.00023,1e-05\r\n",
    "floats of Keras, not validated": b"0,0.15625,,2.3148891925811768,\r\n1,0.203125,,2.2962214946746826,\r\n",
    "line ends of Unix": b"5,0.1,0.12,2.2985375,2.2941384\n10,1.0,1.0,0.00011,9.536743e-07\n",
    "through git": b"5,0.1,0.12,2.2985375,2.2941384\n10,1.0,0.98,0.00072584033,9.5e-05\n",
    "with a header": b"step,train accuracy,val accuracy,train cross entropy,val cross entropy\r\n5,1.0,1.0,0.5,0.5\r\n",
}
OTHERWISE = {
    "trailing zeros": (
        b"5,0.100,0.12,2.25,2.5\n10,1.0,.5,2E0,3\n",
        "4 numbers are written otherwise (0.100 for 0.1)",
    ),
    "tbbridge's first texts": (
        b"5,1,0.5,0.00001,1e-7\n6,nan,-0,1,1e+20\n",
        "5 numbers are written otherwise (1 for 1.0)",
    ),
    "mixed with CRLF": (
        b"5,0.10,1.0,2.25,2.5\r\n",
        "--dialect python` gives the same values in other bytes: 1 numbers are written otherwise (0.10 for 0.1), "
        "its lines end in CRLF",
    ),
    "steps anew each epoch": (
        b"0,0.5,0.5,2.0,2.0\r\n1,0.75,0.5,1.5,2.0\r\n0,0.875,0.5,1.0,2.0\r\n",
        "2 numbers gave way to a later row of the same step",
    ),
    "text mode on Windows": (b"5,0.5,0.5,2.0,2.0\r\r\n6,0.5,0.5,2.0,2.0\r\r\n", "its lines end in CRLF"),
    "byte order mark": (b"\xef\xbb\xbf5,0.5,0.5,2.0,2.0\n", "it begins with a byte order mark"),
    "some columns": (b"step,val accuracy\n5,0.5\n", "its header is another"),
    "not in order": (b"6,0.5,0.5,2.0,2.0\n5,0.5,0.5,2.0,2.0\n", "its lines are ordered"),
}


def imported(folder: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Import a log by the command; what it said."""
    (folder / "run_log.csv").write_bytes(data)
    capsys.readouterr()
    assert main(["import", str(folder / "run_log.csv"), str(folder / "logs"), "--force"]) == 0
    return capsys.readouterr().err.splitlines()


def exported(folder: Path, *options: str) -> bytes:
    """The run log of what was imported, by the command."""
    target = ["--out", str(folder / "back.csv"), "--force", "--experiment", "run_log"]
    assert main(["export", str(folder / "logs"), *target, *options]) == 0
    return (folder / "back.csv").read_bytes()


def as_the_older_page_reads(data: bytes) -> pd.DataFrame:
    """Five names given to pandas, and the way of its frame through JSON."""
    frame = pd.read_csv(io.BytesIO(data), names=["step", *COLUMNS])
    return pd.read_json(io.StringIO(frame.to_json(orient="split")), orient="split")


@pytest.mark.parametrize("data", LOGS.values(), ids=LOGS)
def test_the_bytes_come_back(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    """The import says in one line which options bring the same bytes back, and they do."""
    (line,) = imported(tmp_path, data, capsys)
    command = shlex.split(line.split("`")[1])
    assert line.endswith("gives the same bytes back")
    assert exported(tmp_path, *command[2:]) == data


@pytest.mark.parametrize(("data", "told"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_comes_back_otherwise_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, told: str
) -> None:
    """One line says how many numbers are written otherwise in the source, and what else is."""
    (line,) = imported(tmp_path, data, capsys)
    assert told in line


@pytest.mark.parametrize("data", [*LOGS.values(), *(data for data, _ in OTHERWISE.values())])
def test_what_was_exported_once_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    """Imported and exported again it is the same file, from the same event files; the import has nothing to say."""
    imported(tmp_path, data, capsys)
    once, events = exported(tmp_path), [path.read_bytes() for path in sorted(tmp_path.glob("logs/*/*/*"))]
    assert imported(tmp_path, once, capsys) == []
    assert [path.read_bytes() for path in sorted(tmp_path.glob("logs/*/*/*"))] == events
    assert exported(tmp_path) == once


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_older_page_reads_an_export_without_header(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dialect: str
) -> None:
    """Every column is numbers: steps, values, NaN where nothing was logged; a header would make all of it texts."""
    rows = "5,0.1,0.12,2.2985375,2.2941384\n10,1,,0.00001,\n15,0.25,0.5,nan,1e+20\n"
    imported(tmp_path, rows.encode(), capsys)
    frame = as_the_older_page_reads(exported(tmp_path, "--no-header", "--dialect", dialect))
    assert frame["step"].tolist() == [5, 10, 15]
    log = tbbridge.read_run_logs(tmp_path / "logs")["run_log"]
    for name in COLUMNS:
        np.testing.assert_allclose(frame[name].to_numpy(float), log[name].to_numpy(float), rtol=1e-7)
    assert f"{frame['train accuracy'].iloc[-1]:.4f}" == "0.2500"
    assert as_the_older_page_reads(exported(tmp_path))["step"].tolist()[0] == "step"


def test_the_first_page_reads_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its first version took each row's first cell for a whole number, and the next for floats."""
    imported(tmp_path, LOGS["float32 of NumPy"], capsys)
    rows = list(csv.reader(io.StringIO(exported(tmp_path, "--no-header").decode(), newline="")))
    assert [(int(row[0]), float(row[1]), float(row[2])) for row in rows][1] == (10, 1.0, 1.0)
