"""What a page holds: bounded, true, and brought up to date at a cost that does not depend on the past."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_source import MemorySource, points, training

from tbbridge import ExperimentView, Points
from tbbridge.viewer import app, messages
from tbbridge.viewer.lines import Line
from tbbridge.viewer.snapshot import OUTSIDE, TARGET, Axis, min_max, numbers, thin


@given(st.integers(1, 20_000), st.integers(0, 2**32), st.integers(10, 3000))
def test_thinning_keeps_the_ends_and_the_extremes(n: int, seed: int, target: int) -> None:
    """At most `target` points; first, last, smallest and largest among them, in order, each once."""
    values = np.random.default_rng(seed).normal(size=n)
    kept = min_max(values, target)
    assert len(kept) <= target
    assert {0, n - 1, int(values.argmin()), int(values.argmax())} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()
    if n <= target:
        assert len(kept) == n


def test_zooming_shows_the_true_points_of_the_range() -> None:
    """A range of fewer points than fit is drawn point by point, with its neighbours; the outside is coarse."""
    x = np.arange(1_000_000)
    y = np.random.default_rng(0).normal(size=len(x))
    kept = thin(x, y, (500_000, 500_900))
    inside = kept[(kept >= 499_999) & (kept <= 500_901)]
    assert inside.tolist() == list(range(499_999, 500_902))
    assert len(kept) <= 903 + 2 * OUTSIDE


def test_one_spike_in_a_million_points_is_drawn() -> None:
    """An extreme is never lost, at any zoom that contains it."""
    values = np.zeros(1_000_000, np.float32)
    values[777_777] = 9.0
    for visible in (None, (700_000, 900_000), (777_000, 778_000)):
        assert 777_777 in thin(np.arange(len(values)), values, visible)


def test_numbers_are_written_as_the_run_log_writes_them() -> None:
    """A float32 as the shortest text that reads back to it, float64 as it is, NaN as null."""
    assert json.dumps(numbers(np.array([0.1, 4.8241897, 1e-8, np.nan], np.float32))) == "[0.1, 4.8241897, 1e-08, null]"
    assert numbers(np.array([0.1 + 0.2])) == [0.1 + 0.2]
    assert numbers(np.array([5, 10], np.int64)) == [5, 10]


def test_relative_time_is_in_the_unit_that_fits() -> None:
    """Two minutes and more are minutes, from the experiment's beginning on."""
    line = Line("a", "raw", [points([1.0] * 200, wall=1000.0)], origin=1000.0)
    from tbbridge.viewer.snapshot import choose_unit

    axis = Axis("relative", choose_unit([line]))
    assert (axis.label, axis.values(line.columns[0], 1000.0)[-1]) == ("min", round(199 / 60, 4))


@pytest.fixture
def page() -> messages.Page:
    """The page of a source without experiments."""
    return app.page_of(MemorySource())


def want(page: messages.Page, **controls: Any) -> dict[str, Any]:
    return messages.clean({name.replace("_", "-"): value for name, value in controls.items()}, page)


def put(page: messages.Page, name: str, columns: dict[str, Points], **more: Any) -> None:
    page.source.put(name, columns, **more)  # type: ignore[attr-defined]


def test_a_new_point_costs_a_message_of_its_own_size(page: messages.Page) -> None:
    """After the snapshot only what is new is sent: a few hundred bytes, at a thousand rows as at a hundred thousand."""
    sizes = []
    for rows in (1_000, 100_000):
        put(page, "a", training(rows))
        _, cursor = messages.answer(page, want(page), None)
        page.source.append("a", 5 * rows, train_accuracy=0.5, val_accuracy=0.5)  # type: ignore[attr-defined]
        message, cursor = messages.answer(page, want(page), cursor)
        assert set(message) <= {"extend", "cells", "status"}
        sizes.append(len(messages.to_json(message)))
        assert "extend" not in messages.answer(page, want(page), cursor)[0], "what is known is not sent again"
    assert sizes[1] < 1.5 * sizes[0] < 1500


def test_a_snapshot_is_bounded(page: messages.Page) -> None:
    """A million rows are sent as some thousand points a line."""
    put(page, "a", training(1_000_000))
    message, _ = messages.answer(page, want(page, accuracy_validation=True), None)
    lines = message["figures"]["accuracy"]["data"]
    assert max(len(line["x"]) for line in lines) <= TARGET
    assert len(messages.to_json(message)) < 500_000


def test_many_new_points_come_as_a_snapshot(page: messages.Page) -> None:
    """A page that was away gets one bounded picture, not everything that it missed."""
    put(page, "a", {"train accuracy": points([0.5] * 10)})
    _, cursor = messages.answer(page, want(page), None)
    longer = points(np.linspace(0, 1, 50_000))
    view = page.source.view("a")
    page.source._views["a"] = type(view)("a", view.generation, {**view.columns, "train accuracy": longer})
    message, _ = messages.answer(page, want(page), cursor)
    assert max(len(line["x"]) for line in message["figures"]["accuracy"]["data"]) <= TARGET


def test_a_changed_past_is_drawn_anew(page: messages.Page) -> None:
    """A new generation of an experiment is a new snapshot."""
    put(page, "a", training(50))
    _, cursor = messages.answer(page, want(page), None)
    put(page, "a", training(50, seed=3))
    assert set(messages.answer(page, want(page), cursor)[0]["figures"]) == {"accuracy", "loss"}


