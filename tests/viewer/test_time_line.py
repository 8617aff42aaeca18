"""What stands on the time line of a log directory, and what a page is told of its conditions."""

from __future__ import annotations

import struct
from pathlib import Path

from logs import write_run
from playwright.sync_api import Browser
from screen import Screen
from support import wait_until

import tbbridge
from tbbridge.viewer import serve

WATCHED_NOTIFICATIONS = """window.told = []; window.Notification = class extends Notification {
    constructor(title, options) { super(title, options); window.told.push([title, options.body]); }
};"""

HIDDEN = """() => {
    Object.defineProperties(document, {hidden: {value: true}, visibilityState: {value: "hidden"}});
    window.requestAnimationFrame = () => 0;
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a browser does to a tab with another one before it: it says so, and asks for no drawing."""


def records(data: bytes) -> list[tuple[int, int]]:
    """Where each record of an event file begins and ends: length, its checksum, the event, its checksum."""
    found, at = [], 0
    while at < len(data):
        end = at + 12 + struct.unpack_from("<Q", data, at)[0] + 4
        found.append((at, end))
        at = end
    return found


def test_damage_and_conditions_are_marked_and_told(tmp_path: Path, desktop_chromium: Browser) -> None:
    """Damage stands at the first intact point behind it, with its range; a condition at the point that fulfils it.

    The browser's notification tells of what comes to be fulfilled while the page is open, also in a hidden tab, and of
    nothing else.
    """
    accuracy = [(step, step / 10) for step in range(8)]
    file = write_run(tmp_path / "logs" / "exp" / "train", accuracy=accuracy)
    data = bytearray(file.read_bytes())
    start, end = records(bytes(data))[1 + 4]  # the version comes first
    data[end - 5] ^= 0xFF
    file.write_bytes(data)
    conditions = [tbbridge.Condition(f"train accuracy > {bar}") for bar in (0.55, 0.9)]
    with (
        tbbridge.Bridge(tmp_path / "logs", publish=False, conditions=conditions) as bridge,
        serve(bridge, port=0) as handle,
    ):
        bridge.wait_until_read(60)
        screen = Screen(desktop_chromium.new_context(permissions=["notifications"]).new_page())
        screen.page.add_init_script(WATCHED_NOTIFICATIONS)
        screen.page.goto(handle.url)
        screen.wait_drawn()
        marks = "p.layout.annotations.map(mark => [mark.x, mark.hovertext])"
        wait_until(lambda: len(screen.figure("accuracy", marks)) == 2, what="both marks")
        (fell, damage), (step, condition) = sorted(screen.figure("accuracy", marks))
        assert (fell, step) == (5, 6)
        assert f"bytes {start} to {end} could not be used" in damage
        assert condition == "exp: train accuracy &gt; 0.55"
        box = screen.chart("accuracy").locator(".nsewdrag").first.bounding_box()
        place = screen.figure("accuracy", "p._fullLayout.xaxis.d2p(5)")
        screen.page.mouse.move(box["x"] + place, box["y"] + box["height"] / 2)
        assert f"bytes {start} to {end}" in screen.chart("accuracy").locator(".tb-hover").inner_text()
        assert not screen.page.get_by_role("button", name="Notify").is_visible(), "it is permitted already"
        screen.page.evaluate(HIDDEN)
        write_run(tmp_path / "logs" / "exp" / "train", "2", wall_time=200.0, accuracy=[(9, 0.95)])
        wait_until(lambda: screen.page.evaluate("window.told"), what="the notification")
        assert screen.page.evaluate("window.told") == [["tbbridge", "exp: train accuracy > 0.9"]]
        other = Screen(desktop_chromium.new_page())
        other.page.goto(handle.url)
        other.wait_drawn()
        assert other.page.get_by_role("button", name="Notify").is_visible()
        for one in (screen, other):
            one.page.goto("about:blank")
    assert screen.errors + other.errors == []
