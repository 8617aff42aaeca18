"""Take the pictures of the live page in docs/images/ again: light, dark, phone, comparison, display modes, sweeps.

    python docs/make_images.py

The recorded trainings of `tbbridge demo` are replayed into a log directory, and the ordinary page draws them. One, five
and fifty experiments are those of a made sweep, light and dark, 1280 and 400 pixels wide.
"""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

import tbbridge
from tbbridge.viewer import serve
from tbbridge.watching.demo_replay import DemoReplay

IMAGES = Path(__file__).parent / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
DESKTOP = {"viewport": {"width": 1400, "height": 1100}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
COMPARED = "?experiment=mnist/conv&experiment=mnist/one-layer&experiment=fashion-mnist/conv"
SWEEP = 50
LOOKS = {
    "light-1280": {"viewport": {"width": 1280, "height": 1500}},
    "dark-1280": {"viewport": {"width": 1280, "height": 1500}, "color_scheme": "dark"},
    "light-400": {**PHONE, "viewport": {"width": 400, "height": 900}, "device_scale_factor": 1},
    "dark-400": {**PHONE, "viewport": {"width": 400, "height": 900}, "device_scale_factor": 1, "color_scheme": "dark"},
}
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


def sweep_pictures() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return one, five and fifty experiments of the sweep, in each look."""
    names = [f"experiment=lr{place % 5}/seed{place // 5}" for place in range(SWEEP)]
    return {
        f"{n}-{look}": ("?" + "&".join(names[:n]), options) for n in (1, 5, SWEEP) for look, options in LOOKS.items()
    }


def write_sweep(logs: Path) -> None:
    """Write fifty trainings that differ in their learning rate and seed, each of 300 points of four curves."""
    rng = np.random.default_rng(0)
    for place in range(SWEEP):
        lr, seed = 10.0 ** -(1 + place % 5 / 2), place // 5
        speed, top = 60 * (0.5 + place % 5), 0.97 - 0.02 * abs(place % 5 - 2)
        for split, worse in (("train", 0.0), ("validation", 0.02)):
            writer = EventFileWriter(str(logs / f"lr{place % 5}" / f"seed{seed}" / split))
            if split == "train":
                writer.add_event(Event(wall_time=1.7e9, summary=hparams_pb({"lr": lr, "seed": seed})))
            for step in range(0, 3000, 10):
                left = math.exp(-step / 10 / speed)
                values = {"epoch_accuracy": top - worse - 0.8 * left, "epoch_loss": 0.1 + worse + 2.2 * left}
                for tag, value in values.items():
                    one = Summary.Value(tag=tag, simple_value=value + rng.normal(0, 0.012))
                    writer.add_event(Event(wall_time=1.7e9 + step, step=step, summary=Summary(value=[one])))
            writer.close()


def take(browser: Browser, url: str, name: str, query: str, options: dict[str, Any]) -> None:
    """Take one picture, once both charts are drawn."""
    context = browser.new_context(bypass_csp=True, **options)
    page = context.new_page()
    page.goto(url + query)
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot path.js-line').length > 3")
    page.wait_for_timeout(1500)
    taken = Image.open(io.BytesIO(page.screenshot()))
    taken.quantize(256).save(IMAGES / f"{name}.png", optimize=True)  # a third of the size
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
            with chromium() as browser:
                for name, (query, options) in PICTURES.items():
                    take(browser, page.url, name, query, options)
        sweep = Path(folder) / "sweep"
        write_sweep(sweep)
        with tbbridge.Bridge(sweep, publish=False) as bridge, serve(bridge, port=0) as page, chromium() as browser:
            bridge.wait_until_read(60)
            for name, (query, options) in sweep_pictures().items():
                take(browser, page.url, name, query, options)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
