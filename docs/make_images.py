"""Take the pictures of the live page in docs/images/ anew: light, dark, phone, comparison, and the display modes.

    python docs/make_images.py

The recorded trainings of `tbbridge demo` are replayed into a log directory, and the ordinary page draws them.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

import tbbridge
from tbbridge.viewer import serve
from tbbridge.watching.demo_replay import DemoReplay

IMAGES = Path(__file__).parent / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
DESKTOP = {"viewport": {"width": 1400, "height": 1100}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
COMPARED = "?experiment=mnist/conv&experiment=mnist/one-layer&experiment=fashion-mnist/conv"
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "light": ("?experiment=mnist/conv", DESKTOP),
    "dark": ("?experiment=mnist/conv", {**DESKTOP, "color_scheme": "dark"}),
    "comparison": (COMPARED, DESKTOP),
    "separate": (
        "?experiment=fashion-mnist/conv&accuracy-display=Separate+(horizontal)&loss-display=Separate+(vertical)",
        DESKTOP,
    ),
    "phone": ("?experiment=mnist/conv", PHONE),
}


def take(browser: Browser, url: str, name: str) -> None:
    """One picture, once both charts are drawn."""
    query, options = PICTURES[name]
    context = browser.new_context(bypass_csp=True, **options)
    page = context.new_page()
    page.goto(url + query)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot path.js-line').length > 3")
    page.wait_for_timeout(500)
    page.screenshot(path=IMAGES / f"{name}.png")
    context.close()


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        with (
            DemoReplay(logs, 400.0) as player,
            tbbridge.Bridge(logs, publish=False) as bridge,
            serve(bridge, port=0) as page,
        ):
            for name in ("mnist/conv", "mnist/one-layer", "fashion-mnist/conv"):
                player.begin(name)
            while player.progress("mnist/conv")[0] < 1200:
                time.sleep(0.1)
            player.speed = 5.0
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
                for name in PICTURES:
                    take(browser, page.url, name)
                browser.close()


if __name__ == "__main__":
    main()
