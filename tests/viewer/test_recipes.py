"""The recipes of viewer/README.md: each is made to the page, and looked at in a browser."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from memory_source import MemorySource, points
from screen import Screen
from support import ROOT, wait_until

from tbbridge.viewer import serve

README = (ROOT / "viewer/README.md").read_text()
RECIPES = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```diff\n(.*?)^```", README, re.MULTILINE | re.DOTALL))


def changed(page: str, recipe: str) -> str:
    """The page's text after a recipe: in each hunk the lines with a space or - become those with a space or +."""
    for hunk in recipe.split("@@\n"):
        lines = hunk.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
        new = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
        assert page.count(old) == 1, f"the recipe does not fit app.py:\n{hunk}"
        page = page.replace(old, new)
    return page


@pytest.fixture
def made(open_page: Callable[..., Screen]) -> Iterator[Callable[..., Screen]]:
    """Make a recipe, and open the page with a source."""
    with contextlib.ExitStack() as stack:

        def opened(name: str, source: MemorySource) -> Screen:
            program: dict[str, Any] = {"__name__": "tbbridge.viewer.app"}
            text = changed((ROOT / "viewer/app.py").read_text(), RECIPES[name])
            exec(compile(text, "app.py", "exec"), program)
            handle = stack.enter_context(serve(source, port=0, app=program["make_app"](source)))
            screen = open_page(handle.url)
            stack.callback(screen.page.goto, "about:blank")
            return screen

        yield opened


def test_every_recipe_is_tried() -> None:
    """A recipe that is added is tried here, too."""
    assert set(RECIPES) == {"Add a chart", "Add a control", "Change the colours", "Change the columns"}


def test_add_a_chart(made: Callable[..., Screen]) -> None:
    """A further metric has a row of its own, with controls, and is not drawn twice."""
    source = MemorySource()
    source.put("a", {"train accuracy": points([0.5])}, extra={"learning rate": {"lr": points([0.1, 0.01])}})
    screen = made("Add a chart", source)
    wait_until(lambda: screen.line("rate", "lr")["x"], what="drawn")
    screen.group("learning rate").get_by_role("slider", name="Smoothing").fill("0")
    wait_until(lambda: screen.line("rate", "lr")["y"] == [0.1, 0.01], what="unsmoothed")
    assert screen.page.get_by_role("heading", name="learning rate").count() == 1


def test_add_a_control(made: Callable[..., Screen]) -> None:
    """The new check box draws dots, and the address remembers it."""
    source = MemorySource()
    source.put("a", {"train accuracy": points([0.5, 0.6])})
    screen = made("Add a control", source)
    screen.wait_drawn()
    screen.chart("accuracy").get_by_role("checkbox", name="Dots").check()
    wait_until(lambda: "lines+markers" in [t["mode"] for t in screen.traces("accuracy")], what="dots")
    assert "accuracy-dots=1" in screen.page.url


def test_change_the_colours(made: Callable[..., Screen]) -> None:
    """The first two experiments have the new colours: validation as they are, training nearly halfway to the ground."""
    source = MemorySource()
    for name in ("a", "b"):
        source.put(name, {"train accuracy": points([0.5, 0.6]), "val accuracy": points([0.4, 0.5])})
    screen = made("Change the colours", source)
    screen.wait_drawn()
    screen.page.evaluate("dash_clientside.set_props('experiment', {value: ['a', 'b']})")
    wait_until(lambda: screen.line("accuracy", "Validation", "b")["x"], what="both")
    colours = [screen.line("accuracy", label, name)["colour"] for name in "ab" for label in ("Training", "Validation")]
    assert colours == ["#858585", "#222222", "#e17c8c", "#c8102e"]  # 0x22 + 0.45 * (0xff - 0x22) is 0x85


def test_change_the_columns(made: Callable[..., Screen]) -> None:
    """The first chart draws other columns under another title."""
    source = MemorySource()
    source.put("a", {"train f1": points([0.5, 0.6]), "val f1": points([0.4, 0.5])})
    screen = made("Change the columns", source)
    wait_until(lambda: screen.line("accuracy", "Validation")["y"] == pytest.approx([0.4, 0.5]), what="drawn")
    assert screen.page.get_by_role("group", name="F1 score").count() == 1
