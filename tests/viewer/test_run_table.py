"""The table of experiments: filtered and sorted on the server, drawn in a window, its rows put on the charts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from memory_source import MemorySource, points, training
from screen import Screen
from support import wait_until

from tbbridge.viewer import serve, table
from tbbridge.viewer.lines import Line, PastChanged
from tbbridge.viewer.table import TableRow, filtered, ordered
from tbbridge.write.csv_text import CsvOptions

ROWS = [
    TableRow("sweep/a1", "live", {"hparam.lr": 0.1, "hparam.seed": 1, "last val accuracy": 0.9, "hparam.all": "x"}),
    TableRow(
        "sweep/b22", "finished", {"hparam.lr": 0.001, "hparam.seed": 1, "last val accuracy": 0.7, "hparam.all": "x"}
    ),
    TableRow("other/c3", "live", {"hparam.lr": None, "hparam.seed": 2, "last val accuracy": None, "hparam.all": "x"}),
]


def names(rows: list[TableRow]) -> list[str]:
    return [row.name for row in rows]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ["sweep/a1", "sweep/b22", "other/c3"]),
        ("SWEEP 2", ["sweep/b22"]),
        (r"/b\d\d$/", ["sweep/b22"]),
        ("/(?=sweep)/", ["sweep/a1", "sweep/b22"]),
        ("val accuracy > 0.8", ["sweep/a1"]),
        ("hparam.lr = 0.001", ["sweep/b22"]),
        ("lr<=0.1, sweep", ["sweep/a1", "sweep/b22"]),
        ("seed != 1", ["other/c3"]),
        ("all = 'x' and seed = 1", ["sweep/a1", "sweep/b22"]),
        ("name = other/c3", ["other/c3"]),
    ],
)
def test_the_filter_takes_words_patterns_and_comparisons(text: str, kept: list[str]) -> None:
    """All terms must fit; a column may be named without ``last`` or ``hparam.``; an empty cell fits no comparison."""
    found, wrong = filtered(ROWS, text)
    assert (names(found), wrong) == (kept, "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nothing > 1", "nothing"),
        ("/(/", "regular"),
        ("/(a+)+$/", "repetition"),
        ("/a*b*c*/", "repetition"),
        ("/a?a?a?aaa/", "repetition"),
        (r"/\\*\\*\\*/", "repetition"),
        ("/(?x)(a+) +$/", "repetition"),
        ("/(a+)(?#)+$/", "repetition"),
        ("/(a|a)(a|a)(a|a)/", "repetition"),
    ],
)
def test_a_filter_that_cannot_be_used_says_why(text: str, says: str) -> None:
    """Patterns that could keep the server busy are refused."""
    assert says in filtered(ROWS, text)[1]


def test_a_pattern_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows stay as they were, and a message says so."""
    monkeypatch.setattr(table, "LONGEST_SEARCH", 0.0)
    assert filtered(ROWS, "sweep, /b/") == (ROWS[:2], "The pattern takes too long: write a simpler one.")


def test_empty_cells_come_last_both_ways() -> None:
    """Whichever way a column is sorted."""
    assert names(ordered(ROWS, "last val accuracy")) == ["sweep/b22", "sweep/a1", "other/c3"]
    assert names(ordered(ROWS, "-last val accuracy")) == ["sweep/a1", "sweep/b22", "other/c3"]


def test_the_mean_of_a_group_stands_at_each_step_that_any_has() -> None:
    """Steps 0, 5 and 10 of one, 5 and 10 of the other: the mean over those that have the step, and the band."""
    columns = [points([1.0, 2.0, 3.0]), points([4.0, 5.0], first=5)]
    drawn = {kind: Line("g", kind, columns).after(None) for kind in ("mean", "low", "high")}
    assert {kind: new.points.value.tolist() for kind, new in drawn.items()} == {
        "mean": [1.0, 3.0, 4.0],
        "low": [1.0, 2.0, 3.0],
        "high": [1.0, 4.0, 5.0],
    }
    assert drawn["mean"].points.step.tolist() == [0, 5, 10]
    with pytest.raises(PastChanged):
        Line("g", "mean", [columns[0], points([4.0, 5.0, 6.0], first=5)]).after(drawn["mean"].state)


