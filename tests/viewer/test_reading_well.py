"""Charts that read well: shared controls, colours by experiment and split, the y range, what is said above."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from memory_source import MemorySource, points, training
from screen import Screen
from support import wait_until

from tbbridge import ExperimentView
from tbbridge.viewer import Handle, serve
from tbbridge.viewer.app import page_of
from tbbridge.viewer.chart import Chart
from tbbridge.viewer.messages import answer, clean
from tbbridge.viewer.plot import shorten, y_range
from tbbridge.viewer.readout import write

LIGHT = {"log": False}


def luminance(colour: str) -> float:
    return sum(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def test_the_controls_of_both_charts_set_each_one(screen: Screen) -> None:
    """One block sets both charts; a chart's own control then differs alone, and the address keeps that."""
    both = screen.page.get_by_role("group", name="Both charts")
    both.get_by_role("slider", name="Smoothing").fill("0.9")
    own = {name: screen.chart(name).get_by_role("slider", name="Smoothing") for name in ("accuracy", "loss")}
    wait_until(lambda: [slider.input_value() for slider in own.values()] == ["0.9", "0.9"], what="both are set")
    both.get_by_role("checkbox", name="Gap").check()
    wait_until(lambda: screen.line("loss", "Gap")["x"] and screen.line("accuracy", "Gap")["x"], what="both gaps")
    own["loss"].fill("0.1")
    wait_until(lambda: "loss-weight=0.1" in screen.page.url, what="the address")
    assert own["accuracy"].input_value() == "0.9"
    screen.page.reload()
    screen.wait_drawn("loss")
    restored = [screen.chart(name).get_by_role("slider", name="Smoothing") for name in own]
    wait_until(lambda: [slider.input_value() for slider in restored] == ["0.9", "0.1"], what="as before")


def test_validation_is_full_above_and_undashed(screen: Screen) -> None:
    """Training is the paler shade of the experiment's colour; validation is drawn after it; nothing is dashed."""
    lines = [trace for trace in screen.traces("accuracy") if trace["mode"] == "lines"]
    assert lines[-1]["meta"] == "Validation"
    assert {trace["dash"] for trace in lines} <= {None, "solid"}
    pale, full = (screen.line("accuracy", label)["colour"] for label in ("Training", "Validation"))
    assert luminance(pale) > luminance(full) + 100


def test_separate_panels_have_titles_and_one_y_range(screen: Screen) -> None:
    """The words in the corners say which panel is which, and both show the same values."""
    screen.chart("accuracy").get_by_role("radio", name="Separate (vertical)").check()
    titles = "(p.layout.annotations || []).map(a => a.text)"
    wait_until(lambda: screen.figure("accuracy", titles) == ["Training", "Validation"], what="titles")
    below = """[...p.querySelectorAll('.annotation')].map((word, at) => word.getBoundingClientRect().bottom
      - p.querySelectorAll('.nsewdrag')[at].getBoundingClientRect().top)"""
    assert max(screen.figure("accuracy", below)) <= 1, "above the panels, where they cover no line"
    assert screen.figure("accuracy", "p._fullLayout.yaxis.range") == screen.figure(
        "accuracy", "p._fullLayout.yaxis2.range"
    )


def test_the_y_range_by_hand_and_the_x_range_alone(screen: Screen) -> None:
    """Fields set the ends of a chart's y axis; without the switch a zoom stays in its own chart."""
    screen.chart("loss").get_by_role("textbox", name="y from").fill("0.5")
    screen.chart("loss").get_by_role("textbox", name="y to").fill("2")
    wait_until(lambda: screen.figure("loss", "p._fullLayout.yaxis.range") == [0.5, 2], what="the range")
    screen.page.get_by_role("checkbox", name="Shared x range").uncheck()
    wait_until(lambda: "share=0" in screen.page.url, what="the switch")
    before = screen.figure("loss", "p._fullLayout.xaxis.range")
    zoom = "tbbridge.Plotly.relayout(document.getElementById('accuracy-graph'), {'xaxis.range': [100, 200]})"
    screen.page.evaluate(zoom)
    wait_until(lambda: screen.figure("accuracy", "p._fullLayout.xaxis.range") == [100, 200], what="zoomed")
    assert screen.figure("loss", "p._fullLayout.xaxis.range") == before


