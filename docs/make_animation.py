"""Take docs/images/live.gif again: the page while the demo's convolutional net learns CIFAR-10.

Needs Pillow. One frame a half second of the real page, shown at the same pace.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import tbbridge
from tbbridge.viewer import serve
from tbbridge.watching.demo_replay import DemoReplay

TARGET = Path(__file__).parent / "images" / "live.gif"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SIZE = {"width": 1280, "height": 960}
WIDTH = 860
FRAMES = 20
PAUSE = 500  # milliseconds
STEPS_A_SECOND = 200


def frame(page: Page) -> Image.Image:
    """The page now, small, in few colours."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    small = picture.resize((WIDTH, WIDTH * picture.height // picture.width), Image.Resampling.LANCZOS)
    return small.quantize(64, dither=Image.Dither.NONE)


def record(url: str) -> list[Image.Image]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        page.goto(url)
        page.wait_for_selector("svg.main-svg")
        frames = []
        for _ in range(FRAMES):
            page.wait_for_timeout(PAUSE)
            frames.append(frame(page))
        browser.close()
    return frames


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        logs = Path(home) / "logs"
        player = DemoReplay(logs, STEPS_A_SECOND, once=True)
        player.begin("cifar10/conv")
        bridge = tbbridge.Bridge(logs, publish=False)
        with player, bridge.start(), serve(bridge, port=0) as page:
            frames = record(page.url)
    TARGET.parent.mkdir(exist_ok=True)
    frames[0].save(TARGET, save_all=True, append_images=frames[1:], duration=PAUSE, loop=0, optimize=True)


if __name__ == "__main__":
    main()
