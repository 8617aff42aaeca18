"""Every control of the page, used in a real browser as a person or a script would: by its role and its label."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from memory_source import MemorySource, points, training
from screen import Screen
from support import wait_until

from tbbridge import Mark, Points
from tbbridge.viewer import Handle
from tbbridge.viewer.messages import SPEEDS


def ema(values: list[float], weight: float) -> list[float]:
    """TensorBoard's debiased moving average, in its own words."""
    last, drawn = 0.0, []
    for n, value in enumerate(values, 1):
        last = last * weight + (1 - weight) * value
        drawn.append(last / (1 - weight**n))
    return drawn


@pytest.mark.parametrize("chart", ["accuracy", "loss"])
def test_the_smoothing_slider_redraws_while_it_is_moved(screen: Screen, source: MemorySource, chart: str) -> None:
    """Each value of the slider, by keyboard or script, draws TensorBoard's average of that weight; at 0 the values."""
    slider = screen.chart(chart).get_by_role("slider", name="Smoothing")
    column = {"accuracy": "train accuracy", "loss": "train cross entropy"}[chart]
    values = [float(v) for v in source.view("mnist-cnn").columns[column].value]
    assert slider.input_value() == "0.6"
    assert (slider.get_attribute("min"), slider.get_attribute("max")) == ("0", "1")
    assert screen.line(chart, "Training")["y"] == pytest.approx(ema(values, 0.6), rel=1e-6)
    slider.fill("0.9")
    wait_until(lambda: screen.line(chart, "Training")["y"] == pytest.approx(ema(values, 0.9), rel=1e-6), what="0.9")
    slider.press("ArrowLeft")
    wait_until(lambda: screen.line(chart, "Training")["y"] == pytest.approx(ema(values, 0.89), rel=1e-6), what="0.89")
    slider.fill("0")
    wait_until(lambda: screen.line(chart, "Training")["y"] == pytest.approx(values), what="0")


def test_dragging_the_slider_draws_on_the_way(screen: Screen) -> None:
    """While the mouse still holds the slider, the chart already follows it."""
    slider = screen.chart("accuracy").get_by_role("slider", name="Smoothing")
    box, before = slider.bounding_box(), screen.line("accuracy", "Training")["y"]
    middle = box["y"] + box["height"] / 2
    screen.page.mouse.move(box["x"] + 0.6 * box["width"], middle)
    screen.page.mouse.down()
    screen.page.mouse.move(box["x"] + 0.95 * box["width"], middle, steps=5)
    wait_until(lambda: screen.line("accuracy", "Training")["y"] != before, what="the chart follows")
    screen.page.mouse.up()


@pytest.mark.parametrize("chart", ["accuracy", "loss"])
def test_the_smoothing_boxes_choose_what_is_smoothed(screen: Screen, chart: str) -> None:
    """Training and Validation are smoothed each by its own box, and the values stay faint behind a smoothed line."""
    group = screen.chart(chart)
    training, validation = (group.get_by_role("checkbox", name=name) for name in ("Training", "Validation"))
    assert (training.is_checked(), validation.is_checked()) == (True, False)
    assert screen.line(chart, "Training", faint=True)["x"]
    assert not screen.line(chart, "Validation", faint=True)["x"]
    validation.check()
    wait_until(lambda: screen.line(chart, "Validation", faint=True)["x"], what="validation is smoothed")
    training.uncheck()
    wait_until(lambda: not screen.line(chart, "Training", faint=True)["x"], what="training is not")


def test_a_charts_controls_leave_the_other_chart_alone(screen: Screen) -> None:
    """What is set for accuracy does not change the loss."""
    before = screen.traces("loss")
    screen.chart("accuracy").get_by_role("slider", name="Smoothing").fill("0.95")
    screen.chart("accuracy").get_by_role("radio", name="Separate (vertical)").check()
    wait_until(lambda: screen.figure("accuracy", "!!p._fullLayout.yaxis2"), what="accuracy is separate")
    assert screen.traces("loss") == before
    assert screen.figure("loss", "p._fullLayout.yaxis2 === undefined")