HOSTILE = "=cmd|'/C calc'!A0<img src=x onerror=window.pwned=1>\u202etxt" + "x" * 4000


@pytest.fixture
def sweep(open_page: Callable[..., Screen], port: int) -> Iterator[tuple[Screen, MemorySource]]:
    """The page of a sweep of seven trainings, one of them with a hostile name."""
    source = MemorySource("sweep/")
    for number in range(6):
        source.put(f"run{number}", training(200, number, best=0.5 + 0.05 * number))
    source.put(HOSTILE, training(200, 9, best=0.3))
    with serve(source, port=port) as handle:
        screen = open_page(handle.url)
        screen.wait_drawn()
        yield screen, source
        screen.page.goto("about:blank")


def test_the_table_filters_sorts_draws_and_is_downloaded(sweep: tuple[Screen, MemorySource]) -> None:
    """One row per experiment; a check box draws it in its own colour; a hostile name is text, and no formula."""
    screen, _ = sweep
    section = screen.page.get_by_role("group", name="Table", exact=True)
    rows = section.locator("tbody tr[data-name]")
    shown = lambda: rows.evaluate_all("all => all.map(row => row.dataset.name)")  # noqa: E731
    wait_until(lambda: len(shown()) == 7, what="seven rows")
    section.get_by_role("button", name="best val accuracy", exact=True).click()
    wait_until(lambda: shown()[0] == "run5", what="sorted, the largest first")
    assert section.locator("th[aria-sort=descending]").inner_text().startswith("best val accuracy")
    section.get_by_role("textbox", name="Filter").fill("run, best val accuracy > 0.3")
    wait_until(lambda: HOSTILE not in shown(), what="filtered")
    section.get_by_role("checkbox", name="Draw run0").check()
    wait_until(lambda: screen.line("accuracy", "Validation", "run0")["x"], what="drawn")
    assert "find=run" in screen.page.url
    assert "sort=-best+val+accuracy" in screen.page.url
    with screen.page.expect_download() as download:
        section.get_by_role("button", name="Download table").click()
    lines = list(csv.reader(download.value.path().read_text().splitlines()))
    assert [line[0] for line in lines] == ["name", *shown()]
    section.get_by_role("textbox", name="Filter").fill("calc")
    wait_until(lambda: shown() == [HOSTILE], what="the hostile one")
    assert screen.page.evaluate("[window.pwned === undefined, document.querySelectorAll('img').length]") == [True, 0]


def test_the_best_replace_the_chips(sweep: tuple[Screen, MemorySource]) -> None:
    """Five at a click; beyond three the header has one chip for all, and a kept one keeps its colour."""
    screen, _ = sweep
    section = screen.page.get_by_role("group", name="Table", exact=True)
    section.get_by_role("combobox", name="Best by").select_option("best val accuracy")
    section.get_by_role("button", name="Show the best 5").click()
    wait_until(lambda: screen.line("accuracy", "Validation", "run1")["x"], what="the best five")
    chips = screen.page.locator(".tb-header .tb-chip")
    assert chips.count() == 1
    assert "5 experiments" in chips.inner_text()
    before = screen.line("accuracy", "Validation", "run4")["colour"]
    section.get_by_role("checkbox", name="Draw run3").uncheck()
    wait_until(lambda: not screen.line("accuracy", "Validation", "run3")["x"], what="taken away")
    assert screen.line("accuracy", "Validation", "run4")["colour"] == before
    for name in ("run3", "run0"):
        section.get_by_role("checkbox", name=f"Draw {name}").check()
        wait_until(lambda name=name: screen.line("accuracy", "Validation", name)["x"], what="drawn")  # type: ignore[misc]
    figures = "[...document.querySelectorAll('#accuracy-readout td')].map(cell => cell.textContent)"
    wait_until(lambda: len(list(filter(None, screen.page.evaluate(figures)))) >= 6 * 3, what="the figures of all six")


