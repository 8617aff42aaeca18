"""The tab in the TensorBoard that tbbridge starts: what it is given to draw."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import wait_until
from werkzeug.test import Client

from tbbridge.following.csv_source import CsvSource
from tbbridge.watching.tensorboard_tab import MOST_EXPERIMENTS, MOST_POINTS, Tab

HEADER = "step,train accuracy,val accuracy,train cross entropy,val cross entropy\n"


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    """The tab on the run logs of `tmp_path`."""
    with CsvSource(tmp_path, poll_interval=0.1).start() as source:
        yield Tab("http://127.0.0.1:8050/", source)


def publish(path: Path, text: str) -> None:
    """Whole at once, as run logs are."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def ask(tab: Tab, path: str) -> Any:
    answer = Client(tab.get_plugin_apps()[path]).get(path)
    assert answer.status_code == 200
    return answer


def run_logs(tab: Tab) -> dict[str, Any]:
    """What the tab is told; JSON as the browser takes it, which has no NaN."""

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    return json.loads(ask(tab, "/run_logs").data, parse_constant=refuse)


def has(tab: Tab, number: int) -> Callable[[], bool]:
    return lambda: len(run_logs(tab)["experiments"]) == number


def test_the_tab_shows_the_run_logs_as_they_grow(tab: Tab, tmp_path: Path) -> None:
    """Each run log's columns, with the finite points; a new one appears by itself."""
    assert run_logs(tab) == {"page": "http://127.0.0.1:8050/", "more": 0, "experiments": []}
    publish(tmp_path / "exp.csv", HEADER + "1,0.5,,,nan\n2,0.75,0.5,inf,2\n")
    wait_until(has(tab, 1))
    (experiment,) = run_logs(tab)["experiments"]
    assert experiment["name"] == "exp"
    assert experiment["columns"] == {
        "train accuracy": {"step": [1, 2], "value": [0.5, 0.75]},
        "val accuracy": {"step": [2], "value": [0.5]},
        "train cross entropy": {"step": [], "value": []},
        "val cross entropy": {"step": [2], "value": [2.0]},
    }


def test_the_tab_shows_nothing_without_the_pages_token(tmp_path: Path) -> None:
    """Where the live page asks for a secret, the tab of TensorBoard, which has no lock, asks for it, too."""
    publish(tmp_path / "exp.csv", HEADER + "1,0.5,,,2\n")
    with CsvSource(tmp_path).start() as source:
        client = Client(Tab("", source, "secret").get_plugin_apps()["/run_logs"])
        for query in ("", "?token=", "?token=wrong", "?token=%C3%A9"):
            assert client.get(f"/run_logs{query}").json == {"locked": True}
        assert [one["name"] for one in client.get("/run_logs?token=secret").json["experiments"]] == ["exp"]


def test_the_tab_is_bounded(tab: Tab, tmp_path: Path) -> None:
    """A long run log is thinned, its extremes kept; of many, the rest are counted."""
    rows = "".join(f"{step},{0.99 if step == 5001 else 0.5},,,\n" for step in range(20_000))
    for number in range(MOST_EXPERIMENTS + 3):
        publish(tmp_path / f"exp-{number}.csv", HEADER + (rows if number == 0 else "1,0.5,,,\n"))
    wait_until(lambda: run_logs(tab)["more"] == 3)
    shown = run_logs(tab)["experiments"]
    assert len(shown) == MOST_EXPERIMENTS
    line = shown[0]["columns"]["train accuracy"]
    assert len(line["step"]) <= MOST_POINTS
    assert max(line["value"]) == pytest.approx(0.99)


def test_the_tab_brings_its_script(tab: Tab) -> None:
    """TensorBoard's page loads the tab from the module that the tab names, which has `render`."""
    answer = ask(tab, tab.frontend_metadata().es_module_path)
    assert answer.mimetype == "text/javascript"
    assert "export function render" in answer.text