@pytest.mark.parametrize(
    ("mode", "beside"), [("Separate (vertical)", False), ("Separate (horizontal)", True), ("Overlapping", None)]
)
def test_the_display_mode_places_validation(screen: Screen, mode: str, beside: bool | None) -> None:
    """Validation lies over training, below it or beside it, with the same x axis."""
    group = screen.chart("accuracy").get_by_role("radiogroup", name="Display mode")
    if beside is None:
        group.get_by_role("radio", name="Separate (vertical)").check()
        wait_until(lambda: screen.line("accuracy", "Validation").get("xaxis") == "x2", what="separate")
    group.get_by_role("radio", name=mode).check()
    wait_until(lambda: screen.line("accuracy", "Validation").get("xaxis") == (None if beside is None else "x2"))
    if beside is not None:
        places = "['xaxis', 'yaxis'].map(a => [a, a + '2'].map(n => p._fullLayout[n]._offset))"
        x, y = screen.figure("accuracy", places)
        assert (x[1] > x[0] + 100) is beside
        assert (y[1] > y[0] + 80) is not beside
        assert screen.figure("accuracy", "p._fullLayout.xaxis.matches || p._fullLayout.xaxis2.matches")


def test_updates_no_pauses_and_another_speed_catches_up(screen: Screen, source: MemorySource) -> None:
    """With No the chart stands still while the training goes on; with Fast it shows everything again."""
    updates = screen.page.get_by_role("combobox", name="Updates")
    assert updates.input_value() == "Regular"
    assert updates.locator("option").all_inner_texts() == ["No", "Slow", "Regular", "Fast"]
    updates.select_option("No")
    wait_until(lambda: screen.cell("state") == "paused", what="it says so")
    # a change of another control is drawn, of what was there when the page was paused; then the server knows, too
    validation = screen.chart("accuracy").get_by_role("checkbox", name="Validation")
    validation.check()
    wait_until(lambda: screen.line("accuracy", "Validation", faint=True)["x"], what="the change is drawn")
    for step in range(500, 600, 5):
        source.append("mnist-cnn", step, train_accuracy=0.5, val_accuracy=0.5)
    validation.uncheck()
    wait_until(lambda: not screen.line("accuracy", "Validation", faint=True)["x"], what="this change, too")
    assert screen.line("accuracy", "Training")["x"][-1] == 495
    updates.select_option("Fast")
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [595], what="it catches up")
    assert len(screen.line("accuracy", "Training")["x"]) == 120
    assert screen.cell("accuracy-step") == "595"


def test_slow_draws_seldom_but_all(screen: Screen, source: MemorySource) -> None:
    """With Slow two bursts within two seconds are drawn together, and nothing is left out."""
    screen.page.get_by_role("combobox", name="Updates").select_option("Slow")
    source.append("mnist-cnn", 500, train_accuracy=0.5)
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [500], what="the first is drawn")
    screen.figure("accuracy", "(window.draws = 0, p.on('plotly_afterplot', () => { window.draws += 1; }))")
    for step in range(505, 555, 5):
        source.append("mnist-cnn", step, train_accuracy=0.5)
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [550], what="the others are drawn")
    assert screen.page.evaluate("window.draws") <= 2


