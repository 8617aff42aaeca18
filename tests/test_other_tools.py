"""The Python recipes of docs/other-tools.md return what was logged: NaN, infinities, gaps, awkward names."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

from tbbridge.write.events import EventWriter

CLOCK = 1767225600.25  # 2026-01-01 00:00:00.25 UTC
LOSS = [0.5, math.nan, math.inf, 1.0]
"""Of training, at steps 0 to 3; validation has the first and the third."""
RUNS = ["001", "2026-11-24", "NA", "digits-cnn"]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run the Python of the page up to the end of one section, on logs of awkward trainings; returns its names."""
    monkeypatch.chdir(tmp_path)
    for run in RUNS:
        for split, steps in {"train": range(4), "validation": range(0, 4, 2)}.items():
            folder = tmp_path / "logs" / run / split
            folder.mkdir(parents=True)
            with EventWriter(folder / "events.out.tfevents.1767225600.host", wall_time=CLOCK) as writer:
                for step in steps:
                    writer.scalar("epoch_loss", step, CLOCK + step, LOSS[step])
                    writer.scalar("epoch_accuracy", step, CLOCK + step, step / 4)

    def until(section: str) -> dict[str, Any]:
        names: dict[str, Any] = {"__name__": "docs"}
        for part in re.split(r"^## ", (ROOT / "docs/other-tools.md").read_text(), flags=re.MULTILINE):
            for block in re.findall(r"^```python\n(.*?)^```$", part, re.MULTILINE | re.DOTALL):
                exec(block, names)
            if part.startswith(section):
                return names
        raise AssertionError(section)

    return until


def plain(values: Any) -> list[float | str | None]:
    """A column as Python's own values; NaN as its name, so that it can be compared."""
    texts = [None if value is None else float(value) for value in values]
    return ["NaN" if value is not None and math.isnan(value) else value for value in texts]


APART = [0.5, None, math.inf, None]
POINTS = [0.5, "NaN", math.inf, 1.0]


def test_pandas(page: Callable[[str], dict[str, Any]]) -> None:
    """The pair of engine and types keeps NaN and gaps apart; names are texts in each format; times are exact."""
    names = page("pandas")
    apart = names["apart"]
    gap = apart["val cross entropy"]
    assert [None if missing else value for value, missing in zip(gap, gap.isna(), strict=True)] == APART
    assert plain(apart["train cross entropy"]) == POINTS
    assert plain(names["log"]["val cross entropy"]) == [0.5, "NaN", math.inf, "NaN"]
    for table in ("points", "lines", "dataset", "sheet"):
        frame = names[table]
        assert sorted({run.split("/")[0] for run in frame["run"]}) == RUNS, table
        loss = frame[(frame["run"] == "001/train") & (frame["tag"] == "epoch_loss")]["value"]
        assert plain(loss) == (POINTS if table != "sheet" else [0.5, "NaN", math.inf, 1.0]), table
    assert names["points"]["time"][0] == datetime.datetime(2026, 1, 1, 0, 0, 0, 250000, datetime.timezone.utc)


def test_polars(page: Callable[[str], dict[str, Any]]) -> None:
    """NaN and null stay apart; names are texts in each format; times are exact."""
    names = page("polars")
    assert plain(names["log"]["val cross entropy"]) == APART
    for table in ("points", "lines", "dataset"):
        frame = names[table]
        assert sorted({run.split("/")[0] for run in frame["run"]}) == RUNS, table
        loss = [
            v for run, tag, v in frame.select("run", "tag", "value").rows() if (run, tag) == ("001/train", "epoch_loss")
        ]
        assert plain(loss) == POINTS, table
    assert names["points"]["time"][0] == datetime.datetime(2026, 1, 1, 0, 0, 0, 250000)


def test_duckdb(page: Callable[[str], dict[str, Any]]) -> None:
    """NaN and null stay apart; names are texts in each format; all run logs are read with all columns."""
    names = page("DuckDB")
    assert plain(value for (value,) in names["log"].project('"val cross entropy"').fetchall()) == APART
    for table in ("points", "lines", "dataset"):
        relation = names[table].project("run, tag, step, value")
        rows = relation.fetchall()
        assert sorted({run.split("/")[0] for run, *_ in rows}) == RUNS, table
        loss = sorted((step, v) for run, tag, step, v in rows if (run, tag) == ("001/train", "epoch_loss"))
        assert plain(value for _, value in loss) == POINTS, table
    first = names["points"].filter("step = 0").project("epoch(time)").fetchall()
    assert set(first) == {(CLOCK,)}
    assert len(set(names["every"].project("filename").fetchall())) == len(RUNS)


def test_pyarrow(page: Callable[[str], dict[str, Any]]) -> None:
    """NaN and null stay apart; names are texts."""
    names = page("pyarrow")
    assert plain(names["log"]["val cross entropy"].to_pylist()) == APART
    for table in ("points", "dataset"):
        rows = names[table].select(["run", "tag", "value"]).to_pylist()
        assert sorted({row["run"].split("/")[0] for row in rows}) == RUNS, table
        loss = [row["value"] for row in rows if (row["run"], row["tag"]) == ("001/train", "epoch_loss")]
        assert plain(loss) == POINTS, table