def test_both_charts_show_the_place_under_the_mouse(screen: Screen) -> None:
    """Where the mouse points at one chart, the other one shows the values of the same step; a click keeps them."""
    screen.wait_drawn("loss")
    box = screen.chart("accuracy").locator(".nsewdrag").first.bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    own, other = (screen.chart(name).locator(".tb-hover") for name in ("accuracy", "loss"))
    screen.page.mouse.move(*place)
    wait_until(lambda: (own.count(), other.count()) == (1, 1), what="both charts say what is there")
    assert "Validation" in other.inner_text()
    assert own.locator("p").inner_text() == other.locator("p").inner_text()
    for one in (own, other):  # it stays inside its chart, where no control is
        inner, outer = one.bounding_box(), one.locator("xpath=..").bounding_box()
        assert outer["x"] <= inner["x"] <= inner["x"] + inner["width"] <= outer["x"] + outer["width"]
        assert outer["y"] <= inner["y"]
    screen.page.mouse.click(*place)
    said = own.inner_text()
    screen.page.mouse.move(5, 5)
    assert (own.count(), other.count()) == (1, 1)
    assert own.inner_text() == said
    screen.page.mouse.click(*place)
    screen.page.mouse.move(5, 5)
    assert not own.count() + other.count()


def test_the_box_of_many_lines_stays_small(open_page: Callable[..., Screen], port: int, source: MemorySource) -> None:
    """Of many lines the nearest to the mouse are told, each with its own time where these differ."""
    for seed in range(20):
        moved = {name: column._replace(wall_time=column.wall_time + 60 * seed) for name, column in training(40).items()}
        source.put(f"run{seed}", moved)
    with serve(source, port=port) as handle:
        screen = open_page(handle.url + "?" + "&".join(f"experiment=run{seed}" for seed in range(20)))
        wait_until(lambda: len(screen.traces("accuracy")) > 20, what="drawn")
        screen.wait_drawn()
        screen.chart("accuracy").locator(".nsewdrag").first.hover()
        box = screen.chart("accuracy").locator(".tb-hover")
        wait_until(box.count, what="the box")
        assert box.locator("tr").count() == 1 + 10
        assert box.locator("tr").first.locator("th").all_inner_texts() == ["", "Smoothed", "Value", "Time"]
        assert "and 30 more" in box.inner_text()
        screen.page.goto("about:blank")


def test_outliers_are_left_out_of_the_y_range() -> None:
    """The range is that of all values but a twentieth at each end, and a tenth of it more; typed ends win."""
    values = [*np.linspace(0.0, 1.0, 101), 1000.0]
    traces = [
        {"mode": "lines", "y": values},
        {"mode": "markers", "y": [5000.0]},
        {"mode": "lines", "yaxis": "y3", "y": [9e9]},
    ]
    low, high = np.quantile(values, [0.05, 0.95])
    room = 0.1 * (high - low)
    assert y_range(traces, {**LIGHT, "outliers": True}) == pytest.approx([low - room, high + room])
    assert y_range(traces, {**LIGHT, "outliers": True, "high": "3"}) == pytest.approx([low - room, 3.0])
    assert y_range(traces, {"log": True, "low": "0.01", "high": "x"}) == [pytest.approx(-2), None]
    assert y_range(traces, {**LIGHT, "low": "5", "high": "1"}) == [None, None]


