"""A browser page that shows the viewer, in the words of a test."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Page
from support import wait_until


class Screen:
    """A browser page, in the words of a test."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.expected: tuple[str, ...] = ()
        """Parts of console errors that the test brings about."""
        page.on("pageerror", self._page_error)
        page.on("console", self._console)

    def stop_listening(self) -> None:
        """Leave the page to the next test."""
        self.page.remove_listener("pageerror", self._page_error)
        self.page.remove_listener("console", self._console)

    def _page_error(self, error: Error) -> None:
        self.errors.append(str(error))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in self.expected):
            self.errors.append(message.text)

    def chart(self, name: str) -> Any:
        """The part of the page of ``accuracy`` or ``loss``: chart, figures and its own controls, unfolded."""
        titles = {"accuracy": "Prediction accuracy", "loss": "Cross entropy loss"}
        return self.group(titles[name])

    def group(self, title: str) -> Any:
        """A part of the page by its title, unfolded."""
        group = self.page.get_by_role("group", name=title)
        group.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        return group

    def figure(self, chart: str, what: str) -> Any:
        """Evaluate a JavaScript expression of the drawn Plotly element ``p``; None while there is none."""
        find = f"document.querySelector('[id$=\"{chart}-graph\"]')"
        return self.page.evaluate(
            f"(() => {{ const p = {find}; return p && p.data && p.data.length ? {what} : null; }})()"
        )

    def traces(self, chart: str) -> list[dict[str, Any]]:
        """The drawn traces: name, dash, colour, mode, x, y, text."""
        what = (
            "p.data.map(t => ({name: t.name, mode: t.mode, xaxis: t.xaxis, dash: t.line && t.line.dash, x: [...t.x],"
            " y: [...t.y], text: t.text, colour: t.line && t.line.color, opacity: t.opacity, meta: t.meta,"
            " star: !!t.marker && t.marker.symbol === 'star'}))"
        )
        return self.figure(chart, what) or []

    def line(self, chart: str, label: str, experiment: str = "", faint: bool = False) -> dict[str, Any]:
        """The trace of a label: the smoothed one, or the faint one of the values behind it."""
        meta = f"{experiment} · {label}" if experiment else label
        found = [t for t in self.traces(chart) if t["mode"] == "lines" and t["meta"] == meta]
        return next((t for t in found if (t["opacity"] is not None) == faint), {"x": [], "y": []})

    def wait_drawn(self, chart: str = "accuracy") -> None:
        """Wait until a chart has lines, and hears the mouse."""
        drawn = "!!p.tbCursor && p.data.some(trace => trace.x.length)"
        wait_until(lambda: self.figure(chart, drawn), what=f"{chart} is drawn")

    def cell(self, id: str) -> str:
        """The text of an element by its id."""
        return self.page.evaluate("id => (document.getElementById(id) || {textContent: ''}).textContent", id)