def test_a_hyperparameter_groups_the_lines(open_page: Callable[..., Screen], port: int) -> None:
    """One mean per value, with a band over its seeds; the legend says how many; it grows with its experiments."""
    source = MemorySource("sweep/")
    for name, rate, values in (("a", 0.1, [1.0, 3.0]), ("b", 0.1, [3.0, 5.0]), ("c", 0.1000001, [0.5, 0.6])):
        source.put(name, {"val accuracy": points(values)}, hparams={"hparam.lr": rate})
    with serve(source, port=port) as handle:
        screen = open_page(f"{handle.url}?experiment=a&experiment=b&experiment=c&accuracy-weight=0")
        screen.page.get_by_role("combobox", name="Mean by").select_option("hparam.lr")
        means = lambda: [t["y"] for t in screen.traces("accuracy") if t["name"] == "lr = 0.1 (2)"]  # noqa: E731
        wait_until(lambda: means() == [[1, 3], [3, 5], [2, 4]], what="low, high and mean")
        source.append("a", 10, val_accuracy=7.0)
        wait_until(lambda: means()[-1:] == [[2, 4, 7]], what="the new step")
        assert "group=hparam.lr" in screen.page.url
        screen.page.goto("about:blank")


def test_of_ten_thousand_experiments_a_window_is_drawn(open_page: Callable[..., Screen], port: int) -> None:
    """Scrolling to any place and sorting bring the rows of there; the page never holds more than a window of them."""
    source = MemorySource("sweep/")
    source.put("run0", training(20))
    view = source.view("run0")
    assert view is not None
    source._views |= {f"run{number}": replace(view, name=f"run{number}") for number in range(1, 10_000)}
    with serve(source, port=port) as handle:
        screen = open_page(f"{handle.url}?experiment=run0")
        screen.wait_drawn()
        rows = screen.page.locator(".tb-runs tbody tr[data-name]")
        wait_until(rows.count, what="the table")
        for at, name in ((0.5, "run5000"), (1, "run9999")):
            move = "at => { const t = document.querySelector('.tb-runs'); t.scrollTop = at * t.scrollHeight; }"
            screen.page.evaluate(move, at)
            shown = lambda: rows.evaluate_all("all => all.map(row => row.dataset.name)")  # noqa: E731
            wait_until(lambda: name in shown(), what="rows of there")  # noqa: B023
            assert len(shown()) == table.WINDOW
        screen.page.locator(".tb-runs thead button", has_text="name").click()
        wait_until(lambda: shown()[0] == "run9999", what="sorted downwards")
        screen.page.goto("about:blank")


def test_a_phone_shows_cards(open_page: Callable[..., Screen], port: int) -> None:
    """On a small screen each row is a card with the names of its cells, and nothing sticks out."""
    source = MemorySource("sweep/", a=training(5), b=training(5, 1))
    with serve(source, port=port) as handle:
        screen = open_page(handle.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        screen.wait_drawn()
        row = screen.page.locator(".tb-runs tbody tr[data-name]").first
        wait_until(
            lambda: row.count() and row.evaluate("row => getComputedStyle(row).display") == "grid", what="a card"
        )
        assert screen.page.evaluate("document.documentElement.scrollWidth") <= 390
        screen.page.get_by_role("button", name="best train accuracy", exact=True).tap()
        wait_until(lambda: "sort=-best+train+accuracy" in screen.page.url, what="sorted by touch")
        screen.page.get_by_role("checkbox", name="Draw a").tap()
        wait_until(lambda: len({t["meta"] for t in screen.traces("accuracy")}) == 4, what="both are drawn")
        screen.page.goto("about:blank")


def test_a_text_that_a_spreadsheet_would_calculate_is_marked() -> None:
    """Formulas begin with an apostrophe in the download, as in an export with ``--spreadsheet-safe``."""
    source = MemorySource("sweep/")
    names = [f"{chr(code)}1" for code in range(1, 128) if chr(code) not in '\n"']
    for name in names:
        source.put(name, training(2))
    text = table.table_csv(source, {"find": "", "sort": ""}).decode()
    lines = csv.reader(io.StringIO(text, newline=""))
    safe = CsvOptions(spreadsheet_safe=True)
    exported = csv.reader(io.StringIO(b"\n".join(map(safe.cell, names)).decode(), newline=""))
    assert {line[0] for line in lines} == {"name", *(line[0] for line in exported)}