def test_lost_data_stand_open_and_ordinary_notes_are_folded() -> None:
    """A note on lost data is a line in red; the others are behind a word."""
    source = MemorySource()
    source.put("a", training(5), notes=["two tags fit", "a: 1 damaged places, 40 bytes, could not be used"])
    view = source.view("a")
    assert view is not None
    damaged = ExperimentView(view.name, 1, view.columns, notes=view.notes, lost=view.notes[1:])
    page = page_of(source)
    message, _ = answer(page, clean({}, page), None, [damaged])
    (parts,) = [value for id, name, value in message["set"] if (id, name) == ("notice", "children")]
    assert [(part.className, part.children) for part in parts[:1]] == [("tb-lost", view.notes[1])]
    assert parts[1].children[0].children == "Notes (1)"


def test_an_empty_page_says_what_it_watches_and_why_it_may_be_empty(
    open_page: Callable[..., Screen], port: int
) -> None:
    """The first screen names what is watched, since when, the commonest causes and the demo; points take its place."""
    source = MemorySource("logs/")
    with serve(source, port=port) as handle:
        screen = open_page(handle.url)
        screen.page.get_by_role("heading", name="Nothing to show yet").wait_for()
        words = screen.page.locator(".tb-first").inner_text()
        assert re.search(r"Watching logs/ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", words)
        assert "tbbridge demo" in words
        assert screen.page.locator(".tb-first li").count() == 3
        both = screen.page.get_by_role("group", name="Both charts")
        assert not screen.chart("accuracy").is_visible()
        assert not both.is_visible(), "there is nothing to smooth"
        source.put("a", training(5))
        screen.wait_drawn()
        assert screen.chart("accuracy").is_visible()
        assert both.is_visible()
        assert not screen.page.locator(".tb-first").count()
        screen.page.goto("about:blank")


def test_a_new_point_is_drawn_without_drawing_the_chart_again(screen: Screen, source: MemorySource) -> None:
    """It stands at the end of its line, at its place; Plotly draws the whole chart later, or when it is zoomed."""
    middle = screen.figure("accuracy", "p._fullLayout.yaxis.range.reduce((a, b) => a + b) / 2")
    source.append("mnist-cnn", 500, val_accuracy=middle)
    wait_until(lambda: screen.line("accuracy", "Validation")["x"][-1:] == [500], what="the point")
    ends = screen.figure(
        "accuracy",
        """(() => {
          const at = p._fullData.findIndex(t => t.meta === "Validation" && t.mode === "lines"), full = p._fullData[at];
          const path = p.querySelector(`.scatterlayer .trace${full.uid} path.js-line`).getAttribute("d");
          const place = [p._fullLayout.xaxis.d2p(500), p._fullLayout.yaxis.d2p(full.y.at(-1))];
          return [path.split("L").at(-1).split(",").map(Number), place, !!p.tbLater];
        })()""",
    )
    assert ends[0] == pytest.approx([ends[1][0], screen.figure("accuracy", f"p._fullLayout.yaxis.d2p({middle})")])
    assert ends[2], "Plotly has not drawn it yet"
    screen.chart("accuracy").locator(".nsewdrag").first.hover()
    wait_until(lambda: screen.figure("accuracy", "!p.tbLater"), what="the whole chart")


def test_long_names_leave_the_page_its_shape(screen: Screen, source: MemorySource) -> None:
    """Two names of thousands of characters make no part of the page taller; the list of names lies above the charts."""
    height = "name => document.querySelector(name).offsetHeight"
    before = screen.page.evaluate(height, ".tb-header")
    names = ["a" * 4000, "b " * 2000]
    for name in names:
        source.put(name, training(20))
    screen.page.evaluate("value => dash_clientside.set_props('experiment', {value})", names)
    wait_until(lambda: screen.line("accuracy", "Validation", shorten(names[1]))["x"], what="drawn")
    assert screen.page.evaluate(height, ".tb-header") == before
    assert screen.page.evaluate(height, "#accuracy-readout") < 400
    assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for number in range(12):
        source.put(f"other{number}", training(5))
    screen.page.get_by_role("combobox", name="Experiment").click()
    over = """() => { const list = document.querySelector('.tb-options'), box = list.getBoundingClientRect();
      const bar = document.querySelector('#accuracy-graph .modebar');
      bar.style.cssText = `position: fixed; left: ${box.left + 40}px; top: ${box.top + 90}px`;
      return list.contains(document.elementFromPoint(box.left + 45, box.top + 95)); }"""
    assert screen.page.evaluate(over)


