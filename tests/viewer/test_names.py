"""Hostile names in a real browser: run names, tags, notes and marks are data, whatever they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from memory_source import MemorySource, points
from screen import Screen
from support import wait_until

from tbbridge import Mark
from tbbridge.viewer import serve, table
from tbbridge.viewer.plot import escape, shorten

CALL = "window.pwned=1"
PAYLOADS = [
    f"<script>{CALL}</script>",
    f"<img src=x onerror={CALL}>",
    f"<svg onload={CALL}>",
    f"<svg><script>{CALL}</script></svg>",
    f"<iframe srcdoc='<script>parent.{CALL}</script>'></iframe>",
    f"<a href='javascript:{CALL}'>click</a>",
    f'<a href="https://evil.example/">{CALL}</a>',
    f"<b onmouseover={CALL}>bold</b>",
    f"<body onload={CALL}>",
    f"<details open ontoggle={CALL}>",
    f"<video><source onerror={CALL}></video>",
    f"<math><mtext></mtext><script>{CALL}</script></math>",
    f"<style>*{{background:url(javascript:{CALL})}}</style>",
    f"<meta http-equiv=refresh content='0;url=javascript:{CALL}'>",
    f"</title><script>{CALL}</script>",
    f"</script><script>{CALL}</script>",
    f"--><script>{CALL}</script><!--",
    f"javascript:{CALL}",
    f"';{CALL};//",
    f'";{CALL};//',
    f"${{{CALL}}}",
    f"`${{{CALL}}}`",
    f"{{{{constructor.constructor('{CALL}')()}}}}",
    f"%{{customdata}}<extra><img src=x onerror={CALL}></extra>",
    "%{meta} %{y} %{text} %{x}",
    "<extra></extra>",
    "<br><b><i><sub>x</sub></i></b>",
    "&lt;img src=x&gt; &amp; &#60;script&#62;",
    "$\\href{javascript:window.pwned=1}{x}$",
    "__proto__",
    "constructor.prototype",
    "../../../etc/passwd",
    "..",
    ".",
    "a/b/../c",
    "CON.txt:stream",
    "\u202egnp.exe",
    "\u0000null\u0007bell",
    "line\nbreak\ttab\r",
    "x" * 3000,
    "\U0001f600 \u4f60\u597d \u0627\u0644\u0639",
    "a\u0301\u0301\u0301\u0301\u0301\u0301",
]
AROUND = ["{}", " {} ", '"{}"', "run/{}/train", "x'>{}<'y"]
NAMES = list(dict.fromkeys(frame.replace("{}", payload) for payload in PAYLOADS for frame in AROUND))


def batches(names: list[str], size: int = 30) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


def test_there_are_enough() -> None:
    """At least two hundred hostile names are tried."""
    assert len(NAMES) >= 200


@pytest.fixture
def hostile() -> MemorySource:
    """Every name as an experiment, a further metric with its trace, a note and the text of a mark."""
    source = MemorySource("<img src=x onerror=window.pwned=1>")
    values = points([0.1, 0.5, float("nan")])
    for place, name in enumerate(NAMES):
        source.put(
            name,
            {"train accuracy": values, "val accuracy": values},
            extra={name: {name: values}} if place % 5 == 0 else {},  # a payload is one of them each time
            notes=[name],
            marks=[Mark("restart", 5, name), Mark(name, None, name)],
        )
    return source


def test_no_name_runs_a_script(hostile: MemorySource, open_page: Callable[..., Screen], port: int) -> None:
    """All names are drawn, hovered, listed and picked as text: no script, link, image or frame comes of any."""
    hostile.lines = NAMES[:30]
    with serve(hostile, port=port) as handle:
        screen = open_page(handle.url)
        screen.page.on("dialog", lambda dialog: screen.errors.append(dialog.message))
        screen.wait_drawn()
        for names in batches(NAMES):
            screen.page.evaluate("value => dash_clientside.set_props('experiment', {value})", names)
            wait_until(lambda: {t["meta"] for t in screen.traces("accuracy")} >= metas(names), what="drawn")  # noqa: B023
            listed = "[...document.querySelectorAll('#accuracy-readout th[colspan]')].map(e => e.textContent)"
            wait_until(lambda: screen.page.evaluate(listed) == names[:5], what="listed as they are")  # noqa: B023
            told = set(screen.page.evaluate(TOLD)) - {""}
            labels = ("Training", "Validation")
            assert told
            assert told <= {f"{shorten(name)} · {label}" for name in names for label in labels}
            assert screen.page.evaluate(STRANGE) == []
        rows = "[...document.querySelectorAll('.tb-runs tbody th')].map(e => e.textContent)"
        first = hostile.names()[: table.WINDOW]
        wait_until(lambda: screen.page.evaluate(rows) == first, what="the table's names as they are")
        screen.page.get_by_label("Experiment").click()
        for box in screen.page.get_by_text("Notes (").all():
            box.click()
        assert screen.page.evaluate(STRANGE) == []
        assert screen.page.evaluate("window.pwned") is None
        assert screen.page.url.startswith(handle.url)
        screen.page.goto("about:blank")


TOLD = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
    plot.tbCursor.show(5);
    plot.querySelectorAll('.annotation').forEach(sign => sign.dispatchEvent(new MouseEvent('mouseover')));
    return [...plot.querySelectorAll('.tb-hover th:first-child')].map(e => e.textContent);
})"""

STRANGE = """[...document.querySelectorAll(
    '.tbbridge :is(script, img, iframe, video, style, meta, body, math, object, embed, svg a), [onload], [onerror]'
)].map(e => e.outerHTML.slice(0, 100)).filter(text => !text.includes('modebar') && !text.includes('plotlyjs'))"""


def metas(names: list[str]) -> set[str]:
    return {f"{escape(shorten(name))} · Training" for name in names}