def test_only_the_chart_whose_controls_changed_is_sent(page: messages.Page) -> None:
    """The slider of one chart does not send the other."""
    put(page, "a", training(50))
    _, cursor = messages.answer(page, want(page), None)
    message, _ = messages.answer(page, want(page, loss_weight=0.9), cursor)
    assert list(message["figures"]) == ["loss"]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        "x",
        {"experiment": "a", "axis": "Sideways", "accuracy-weight": "0.5", "loss-weight": float("nan")},
        {"accuracy-weight": 1e9, "accuracy-training": 1, "ranges": {"accuracy": [1], "loss": ["a", None]}},
        {"ranges": [], "offset": "soon", "theme": {}, "experiment": [1, None, {}]},
    ],
)
def test_nonsense_from_a_browser_is_read_as_the_defaults(page: messages.Page, sent: Any) -> None:
    """Whatever a browser sends, the controls have the right types and ranges, and the page can be drawn."""
    put(page, "a", training(10))
    controls = messages.clean(sent, page)
    assert controls["axis"] == "Step"
    assert 0 <= controls["accuracy-weight"] <= 1
    assert controls["loss-weight"] == 0.6
    assert (controls["experiment"], controls["ranges"], controls["theme"]) == ([], {}, "light")
    assert messages.answer(page, controls, None)[0]["figures"]


def test_without_wall_times_steps_are_drawn(page: messages.Page) -> None:
    """A run log has no wall times: relative and wall time fall back to steps instead of an empty chart."""
    put(page, "a", {"train accuracy": points([0.1, 0.2], wall=float("nan"))})
    message, _ = messages.answer(page, want(page, axis="Wall"), None)
    assert message["figures"]["accuracy"]["data"][0]["x"] == [0, 5]
    assert message["figures"]["accuracy"]["layout"]["xaxis"]["title"]["text"] == "Step"


def test_other_metrics_take_the_charts_places(page: messages.Page) -> None:
    """A run log of other metrics (``--metric``) is drawn in the two charts, under its own names."""
    put(page, "a", {"train perplexity": points([9.0, 8.0]), "val perplexity": points([9.5, 8.5])})
    view = page.source.view("a")
    columns = {name: column for name, column in view.columns.items() if "perplexity" in name}
    page.source._views["a"] = type(view)("a", 1, columns)
    message, _ = messages.answer(page, want(page), None)
    assert ["accuracy-title", "children", "perplexity"] in message["set"]
    assert message["cells"]["accuracy-now-1-0"] == "8.5"


def test_one_other_metric_takes_the_missing_ones_place(page: messages.Page) -> None:
    """Perplexity beside cross entropy: the first chart draws the one, the second the other, and neither is empty."""
    one = points([9.0, 8.0])
    columns = dict.fromkeys(("train perplexity", "val perplexity", "train cross entropy", "val cross entropy"), one)
    page.source._views["a"] = ExperimentView("a", 1, columns)
    message, _ = messages.answer(page, want(page), None)
    assert [message["figures"][chart]["data"][0]["y"] for chart in ("accuracy", "loss")] == [[9.0, 8.0], [9.0, 8.0]]
    assert ["accuracy-title", "children", "perplexity"] in message["set"]
    assert ["loss-title", "children", "Cross entropy loss"] in message["set"]
    assert not [name for name in message["figures"] if name.startswith("more")]


def test_the_page_is_short() -> None:
    """app.py, which people change, stays under 400 lines, in the order that it promises."""
    from pathlib import Path

    text = Path(app.__file__).read_text()
    assert text.count("\n") < 400
    parts = ("CONFIG", "DATA", "FIGURES", "PARTS", "LAYOUT", "CALLBACKS", "def make_app")
    places = [text.index(part, 600) for part in parts]
    assert places == sorted(places)


@pytest.mark.parametrize("experiments", [1, 12, 13, 50])
@pytest.mark.parametrize("weight", [0.6, 0.999])
def test_a_spike_is_drawn_beside_any_number_of_experiments(
    page: messages.Page, experiments: int, weight: float
) -> None:
    """One value in a hundred thousand, of one experiment: the chart holds it as it was logged, at its step."""
    long, short = training(100_000), training(20)
    values = long["train accuracy"].value.copy()
    values[54_321] = -7.0
    put(page, "spiked", {**long, "train accuracy": long["train accuracy"]._replace(value=values)})
    names = ["spiked", *(f"other{place}" for place in range(experiments - 1))]
    for name in names[1:]:
        put(page, name, short)
    message, _ = messages.answer(page, want(page, experiment=names, accuracy_weight=weight), None)
    drawn = message["figures"]["accuracy"]["data"]
    spikes = [(line["x"][line["y"].index(-7.0)], line.get("opacity")) for line in drawn if -7.0 in line["y"]]
    assert spikes == [(5 * 54_321, 0.35)]
    assert len(drawn) <= 8 * experiments


def test_a_mean_of_seeds_hides_no_spike(page: messages.Page) -> None:
    """The band's edge is what was logged, whatever the mean's smoothing; one alone has its faint line."""
    spiked = {"train accuracy": points([1.0] * 50 + [9.0] + [1.0] * 50)}
    for name, rate, columns in (("a", 1, spiked), ("b", 1, {"train accuracy": points([1.0] * 101)}), ("c", 2, spiked)):
        put(page, name, columns, hparams={"hparam.lr": rate})
    asked = want(page, experiment=["a", "b", "c"], group="hparam.lr", accuracy_weight=0.9)
    drawn = messages.answer(page, asked, None)[0]["figures"]["accuracy"]["data"]
    told = [(line["name"], line.get("opacity"), max(line["y"]) == 9.0) for line in drawn if max(line["y"]) > 1.0]
    assert told == [
        ("lr = 1 (2)", None, True),
        ("lr = 1 (2)", None, False),
        ("lr = 2 (1)", 0.35, True),
        ("lr = 2 (1)", None, False),
    ]
