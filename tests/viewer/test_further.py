"""Charts of any series: found by words of its tag, drawn live below the two charts, kept in the address."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from memory_source import MemorySource, points, training
from screen import Screen
from support import wait_until

from tbbridge.viewer import Handle, further

RATES = {"lr": {"lr": points([0.1, 0.01, 0.001])}}
PAIR = {"top5/train, top5/val": {"Training": points([0.5, 0.6]), "Validation": points([0.4, 0.45])}}


def titles(screen: Screen) -> list[str]:
    """The titles of the further charts, in their order."""
    return screen.page.locator(".tb-more h3").all_inner_texts()


def drawn(screen: Screen, title: str) -> dict[str, list[float]]:
    """The values behind each line of a further chart, by label."""
    return screen.page.evaluate(
        """title => {
          const place = [...document.querySelectorAll(".tb-more .tb-chart")]
            .find(p => p.querySelector("h3").textContent === title);
          const plot = place && place.querySelector(".js-plotly-plot");
          const faint = (plot ? plot.data : []).filter(t => t.mode === "lines" && t.opacity != null);
          return Object.fromEntries(faint.map(t => [t.meta, [...t.y]]));
        }""",
        title,
    )


def test_a_chart_is_found_drawn_arranged_kept_and_removed(screen: Screen, source: MemorySource) -> None:
    """Words of a tag find its chart; Enter draws it, live; the address and a reload keep the charts in their order."""
    source.put("mnist-cnn", training(100), extra={**RATES, **PAIR})
    field = screen.page.get_by_role("combobox", name="Add a chart")
    field.fill("VAL top5")
    screen.page.get_by_role("option", name="top5/train, top5/val").wait_for()
    assert screen.page.locator("#charts-list").get_by_role("option").all_inner_texts() == ["top5/train, top5/val"]
    field.press("Enter")
    wait_until(lambda: drawn(screen, "top5/train, top5/val").get("Training") == pytest.approx([0.5, 0.6]), what="drawn")
    field.fill("lr")
    screen.page.get_by_role("option", name="lr").click()
    wait_until(lambda: titles(screen) == ["top5/train, top5/val", "lr"], what="both")
    assert drawn(screen, "top5/train, top5/val").get("Training") == pytest.approx([0.5, 0.6])
    longer = {"lr": {"lr": points([0.1, 0.01, 0.001, 0.5])}}
    source.put("mnist-cnn", training(100), extra={**longer, **PAIR})
    wait_until(lambda: drawn(screen, "lr").get("lr", [])[-1:] == [0.5], what="the new point")
    screen.page.get_by_role("button", name="Move back lr").click()
    wait_until(lambda: titles(screen) == ["lr", "top5/train, top5/val"], what="moved")
    screen.page.reload()
    wait_until(lambda: drawn(screen, "top5/train, top5/val"), what="drawn again")
    assert titles(screen) == ["lr", "top5/train, top5/val"]
    screen.page.get_by_role("button", name="Remove lr", exact=True).last.click()
    wait_until(lambda: titles(screen) == ["top5/train, top5/val"], what="removed")
    assert "charts=lr" not in screen.page.url


def test_what_logs_neither_accuracy_nor_loss_offers_its_tags(
    served: Handle, source: MemorySource, open_page: Callable[..., Screen]
) -> None:
    """Each tag is a button that draws it; the two empty charts are away, and relative time is there all the same."""
    source.tensorboard_url = "http://127.0.0.1:6006/"
    source.put("gan+(1)", {}, extra=RATES)
    screen = open_page(f"{served.url}?experiment=gan%2B(1)")
    screen.page.get_by_role("button", name="lr").click()
    wait_until(lambda: drawn(screen, "lr").get("lr") == pytest.approx([0.1, 0.01, 0.001]), what="drawn")
    assert not screen.chart("accuracy").is_visible()
    screen.page.get_by_role("radio", name="Relative").check()
    wait_until(
        lambda: screen.page.evaluate("document.querySelector('.tb-more .js-plotly-plot').data[0].x[2]") == 2, what="s"
    )
    link = screen.page.get_by_role("link", name="Images, text, histograms")
    assert link.get_attribute("href") == "http://127.0.0.1:6006/?runFilter=gan%5C%2B%5C%281%5C%29#timeseries"


def test_12_345_tags_are_searched_within_a_tenth_of_a_second() -> None:
    """The exact title comes first, and the count is that of all that fit."""
    source, empty = MemorySource(), points([])
    source.put("wide", {}, extra={f"layer_{i}/norm": {"norm": empty} for i in range(12_345)})
    view = source.view("wide")
    assert view is not None
    times = []
    for _ in range(5):
        began = time.process_time()
        found, count = further.find([view], "layer_1234 norm")
        times.append(time.process_time() - began)
    assert (found[0], count) == ("layer_1234/norm", 6)
    assert further.find([view], "layer_1234/norm")[0][0] == "layer_1234/norm"
    assert min(times) < 0.1