def test_neither_chart_is_drawn_once_more_for_the_other(
    screen: Screen, source: MemorySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a message moves the end of the x axis that they share, each is drawn as often as the other."""
    monkeypatch.setitem(SPEEDS, "Slow", 600.0)
    screen.page.get_by_role("combobox", name="Updates").select_option("Slow")
    validation = screen.page.get_by_role("group", name="Both charts").get_by_role("checkbox", name="Validation")
    validation.check()
    wait_until(lambda: screen.line("loss", "Validation", faint=True)["x"], what="the server knows of both")
    screen.page.evaluate("window.draws = {accuracy: 0, loss: 0}")
    for chart in ("accuracy", "loss"):
        screen.figure(chart, f"(p.on('plotly_afterplot', () => {{ window.draws.{chart} += 1; }}), 0)")
    source.append("mnist-cnn", 600, train_accuracy=0.5, train_cross_entropy=0.5)
    validation.uncheck()  # the point comes with it
    wait_until(lambda: screen.line("loss", "Training")["x"][-1:] == [600], what="both are drawn")
    wait_until(lambda: screen.page.evaluate("window.draws.loss"), what="and Plotly says so")
    draws = screen.page.evaluate("new Promise(requestAnimationFrame).then(() => window.draws)")
    assert draws["accuracy"] == draws["loss"]
    assert 1 <= draws["loss"] <= 2  # the control's answer, and the points where they come behind it


def test_slow_answers_a_control_at_once(screen: Screen, source: MemorySource, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Slow, a control that is moved while points wait is answered before their time has come."""
    monkeypatch.setitem(SPEEDS, "Slow", 600.0)
    screen.page.get_by_role("combobox", name="Updates").select_option("Slow")
    source.append("mnist-cnn", 500, train_accuracy=0.5)
    screen.chart("accuracy").get_by_role("slider", name="Smoothing").fill("0")
    wait_until(lambda: not screen.line("accuracy", "Training", faint=True)["x"], what="answered")
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [500], what="with the points that waited")


def test_current_values_and_step_are_shown(screen: Screen, source: MemorySource) -> None:
    """Step, newest values, best values with their steps and the gap stand beside each chart, and move."""
    source.append(
        "mnist-cnn", 500, train_accuracy=0.99, val_accuracy=0.98, train_cross_entropy=0.01, val_cross_entropy=0.03
    )
    wait_until(lambda: screen.cell("accuracy-step") == "500", what="the step")
    row = screen.chart("accuracy").get_by_role("row", name="Training")
    wait_until(lambda: row.get_by_role("cell").all_inner_texts() == ["0.9900", "0.9900", "500"], what="training")
    loss = screen.chart("loss")
    assert loss.get_by_role("row", name="Validation").get_by_role("cell").all_inner_texts()[0] == "0.0300"
    assert loss.get_by_role("row", name="Gap").get_by_role("cell").all_inner_texts()[0] == "+0.0200"
    stars = [t for t in screen.traces("accuracy") if t["star"]]
    assert [(t["x"], t["y"]) for t in stars] == [([500], [0.99]), ([500], [0.98])]


def test_experiments_are_picked_and_compared(screen: Screen) -> None:
    """The picker adds an experiment to the charts; each keeps its own colour, also when another one is taken away."""
    assert screen.line("accuracy", "Training")["x"][-1] == 495, "the one that was written last is shown first"
    picker = screen.page.get_by_role("combobox", name="Experiment")
    picker.click()
    screen.page.get_by_role("option", name="mnist-softmax").click()
    wait_until(lambda: screen.line("accuracy", "Training", "mnist-softmax")["x"], what="both are drawn")
    both = [screen.line("accuracy", label, name) for name in ("mnist-cnn", "mnist-softmax") for label in LABELS]
    assert len({line["colour"] for line in both}) == 4
    assert screen.chart("accuracy").get_by_text("pale training, full validation").is_visible()
    picker.press("Escape")
    screen.page.get_by_role("button", name="Remove mnist-cnn").click()
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [395], what="only the other is drawn")
    assert [screen.line("accuracy", label)["colour"] for label in LABELS] == [line["colour"] for line in both[2:]]


LABELS = ("Training", "Validation")


def test_the_picker_is_worked_by_keyboard_and_finds_by_words(screen: Screen) -> None:
    """Typing filters, Enter picks, Backspace takes the last away: no mouse is needed."""
    picker = screen.page.get_by_label("Experiment")
    picker.focus()
    picker.fill("soft")
    options = screen.page.get_by_role("listbox").get_by_role("option")
    wait_until(lambda: options.all_inner_texts() == ["mnist-softmax"], what="filtered")
    picker.press("Enter")
    wait_until(lambda: screen.line("accuracy", "Training", "mnist-softmax")["x"], what="picked")
    picker.press("Backspace")
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [495], what="taken away")


