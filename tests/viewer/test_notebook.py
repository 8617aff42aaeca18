"""`tbbridge.show`: the live page in a notebook's cell, or the charts as they stand; and the ways to the page."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from logs import write_experiment
from playwright.sync_api import Browser
from support import wait_until

import tbbridge
from tbbridge.viewer import notebook
from tbbridge.watching.session import tunnel


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    write_experiment(tmp_path / "logs", "exp")
    return tmp_path / "logs"


def test_a_cell_frames_the_live_page(logs: Path) -> None:
    """The cell's frame holds the page's address; notebooks of this machine may frame it; a second cell shares it."""
    cell = tbbridge.show(logs, base="")
    with urllib.request.urlopen(cell.src) as answer:
        assert "http://localhost:*" in answer.headers["Content-Security-Policy"]
        assert b"tbbridge" in answer.read()
    assert tbbridge.show(logs, base="").src == cell.src
    proxied = tbbridge.show(logs, base="/user/me/")
    assert proxied.src.startswith("/user/me/proxy/")
    for handle in notebook._served.values():
        handle.close()
    notebook._served.clear()


def test_where_no_server_may_run_the_cell_holds_the_charts(
    logs: Path, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frame draws the charts without any server, also from a saved notebook."""

    def refused(*_: object, **__: object) -> None:
        raise tbbridge.PortError("no")

    monkeypatch.setattr(notebook, "serve", refused)
    page = chromium.new_page()
    page.set_content(tbbridge.show(logs)._repr_html_())
    frame = page.frames[1]
    wait_until(lambda: frame.locator("#status[data-ready]").count(), what="it is drawn")
    assert frame.get_by_role("heading", name="Prediction accuracy").count() == 1
    page.close()


def test_the_way_from_afar_is_printed_where_the_user_came_by_ssh() -> None:
    """The line holds the port, the host that was connected to and its SSH port; without SSH there is none."""
    user = getpass.getuser()
    came = {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.9 22"}
    assert tunnel("http://127.0.0.1:8051/", came) == [f"from afar     ssh -L 8051:127.0.0.1:8051 {user}@10.0.0.9"]
    other = {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.9 2222"}
    assert "-p 2222" in tunnel("http://127.0.0.1:8051/", other)[0]
    assert tunnel("http://10.0.0.9:8051/", came) == tunnel("http://127.0.0.1:8051/", {}) == []


def test_open_calls_the_users_browser(tmp_path: Path) -> None:
    """The browser that BROWSER names is called with the address; without one and without a display nothing is."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    program = "from tbbridge.watching.session import open_page; print(open_page('http://127.0.0.1:8050/'))"

    def opened(**more: str) -> str:
        hidden = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
        environment = {name: value for name, value in os.environ.items() if name not in hidden} | more
        return subprocess.check_output([sys.executable, "-c", program], env=environment, text=True).strip()

    assert opened(BROWSER=f"{browser} %s") == "True"
    wait_until((tmp_path / "opened").exists, what="called")
    wait_until(lambda: (tmp_path / "opened").read_text() == "http://127.0.0.1:8050/\n", what="with the address")
    assert opened() == "False"