def test_a_new_point_of_many_experiments_is_drawn_at_its_faint_line(
    open_page: Callable[..., Screen], port: int, source: MemorySource
) -> None:
    """Beyond twelve experiments the faint lines of a colour are one: a new point goes on from its own experiment's."""
    for number in range(14):
        source.put(f"run{number}", {"train accuracy": points([0.2, 0.4 + number / 100, 0.6])})
    with serve(source, port=port) as handle:
        screen = open_page(handle.url + "?" + "&".join(f"experiment=run{number}" for number in range(14)))
        screen.wait_drawn()
        middle = screen.figure("accuracy", "p._fullLayout.yaxis.range.reduce((a, b) => a + b) / 2")
        source.append("run3", 12, train_accuracy=middle)
        faint = "p.data.findIndex(t => t.opacity && t.x.at(-1) === 12)"
        wait_until(lambda: screen.figure("accuracy", faint) not in (None, -1), what="the point")
        values = screen.figure("accuracy", f"p.data[{faint}].y.slice(-4)")
        assert values == pytest.approx([None, 0.6, middle, None])
        ends = f"""(() => {{ const full = p._fullData[{faint}];
          const path = [...p.querySelectorAll(`.scatterlayer .trace${{full.uid}} path.js-line`)].at(-1);
          const part = path.getAttribute("d").split("M").at(-1);
          return part.split("L").map(place => place.split(",").map(Number)); }})()"""
        wait_until(lambda: len(screen.figure("accuracy", ends)) == 2, what="a part of its own")
        steps = screen.figure("accuracy", "[10, 12].map(step => p._fullLayout.xaxis.d2p(step))")
        assert [place[0] for place in screen.figure("accuracy", ends)] == pytest.approx(steps)
        screen.page.goto("about:blank")


def test_a_small_value_is_not_written_as_nothing() -> None:
    """Where four decimals would show little of a value, two digits of it are shown."""
    chart = Chart("loss", "loss", {"Training": "train loss"}, format=".4f")
    assert [write(value, chart) for value in (0.00001234, 0.00123, 0.0, 12.0, None)] == [
        "1.2e\u221205",
        "0.0012",
        "0.0000",
        "12.0000",
        "\u2013",
    ]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Auckland"])
def test_the_wall_axis_ends_where_the_lines_do(served: Handle, open_page: Callable[..., Screen], zone: str) -> None:
    """In any time zone the lines begin at the left end of the chart and end in it, and the box says the local time."""
    screen = open_page(f"{served.url}?axis=Wall", timezone_id=zone)
    screen.wait_drawn()
    places = """[0, -1].map(at => p._fullLayout.xaxis.d2p(p.data[0].x.at(at)) / p._fullLayout.xaxis._length)"""
    first, last = screen.figure("accuracy", places)
    assert first == pytest.approx(0, abs=0.01)
    assert 0.9 < last <= 1
    box = screen.chart("accuracy").locator(".nsewdrag").first.bounding_box()
    screen.page.mouse.move(box["x"] + 1, box["y"] + 50)
    began = datetime.fromtimestamp(1.7e9, ZoneInfo(zone))
    assert f"Time {began:%Y-%m-%d %H:%M:%S}" in " ".join(
        screen.chart("accuracy").locator(".tb-hover").inner_text().split()
    )