def test_the_gap_and_the_log_scale(screen: Screen, source: MemorySource) -> None:
    """Gap draws, smoothed and in a strip below, how much worse validation is; Log scale a logarithmic y axis."""
    columns = source.view("mnist-cnn").columns
    screen.chart("loss").get_by_role("checkbox", name="Gap").check()
    wait_until(lambda: screen.line("loss", "Gap")["x"], what="the gap")
    gap = columns["val cross entropy"].value.astype(float) - columns["train cross entropy"].value
    assert screen.line("loss", "Gap")["y"] == pytest.approx(ema(list(gap), 0.6), abs=1e-6)
    assert screen.figure("loss", "[p._fullLayout.yaxis3.domain[1] < p._fullLayout.yaxis.domain[0]]") == [True]
    screen.chart("loss").get_by_role("checkbox", name="Log scale").check()
    wait_until(lambda: screen.figure("loss", "p._fullLayout.yaxis.type") == "log", what="log")


def test_the_x_axis_is_steps_relative_or_wall_time(screen: Screen) -> None:
    """The radio buttons of the x axis change both charts: one point a second from 2023-11-14 22:13:20 UTC on."""
    axis = screen.page.get_by_role("radiogroup", name="X axis")
    axis.get_by_role("radio", name="Relative").check()
    wait_until(lambda: screen.line("loss", "Training")["x"][-1:] == [99], what="seconds")
    axis.get_by_role("radio", name="Wall").check()
    wait_until(lambda: screen.figure("loss", "p._fullLayout.xaxis.type") == "date", what="dates")
    across = "[p._fullLayout.xaxis.d2p(p.data[0].x[0]) >= 0, p._fullLayout.xaxis.d2p(p.data[0].x.at(-1)) > 100]"
    assert screen.figure("loss", across) == [True, True], "from the first point to the last"


CHANGES = {
    "Europe/Berlin": "2026-03-29T00:58:00",
    "America/Los_Angeles": "2026-11-01T08:58:00",
    "Asia/Kolkata": "2026-03-29T00:58:00",
}
"""Time zones, and two minutes before a change of summer time there, in UTC (Kolkata has none)."""


@pytest.mark.parametrize("zone", CHANGES)
def test_wall_time_is_that_of_the_browser(
    served: Handle, source: MemorySource, open_page: Callable[..., Screen], zone: str
) -> None:
    """Each point stands at the time of day that the browser's time zone had then, also across a change of summer time.

    A zoomed range comes back in the same times: the points inside are drawn, with true detail.
    """
    began = datetime.fromisoformat(CHANGES[zone]).replace(tzinfo=timezone.utc).timestamp()
    source.put("mnist-cnn", {"train accuracy": points([0.1, 0.2, 0.3, 0.4, 0.5], wall=began)})
    moments = [began + 60.0 * minute for minute in range(5)]
    grown = Points(np.arange(5), np.array(moments), np.array([0.1, 0.2, 0.3, 0.4, 0.5], np.float32))
    source.put("mnist-cnn", {"train accuracy": grown})
    screen, sent = open_page("about:blank", timezone_id=zone), []
    screen.page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(json.loads(text))))
    screen.page.goto(f"{served.url}?axis=Wall&accuracy-weight=0")
    wait_until(lambda: screen.figure("accuracy", "p._fullLayout.xaxis.type") == "date", what="dates")
    local = [datetime.fromtimestamp(moment, ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S") for moment in moments]
    places = "p.calcdata[0].map(d => new Date(d.x).toISOString().slice(0, 19))"
    assert screen.figure("accuracy", places) == local
    middle = local[1].replace("T", " "), local[3].replace("T", " ")
    screen.page.evaluate(
        "ends => tbbridge.Plotly.relayout(document.getElementById('accuracy-graph'), {'xaxis.range': ends})",
        sorted(middle),
    )
    wanted = sorted(
        [datetime.fromisoformat(local[i]).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000 for i in (1, 3)]
    )
    asked = lambda: [said["want"]["ranges"] for said in sent if "want" in said][-1:]  # noqa: E731
    wait_until(
        lambda: screen.page.evaluate("1") and asked() == [{"accuracy": wanted}], what="the server is asked for it"
    )


def test_zoom_stays_while_points_arrive_and_double_click_leaves_it(screen: Screen, source: MemorySource) -> None:
    """A range chosen with the mouse stays as new points come; double click shows all again."""
    box = screen.chart("accuracy").locator(".nsewdrag").first.bounding_box()
    y = box["y"] + box["height"] / 2
    screen.page.mouse.move(box["x"] + 0.2 * box["width"], y)
    screen.page.mouse.down()
    screen.page.mouse.move(box["x"] + 0.5 * box["width"], y, steps=4)
    screen.page.mouse.up()
    wait_until(lambda: screen.figure("accuracy", "p._fullLayout.xaxis.range[1]") < 300, what="zoomed")
    zoomed = screen.figure("accuracy", "p._fullLayout.xaxis.range")
    wait_until(lambda: screen.figure("loss", "p._fullLayout.xaxis.range") == zoomed, what="the other chart follows")
    for step in (500, 505):
        source.append("mnist-cnn", step, train_accuracy=0.5)
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [505], what="new points")
    assert screen.figure("accuracy", "p._fullLayout.xaxis.range") == zoomed
    screen.page.mouse.dblclick(box["x"] + 0.4 * box["width"], y)
    wait_until(lambda: screen.figure("accuracy", "p._fullLayout.xaxis.range[1]") > 500, what="all again")
    wait_until(lambda: screen.figure("loss", "p._fullLayout.xaxis.range[1]") > 450, what="in the other chart, too")


def test_plotlys_tools_are_there(screen: Screen) -> None:
    """Zoom, pan, autoscale and download as an image; nothing that would send a chart to another server."""
    screen.chart("loss").locator(".nsewdrag").first.hover()
    for tool in ("Zoom", "Pan", "Autoscale", "Download plot as a PNG"):
        assert screen.chart("loss").get_by_role("button", name=tool, exact=True).count() == 1
    assert screen.chart("loss").get_by_role("button", name="Share").count() == 0
    with screen.page.expect_download() as download:
        screen.chart("loss").get_by_role("button", name="Download plot as a PNG").click()
    assert download.value.suggested_filename == "tbbridge-loss.png"


def test_hovering_shows_the_values(served: Handle, open_page: Callable[..., Screen], source: MemorySource) -> None:
    """One box says of each line the smoothed and the logged value, its step and times in the browser's zone."""
    source.put("mnist-cnn", {"train accuracy": points([0.5, 0.8, 1.0], every=254_610, wall=1_743_296_399)})
    for zone, time in (
        ("UTC", "2025-03-30 01:00:00"),
        ("Europe/Berlin", "2025-03-30 03:00:00"),  # summer time began in this second
        ("Asia/Kolkata", "2025-03-30 06:30:00"),
    ):
        screen = open_page(served.url, timezone_id=zone)
        screen.wait_drawn()
        box = screen.chart("accuracy").locator(".nsewdrag").first.bounding_box()
        place = screen.figure("accuracy", "p._fullLayout.xaxis.d2p(254610)")
        screen.page.mouse.move(box["x"] + place - 9, box["y"] + box["height"] / 2)
        shown = screen.chart("accuracy").locator(".tb-hover")
        assert shown.locator("p").inner_text().split("\n") == ["Step", "254,610", "Time", time, "Relative", "1.0 s"]
        smoothed = float(f"{ema([0.5, 0.8], 0.6)[1]:.6g}")
        assert shown.locator("td").all_inner_texts() == [str(smoothed), "0.8"]
    screen.chart("accuracy").get_by_role("slider", name="Smoothing").fill("0")  # drawn again, and the mouse stays
    wait_until(lambda: shown.locator("td").all_inner_texts() == ["0.8"], what="the box follows the chart")


def test_learn_more_opens(screen: Screen) -> None:
    """Learn more explains the charts and the smoothing."""
    words = screen.page.get_by_text("exponential moving average")
    assert not words.is_visible()
    screen.page.get_by_text("Learn more").click()
    assert words.is_visible()


def test_the_address_restores_the_controls(screen: Screen, open_page: Callable[..., Screen]) -> None:
    """The address follows the controls, and whoever opens it sees the same."""
    screen.chart("loss").get_by_role("slider", name="Smoothing").fill("0.25")
    screen.chart("accuracy").get_by_role("checkbox", name="Validation").check()
    screen.chart("accuracy").get_by_role("radio", name="Separate (horizontal)").check()
    screen.page.get_by_role("radio", name="Relative").check()
    screen.page.get_by_label("Experiment").fill("softmax")
    screen.page.get_by_label("Experiment").press("Enter")
    wait_until(lambda: screen.page.url.count("experiment=") == 2, what="the address")
    other = open_page(screen.page.url)
    wait_until(lambda: other.line("accuracy", "Validation", "mnist-softmax", faint=True)["x"], what="restored")
    assert other.chart("loss").get_by_role("slider", name="Smoothing").input_value() == "0.25"
    assert other.chart("accuracy").get_by_role("radio", name="Separate (horizontal)").is_checked()
    assert other.page.get_by_role("radio", name="Relative").is_checked()
    assert other.line("accuracy", "Validation", "mnist-softmax")["xaxis"] == "x2"


def test_a_reload_shows_the_same(screen: Screen) -> None:
    """What is drawn before a reload is drawn after it."""
    before = screen.traces("accuracy"), screen.traces("loss")
    screen.page.reload()
    wait_until(lambda: (screen.traces("accuracy"), screen.traces("loss")) == before, what="the same")


def test_light_and_dark_follow_the_system_and_the_switch(served: Handle, open_page: Callable[..., Screen]) -> None:
    """The system chooses light or dark, the switch overrules it, and a reload remembers."""
    screen = open_page(served.url, color_scheme="dark")
    screen.wait_drawn()
    text = "p._fullLayout.font.color"
    dark, ground = screen.figure("accuracy", text), ground_of(screen)
    screen.page.get_by_role("button", name="Theme").click()
    wait_until(lambda: screen.figure("accuracy", text) != dark, what="light")
    assert ground_of(screen) != ground
    screen.page.reload()
    screen.wait_drawn()
    assert screen.figure("accuracy", text) != dark


def ground_of(screen: Screen) -> str:
    return screen.page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_nan_and_infinity_are_marked(screen: Screen, source: MemorySource) -> None:
    """Values that are no numbers are crosses with their name, whether they were there or arrive later."""
    values = [1.0, np.nan, 0.5, np.inf]
    source.put("mnist-cnn", {"train cross entropy": points(values)})
    wait_until(lambda: odd(screen) == ([5, 15], [1.0, 0.5], ["NaN", "+infinity"]), what="marked")
    source.append("mnist-cnn", 20, train_cross_entropy=-np.inf)
    wait_until(lambda: odd(screen) == ([5, 15, 20], [1.0, 0.5, 0.5], ["NaN", "+infinity", "-infinity"]), what="later")
    assert screen.line("loss", "Training")["x"] == [0, 10]
    assert screen.cell("loss-now-0-0") == "\u2212∞"


def odd(screen: Screen) -> tuple[list[float], list[float], list[str]] | None:
    return next(((t["x"], t["y"], t["text"]) for t in screen.traces("loss") if t["text"]), None)


def test_restarts_and_damage_are_marked_with_their_text(screen: Screen, source: MemorySource) -> None:
    """A mark with a step is an upright line with a sign; one without stands in the notes."""
    marks = [Mark("restart", 100, "restarted at step 100"), Mark("damage", None, "40 bytes damaged")]
    source.put("mnist-cnn", training(100), marks=marks, notes=["two tags fit"])
    wait_until(lambda: screen.figure("accuracy", "(p.layout.shapes || []).length") == 1, what="the line")
    assert screen.figure("accuracy", "p.layout.annotations[0].hovertext") == "restarted at step 100"
    screen.page.get_by_text("Notes (2)").click()
    assert screen.page.get_by_role("listitem").all_inner_texts() == ["two tags fit", "40 bytes damaged"]


def test_other_metrics_get_charts_of_their_own(screen: Screen, source: MemorySource) -> None:
    """Further metrics of a run log are drawn below, and obey their own controls."""
    rates = [0.1, 0.01, 0.001]
    source.put("mnist-cnn", {**training(3), "lr": points(rates)})
    more = screen.page.get_by_role("group", name="More metrics")
    more.get_by_role("heading", name="lr").wait_for()
    chart = screen.page.evaluate("document.querySelector('[id^=more-][id$=-graph]').id").removesuffix("-graph")
    wait_until(lambda: screen.line(chart, "lr", faint=True)["y"] == pytest.approx(rates), what="drawn")
    more.get_by_role("checkbox", name="Log scale").check()
    wait_until(lambda: screen.figure(chart, "p._fullLayout.yaxis.type") == "log", what="log")


def test_the_shown_run_logs_are_downloaded(screen: Screen) -> None:
    """Download CSV gives the shown run log."""
    with screen.page.expect_download() as download:
        screen.page.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "mnist-cnn.csv"


def test_the_page_is_downloaded_as_one_file(screen: Screen, tmp_path: Path, open_page: Callable[..., Screen]) -> None:
    """Download page saves one HTML file that shows the same charts and values offline."""
    screen.chart("accuracy").get_by_role("slider", name="Smoothing").fill("0.9")
    wait_until(lambda: "accuracy-weight=0.9" in screen.page.url, what="set")
    with screen.page.expect_download() as download:
        screen.page.get_by_role("button", name="Download page").click()
    assert download.value.suggested_filename == "mnist-cnn.html"
    download.value.save_as(tmp_path / "page.html")
    drawn = screen.line("accuracy", "Training")
    other = open_page(f"file://{tmp_path}/page.html", offline=True)
    smoothed = "document.querySelector('.chart').data.find(t => t.meta === 'Training' && t.opacity == null).y"
    wait_until(lambda: other.page.locator("#status[data-ready]").count(), what="it is drawn")
    assert other.page.evaluate(smoothed) == drawn["y"]
    assert other.page.get_by_role("heading", name="Cross entropy loss").count() == 1
    best = screen.cell("accuracy-best-1-0")
    values = [
        float(text) for text in other.page.locator("#values td").all_inner_texts() if re.fullmatch(r"0\.\d+", text)
    ]
    assert best in [f"{value:.4f}" for value in values]


def test_a_link_leads_to_tensorboard_when_it_runs(screen: Screen, source: MemorySource) -> None:
    """The link is there once the source knows TensorBoard's address."""
    link = screen.page.get_by_role("link", name="TensorBoard")
    assert link.count() == 0
    source.tensorboard_url = "http://127.0.0.1:6006/"
    source.tell()
    wait_until(lambda: link.count() == 1, what="the link")
    assert link.get_attribute("href") == "http://127.0.0.1:6006/"


def test_the_page_is_usable_on_a_phone(served: Handle, open_page: Callable[..., Screen]) -> None:
    """On a small screen nothing sticks out, and charts and controls stand below each other."""
    screen = open_page(served.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    screen.wait_drawn()
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= 390
    chart = screen.chart("accuracy").locator(".tb-graph").bounding_box()
    slider = screen.chart("accuracy").get_by_role("slider", name="Smoothing").bounding_box()
    assert slider["y"] > chart["y"] + chart["height"]
    assert chart["height"] >= 250


def test_every_control_is_reached_by_the_keyboard(screen: Screen) -> None:
    """Tab visits every control in the order of the page, and what has the focus shows it."""
    screen.chart("accuracy")
    screen.chart("loss")  # both unfolded
    screen.page.evaluate("document.activeElement.blur()")
    seen = []
    for _ in range(90):
        screen.page.keyboard.press("Tab")
        seen.append(screen.page.evaluate("document.activeElement.id || document.activeElement.name"))
    wanted = [
        "experiment",
        "axis",
        "updates",
        "both-weight",
        "share",
        "accuracy-weight",
        "accuracy-training",
        "accuracy-display",
        "loss-log",
    ]
    places = [seen.index(name) for name in wanted]
    assert places == sorted(places)
